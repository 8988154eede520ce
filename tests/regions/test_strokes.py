"""Lines thinned to paths: one pixel wide, from end to end."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from toonctl.regions.strokes import thinned

SIZE = 120


def n_beside(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many neighbors each pixel of the skeleton of `mask` has."""
    skeleton = np.zeros(mask.size, np.float32)
    at = thinned(mask)
    skeleton[at] = 1
    ring = np.ones((3, 3), np.float32)
    around = cv2.filter2D(skeleton.reshape(mask.shape), -1, ring, borderType=cv2.BORDER_CONSTANT)
    return np.rint(around.ravel()[at] - 1).astype(np.int64)


def line(angle: float, width: int) -> NDArray[np.bool_]:
    """A straight line through the middle."""
    page = np.zeros((SIZE, SIZE), np.uint8)
    way = 45 * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(np.rint(SIZE / 2 + sign * way).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(page, ends[0], ends[1], 1, width)
    return page > 0


@given(st.floats(0, np.pi), st.integers(1, 6))
def test_a_straight_line_is_a_path(angle: float, width: int) -> None:
    beside = n_beside(line(angle, width))
    assert (beside == 1).sum() == 2
    assert (beside <= 2).all()
    assert len(beside) > 55


@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_ring_is_a_closed_path(width: int) -> None:
    page = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(page, (60, 60), 40, 1, width)
    assert (n_beside(page > 0) == 2).all()


def test_a_fork_stays_joined() -> None:
    page = (line(0.3, 3) | line(1.2, 3)).astype(np.uint8)
    skeleton = np.zeros(page.size, np.uint8)
    skeleton[thinned(page > 0)] = 1
    assert cv2.connectedComponents(skeleton.reshape(page.shape), connectivity=8)[0] == 2
    assert (n_beside(page > 0) == 1).sum() == 4


def test_nothing_is_nothing() -> None:
    assert len(thinned(np.zeros((8, 8), bool))) == 0
