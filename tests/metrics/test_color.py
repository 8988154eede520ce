"""Color measures counted by hand on small painted pictures."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toonctl.metrics.color import (
    ColorIds,
    FlatRegions,
    Palette,
    clear_of_lines,
    color_codes,
    colors_of,
    commonest,
    flat_colors,
    inside_of_flats,
    region_accuracy,
    right_share,
)

SKY, SKIN, SHIRT, WRONG = (200, 220, 235), (240, 200, 170), (60, 90, 130), (255, 0, 255)


def painted() -> np.ndarray:
    """20 x 30: sky, with a face of 6 x 6, a shirt of 8 x 10 and a thread one pixel wide."""
    picture = np.full((20, 30, 3), SKY, np.uint8)
    picture[2:8, 2:8] = SKIN
    picture[10:18, 2:12] = SHIRT
    picture[:, 25] = SKIN
    return picture


def test_codes_and_back() -> None:
    picture = painted()
    assert color_codes(picture)[0, 0] == 200 << 16 | 220 << 8 | 235
    assert (colors_of(color_codes(picture)) == picture).all()
    ids = ColorIds()
    seen = ids.ids(color_codes(picture))
    assert ids.n == 4
    assert (ids.rgb()[seen] == picture).all()


def test_inside_is_where_all_neighbors_agree() -> None:
    inside = inside_of_flats(color_codes(painted()))
    assert int(inside[2:8, 2:8].sum()) == 16
    assert int(inside[10:18, 2:12].sum()) == 6 * 8
    assert not inside[:, 24:27].any()
    assert not inside[0].any()


def test_regions_by_hand() -> None:
    truth = painted()
    assert len(FlatRegions.of(truth).colors) == 4  # face, shirt, sky on both sides of the thread
    picture = truth.copy()
    assert region_accuracy(picture, truth) == 1
    picture[2:8, 2:8] = WRONG
    assert region_accuracy(picture, truth) == 0.75
    picture[10:13, 2:12] = WRONG  # the lesser part of the shirt
    assert region_accuracy(picture, truth) == 0.75
    picture[10:16, 2:12] = WRONG
    assert region_accuracy(picture, truth) == 0.5


def test_touching_areas_of_one_color_at_a_corner_are_two() -> None:
    truth = np.zeros((8, 8, 3), np.uint8)
    truth[:4, :4] = truth[4:, 4:] = SKIN
    assert len(FlatRegions.of(truth).colors) == 4


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 7, 0xFFFFFF])), max_size=60))
def test_the_commonest_color_is_the_one_that_counting_gives(pixels: list[tuple[int, int]]) -> None:
    label, color = (np.array([pixel[i] for pixel in pixels], np.int64) for i in (0, 1))
    for region, found in enumerate(commonest(label, color, 5), 1):
        counts = Counter(c for each, c in pixels if each == region)
        assert found == min(counts, key=lambda c: (-counts[c], c), default=0)


def test_a_result_in_which_no_color_comes_twice_is_judged_too() -> None:
    # 90,000 regions times 810,000 colors: no table holds them.
    truth = np.kron(np.indices((300, 300)).sum(0) % 7, np.ones((3, 3), int)).astype(np.uint8)
    truth = np.stack([truth, truth, truth], -1)
    picture = colors_of(np.arange(900 * 900, dtype=np.uint32).reshape(900, 900))
    assert region_accuracy(picture, truth) == pytest.approx(0, abs=1e-4)
    assert region_accuracy(truth, truth) == 1


def test_a_picture_without_areas_has_no_regions() -> None:
    checks = np.indices((9, 9)).sum(0)[..., None] % 2 * np.full(3, 200)
    assert region_accuracy(checks.astype(np.uint8), checks.astype(np.uint8)) is None


def test_right_share_by_hand() -> None:
    truth, picture = painted(), painted()
    face = np.zeros((20, 30), bool)
    face[2:8, 2:8] = True
    picture[2:4, 2:8] = WRONG
    assert right_share(picture, truth, face) == pytest.approx(24 / 36)
    picture[4, 2:8] = (243, 198, 170)
    assert right_share(picture, truth, face) == pytest.approx(18 / 36)
    assert right_share(picture, truth, face, reach=3) == pytest.approx(24 / 36)
    assert right_share(picture, truth, np.zeros_like(face)) is None


def test_off_palette_by_hand() -> None:
    palette = Palette(np.array([SKY, SKIN, SHIRT], np.uint8))
    picture = painted()
    assert palette.share_outside(picture) == 0
    picture[0, :6] = (208, 212, 243)  # 8 levels away in every channel
    assert palette.share_outside(picture) == 0
    picture[0, :6, 0] = 209
    assert palette.share_outside(picture) == pytest.approx(6 / 600)
    top = np.zeros((20, 30), bool)
    top[0] = True
    assert palette.share_outside(picture, top) == pytest.approx(6 / 30)
    assert palette.share_outside(picture, np.zeros_like(top)) == 0


def test_flat_colors_leave_out_threads_and_mixtures() -> None:
    picture = painted()
    picture[2:8, 8] = (220, 210, 200)  # the rim of the face
    found = {tuple(color) for color in flat_colors(picture).tolist()}
    assert found == {SKY, SKIN, SHIRT}
    assert len(flat_colors(picture, least_px=26)) == 2  # the face holds 25 squares


def test_clear_of_lines_keeps_away_from_lines_and_their_rims() -> None:
    coverage = np.zeros((7, 9), np.uint8)
    coverage[:, 4] = 255
    coverage[:, 0] = 10  # a rim too faint to keep its neighbors away
    clear = clear_of_lines(coverage)
    assert clear[3].tolist() == [False, True, True, False, False, False, True, True, True]
