"""The vote of regions: right through blur, drift and foreign lines, unsure where it should be."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engines.toys import toy
from toonctl.core.types import ColorModel, Pixels
from toonctl.regions.color_vote import doubts_of, paper_color, vote_colors
from toonctl.regions.segment import Regions, SegmentOptions, find_regions

WHITE = (255, 255, 255)
COLORS = np.array(
    [
        (0, 0, 0, 0),
        (40, 60, 140, 255),
        (240, 200, 170, 255),
        (200, 50, 40, 255),
        (20, 20, 25, 255),
        (90, 60, 30, 255),
        (250, 220, 80, 255),
    ],
    np.uint8,
)
MODEL = ColorModel(COLORS, COLORS, np.zeros_like(COLORS), np.zeros_like(COLORS))


def drawn() -> tuple[Regions, NDArray[np.uint16], Pixels]:
    """Regions of the toy figure, the right color of each, and the picture it makes on white."""
    figure = toy(60)
    regions = find_regions(figure.frame, SegmentOptions(1.0))
    x, y = regions.samples[:, 0, 0], regions.samples[:, 0, 1]
    shown = np.concatenate([[WHITE], COLORS[1:, :3]]).astype(np.uint8)
    return regions, figure.index[y, x], shown[figure.index]


def test_a_true_picture_is_read_exactly() -> None:
    regions, right, picture = drawn()
    voted = vote_colors(picture, regions, MODEL, WHITE)
    assert (voted.colors == right).all()
    assert doubts_of(voted, regions, 0.35) == ()


@pytest.mark.parametrize("drift", [(0, 0, 0), (20, -15, 10), (-25, -20, -10)])
def test_soft_drifting_pictures_are_read_too(drift: tuple[int, int, int]) -> None:
    regions, right, picture = drawn()
    soft = cv2.GaussianBlur(picture, (0, 0), 1.2).astype(np.int16)
    seen = np.clip(soft + np.array(drift), 0, 255).astype(np.uint8)
    wide = regions.area > 60
    assert (vote_colors(seen, regions, MODEL, WHITE).colors == right)[wide].all()


def test_pixels_beside_lines_count_little() -> None:
    regions, right, picture = drawn()
    ink = cv2.dilate((regions.label_map() == 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    picture[ink] = COLORS[4, :3]  # the picture's own, thicker lines
    wide = regions.area > 60
    assert (vote_colors(picture, regions, MODEL, WHITE).colors == right)[wide].all()


def test_a_narrow_vote_is_a_doubt() -> None:
    regions, right, picture = drawn()
    largest = int(np.argsort(-regions.area)[1])
    inside = regions.label_map() == largest + 1
    columns = np.flatnonzero(inside.any(0))
    half = inside.copy()
    half[:, columns[len(columns) // 2] :] = False
    picture[half] = COLORS[1 + right[largest] % 6, :3]
    voted = vote_colors(picture, regions, MODEL, WHITE)
    doubts = doubts_of(voted, regions, 0.5)
    assert [doubt.region for doubt in doubts] == [largest + 1]
    assert {doubts[0].color, doubts[0].runner_up} == {int(right[largest]), 1 + int(right[largest]) % 6}


def test_paper_is_white_unless_a_color_is_near_it() -> None:
    assert paper_color(COLORS) == WHITE
    with_white = np.concatenate([COLORS, [(250, 250, 252, 255)]]).astype(np.uint8)
    chosen = np.array(paper_color(with_white))
    assert np.abs(chosen - with_white[1:, :3].astype(int)).max(1).min() > 30
    assert paper_color(COLORS[:1]) == WHITE


def test_a_drawing_without_regions() -> None:
    all_ink = np.full((8, 8), 255, np.uint8)
    from toonctl.core.types import LineFrame

    regions = find_regions(LineFrame(all_ink, all_ink), SegmentOptions(0))
    voted = vote_colors(np.zeros((8, 8, 3), np.uint8), regions, MODEL, WHITE)
    assert len(voted.colors) == 0
    assert doubts_of(voted, regions, 1.0) == ()
