"""Lines drawn anew from a painted label map: along every boundary, with the pen its parts had in the keys.

The map says which parts meet where, so a line can neither break nor stray; the keys' moved outlines, called
guides here, say where between the pixels it runs and how it is drawn. Letters: G guide vertices, V vertices
of traced boundaries, S straight pieces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from toonctl.regions.planar import PlanarMap, Points, trace_arcs
from toonctl.regions.redraw import Window

_NEIGHBORS = 10
_SNAP_PX = 1.6
_OF_FRONT, _OF_OTHER, _OF_NONE = 3.0, 8.0, 16.0
_STRETCH, _REST_PX = 2.0, 1.5


@dataclass(frozen=True, slots=True)
class Guides:
    """Moved outlines: `points` `[G, 2]`, `sides` int64 `[G, 2]` the labels beside them, smaller first.

    Vertices of equal `arc` `[G]` that follow each other are joined. `half`, `ink` are their pens', `still`
    says which do not move. `doubt` `[G]` in pixels is by how much a guide must lie nearer to count as near.
    `source` `[G, 2]` is where each lies in its key, number `key` `[G]`.
    """

    points: Points
    sides: NDArray[np.int64]
    arc: NDArray[np.int64]
    half: NDArray[np.float32]
    ink: NDArray[np.uint8]
    still: NDArray[np.bool_]
    doubt: NDArray[np.float32]
    source: Points
    key: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Straight pieces of line from `start` to `end` `[S, 2]`, `half` `[S, 2]` their half widths there.

    `half` 0 at both ends is a bare edge. `sides` int64 `[S, 2]` are the labels to the left and right, equal
    for a stroke within a region. `still` says which do not move. `source` `[S, 2, 2]` is where start and end
    lie in the key, number `key` `[S]`, whose line a piece repeats; NaN where it repeats none.
    """

    start: Points
    end: Points
    half: NDArray[np.float32]
    ink: NDArray[np.uint8]
    sides: NDArray[np.int64]
    still: NDArray[np.bool_]
    source: Points
    key: NDArray[np.uint8]

    @classmethod
    def joined(cls, parts: "Sequence[Pieces]") -> "Pieces":
        """All pieces of `parts`."""
        names = (field.name for field in fields(cls))
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def where(self, chosen: NDArray[np.bool_]) -> "Pieces":
        """The `chosen` `[S]`."""
        return Pieces(*(getattr(self, field.name)[chosen] for field in fields(self)))


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
        planar.points[chosen],
        np.zeros(len(chosen), np.uint8),
    )


def all_guides(parts: Sequence[Guides]) -> Guides:
    """All of them as one."""
    arcs, first = [], 0
    for part in parts:
        arcs.append(part.arc + first)
        first += int(part.arc.max(initial=0)) + 1
    joined = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Guides)}
    return Guides(**joined | {"arc": np.concatenate(arcs)})


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
        np.stack([planar.points[first], planar.points[first + 1]], 1),
        np.zeros(len(first), np.uint8),
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
    start, end = laid.points[first], laid.points[first + 1]
    source = np.stack([laid.source[first], laid.source[first + 1]], 1)
    source[~_repeats(start, end, source) | (laid.key[first] != laid.key[first + 1])] = np.nan
    return Pieces(
        start,
        end,
        np.stack([half[first], half[first + 1]], 1),
        laid.ink[first],
        sides[first],
        laid.still[first] & laid.still[first + 1],
        source,
        laid.key[first],
    )


def _repeats(start: Points, end: Points, source: Points) -> NDArray[np.bool_]:
    """Whether pieces from `start` to `end` `[S, 2]` are about as long as in their key, `source` `[S, 2, 2]`.

    Others lead from one line of the key to another, or round a corner that it does not have.
    """
    now = np.hypot(*(end - start).T)
    before = np.hypot(*(source[:, 1] - source[:, 0]).T)
    return (before < _STRETCH * now + _REST_PX) & (now < _STRETCH * before + _REST_PX)


def _laid(points: Points, sides: NDArray[np.int64], guides: Guides, place: NDArray[np.int64]) -> Guides:
    """`points` `[V, 2]` moved onto the guide that fits best, with its pen."""
    k = min(_NEIGHBORS, len(guides.points))
    if not len(points) or k == 0:
        n = len(points)
        bare, none = np.zeros(n, np.float32), np.zeros(n, np.uint8)
        strange = np.full((n, 2), np.nan, np.float32)
        return Guides(
            points, sides, np.zeros(n, np.int64), bare, none, np.zeros(n, bool), bare, strange, none
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
    onto = _projected(points, best, guides)
    is_near = np.hypot(*(onto.points - points).T) < _SNAP_PX
    return replace(
        onto,
        points=np.where(is_near[:, None], onto.points, points).astype(np.float32),
        sides=sides,
        still=onto.still & is_near,
        source=np.where(is_near[:, None], onto.source, np.float32(np.nan)),
    )


def _projected(points: Points, best: NDArray[np.int64], guides: Guides) -> Guides:
    """The nearest places on the two pieces of guide at vertices `best`."""
    onto, half, source = guides.points[best], guides.half[best], guides.source[best]
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
        between = guides.source[best] + share[:, None] * (guides.source[beside] - guides.source[best])
        source = np.where(is_better[:, None], between, source)
        least = np.where(is_better, away, least)
    return Guides(
        onto.astype(np.float32),
        guides.sides[best],
        guides.arc[best],
        half.astype(np.float32),
        guides.ink[best],
        guides.still[best],
        guides.doubt[best],
        source.astype(np.float32),
        guides.key[best],
    )


def _without_spikes(values: NDArray[np.float32], arc: NDArray[np.int64]) -> NDArray[np.float32]:
    """The median of every three neighbors along an arc, `[V]`."""
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), 0)
    smooth = values.copy()
    is_inner = (arc[:-2] == arc[1:-1]) & (arc[2:] == arc[1:-1])
    smooth[1:-1][is_inner] = middle[is_inner]
    return smooth
