"""Similarities fitted, tried and scored; outlines laid onto each other."""

import numpy as np
import pytest
from numpy.typing import NDArray

from toonctl.regions.elastic import Outline, directions, lay_on
from toonctl.regions.motion import (
    Motions,
    Probes,
    Target,
    aligned,
    best_of,
    cost,
    fitted,
    inverse,
    shifts,
    still,
)
from toonctl.regions.planar import trace_arcs


def one(center: complex, shift: complex, turn: complex) -> Motions:
    return Motions(np.array([center]), np.array([shift]), np.array([turn]))


def test_the_inverse_leads_back() -> None:
    motion = one(10 + 5j, 8 - 3j, 1.3 * np.exp(-0.7j))
    points = np.array([[1 + 2j, 30 - 4j]])
    assert inverse(motion).apply(motion.apply(points)) == pytest.approx(points)


def test_a_similarity_is_found_from_points() -> None:
    points = np.array([[0, 10, 10 + 8j, 3j]])
    wanted = one(0j, 4 + 6j, 1.2 * np.exp(0.4j))
    found = fitted(np.array([5 + 3j]), points, wanted.apply(points), np.ones((1, 4)), may_scale=True)
    assert found.apply(points) == pytest.approx(wanted.apply(points))


def test_a_main_axis_is_turned_the_short_way() -> None:
    flat, steep = np.array([[16.0, 0.0, 1.0]]), np.array([[4.0, 6.0, 13.0]])
    found = aligned(np.array([0j]), flat, np.array([2 + 0j]), steep)
    assert abs(np.angle(found.turn[0])) <= np.pi / 2


def square(x: int, y: int, size: int = 20) -> NDArray[np.uint16]:
    labels = np.ones((60, 80), np.uint16)
    labels[y : y + size, x : x + size] = 2
    return labels


def test_the_right_motion_costs_least() -> None:
    labels = square(40, 25)
    planar = trace_arcs(labels, 2.0)
    line = planar.points[planar.left[planar.arc_of()] > 0]
    target = Target.of(labels, line, np.array([[1.0, 0.0, 0.3]], np.float32), step=1, clip_px=8.0)
    inside = np.array([[complex(x, y) for x in (12, 18, 26) for y in (12, 20, 27)]])
    outline = np.array([[complex(x, y) for x in (10, 29.5) for y in (10, 20, 29.5)]])
    probes = Probes.of(inside, outline, np.array([19.5 + 19.5j]))
    right = shifts(probes.center, probes.center + 30 + 15j)
    best, least = best_of([still(probes.center), right], lambda m: cost(m, probes, target))
    assert best.shift[0] == 30 + 15j
    assert least[0] < 0.1


def test_outlines_come_to_lie_on_each_other() -> None:
    here, there = trace_arcs(square(20, 20), 2.0), trace_arcs(square(23, 18, 24), 2.0)
    arc = int(np.flatnonzero(there.left == 1)[0])
    part = slice(there.offsets[arc], there.offsets[arc + 1])
    points = there.points[:, 0] + 1j * there.points[:, 1]
    goal = Outline.of(points[part], directions(there, points)[part])
    start = here.points[:, 0] + 1j * here.points[:, 1]
    wanted = np.where(here.left[here.arc_of()] == 1, 2, 0).astype(np.int32)
    laid = lay_on(here, start, wanted, {2: goal}, reach_px=12.0)
    gap = [
        np.abs(each - points[part][:, None]).min(0).mean()
        for each in (start[wanted > 0], (start + laid.residual)[wanted > 0])
    ]
    assert gap[1] < 0.55 * gap[0]
