"""A planar map drawn again with its vertices elsewhere: paint by region back to front, lines along arcs.

A line is not stroked with a pen of our own: every pixel beside a moved arc looks up the pixel of the key that
lies at the same place beside the arc there. Weight, taper, texture and soft rim stay what the artist drew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Size
from toonctl.regions.planar import PlanarMap, Points
from toonctl.regions.rings import Rings

_RIM_PX = 1.5
_SHIFT = 3
_OUT_PX = 4096
_PULL = 0.03
_LEAST_BRIDGE_PX = 0.75
_MOST_BRIDGE = 1 / 45


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn, made once for all frames between two keys.

    `rings` holds by region, back to front, the vertex numbers of its outlines; numbers from V on mean the
    same vertex as its back side moves it. `stage` int64 `[A]` says after which entry of `rings` an arc is
    drawn. `still` bool `[V]` marks vertices that do not move. `joints` int64 `[J, 3]` are ends of arcs that
    may come off a junction: the end, a vertex further in, and the vertex it belongs to. `base` is the label
    of what lies under everything, 0 for nothing; `covering` are the regions in front of others, which hide
    the lines behind them.
    """

    planar: PlanarMap
    rings: tuple[tuple[int, tuple[NDArray[np.int64], ...]], ...]
    stage: NDArray[np.int64]
    still: NDArray[np.bool_]
    joints: NDArray[np.int64]
    base: int
    covering: frozenset[int]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A redrawn map within a window: its `labels` uint16 `[h, w]`, and where its lines come from.

    `at` int64 `[P]` are positions in the flattened window beside arcs, `source` float32 `[P, 2]` the places
    x, y of the key they show; `piece` `[P]` is the first vertex of the piece of arc they lie beside, that of
    the last but one beside a bridge from an arc's end to its junction.
    """

    labels: NDArray[np.uint16]
    at: NDArray[np.int64]
    piece: NDArray[np.int64]
    source: Points


def arrange(
    planar: PlanarMap,
    rings: Rings,
    *,
    order: Sequence[int],
    front: NDArray[np.int32],
    still: NDArray[np.bool_],
    base: int,
) -> Sheet:
    """The sheet that draws regions in `order`; `front` `[A]` names the side that owns a split arc, else 0."""
    place = {region: i for i, region in enumerate(order)}
    n_vertices = len(planar.points)
    drawn = []
    for region in order:
        outlines = []
        for ring in rings.get(region, []):
            parts = []
            for arc, backward in ring:
                part = np.arange(planar.offsets[arc], planar.offsets[arc + 1])
                part = part[::-1] if backward else part
                parts.append(part + n_vertices if front[arc] not in (0, region) else part)
            outlines.append(np.concatenate(parts))
        drawn.append((region, tuple(outlines)))
    stage = np.zeros(planar.n_arcs, np.int64)
    for arc, (left, right) in enumerate(zip(planar.left.tolist(), planar.right.tolist(), strict=True)):
        owner = int(front[arc])
        stage[arc] = place[owner] if owner else max(place.get(left, 0), place.get(right, 0))
    covering = frozenset(np.unique(front[front > 0]).tolist())
    return Sheet(planar, tuple(drawn), stage, still, _joints(planar, stage), base, covering)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture: columns `x0` to `x1`, rows `y0` to `y1`, half-open."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def around(cls, points: Points, margin_px: float, size: Size) -> "Window":
        """The window of all `points` `[P, 2]` with a margin, within a picture of `size`; empty for none."""
        if not len(points):
            return cls(0, 0, 0, 0)
        low, high = points.min(0) - margin_px, points.max(0) + margin_px + 1
        (x0, x1), (y0, y1) = (np.clip([low[i], high[i]], 0, size[i]).astype(int).tolist() for i in (0, 1))
        return cls(x0, y0, max(x0, x1), max(y0, y1))

    @property
    def cut(self) -> tuple[slice, slice]:
        """The window as an index of `[H, W]`."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def moved(self, x: int, y: int) -> "Window":
        """The window `x` further right and `y` further down."""
        return Window(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    @property
    def is_empty(self) -> bool:
        return self.x0 >= self.x1 or self.y0 >= self.y1


def redraw(sheet: Sheet, moved: Points, behind: Points, size: Size, *, window: Window) -> Drawn:
    """The sheet with its vertices at `moved`, and back sides of split arcs at `behind`, within `window`."""
    width, height = window.x1 - window.x0, window.y1 - window.y0
    corner = np.array([window.x0, window.y0], np.float32)
    labels = np.full((height, width), sheet.base, np.uint16)
    pieces = np.zeros((height, width), np.int32)
    corners = np.concatenate([_out_of_frame(sheet.planar.points, p, size) for p in (moved, behind)])
    fixed = np.rint((corners - corner) * (1 << _SHIFT)).astype(np.int32)
    strands = _strands(sheet, corners[: len(moved)], size, window)
    by_stage = _by_stage(strands.stage)
    first, last = (
        np.rint((p - corner) * (1 << _SHIFT)).astype(np.int64).tolist() for p in (strands.start, strands.end)
    )
    half = strands.half
    rims, cores = (np.ceil(2 * w).astype(np.int64).tolist() for w in (half + _RIM_PX, half))
    for number, (region, outlines) in enumerate(sheet.rings):
        for outline in outlines:
            polygon = [fixed[outline]]
            cv2.fillPoly(labels, polygon, region, cv2.LINE_8, _SHIFT)
            if region in sheet.covering:
                cv2.fillPoly(pieces, polygon, 0, cv2.LINE_8, _SHIFT)
        mine = by_stage.get(number, ())
        for i in mine:
            cv2.line(pieces, first[i], last[i], i + 1, rims[i], cv2.LINE_8, _SHIFT)
        # The body of a line goes over the rims of others, never the other way round.
        for i in mine:
            if cores[i]:
                cv2.line(pieces, first[i], last[i], i + 1, cores[i], cv2.LINE_8, _SHIFT)
    at = np.flatnonzero(pieces)
    which = pieces.ravel()[at].astype(np.int64) - 1
    y, x = np.divmod(at, width)
    source = _sources(strands, which, np.stack([x, y], 1).astype(np.float32) + corner)
    return Drawn(labels, at, strands.vertex[which], source)


@dataclass(frozen=True, slots=True)
class _Strands:
    """Straight pieces of line, `start` to `end`, showing the key from `key_start` along `key_way`."""

    start: Points
    end: Points
    key_start: Points
    key_way: Points
    is_bridge: NDArray[np.bool_]
    vertex: NDArray[np.int64]
    stage: NDArray[np.int64]
    half: NDArray[np.float32]


def _strands(sheet: Sheet, moved: Points, size: Size, window: Window) -> _Strands:
    """The pieces of all arcs that come into the window, and bridges where an arc is off its junction."""
    planar = sheet.planar
    inner = np.ones(len(planar.points), bool)
    inner[planar.offsets[1:] - 1] = False
    arc = planar.arc_of()
    half = np.maximum(planar.half, np.roll(planar.half, -1))
    reach = (half + 2 * _RIM_PX)[:, None]
    low = np.minimum(moved, np.roll(moved, -1, 0)) - reach < [window.x1, window.y1]
    high = np.maximum(moved, np.roll(moved, -1, 0)) + reach > [window.x0, window.y0]
    vertex = np.flatnonzero(inner & (planar.left[arc] > 0) & low.all(1) & high.all(1))
    tip, within, hub = sheet.joints.T
    gap = np.hypot(*(moved[hub] - moved[tip]).T)
    is_off = (gap > _LEAST_BRIDGE_PX) & (gap < _MOST_BRIDGE * size[1])
    tip, within, hub = tip[is_off], within[is_off], hub[is_off]
    # A bridge continues the line as it is a little before its end: at the junction itself lines cross.
    outward = planar.points[tip] - planar.points[within]
    return _Strands(
        start=np.concatenate([moved[vertex], moved[tip]]),
        end=np.concatenate([moved[vertex + 1], moved[hub]]),
        key_start=np.concatenate([planar.points[vertex], planar.points[within]]),
        key_way=np.concatenate([planar.points[vertex + 1] - planar.points[vertex], outward]),
        is_bridge=np.repeat([False, True], [len(vertex), len(tip)]),
        vertex=np.concatenate([vertex, np.minimum(tip, within)]),
        stage=sheet.stage[np.concatenate([arc[vertex], arc[tip]])],
        half=np.concatenate([half[vertex], planar.half[within]]),
    )


def _by_stage(stage: NDArray[np.int64]) -> dict[int, list[int]]:
    """The numbers of the pieces of each stage."""
    if not len(stage):
        return {}
    order = np.argsort(stage, kind="stable")
    numbers, first = np.unique(stage[order], return_index=True)
    parts = np.split(order, first[1:])
    return {int(n): part.tolist() for n, part in zip(numbers, parts, strict=True)}


def _joints(planar: PlanarMap, stage: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ends of lines at junctions, `[J, 3]`: end, vertex further in, end of the junction's topmost arc."""
    top: dict[int, tuple[int, int, int]] = {}
    tips: list[tuple[int, int, int]] = []
    first, last = planar.offsets[:-1].tolist(), (planar.offsets[1:] - 1).tolist()
    length = np.diff(planar.offsets).tolist()
    for arc, (nodes, level) in enumerate(zip(planar.ends.tolist(), stage.tolist(), strict=True)):
        for node, tip, step in ((nodes[0], first[arc], 1), (nodes[1], last[arc], -1)):
            if node < 0:
                continue
            top[node] = max(top.get(node, (-1, -1, -1)), (level, length[arc], tip))
            # A short arc lies within the lines it joins and has no line of its own to continue.
            within = tip + step * min(3, length[arc] - 1)
            if length[arc] > 3 and planar.half[within] > 0 and planar.left[arc] > 0:
                tips.append((tip, within, node))
    found = [(tip, within, top[node][2]) for tip, within, node in tips if top[node][2] != tip]
    return np.array(found, np.int64).reshape(-1, 3)


def _out_of_frame(points: Points, moved: Points, size: Size) -> Points:
    """`moved` with what lies on the picture's edge pulled outward, so that parts cut by it stay whole."""
    pulled = moved.copy()
    for axis, extent in enumerate(size):
        pulled[points[:, axis] <= -0.5, axis] -= _PULL * extent
        pulled[points[:, axis] >= extent - 0.5, axis] += _PULL * extent
    return np.clip(pulled, -_OUT_PX, 2 * _OUT_PX + max(size))


def _sources(strands: _Strands, which: NDArray[np.int64], at: Points) -> Points:
    """The places of the key that pixels `at` `[P, 2]` show: as far along their piece and beside it."""
    start, way = strands.start[which], strands.end[which] - strands.start[which]
    key_start, key_way = strands.key_start[which], strands.key_way[which]
    length = np.hypot(way[:, 0], way[:, 1])
    key_length = np.hypot(key_way[:, 0], key_way[:, 1])
    is_bridge = strands.is_bridge[which]
    away = at - start
    along = (away * way).sum(1) / np.maximum(length**2, 0.1)
    beside = (way[:, 0] * away[:, 1] - way[:, 1] * away[:, 0]) / np.maximum(length, 0.3)
    normal = np.stack([-key_way[:, 1], key_way[:, 0]], 1) / np.maximum(key_length, 0.3)[:, None]
    # Beyond its ends a piece is neither stretched nor squeezed.
    over = along - np.clip(along, 0, 1)
    along = np.where(is_bridge, 0, np.clip(along, 0, 1) + over * length / np.maximum(key_length, 0.3))
    source = key_start + along[:, None] * key_way + beside[:, None] * normal
    is_point = ((length < 0.3) | (key_length < 0.3)) & ~is_bridge
    source[is_point] = key_start[is_point] + away[is_point]
    return source.astype(np.float32)


def sides_by_color(
    sheet: Sheet, drawn: Drawn, picture: Callable[[Points], NDArray[np.float32]], colors: NDArray[np.float32]
) -> None:
    """Beside arcs without a line, each pixel takes the region whose color the key shows there. In place.

    `picture` gives the key's colors float32 `[P, 4]` at places x, y, soft edges included: an edge stays where
    it was drawn to a fraction of a pixel; `colors` float32 `[n + 1, 4]` are the regions', by label.
    """
    planar = sheet.planar
    arc = planar.arc_of()[drawn.piece]
    left, right = planar.left[arc], planar.right[arc]
    now = drawn.labels.ravel()[drawn.at]
    is_bare = (planar.half[drawn.piece] == 0) & (left != right) & ((now == left) | (now == right))
    left, right = left[is_bare], right[is_bare]
    shown = picture(drawn.source[is_bare])
    is_left = np.square(shown - colors[left]).sum(1) <= np.square(shown - colors[right]).sum(1)
    drawn.labels.ravel()[drawn.at[is_bare]] = np.where(is_left, left, right)
