"""Pictures as numbers of their colors, gaps filled from what is nearest, and mixed pixels by kind."""

import numpy as np
import pytest
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import Coded, coded, filled, nearest_of
from toonctl.regions.unmix import Rims

HEIGHT, WIDTH = 40, 64


def blocks(seed: int = 0, side: int = 5) -> Pixels:
    """A picture of few colors in squares, some of them clear."""
    chance = np.random.default_rng(seed)
    palette = chance.integers(0, 256, (9, 4), dtype=np.uint8)
    palette[:2, 3] = 0
    small = chance.integers(0, 9, (HEIGHT // side + 1, WIDTH // side + 1))
    return palette[small.repeat(side, 0).repeat(side, 1)[:HEIGHT, :WIDTH]]


def noise(n_colors: int) -> Pixels:
    """A picture in which every pixel has a color of its own."""
    numbers = np.random.default_rng(1).permutation(n_colors)[: HEIGHT * WIDTH].reshape(HEIGHT, WIDTH)
    return np.stack([numbers % 256, numbers // 256, numbers * 0, numbers * 0 + 255], -1).astype(np.uint8)


def test_a_table_gives_the_picture_back_without_what_clear_pixels_hide() -> None:
    picture = blocks()
    shown = coded(picture)
    wanted = np.where(picture[..., 3:] == 0, 0, picture)
    assert (shown.table[shown.codes] == wanted).all()
    assert len(np.unique(shown.table, axis=0)) == len(shown.table)


def test_what_runs_say_is_what_pixels_say() -> None:
    shown = coded(blocks())
    n = len(shown.table)
    assert (shown.counts() == np.bincount(shown.codes.ravel(), minlength=n)).all()
    values = np.arange(n) % 3 == 0
    assert (shown.where(values) == values[shown.codes]).all()
    mask = np.random.default_rng(2).random(shown.codes.shape) < 0.01
    assert set(np.flatnonzero(shown.within(mask))) == set(np.unique(shown.codes[mask]))


@pytest.mark.parametrize("picture", [blocks(), noise(2**16)], ids=["few", "many"])
def test_even_is_where_a_block_has_one_color(picture: Pixels) -> None:
    shown = coded(picture)
    is_even = shown.is_even(3)
    for y, x in ((0, 0), (7, 7), (12, 33), (HEIGHT - 1, WIDTH - 1)):
        around = shown.codes[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        assert is_even[y, x] == (around == around[0, 0]).all()


@pytest.mark.parametrize("hole", [np.s_[5:9, 10:30], np.s_[:, 20:22], np.s_[0, 0], np.s_[:0, :0]])
def test_holes_take_the_nearest_value_and_the_picture_stays_as_it_was(hole: tuple[slice, slice]) -> None:
    values = coded(blocks()).codes
    before = values.copy()
    known = np.random.default_rng(3).random(values.shape) < 0.9
    known[5:9, 10:30] = True
    known[hole] = False
    assert (filled(values, known) == values.ravel()[nearest_of(known)]).all()
    assert (values == before).all()


def test_unknown_corners_are_filled_over_the_whole_picture() -> None:
    values = np.arange(HEIGHT * WIDTH, dtype=np.int32).reshape(HEIGHT, WIDTH)
    before, known = values.copy(), np.ones(values.shape, bool)
    known[0, 0] = known[-1, -1] = False
    assert (filled(values, known)[[0, -1], [0, -1]] != before[[0, -1], [0, -1]]).all()
    assert (values == before).all()


@pytest.mark.parametrize(
    "picture", [blocks(side=2), noise(HEIGHT * WIDTH)], ids=["few", "too many to number"]
)
def test_every_pixel_is_of_a_kind_with_its_color_and_its_surroundings(picture: Pixels) -> None:
    shown = coded(picture)
    at = np.flatnonzero(np.random.default_rng(4).random(shown.codes.shape) < 0.4)
    rims = Rims.of(at, shown, shown.codes)
    assert (rims.pixel[rims.kind] == shown.codes.ravel()[at]).all()
    assert (rims.paints[:, rims.kind] == around(shown, at)).all()
    kinds = np.concatenate([rims.pixel[None], rims.paints])
    assert np.unique(kinds, axis=1).shape == kinds.shape


def around(shown: Coded, at: NDArray[np.int64]) -> NDArray[np.int32]:
    """The colors at flat positions `at` and three pixels to the right, left, below, above, `[5, P]`."""
    y, x = np.divmod(at, WIDTH)
    places = ((y, x), (y, x + 3), (y, x - 3), (y + 3, x), (y - 3, x))
    return np.stack([shown.codes[np.clip(v, 0, HEIGHT - 1), np.clip(u, 0, WIDTH - 1)] for v, u in places])
