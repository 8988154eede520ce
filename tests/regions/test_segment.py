"""Regions of line drawings: what encloses, what a gap lets through, and the numbers measured on them."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toonctl.core.types import LineFrame
from toonctl.regions.segment import N_SAMPLES, SegmentOptions, find_regions, measure


def frame_of(ink: np.ndarray) -> LineFrame:
    return LineFrame(ink, np.zeros_like(ink))


def two_rooms(gap: int, *, scale: int = 1) -> np.ndarray:
    """A box with a wall through its middle that has an opening `gap` pixels wide."""
    ink = np.zeros((120 * scale, 200 * scale), np.uint8)
    cv2.rectangle(ink, (20 * scale, 20 * scale), (180 * scale, 100 * scale), 255, 2 * scale)
    cv2.line(ink, (100 * scale, 20 * scale), (100 * scale, 100 * scale), 255, 2 * scale)
    middle = 60 * scale
    ink[middle - gap // 2 : middle - gap // 2 + gap, 95 * scale : 106 * scale] = 0
    return ink


@pytest.mark.parametrize(("gap", "gap_px", "n"), [(0, 0.0, 3), (4, 0.0, 2), (4, 3.0, 3), (20, 3.0, 2)])
def test_an_opening_narrower_than_the_gap_is_closed(gap: int, gap_px: float, n: int) -> None:
    assert find_regions(frame_of(two_rooms(gap)), SegmentOptions(gap_px)).n == n


def test_gaps_are_closed_above_540_lines_too() -> None:
    ink = np.zeros((1200, 2000), np.uint8)
    ink[:] = two_rooms(8, scale=10)
    assert find_regions(frame_of(ink), SegmentOptions(6.0)).n == 3
    assert find_regions(frame_of(ink), SegmentOptions(0.0)).n == 2


def test_closing_gaps_loses_no_paper() -> None:
    ink = two_rooms(4)
    plain = find_regions(frame_of(ink), SegmentOptions(0.0)).label_map() > 0
    closed = find_regions(frame_of(ink), SegmentOptions(3.0)).label_map() > 0
    assert np.array_equal(plain, closed)


def test_specks_are_not_regions() -> None:
    ink = np.full((40, 40), 255, np.uint8)
    ink[5:15, 5:15] = 0
    ink[30:32, 30:32] = 0
    assert find_regions(frame_of(ink), SegmentOptions(0.0, min_region_px=6)).n == 1
    assert find_regions(frame_of(ink), SegmentOptions(0.0, min_region_px=4)).n == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(3, 40))
def test_measures_agree_with_the_pixels(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (height, width)).astype(np.uint16)
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.uint16)
    regions = measure(labels)
    assert np.array_equal(regions.label_map(), labels)
    for label in range(1, regions.n + 1):
        y, x = np.nonzero(labels == label)
        i = label - 1
        assert regions.area[i] == len(x)
        assert regions.box[i].tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
        np.testing.assert_allclose(regions.center[i], [x.mean(), y.mean()], atol=1e-3)
        spread = np.cov(np.stack([x, y]), bias=True)
        np.testing.assert_allclose(regions.moments[i], [spread[0, 0], spread[0, 1], spread[1, 1]], atol=1e-2)
        points = regions.samples[i]
        assert points.shape == (N_SAMPLES, 2)
        assert (labels[points[:, 1], points[:, 0]] == label).all()


def test_a_drawing_full_of_ink_has_no_regions() -> None:
    regions = find_regions(frame_of(np.full((30, 30), 255, np.uint8)), SegmentOptions(3.0))
    assert regions.n == 0
    assert regions.samples.shape == (0, N_SAMPLES, 2)
