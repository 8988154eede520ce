"""Neighbors, openings and figures of a region graph."""

import cv2
import numpy as np

from toonctl.core.types import LineFrame
from toonctl.regions.graph import build_graph, ground_region
from toonctl.regions.segment import SegmentOptions, find_regions, measure


def pairs_of(graph: object) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in graph.pairs}  # type: ignore[attr-defined]  # a Graph


def test_regions_across_a_line_are_neighbors() -> None:
    ink = np.zeros((100, 150), np.uint8)
    cv2.rectangle(ink, (20, 20), (120, 80), 255, 2)
    cv2.line(ink, (70, 20), (70, 80), 255, 2)
    regions = find_regions(LineFrame(ink, np.zeros_like(ink)), SegmentOptions(0.0))
    graph = build_graph(regions)
    assert pairs_of(graph) == {(0, 1), (0, 2), (1, 2)}
    wall = {tuple(pair): length for pair, length in zip(graph.pairs.tolist(), graph.shared, strict=True)}
    assert 50 <= wall[1, 2] <= 62, "the two rooms share a wall 59 pixels long"
    assert (graph.opening == 0).all()


def test_an_opening_is_told_from_a_line() -> None:
    labels = np.ones((20, 40), np.uint16)
    labels[:, 20:] = 2
    graph = build_graph(measure(labels))
    assert pairs_of(graph) == {(0, 1)}
    assert graph.opening[0] == 20
    assert graph.shared[0] == 0


def test_separate_outlines_are_separate_figures() -> None:
    ink = np.zeros((120, 300), np.uint8)
    for x in (60, 220):
        cv2.circle(ink, (x, 60), 40, 255, 2)
        cv2.circle(ink, (x, 60), 15, 255, 2)
    regions = find_regions(LineFrame(ink, np.zeros_like(ink)), SegmentOptions(0.0))
    figure = build_graph(regions).figure
    ground = ground_region(regions)
    assert figure[ground] == -1
    left = {int(f) for i, f in enumerate(figure) if i != ground and regions.center[i, 0] < 150}
    right = {int(f) for i, f in enumerate(figure) if i != ground and regions.center[i, 0] > 150}
    assert len(left) == len(right) == 1
    assert left != right
