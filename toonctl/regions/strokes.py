"""Lines that bound nothing (folds, whiskers, loose ends) as arcs of their own, and every line's width."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.planar import PlanarMap, Points

_RIM = 24
"""Coverage from which a pixel belongs to a line's body, soft rim excluded."""

_BESIDE_PX = 1.5
_RUN_ON_PX = 6
_LEAST_PX = 4.0
_APART_PX = 3
_BLOT_PX = 1.3
_NEIGHBORS = ((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))


def with_strokes(
    planar: PlanarMap, labels: NDArray[np.uint16], coverage: Pixels, *, threshold: int, step_px: float
) -> PlanarMap:
    """`planar` with its line widths measured, and an arc more for every line its arcs do not account for."""
    if not coverage.any():
        return planar
    body = (coverage >= _RIM).astype(np.uint8)
    depth = np.asarray(cv2.distanceTransform(np.pad(body, 1), cv2.DIST_L2, 3), np.float32)[1:-1, 1:-1]
    half = _depth_at(depth, planar.points)
    is_line = coverage >= threshold
    near = _accounted(planar, half, coverage.shape)
    # Thick corners of lines leave specks beside them, which are no strokes.
    strokes = [
        _lengthened(stroke, is_line)
        for stroke in _traced(thinned(is_line & ~near), labels.shape[1], step_px)
        if np.hypot(*(stroke[-1] - stroke[0])) >= _LEAST_PX or _stands_alone(stroke, near, depth)
    ]
    if not strokes:
        return replace(planar, half=half)
    points = np.concatenate(strokes)
    at = np.rint(points).astype(np.int64)
    label = labels[at[:, 1], at[:, 0]].astype(np.int32)
    lengths = np.array([len(s) for s in strokes])
    middle = np.cumsum(lengths) - lengths + lengths // 2
    sides = label[middle]
    return PlanarMap(
        points=np.concatenate([planar.points, points]),
        offsets=np.concatenate([planar.offsets, planar.offsets[-1] + np.cumsum(lengths)]),
        left=np.concatenate([planar.left, sides]),
        right=np.concatenate([planar.right, sides]),
        ends=np.concatenate([planar.ends, np.full((len(strokes), 2), -1, np.int64)]),
        half=np.concatenate([half, _depth_at(depth, points)]),
        ink=np.zeros(len(planar.points) + len(points), np.uint8),
    )


def thinned(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The skeleton of `mask`, one pixel wide, as flat positions (Guo and Hall 1989, on pixel lists)."""
    width = mask.shape[1]
    grid = np.pad(mask, 1)
    flat = grid.ravel()
    steps = [dy * (width + 2) + dx for dx, dy in _NEIGHBORS]
    at = np.flatnonzero(flat)
    is_changing = True
    while is_changing and len(at):
        is_changing = False
        for side in (3, 1):
            ring = np.stack([flat[at + s] for s in steps])  # from above, clockwise
            goes = _is_rim(ring, side)
            if goes.any():
                flat[at[goes]] = False
                at = at[~goes]
                is_changing = True
    y, x = np.divmod(at, width + 2)
    return (y - 1) * width + (x - 1) if len(at) else np.zeros(0, np.int64)


def _is_rim(ring: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Which pixels may go at once, given their neighbors `[8, P]`: those on two sides of lines or areas.

    `side` 1 takes those to the upper left, 3 those to the lower right.
    """
    edges, corners = ring[::2], ring[1::2]
    after = np.roll(edges, -1, 0)
    pieces = (~edges & (corners | after)).sum(0)
    pairs = np.minimum((np.roll(corners, 1, 0) | edges).sum(0), (edges | corners).sum(0))
    beyond = (edges[(side + 3) % 4] | corners[(side + 3) % 4] | ~corners[side]) & edges[side]
    return np.asarray((pieces == 1) & (pairs >= 2) & (pairs <= 3) & ~beyond)


def draw_segments(
    canvas: NDArray[np.generic], starts: Points, ends: Points, thickness: NDArray[np.int64], *, value: int
) -> None:
    """Straight strokes from `starts` to `ends` `[S, 2]`, `thickness` `[S]` pixels wide, in place."""
    corners = np.rint(np.stack([starts, ends], 1) * 8).astype(np.int32)  # [S, 2, 2]
    for width in np.unique(thickness).tolist():
        pieces = list(corners[thickness == width])
        cv2.polylines(canvas, pieces, False, value, int(width), cv2.LINE_8, 3)  # type: ignore[arg-type]  # any depth


def _accounted(planar: PlanarMap, half: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Pixels within the lines that run along arcs."""
    reached = np.zeros(shape, np.uint8)
    first = np.setdiff1d(np.arange(len(planar.points)), planar.offsets[1:] - 1)
    thickness = np.ceil(2 * (np.maximum(half[first], half[first + 1]) + _BESIDE_PX)).astype(np.int64)
    draw_segments(reached, planar.points[first], planar.points[first + 1], thickness, value=1)
    return reached.astype(bool)


def _depth_at(depth: NDArray[np.float32], points: Points) -> NDArray[np.float32]:
    """The largest depth among the four pixels around each point."""
    height, width = depth.shape
    low = np.floor(points).astype(np.int64)
    found = np.zeros(len(points), np.float32)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = np.clip(low[:, 0] + dx, 0, width - 1), np.clip(low[:, 1] + dy, 0, height - 1)
        np.maximum(found, depth[y, x], out=found)
    return found


def _traced(skeleton: NDArray[np.int64], width: int, step_px: float) -> list[Points]:
    """The paths of a skeleton between its ends and forks, a vertex about every `step_px`."""
    pixels = set(skeleton.tolist())
    steps = [dy * width + dx for dx, dy in _NEIGHBORS]
    beside = {p: [p + s for s in steps if p + s in pixels] for p in pixels}
    left = {(p, q) for p in pixels for q in beside[p]}
    paths: list[list[int]] = []

    def walk(p: int, q: int) -> None:
        path = [p]
        while (p, q) in left:
            left.discard((p, q))
            left.discard((q, p))
            path.append(q)
            onward = [r for r in beside[q] if r != p]
            if len(onward) != 1:
                break
            p, q = q, onward[0]
        paths.append(path)

    for p in sorted(pixels):
        if len(beside[p]) != 2:
            for q in beside[p]:
                if (p, q) in left:
                    walk(p, q)
            if not beside[p]:
                paths.append([p, p])
    for p, q in sorted(left):
        if (p, q) in left:
            walk(p, q)
    return [_resampled(np.array(path), width, step_px) for path in paths]


def _stands_alone(stroke: Points, near: NDArray[np.bool_], depth: NDArray[np.float32]) -> bool:
    """Whether a short stroke is a blot, away from the lines along arcs."""
    x, y = np.rint(stroke[0]).astype(int).tolist()
    around = near[max(0, y - _APART_PX) : y + _APART_PX + 1, max(0, x - _APART_PX) : x + _APART_PX + 1]
    return not around.any() and float(_depth_at(depth, stroke).max()) > _BLOT_PX


def _lengthened(points: Points, is_line: NDArray[np.bool_]) -> Points:
    """A stroke with its ends run on to where the ink ends: thinning, and lines it runs into, cut them."""
    ends: list[Points] = []
    for tip, inner in (
        (points[0], points[min(2, len(points) - 1)]),
        (points[-1], points[-min(3, len(points))]),
    ):
        way = tip - inner
        length = float(np.hypot(*way))
        steps = np.arange(1, _RUN_ON_PX + 1)[:, None] * way / max(length, 1e-6)
        at = np.rint(tip + steps).astype(np.int64)
        is_in = (at >= 0).all(1) & (at < is_line.shape[::-1]).all(1)
        at = np.clip(at, 0, [is_line.shape[1] - 1, is_line.shape[0] - 1])
        n = int(np.cumprod(is_in & is_line[at[:, 1], at[:, 0]]).sum()) if length > 0 else 0
        ends.append((tip + steps[max(n - 1, 0) : n]).astype(np.float32))
    return np.concatenate([ends[0], points, ends[1]])


def _resampled(path: NDArray[np.int64], width: int, step_px: float) -> Points:
    y, x = np.divmod(path, width)
    points = np.stack([x, y], 1).astype(np.float32)
    pieces = max(1, round(len(points) / step_px))
    return points[np.rint(np.linspace(0, len(points) - 1, pieces + 1)).astype(np.int64)]
