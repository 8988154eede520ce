"""Which regions are painted over which: containers before what they hold, back sides before front sides."""

import heapq
from collections import defaultdict

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Size
from toonctl.regions.planar import PlanarMap
from toonctl.regions.rings import Rings, ring_area, vertices

_STEP = 2


def depth_order(
    planar: PlanarMap, rings: Rings, *, front: NDArray[np.int32], is_ground: NDArray[np.bool_], size: Size
) -> tuple[list[int], NDArray[np.int32]]:
    """Regions back to front, and `front` `[A]` in agreement with that order.

    `front` names the region that owns a split arc, else 0: a vote that it lies over the region on the other
    side. Larger outlines come first; what lies in another region comes after it; a ring of votes is broken
    where the smaller region is on top. An arc whose owner ends up below goes to the other side, or is not
    split when that is a pocket of ground (`is_ground` `[n + 1]`), which keeps the shape of what encloses it.
    """
    area = {region: ring_area(planar, outlines) for region, outlines in rings.items()}
    base = sorted(area, key=lambda region: (-area[region], region))
    rank = {region: i for i, region in enumerate(base)}
    parent = _parents(planar, base, rings, size)
    votes = [(below, above) for below, above in _votes(planar, front) if below in rank and above in rank]
    order = _sorted(base, _agreeing([*((p, c) for c, p in sorted(parent.items())), *votes], rank))
    place = {region: i for i, region in enumerate(order)}
    agreed = front.copy()
    for arc in np.flatnonzero(front).tolist():
        owner = int(front[arc])
        other = int(planar.left[arc] + planar.right[arc]) - owner
        if place[owner] < place[other]:
            agreed[arc] = 0 if is_ground[other] else other
    return order, agreed


def _parents(planar: PlanarMap, base: list[int], rings: Rings, size: Size) -> dict[int, int]:
    """By region, the smallest region whose outline encloses its own."""
    canvas = np.zeros((size[1] // _STEP + 2, size[0] // _STEP + 2), np.int32)
    mask = np.zeros(canvas.shape, np.uint8)
    found: dict[int, int] = {}
    for region in base:
        polygons = [planar.points[vertices(planar, ring)] / _STEP for ring in rings[region]]
        if not polygons:
            continue
        # Its outline lies on its parent's paint or on that of a neighbor painted earlier: inner points tell.
        fixed = [np.rint(polygon * 8).astype(np.int32) for polygon in polygons]
        low = np.min([np.floor(p.min(0)) for p in polygons], 0).astype(int)
        high = np.max([np.ceil(p.max(0)) for p in polygons], 0).astype(int)
        window = np.s_[max(0, low[1]) : high[1] + 1, max(0, low[0]) : high[0] + 1]
        # All its pieces before it is painted itself: no region may come to lie in itself.
        cv2.fillPoly(mask, fixed, 1, cv2.LINE_8, 3)
        beneath = canvas[window][mask[window] > 0]
        if len(beneath) and (holder := int(np.bincount(beneath).argmax())):
            found[region] = holder
        for polygon in fixed:
            cv2.fillPoly(canvas, [polygon], region, cv2.LINE_8, 3)
        mask[window] = 0
    return found


def _votes(planar: PlanarMap, front: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Pairs (below, above) for which more outline speaks than against, those with most first."""
    length: dict[tuple[int, int], int] = defaultdict(int)
    for arc in np.flatnonzero(front).tolist():
        owner = int(front[arc])
        below = int(planar.left[arc] + planar.right[arc]) - owner
        length[below, owner] += int(planar.offsets[arc + 1] - planar.offsets[arc])
    lead = {pair: n - length.get((pair[1], pair[0]), 0) for pair, n in length.items()}
    return sorted((pair for pair, n in lead.items() if n > 0), key=lambda pair: (-lead[pair], pair))


def _agreeing(pairs: list[tuple[int, int]], rank: dict[int, int]) -> dict[int, list[int]]:
    """What lies right above each region, of all `pairs` (below, above) that no earlier ones contradict.

    Ranked pairs (Tideman 1987): a ring of demands is broken at its weakest.
    """
    above: dict[int, list[int]] = defaultdict(list)
    over = {region: 1 << place for region, place in rank.items()}  # bit sets: itself and all above it
    for below, upper in pairs:
        if over[upper] >> rank[below] & 1:
            continue
        above[below].append(upper)
        for region, found in over.items():
            if found >> rank[below] & 1:
                over[region] = found | over[upper]
    return above


def _sorted(base: list[int], above: dict[int, list[int]]) -> list[int]:
    """`base` with every region before those `above` it, else in its order."""
    rank = {region: i for i, region in enumerate(base)}
    waits = dict.fromkeys(base, 0)
    for uppers in above.values():
        for upper in uppers:
            waits[upper] += 1
    ready = [rank[region] for region in base if waits[region] == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        region = base[heapq.heappop(ready)]
        order.append(region)
        for upper in above.get(region, ()):
            waits[upper] -= 1
            if waits[upper] == 0:
                heapq.heappush(ready, rank[upper])
    return order
