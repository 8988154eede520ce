"""Line chamfer: by hand on straight lines, and what counts as a line."""

import cv2
import numpy as np
import pytest

from toonctl.metrics.line import drawn_lines, line_chamfer


def column(x: int, height: int = 540) -> np.ndarray:
    mask = np.zeros((height, 100), bool)
    mask[:, x] = True
    return mask


def test_a_shifted_line_is_as_far_as_it_was_shifted() -> None:
    assert line_chamfer(column(30), column(37)) == pytest.approx(7)
    assert line_chamfer(column(30), column(30)) == 0


def test_distances_are_scaled_to_540_lines() -> None:
    assert line_chamfer(column(30, 1080), column(44, 1080)) == pytest.approx(7)
    assert line_chamfer(column(30, 270), column(33, 270)) == pytest.approx(6)


def test_both_ways_count_by_hand() -> None:
    # Two lines drawn, one of them wanted: ours to the truth 0 and 20, mean 10; the truth to ours 0.
    assert line_chamfer(column(30) | column(50), column(30)) == pytest.approx(5)
    assert line_chamfer(column(30), column(30) | column(50)) == pytest.approx(5)


def test_nothing_drawn() -> None:
    nothing = np.zeros((540, 100), bool)
    assert line_chamfer(nothing, nothing) == 0
    assert line_chamfer(nothing, column(3)) == pytest.approx(np.hypot(540, 100))
    with pytest.raises(ValueError, match="one size"):
        line_chamfer(nothing, nothing[:-1])


def test_lines_are_thin_and_dark_and_edges_are_not() -> None:
    picture = np.full((540, 400, 3), (240, 200, 180), np.uint8)
    picture[:, 200:] = (90, 60, 140)  # an edge between two paints
    cv2.circle(picture, (320, 400), 60, (0, 0, 0), -1)  # a dark area
    picture[:, 99:102] = (20, 20, 20)
    lines = drawn_lines(picture)
    assert lines[:, 99:102].all()
    lines[:, 99:102] = False
    assert not lines.any()


def test_a_faded_line_counts_until_it_no_longer_shows() -> None:
    picture = np.full((540, 60, 3), 200, np.uint8)
    picture[:, 20] = 160
    picture[:, 40] = 180
    lines = drawn_lines(picture)
    assert lines[:, 20].all()
    assert not lines[:, 40].any()
