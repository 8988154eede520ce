"""The pen of every arc: where its line's middle lies to a fraction of a pixel, how wide it is, which ink.

Letters: V vertices, S samples across a line.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.planar import PlanarMap

Floats = NDArray[np.float32]

_REACH_AT_540 = 8.0
_STEP_PX = 0.5
_CENTER_PX = 1.5
_FAINT = 20.0
_RISE = 12.0
_NEAR_END = 2
_EDGE_PX = 2.0
_MOST_SHIFT_PX = 1.5
_LEAST_WIDTH_PX = 0.35
_MOST_OF_MEDIAN = 1.3
_SLACK_PX = 0.8
_LEAST_ARM = 4
_STRAIGHT = 0.85
_CLEAR = 0.6
_SHORT = 6
_MOST_OF_USUAL = 1.15
_JOINT_PX = 4.0
_CONTRAST = 400.0
_LEAST_EDGE = 20
_MIXED = 0.12
_SOFT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as numbers `codes` `[H, W]` of its colors `table` float32 `[K, 4]`, both premultiplied.

    `colors` `[n + 1, 4]` are those of its regions by label.
    """

    table: Floats
    codes: NDArray[np.int32]
    colors: Floats

    def is_soft(self, planar: PlanarMap) -> bool:
        """Whether colors that meet without a line mix where they meet."""
        arc = planar.arc_of()
        left, right = self.colors[planar.left[arc]], self.colors[planar.right[arc]]
        way = right - left
        power = (way * way).sum(1)
        bare = np.flatnonzero((planar.half == 0) & (power > _CONTRAST) & (planar.left[arc] > 0))
        if len(bare) < _LEAST_EDGE:
            return False
        height, width = self.codes.shape
        at = np.floor(planar.points[bare]).astype(np.int64)
        is_mixed = np.zeros(len(bare), bool)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            x, y = np.clip(at[:, 0] + dx, 0, width - 1), np.clip(at[:, 1] + dy, 0, height - 1)
            share = ((self.table[self.codes[y, x]] - left[bare]) * way[bare]).sum(1) / power[bare]
            is_mixed |= (share > _MIXED) & (share < 1 - _MIXED)
        return bool(is_mixed.mean() > _SOFT_SHARE)


def with_pens(
    planar: PlanarMap, coverage: Pixels, ink: Pixels, *, shown: Shown, is_ink: NDArray[np.bool_]
) -> PlanarMap:
    """`planar` with its vertices on the middle of their lines, half the lines' widths and their inks.

    `coverage` `[H, W]` of the lines and `ink` their numbers. `is_ink` `[n + 1]` are regions in the color of
    an ink: they need no line, and what lies on their rim is none. `planar.half` bounds the widths.
    """
    if not len(planar.points):
        return planar
    unit = coverage.shape[0] / 540
    normal = _normals(planar)
    width, aside = _across_lines(planar, coverage, normal, reach_px=_REACH_AT_540 * max(unit, 0.6))
    width, aside = _steadied(planar, width, aside)
    arc = planar.arc_of()
    width = np.minimum(width, 2 * planar.half + _SLACK_PX)
    bare = ~_mostly(width >= _LEAST_WIDTH_PX, arc) | is_ink[planar.left[arc]] | is_ink[planar.right[arc]]
    width[bare] = 0
    aside = np.where(bare, _across_edges(planar, shown, normal, np.flatnonzero(bare)), aside)
    aside[np.abs(aside) > _MOST_SHIFT_PX] = 0
    aside = aside * _from_ends(planar)
    points = planar.points + aside[:, None] * normal
    closed = np.flatnonzero((planar.ends[:, 0] < 0) & (planar.left != planar.right))
    points[planar.offsets[closed + 1] - 1] = points[planar.offsets[closed]]
    points = _straightened(planar, points.astype(np.float32))
    at = np.clip(np.rint(points), 0, [coverage.shape[1] - 1, coverage.shape[0] - 1]).astype(np.int64)
    return replace(
        planar,
        points=points.astype(np.float32),
        half=(width / 2).astype(np.float32),
        ink=_ink_by_arc(ink[at[:, 1], at[:, 0]], width > 0, arc),
    )


def _ink_by_arc(ink: Pixels, lined: NDArray[np.bool_], arc: NDArray[np.int64]) -> Pixels:
    """`ink` `[V]` with that of most of an arc's vertices everywhere along it, if it is far the most."""
    if not len(ink) or not int(ink.max()):
        return ink
    n = int(ink.max()) + 1
    votes = np.bincount((arc * n + ink)[lined], minlength=(int(arc.max()) + 1) * n).reshape(-1, n)
    is_clear = votes.max(1) > _CLEAR * votes.sum(1)
    return np.where(is_clear[arc], votes.argmax(1)[arc], ink).astype(np.uint8)


def _straightened(planar: PlanarMap, points: Floats) -> Floats:
    """`points` with junctions of three arcs on the line that runs through them, if one does.

    Areas grown under the lines meet off its middle, by half the width of the line that ends there.
    """
    count = np.diff(planar.offsets)
    ends = np.concatenate([planar.offsets[:-1], planar.offsets[1:] - 1])
    inward = np.repeat([1, -1], planar.n_arcs)
    node, room = planar.ends.T.ravel(), np.tile(count, 2)
    order = np.argsort(node, kind="stable")
    order = order[node[order] >= 0]
    _, first, degree = np.unique(node[order], return_index=True, return_counts=True)
    three = order[first[degree == 3][:, None] + np.arange(3)]  # [J, 3] ends at one junction
    three = three[(room[three] >= _LEAST_ARM).all(1) & (planar.left[three % planar.n_arcs] > 0).all(1)]
    if not len(three):
        return points
    tip, step = ends[three], inward[three]
    near, far = points[tip + step], points[tip + 2 * step]
    way = far - near
    way /= np.maximum(np.linalg.norm(way, axis=2), 1e-6)[..., None]
    pairs = np.array([(0, 1), (1, 2), (2, 0)])
    bend = -(way[:, pairs[:, 0]] * way[:, pairs[:, 1]]).sum(2)
    a, b = pairs[bend.argmax(1)].T
    rows = np.arange(len(three))
    through = (near[rows, a] + near[rows, b]) / 2 - (way[rows, a] + way[rows, b]) / 4
    is_through = (bend.max(1) > _STRAIGHT) & (np.linalg.norm(through - points[tip[:, 0]], axis=1) < _JOINT_PX)
    moved = points.copy()
    moved[tip[is_through].ravel()] = np.repeat(through[is_through], 3, 0)
    return moved


def _normals(planar: PlanarMap) -> Floats:
    """The direction to the right of the way at every vertex, `[V, 2]`, length 1."""
    arc = planar.arc_of()
    number = np.arange(len(arc))
    after = np.minimum(number + 1, planar.offsets[arc + 1] - 1)
    before = np.maximum(number - 1, planar.offsets[arc])
    way = planar.points[after] - planar.points[before]
    way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)[:, None]
    return np.stack([-way[:, 1], way[:, 0]], 1)


def _across(points: Floats, normal: Floats, reach_px: float) -> Floats:
    """Places x, y across the way at every one of `points`, from the left to the right, `[V, S, 2]`."""
    steps = np.arange(-round(reach_px / _STEP_PX), round(reach_px / _STEP_PX) + 1) * _STEP_PX
    return (points[:, None] + steps[None, :, None] * normal[:, None]).astype(np.float32)


def _profiles(picture: NDArray[np.generic], places: Floats) -> Floats:
    """`picture` at `places` `[V, S, 2]`, `[V, S, ...]`."""
    found: list[NDArray[np.generic]] = []
    for first in range(0, len(places), 16384):
        part = places[first : first + 16384]
        found.append(
            cv2.remap(picture, part, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        )
    return np.concatenate(found).astype(np.float32)


def _across_lines(
    planar: PlanarMap, coverage: Pixels, normal: Floats, *, reach_px: float
) -> tuple[Floats, Floats]:
    """By vertex the width of the line there, and how far to the right of it the line's middle lies."""
    seen = _profiles(coverage, _across(planar.points, normal, reach_px))
    n, middle = len(seen), seen.shape[1] // 2
    near = round(_CENTER_PX / _STEP_PX)
    tried = np.argsort(np.abs(np.arange(-near, near + 1)), kind="stable") - near
    top = middle + tried[seen[:, middle + tried].argmax(1)]
    last = seen[np.arange(n), top]
    total, moment = last.copy(), last * (top - middle)
    for way in (-1, 1):
        rows, at, before = np.arange(n), top + way, last
        for _ in range(middle):
            is_in = (at >= 0) & (at < seen.shape[1])
            rows, at, before = rows[is_in], at[is_in], before[is_in]
            value = seen[rows, at]
            # What rises again is the next line.
            goes = (value > _FAINT) & (value <= before + _RISE)
            rows, at, before, value = rows[goes], at[goes], before[goes], value[goes]
            total[rows] += value
            moment[rows] += value * (at - middle)
            at, before = at + way, np.minimum(before, value)
    aside = moment / np.maximum(total, 1e-6) * _STEP_PX
    return (total * (_STEP_PX / 255)).astype(np.float32), aside.astype(np.float32)


def _steadied(planar: PlanarMap, width: Floats, aside: Floats) -> tuple[Floats, Floats]:
    """Without what crossing lines add: near junctions an arc keeps its pen from further in."""
    arc = planar.arc_of()
    first, last = planar.offsets[arc], planar.offsets[arc + 1] - 1
    number = np.arange(len(arc))
    has_ends = planar.ends[arc, 0] >= 0
    room = np.where(has_ends, np.minimum(_NEAR_END, (last - first) // 2), 0)
    source = np.clip(number, first + room, last - room)
    width, aside = width[source], aside[source]
    order = np.lexsort((width, arc))
    median = width[order][(first + last) // 2]
    width = np.minimum(width, np.maximum(_MOST_OF_MEDIAN * median, 1.0))
    # Short arcs lie within the lines that meet there: their own pen cannot be told from those.
    is_short = (last - first < _SHORT) & has_ends
    is_known = ~is_short & (width >= _LEAST_WIDTH_PX)
    if is_known.any():
        usual = _MOST_OF_USUAL * float(np.median(width[is_known]))
        width = np.where(is_short, np.minimum(width, usual), width)
    return width.astype(np.float32), aside


def _across_edges(planar: PlanarMap, shown: Shown, normal: Floats, which: NDArray[np.int64]) -> Floats:
    """How far to the right of the vertices `which` the edge between their two sides' colors lies, `[V]`."""
    arc = planar.arc_of()[which]
    left, right = shown.colors[planar.left[arc]], shown.colors[planar.right[arc]]
    way = right - left
    power = (way * way).sum(1)
    aside = np.zeros(len(planar.points), np.float32)
    is_edge = (power > 1) & (planar.left[arc] > 0)
    if not is_edge.any():
        return aside
    which, left, way, power = which[is_edge], left[is_edge], way[is_edge], power[is_edge]
    places = _across(planar.points[which], normal[which], _EDGE_PX)
    # Only what lies around them is looked up in the table of colors.
    corner = np.maximum(np.floor(places.min((0, 1))) - 1, 0)
    x, y = corner.astype(int).tolist()
    last_x, last_y = (np.ceil(places.max((0, 1))) + 2).astype(int).tolist()
    seen = _profiles(shown.table[shown.codes[y:last_y, x:last_x]], places - corner)
    share = ((seen - left[:, None]) * way[:, None]).sum(2) / np.maximum(power, 1)[:, None]
    share = np.clip(share, 0, 1)
    middle = share.shape[1] // 2
    step = np.arange(share.shape[1])
    ideal = np.where(step > middle, 1.0, np.where(step == middle, 0.5, 0.0))
    aside[which] = -(share - ideal).sum(1) * _STEP_PX
    return aside


def _mostly(values: NDArray[np.bool_], arc: NDArray[np.int64]) -> NDArray[np.bool_]:
    """What most of five neighbors along an arc say, `[V]`."""
    count, known = values.astype(np.int64), np.ones(len(values), np.int64)
    for step in (1, 2):
        joined = arc[step:] == arc[:-step]
        count[step:] += joined & values[:-step]
        count[:-step] += joined & values[step:]
        known[step:] += joined
        known[:-step] += joined
    return 2 * count > known


def _from_ends(planar: PlanarMap) -> Floats:
    """0 at junctions, which all their arcs share, 1 further in, `[V]`."""
    arc = planar.arc_of()
    number = np.arange(len(arc))
    away = np.minimum(number - planar.offsets[arc], planar.offsets[arc + 1] - 1 - number)
    is_round = (planar.ends[arc, 0] < 0) & (planar.left != planar.right)[arc]
    is_edge = (planar.left == 0)[arc]
    return np.where(is_edge, 0, np.where(is_round, 1, np.minimum(away, 1))).astype(np.float32)
