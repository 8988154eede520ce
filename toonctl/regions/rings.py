"""The outlines of regions as closed rings of shared arcs."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.planar import OUTSIDE, PlanarMap

Side = tuple[int, bool]
"""An arc, and whether it is walked backward."""

Rings = dict[int, list[list[Side]]]
"""By region, its outlines as sequences of sides."""


def outer_rings(planar: PlanarMap) -> Rings:
    """By region, the rings around it (holes left out: what lies in them is painted over it)."""
    found: Rings = {}
    ends = [(first, last) for first, last in planar.ends.tolist()]
    for region, sides in _sides(planar).items():
        rings = [(ring, _area(planar, ring)) for ring in _closed(ends, sides)]
        outline = max(rings, key=lambda item: abs(item[1]))[1]
        found[region] = [ring for ring, area in rings if area * outline > 0]
    return found


def ring_area(planar: PlanarMap, rings: list[list[Side]]) -> float:
    """The area within rings, in square pixels."""
    return sum(abs(_area(planar, ring)) for ring in rings)


def vertices(planar: PlanarMap, ring: list[Side]) -> NDArray[np.int64]:
    """The vertex numbers along a ring."""
    parts = [np.arange(planar.offsets[arc], planar.offsets[arc + 1]) for arc, _ in ring]
    return np.concatenate([p[::-1] if side[1] else p for p, side in zip(parts, ring, strict=True)])


def _sides(planar: PlanarMap) -> dict[int, list[Side]]:
    """By region, its arcs, walked so that it lies on the left."""
    found: dict[int, list[Side]] = defaultdict(list)
    for arc, (left, right) in enumerate(zip(planar.left.tolist(), planar.right.tolist(), strict=True)):
        if left == right:
            continue
        for region, backward in ((left, False), (right, True)):
            if region != OUTSIDE:
                found[region].append((arc, backward))
    return dict(sorted(found.items()))


def _closed(ends: list[tuple[int, int]], sides: list[Side]) -> list[list[Side]]:
    """The sides of one region put together end to end; `ends` are those of all arcs."""
    leaving: dict[int, list[Side]] = defaultdict(list)
    rings: list[list[Side]] = []
    for side in sides:
        start = _ends(ends, side)[0]
        if start < 0:
            rings.append([side])
        else:
            leaving[start].append(side)
    for start in list(leaving):
        while leaving[start]:
            ring = [leaving[start].pop()]
            end = _ends(ends, ring[-1])[1]
            while end != start and leaving[end]:
                ring.append(leaving[end].pop())
                end = _ends(ends, ring[-1])[1]
            rings.append(ring)
    return rings


def _ends(ends: list[tuple[int, int]], side: Side) -> tuple[int, int]:
    first, last = ends[side[0]]
    return (last, first) if side[1] else (first, last)


def _area(planar: PlanarMap, ring: list[Side]) -> float:
    x, y = planar.points[vertices(planar, ring)].astype(np.float64).T
    next_x, next_y = np.append(x[1:], x[0]), np.append(y[1:], y[0])
    return float(np.dot(x, next_y) - np.dot(y, next_x)) / 2
