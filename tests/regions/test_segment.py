"""Regions of line drawings: what encloses, what a gap lets through, and the numbers measured on them."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toonctl.core.types import LineFrame
from toonctl.regions.segment import N_SAMPLES, SegmentOptions, ball, find_regions, label_areas, measure


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


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), gap_px=st.sampled_from([0.0, 1.4, 3.0, 6.0]), is_big=st.booleans())
def test_only_the_paper_around_the_ink_is_worked_on(seed: int, gap_px: float, *, is_big: bool) -> None:
    """Ink at the corners makes the whole picture the window; nothing else may change by that."""
    rng = np.random.default_rng(seed)
    height, width = (1100, 160) if is_big else (140, 170)
    ink = np.zeros((height, width), np.uint8)
    for _ in range(6):
        (x0, x1), (y0, y1) = rng.integers(45, width - 45, 2), rng.integers(45, height - 45, 2)
        cv2.ellipse(ink, (int(x0), int(y0)), (abs(x1 - x0) + 4, 12), float(y1), 0, 300, 255, 2)
    ink[:40], ink[-40:], ink[:, :40], ink[:, -40:] = 0, 0, 0, 0
    cornered = ink.copy()
    cornered[0, 0] = cornered[0, -1] = cornered[-1, 0] = cornered[-1, -1] = 255
    options = SegmentOptions(gap_px)
    inner = np.s_[30:-30, 30:-30]
    apart = find_regions(frame_of(ink), options).label_map()[inner]
    whole = find_regions(frame_of(cornered), options).label_map()[inner]
    assert len(np.unique(apart)) == len(np.unique(whole))
    pairs = np.unique(apart.astype(np.int64) * 65_536 + whole)
    assert len(pairs) == len(np.unique(apart))


@given(radius=st.floats(0.3, 9.0), seed=st.integers(0, 1000))
def test_erosion_finds_what_the_distance_transform_finds(radius: float, seed: int) -> None:
    white = (np.random.default_rng(seed).random((40, 50)) > 0.02).astype(np.uint8)
    far = cv2.distanceTransform(white, cv2.DIST_L2, 3) > radius
    assert np.array_equal(cv2.erode(white, ball(radius)) > 0, far)


@pytest.mark.parametrize("gap", [0.0, 3.0])
def test_labels_alone_are_those_of_the_regions(gap: float) -> None:
    ink = two_rooms(4)
    options = SegmentOptions(gap)
    assert (label_areas(ink < 64, options) == find_regions(frame_of(ink), options).label_map()).all()
