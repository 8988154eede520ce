"""Lines drawn anew from a painted label map: along every boundary, with the pen its parts had in the keys.

The map says which parts meet where, so a line can neither break nor stray; the keys' moved outlines, called
guides here, say where between the pixels it runs and how it is drawn. Letters: G guide vertices, V vertices
of traced boundaries, S straight pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from toonctl.regions.planar import PlanarMap, Points, trace_arcs
from toonctl.regions.redraw import Window

_NEIGHBORS = 10
_SNAP_PX = 1.6
_OF_FRONT, _OF_OTHER, _OF_NONE = 3.0, 8.0, 16.0


@dataclass(frozen=True, slots=True)
class Guides:
    """Moved outlines: `points` `[G, 2]`, `sides` int64 `[G, 2]` the labels beside them, smaller first.

    Vertices of equal `arc` `[G]` that follow each other are joined. `half`, `ink` are their pens', `still`
    says which do not move. `doubt` `[G]` in pixels is by how much a guide must lie nearer to count as near.
    """

    points: Points
    sides: NDArray[np.int64]
    arc: NDArray[np.int64]
    half: NDArray[np.float32]
    ink: NDArray[np.uint8]
    still: NDArray[np.bool_]
    doubt: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Straight pieces of line from `start` to `end` `[S, 2]`, `half` `[S, 2]` their half widths there.

    `half` 0 at both ends is a bare edge. `sides` int64 `[S, 2]` are the labels to the left and right, equal
    for a stroke within a region. `still` says which do not move.
    """

    start: Points
    end: Points
    half: NDArray[np.float32]
    ink: NDArray[np.uint8]
    sides: NDArray[np.int64]
    still: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: "Sequence[Pieces]") -> "Pieces":
        """All pieces of `parts`."""
        names = ("start", "end", "half", "ink", "sides", "still")
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def where(self, chosen: NDArray[np.bool_]) -> "Pieces":
        """The `chosen` `[S]`."""
        names = ("start", "end", "half", "ink", "sides", "still")
        return Pieces(*(getattr(self, name)[chosen] for name in names))


def guides_along(
    planar: PlanarMap,
    moved: Points,
    still: NDArray[np.bool_],
    *,
    arcs: NDArray[np.int64],
    labels: NDArray[np.int64],
    doubt: float,
) -> Guides:
    """The guides of `arcs` whose vertices are at `moved` `[V, 2]`; `labels` renames regions, by old label."""
    arc = planar.arc_of()
    chosen = np.flatnonzero(np.isin(arc, arcs))
    sides = np.stack([labels[planar.left[arc[chosen]]], labels[planar.right[arc[chosen]]]], 1)
    return Guides(
        moved[chosen].astype(np.float32),
        np.sort(sides, 1).astype(np.int64),
        arc[chosen],
        planar.half[chosen],
        planar.ink[chosen],
        still[chosen],
        np.full(len(chosen), doubt, np.float32),
    )


def all_guides(parts: Sequence[Guides]) -> Guides:
    """All of them as one."""
    arcs, first = [], 0
    for part in parts:
        arcs.append(part.arc + first)
        first += int(part.arc.max(initial=0)) + 1
    names = ("points", "sides", "half", "ink", "still", "doubt")
    points, sides, *rest = (np.concatenate([getattr(p, n) for p in parts]) for n in names)
    return Guides(points, sides, np.concatenate(arcs), *rest)


def strokes_of(
    planar: PlanarMap, moved: Points, labels: NDArray[np.int64], still: NDArray[np.bool_]
) -> Pieces:
    """The lines of a map that bound nothing, with their vertices at `moved`; each in its own region."""
    arc = planar.arc_of()
    is_stroke = ((planar.left == planar.right) & (planar.left > 0))[arc]
    first = np.flatnonzero(is_stroke[:-1] & (arc[1:] == arc[:-1]))
    host = labels[planar.left[arc[first]]]
    return Pieces(
        moved[first].astype(np.float32),
        moved[first + 1].astype(np.float32),
        np.stack([planar.half[first], planar.half[first + 1]], 1),
        planar.ink[first],
        np.stack([host, host], 1).astype(np.int64),
        still[first] & still[first + 1],
    )


def boundaries(
    labels: NDArray[np.uint16], window: Window, guides: Guides, *, place: NDArray[np.int64], step_px: float
) -> Pieces:
    """The boundaries of a full label map `[h, w]`, cut from a picture at `window`, laid on their guides.

    `place` by label is how far in front a part lies: where parts newly meet, the front one's pen draws.
    """
    traced = trace_arcs(labels, step_px)
    arc = traced.arc_of()
    # What bounds the window is no boundary.
    is_real = (traced.left > 0)[arc]
    points = traced.points + np.array([window.x0, window.y0], np.float32)
    sides = np.stack([traced.left[arc], traced.right[arc]], 1).astype(np.int64)
    laid = _laid(points, sides, guides, place)
    first = np.flatnonzero(is_real[:-1] & (arc[1:] == arc[:-1]))
    half = _without_spikes(laid.half, arc)
    return Pieces(
        laid.points[first],
        laid.points[first + 1],
        np.stack([half[first], half[first + 1]], 1),
        laid.ink[first],
        sides[first],
        laid.still[first] & laid.still[first + 1],
    )


def _laid(points: Points, sides: NDArray[np.int64], guides: Guides, place: NDArray[np.int64]) -> Guides:
    """`points` `[V, 2]` moved onto the guide that fits best, with its pen."""
    k = min(_NEIGHBORS, len(guides.points))
    if not len(points) or k == 0:
        n = len(points)
        bare = np.zeros(n, np.float32)
        return Guides(
            points, sides, np.zeros(n, np.int64), bare, bare.astype(np.uint8), np.zeros(n, bool), bare
        )
    found = KDTree(guides.points).query(points, k=k)
    away, at = (np.asarray(f).reshape(len(points), k) for f in found)
    front = np.where(place[sides[:, 0]] >= place[sides[:, 1]], sides[:, 0], sides[:, 1])
    other = sides.sum(1) - front
    theirs = guides.sides[at]
    is_pair = (theirs == np.sort(sides, 1)[:, None]).all(2)
    has_front = (theirs == front[:, None, None]).any(2)
    has_other = (theirs == other[:, None, None]).any(2)
    strange = np.where(is_pair, 0, np.where(has_front, _OF_FRONT, np.where(has_other, _OF_OTHER, _OF_NONE)))
    best = np.take_along_axis(at, (away + strange + guides.doubt[at]).argmin(1)[:, None], 1)[:, 0]
    onto, half = _projected(points, best, guides)
    is_near = np.hypot(*(onto - points).T) < _SNAP_PX
    return Guides(
        np.where(is_near[:, None], onto, points).astype(np.float32),
        sides,
        guides.arc[best],
        half,
        guides.ink[best],
        guides.still[best] & is_near,
        guides.doubt[best],
    )


def _projected(points: Points, best: NDArray[np.int64], guides: Guides) -> tuple[Points, NDArray[np.float32]]:
    """The nearest place on the two pieces of guide at vertex `best`, and the half width there."""
    onto, half = guides.points[best], guides.half[best]
    least = np.hypot(*(onto - points).T)
    for step in (-1, 1):
        beside = np.clip(best + step, 0, len(guides.points) - 1)
        is_joined = guides.arc[beside] == guides.arc[best]
        start, way = guides.points[best], guides.points[beside] - guides.points[best]
        share = ((points - start) * way).sum(1) / np.maximum((way * way).sum(1), 1e-6)
        share = np.clip(share, 0, 1)
        place = start + share[:, None] * way
        away = np.hypot(*(place - points).T)
        is_better = is_joined & (away < least)
        onto = np.where(is_better[:, None], place, onto)
        mixed = (1 - share) * guides.half[best] + share * guides.half[beside]
        half = np.where(is_better, mixed, half)
        least = np.where(is_better, away, least)
    return onto.astype(np.float32), half.astype(np.float32)


def _without_spikes(values: NDArray[np.float32], arc: NDArray[np.int64]) -> NDArray[np.float32]:
    """The median of every three neighbors along an arc, `[V]`."""
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), 0)
    smooth = values.copy()
    is_inner = (arc[:-2] == arc[1:-1]) & (arc[2:] == arc[1:-1])
    smooth[1:-1][is_inner] = middle[is_inner]
    return smooth
