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
from toonctl.regions.rings import outer_rings

_RIM_PX = 1.5
_SHIFT = 3
_OUT_PX = 4096


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn, made once for all frames between two keys.

    `rings` holds by region, back to front, the vertex numbers of its outlines; numbers from V on mean the
    same vertex as its back side moves it. `stage` int64 `[A]` says after which entry of `rings` an arc is
    drawn. `still` bool `[V]` marks vertices that do not move.
    """

    planar: PlanarMap
    rings: tuple[tuple[int, tuple[NDArray[np.int64], ...]], ...]
    stage: NDArray[np.int64]
    still: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A redrawn map: `labels` uint16 `[H, W]`, 0 where nothing lies, and where its lines come from.

    `at` int64 `[P]` are flat positions beside moved arcs, `source` float32 `[P, 2]` the places x, y of the key
    they show; `piece` `[P]` is the first vertex of the piece of arc they lie beside.
    """

    labels: NDArray[np.uint16]
    at: NDArray[np.int64]
    piece: NDArray[np.int64]
    source: Points


def arrange(
    planar: PlanarMap, order: Sequence[int], front: NDArray[np.int32], still: NDArray[np.bool_]
) -> Sheet:
    """The sheet that draws regions in `order`; `front` `[A]` names the side a split arc belongs to, else 0."""
    rings = outer_rings(planar)
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
    return Sheet(planar, tuple(drawn), stage, still)


def redraw(sheet: Sheet, moved: Points, behind: Points, size: Size) -> Drawn:
    """The sheet with its vertices at `moved`, and at `behind` where an outline is the back side of a split arc."""
    width, height = size
    labels = np.zeros((height, width), np.uint16)
    pieces = np.zeros((height, width), np.int32)
    corners = np.concatenate([_out_of_frame(sheet.planar.points, p, size) for p in (moved, behind)])
    fixed = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
    by_stage = _segments(sheet)
    thickness = _thickness(sheet.planar)
    ends = fixed.tolist()
    for number, (region, outlines) in enumerate(sheet.rings):
        for outline in outlines:
            polygon = [fixed[outline]]
            cv2.fillPoly(labels, polygon, region, cv2.LINE_8, _SHIFT)
            if number:
                cv2.fillPoly(pieces, polygon, 0, cv2.LINE_8, _SHIFT)
        for vertex in by_stage.get(number, ()):
            cv2.line(
                pieces, ends[vertex], ends[vertex + 1], vertex + 1, thickness[vertex], cv2.LINE_8, _SHIFT
            )
    at = np.flatnonzero(pieces)
    first = pieces.ravel()[at].astype(np.int64) - 1
    y, x = np.divmod(at, width)
    source = _sources(
        sheet.planar.points, corners[: len(moved)], first, np.stack([x, y], 1).astype(np.float32)
    )
    return Drawn(labels, at, first, source)


def _segments(sheet: Sheet) -> dict[int, list[int]]:
    """By stage, the first vertices of the pieces of line to draw; what stays still is left to the key."""
    planar = sheet.planar
    inner = np.ones(len(planar.points), bool)
    inner[planar.offsets[1:] - 1] = False
    arc = planar.arc_of()
    moves = ~(sheet.still & np.roll(sheet.still, -1))
    first = np.flatnonzero(inner & moves & (planar.left[arc] > 0))
    stage = sheet.stage[arc[first]]
    order = np.argsort(stage, kind="stable")
    first, stage = first[order], stage[order]
    cuts = np.flatnonzero(np.diff(stage)) + 1
    return {
        int(s[0]): f.tolist()
        for f, s in zip(np.split(first, cuts), np.split(stage, cuts), strict=True)
        if len(s)
    }


def _thickness(planar: PlanarMap) -> list[int]:
    half = np.maximum(planar.half, np.roll(planar.half, -1)) + _RIM_PX
    return np.ceil(2 * half).astype(np.int64).tolist()


def _out_of_frame(points: Points, moved: Points, size: Size) -> Points:
    """`moved` with what lies on the picture's edge pulled outward, so that parts cut by it stay whole."""
    pulled = moved.copy()
    for axis, extent in enumerate(size):
        pulled[points[:, axis] <= -0.5, axis] -= 0.25 * extent
        pulled[points[:, axis] >= extent - 0.5, axis] += 0.25 * extent
    return np.clip(pulled, -_OUT_PX, 2 * _OUT_PX + max(size))


def _sources(points: Points, moved: Points, first: NDArray[np.int64], at: Points) -> Points:
    """The places of the key that pixels `at` `[P, 2]` show: same way along their piece, same way beside it."""
    start, way = moved[first], moved[first + 1] - moved[first]
    key_start, key_way = points[first], points[first + 1] - points[first]
    length = np.hypot(way[:, 0], way[:, 1])
    key_length = np.hypot(key_way[:, 0], key_way[:, 1])
    is_point = (length < 0.3) | (key_length < 0.3)
    away = at - start
    along = (away * way).sum(1) / np.maximum(length**2, 0.1)
    beside = (way[:, 0] * away[:, 1] - way[:, 1] * away[:, 0]) / np.maximum(length, 0.3)
    normal = np.stack([-key_way[:, 1], key_way[:, 0]], 1) / np.maximum(key_length, 0.3)[:, None]
    # Beyond its ends a piece is neither stretched nor squeezed.
    over = along - np.clip(along, 0, 1)
    along = np.clip(along, 0, 1) + over * length / np.maximum(key_length, 0.3)
    source = key_start + along[:, None] * key_way + beside[:, None] * normal
    source[is_point] = key_start[is_point] + away[is_point]
    return source.astype(np.float32)


def sides_by_color(
    sheet: Sheet, drawn: Drawn, picture: Callable[[Points], NDArray[np.float32]], colors: NDArray[np.float32]
) -> None:
    """Beside arcs without a line, each pixel takes the region whose color the key shows there. In place.

    `picture` gives the key's colors float32 `[P, 4]` at places x, y, soft edges included, so that an edge stays
    where it was drawn to a fraction of a pixel; `colors` float32 `[n + 1, 4]` are the regions', by label.
    """
    planar = sheet.planar
    arc = planar.arc_of()[drawn.piece]
    left, right = planar.left[arc], planar.right[arc]
    now = drawn.labels.ravel()[drawn.at]
    is_bare = (planar.half[drawn.piece] == 0) & (left != right) & ((now == left) | (now == right))
    shown = picture(drawn.source[is_bare])
    left, right = left[is_bare], right[is_bare]
    is_left = np.square(shown - colors[left]).sum(1) <= np.square(shown - colors[right]).sum(1)
    drawn.labels.ravel()[drawn.at[is_bare]] = np.where(is_left, left, right)
