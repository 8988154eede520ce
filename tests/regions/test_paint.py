"""Painting: exact colors by region, under the lines too, and trace lines by the darker side."""

import numpy as np

from toonctl.regions.paint import darkest_first, paint_index
from toonctl.regions.segment import measure


def split_field() -> tuple[np.ndarray, np.ndarray]:
    """Two regions with a line of 5 pixels between them; labels and the line's coverage."""
    labels = np.ones((10, 25), np.uint16)
    labels[:, 10:15] = 0
    labels[:, 15:] = 2
    ink = np.where(labels == 0, 255, 0).astype(np.uint8)
    return labels, ink


def test_a_line_is_painted_by_its_nearer_side() -> None:
    labels, ink = split_field()
    index = paint_index(
        measure(labels).runs(), np.array([3, 7], np.uint16), np.zeros_like(ink), darkness_rank=None
    )
    assert (index[:, :12] == 3).all()
    assert (index[:, 13:] == 7).all()


def test_a_trace_line_takes_the_darker_side() -> None:
    labels, ink = split_field()
    colors = np.array([[0, 0, 0, 0], [250, 250, 250, 255], [30, 30, 30, 255]], np.uint8)
    runs = measure(labels).runs()
    index = paint_index(runs, np.array([1, 2], np.uint16), ink, darkness_rank=darkest_first(colors))
    assert (index[:, :10] == 1).all()
    assert (index[:, 10:] == 2).all()


def test_transparent_is_never_the_darker_side() -> None:
    colors = np.array([[0, 0, 0, 0], [0, 0, 0, 255], [255, 255, 255, 255]], np.uint8)
    assert darkest_first(colors).tolist() == [2, 0, 1]


def test_a_drawing_without_regions_stays_empty() -> None:
    ink = np.full((6, 6), 255, np.uint8)
    runs = measure(np.zeros((6, 6), np.uint16)).runs()
    index = paint_index(runs, np.zeros(0, np.uint16), ink, darkness_rank=None)
    assert (index == 0).all()
