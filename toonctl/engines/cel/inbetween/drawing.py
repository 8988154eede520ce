"""An inbetween drawn from its span: which part shows where is decided first, then its lines are drawn.

The nearer key's regions are moved and painted as labels, the other key's under their holes. All lines then
come from the boundaries of that one map.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Between, FellBack, Pixels
from toonctl.engines.base import DrawnInbetween, KeyPicture
from toonctl.engines.cel.inbetween.reading import STEP_AT_540, KeyMap, look_alike
from toonctl.engines.cel.inbetween.way import Bend, Way
from toonctl.regions.color_table import filled, nearest_of, premultiplied
from toonctl.regions.contours import Guides, Pieces, all_guides, boundaries, guides_along, strokes_of
from toonctl.regions.equal import equal_areas
from toonctl.regions.penwork import KeyLines, inked, soft_edges
from toonctl.regions.redraw import Window, painted, pulled_out
from toonctl.regions.strokes import draw_segments

Packed = NDArray[np.uint32]
Labels = NDArray[np.uint16]
_Lines = TypeVar("_Lines", Guides, Pieces)

_LEAST_HOLE_PX = 7
_SLIT_SHARE = 1 / 180
_MARGIN_PX = 6.0
_CRUMB_AT_540 = 12
_FAR_DOUBT_PX = 4.0
_FULLER = 1.05
_THREAD_ROUNDS = 2
_MOSTLY = 0.7


@dataclass(frozen=True, slots=True)
class Span:
    """Two keys of one layer and the way of each to the other; `held` bool `[H, W]` where they show
    the same, `bends` of both ways through further keys."""

    first: KeyMap
    second: KeyMap
    forth: Way
    back: Way
    held: NDArray[np.bool_]
    bends: tuple[Bend | None, Bend | None]


@dataclass(frozen=True, slots=True)
class _Side:
    """A key, its way, and where its vertices are: in front, and as back sides of split arcs."""

    key: KeyMap
    way: Way
    front: NDArray[np.float32]
    behind: NDArray[np.float32]

    def labels(self, window: Window) -> Labels:
        """Its regions as they have moved, within `window`."""
        return painted(self.way.sheet, self.front, self.behind, window=window)

    def hidden(self, other: "_Side", window: Window) -> Labels:
        """Its regions of which `other` shows less or nothing, because it covers them; 0 elsewhere."""
        way = self.way
        area = np.concatenate([[0], other.key.view.area])[way.matched]
        is_less = way.covered & (area * _FULLER < self.key.view.area * np.abs(way.motions.turn) ** 2)
        if not is_less.any():
            return np.zeros((window.y1 - window.y0, window.x1 - window.x0), np.uint16)
        kept = [(r, outlines) for r, outlines in way.sheet.rings if is_less[r - 1]]
        sheet = replace(way.sheet, rings=tuple(kept), base=0)
        return painted(sheet, self.front, self.behind, window=window)

    def is_open(self, labels: Labels, window: Window) -> NDArray[np.bool_]:
        """Where nothing of the key has moved to, ground that moving parts have left included."""
        is_open = labels == 0
        if ground := self.way.ground:
            is_open |= (labels == ground) & (self.key.labels[window.cut] != ground)
        return is_open

    def guides(self, labels: NDArray[np.int64], doubt: float) -> list[Guides]:
        """Its moved outlines, under the new names `labels`."""
        sheet = self.way.sheet
        planar = sheet.planar
        bounds = np.flatnonzero((planar.left != planar.right) & (planar.left > 0))
        split = np.flatnonzero(sheet.front > 0)
        return [
            guides_along(planar, self.front, sheet.still, arcs=bounds, labels=labels, doubt=doubt),
            guides_along(
                planar, self.behind, np.zeros_like(sheet.still), arcs=split, labels=labels, doubt=doubt + 1
            ),
        ]


@dataclass(frozen=True, slots=True)
class _Decided:
    """Which part shows where within `window`: `labels` `[h, w]`, those of the nearer key 1..n, of the other
    n + 1.. ; `names` gives these for the other key's labels, `is_far` where its parts fill holes."""

    window: Window
    labels: Labels
    names: NDArray[np.int64]
    is_far: NDArray[np.bool_]


def draw_between(span: Span, between: Between, fell_back: tuple[FellBack, ...]) -> DrawnInbetween:
    """The drawing at `between.time`."""
    shares = between.time, 1 - between.time
    first = _side(span.first, span.forth, shares[0], span.bends[0])
    second = _side(span.second, span.back, shares[1], span.bends[1])
    near, far = (second, first) if between.time >= 0.5 else (first, second)
    key = near.key
    picture = _packed(key.table)[key.codes]
    window = _window(first, second)
    paint = line = None
    if key.has_line:
        paint, line = _packed(_colors(key))[key.labels - 1], _lines(key.inks, key.coverage, key.ink)
    if not window.is_empty:
        decided = _decided(near, far, window)
        kept = span.held[window.cut] & (decided.labels == key.labels[window.cut]) & _at_rest(near)[window.cut]
        pieces = _pieces(near, far, decided)
        colors = np.concatenate([np.zeros((1, 4), np.uint8), key.colors[key.color], _colors(far.key)])
        shown = _packed(colors)[decided.labels]
        own = KeyLines(near.key.coverage, near.key.ink, 0)
        theirs = KeyLines(far.key.coverage, far.key.ink, len(near.key.inks))
        coverage, ink = inked(pieces, window, decided.labels, kept, (own, theirs))
        if key.is_hard:
            coverage = np.where(coverage >= 128, 255, 0).astype(np.uint8)
        drawn = _lines(np.concatenate([key.inks, far.key.inks]), coverage, ink)
        if paint is not None and line is not None:
            paint[window.cut] = shown
            still = np.where(kept, line[window.cut], np.uint32(0))
            line[window.cut] = _packed(over(_unpacked(still), _unpacked(drawn)))
        if key.is_soft:
            shown = _softened(shown, colors, soft_edges(pieces, window, decided.labels, kept))
        shown = np.where(kept, picture[window.cut], shown)
        picture[window.cut] = _packed(over(_unpacked(shown), _unpacked(drawn)))
    layers = None if paint is None else _unpacked(paint), None if line is None else _unpacked(line)
    return DrawnInbetween(between.layer, between.name, _unpacked(picture), *layers, fell_back)


def arrived(key: KeyMap, way: Way) -> Pixels:
    """The flat colors of `key` when all of the way is done, RGBA `[H, W, 4]`; clear where nothing is."""
    height, width = key.labels.shape
    labels = _side(key, way, 1.0, None).labels(Window(0, 0, width, height))
    return np.concatenate([np.zeros((1, 4), np.uint8), _colors(key)])[labels]


def flat_colors(key: KeyMap) -> Pixels:
    """The flat colors of `key` without its lines, RGBA `[H, W, 4]`."""
    return _colors(key)[key.labels - 1]


def _side(key: KeyMap, way: Way, share: float, bend: Bend | None) -> _Side:
    height, width = key.labels.shape
    points = way.sheet.planar.points
    front, behind = (pulled_out(points, _pairs(p), way.ends, (width, height)) for p in way.at(share, bend))
    return _Side(key, way, front, behind)


def _window(*sides: _Side) -> Window:
    """Where anything moves, or moved from or will move to."""
    points: list[NDArray[np.float32]] = []
    for side in sides:
        moves = ~side.way.sheet.still & (side.key.planar.left[side.key.planar.arc_of()] > 0)
        points += [side.key.planar.points[moves], side.front[moves], side.behind[moves]]
    height, width = sides[0].key.labels.shape
    margin = max(float(side.key.planar.half.max(initial=0)) for side in sides) + _MARGIN_PX
    return Window.around(np.concatenate(points), margin, (width, height))


def _decided(near: _Side, far: _Side, window: Window) -> _Decided:
    """The nearer key's parts, the other's where they leave holes, and no crumbs."""
    labels = near.labels(window)
    is_open = near.is_open(labels, window)
    is_far = np.zeros_like(is_open)
    names = _names(near, far)
    if int(is_open.sum()) >= _LEAST_HOLE_PX:
        cut = _box(is_open, 0)
        part = Window(cut[1].start, cut[0].start, cut[1].stop, cut[0].stop).moved(window.x0, window.y0)
        lower = far.labels(part)
        named = names[lower]
        # A part both keys show is drawn as the nearer has it; slits along its outline show no other.
        is_within = (labels[cut] == 0) | _within(is_open[cut], labels[cut], near.way.ground)
        is_whole = (named > near.key.n) & _mostly_seen(lower, is_open[cut], far)[lower]
        is_seen = is_open[cut] & (is_within | is_whole) & ~far.is_open(lower, part)
        is_seen = _wide(is_seen, near.key.labels.shape[0])
        seen = np.nonzero(is_seen)
        labels[cut][seen] = named[seen]
        is_open[cut][seen] = False
        is_far[cut][seen] = True
    if ground := near.way.ground:
        hidden = far.hidden(near, window)
        shows = _wide((hidden > 0) & (labels == ground), near.key.labels.shape[0])
        labels[shows] = names[hidden[shows]]
        is_open &= ~shows
        is_far |= shows
    _close(labels, is_open, near.way.ground, near.key.labels.shape[0])
    _drop_threads(labels, near.key.labels[window.cut], _narrow(near, far, names))
    return _Decided(window, _without_crumbs(labels, near.key.labels.shape[0]), names, is_far)


def _mostly_seen(labels: Labels, is_open: NDArray[np.bool_], side: _Side) -> NDArray[np.bool_]:
    """By label, whether most of a part shows through the openings: a mere piece of it would tell nothing."""
    seen = np.bincount(labels[is_open], minlength=side.key.n + 1)
    return seen[: side.key.n + 1] >= _MOSTLY * np.concatenate([[1], side.key.view.area])


def _within(is_open: NDArray[np.bool_], labels: Labels, ground: int) -> NDArray[np.bool_]:
    """The openings among parts, which do not run out into the `ground`: whatever is there, it is not that."""
    count, found = cv2.connectedComponents(is_open.astype(np.uint8), connectivity=4)
    opening = np.asarray(found, np.int32)
    is_out = ((labels == ground) & ~is_open).astype(np.uint8)
    beside = cv2.dilate(is_out, np.ones((3, 3), np.uint8)) > 0
    runs_out = np.zeros(count, bool)
    runs_out[opening[beside & is_open]] = True
    return is_open & ~runs_out[opening]


def _wide(mask: NDArray[np.bool_], height: int) -> NDArray[np.bool_]:
    """`mask` without slits."""
    core = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disc(height * 2 // 3))
    return mask & (cv2.dilate(core, np.ones((3, 3), np.uint8)) > 0)


def _disc(height: int) -> Pixels:
    """A disc as wide as the widest slit."""
    side = 2 * max(1, round(height * _SLIT_SHARE)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _names(near: _Side, far: _Side) -> NDArray[np.int64]:
    """By label of the other key, that of the same part in the nearer one, or a new one."""
    n, m = near.key.n, far.key.n
    names = n + np.arange(m + 1)
    names[0] = 0
    to = far.way.matched.astype(np.int64)
    near_colors = near.key.colors[near.key.color][np.maximum(to, 1) - 1]
    is_same = (to > 0) & look_alike(near_colors, _colors(far.key))
    names[1:][is_same] = to[is_same]
    if far.way.ground and near.way.ground:
        names[far.way.ground] = near.way.ground
    return names


def _colors(key: KeyMap) -> Pixels:
    """Colors by region, `[n, 4]`."""
    return key.colors[key.color]


def _at_rest(side: _Side) -> NDArray[np.bool_]:
    """Where the key has no line, or lines that stay."""
    key, sheet = side.key, side.way.sheet
    first = np.flatnonzero(sheet.still[:-1] & sheet.still[1:])
    arc = key.planar.arc_of()
    first = first[arc[first] == arc[first + 1]]
    near = np.zeros(key.labels.shape, np.uint8)
    thickness = np.ceil(2 * (key.planar.half[first] + 2)).astype(np.int64)
    draw_segments(near, key.planar.points[first], key.planar.points[first + 1], thickness, value=1)
    return (near > 0) | (key.coverage == 0)


def _pieces(near: _Side, far: _Side, decided: _Decided) -> Pieces:
    """All lines and bare edges of the drawing."""
    own = np.arange(near.key.n + 1)
    guides = near.guides(own, 0)
    place = np.full(near.key.n + far.key.n + 1, -1, np.int64)
    n_far = len(far.way.sheet.rings)
    place[: len(near.way.sheet.place)] = near.way.sheet.place + n_far
    strokes = [strokes_of(near.key.planar, near.front, own, near.way.sheet.still)]
    if decided.is_far.any():
        guides += [_of_far(found) for found in far.guides(decided.names, _FAR_DOUBT_PX)]
        strange = np.flatnonzero(decided.names > near.key.n)
        place[decided.names[strange]] = far.way.sheet.place[strange]
        # Folds of parts that only the other key shows.
        only_far = np.where(decided.names > near.key.n, decided.names, 0)
        theirs = strokes_of(far.key.planar, far.front, only_far, np.zeros_like(far.way.sheet.still))
        strokes.append(_of_far(theirs.where(theirs.sides[:, 0] > 0)))
    step = max(2.0, STEP_AT_540 * near.key.labels.shape[0] / 540)
    found = boundaries(decided.labels, decided.window, all_guides(guides), place=place, step_px=step)
    return Pieces.joined([_of_parts(found, near, _grounds(near, far, decided.names)), *strokes])


def _of_far(lines: _Lines) -> _Lines:
    """`lines` said to be the other key's."""
    return replace(lines, key=np.ones_like(lines.key))


def _grounds(near: _Side, far: _Side, names: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which labels of a drawing are ground or pockets of it."""
    grounds = np.zeros(near.key.n + far.key.n + 1, bool)
    grounds[names[1:][far.way.is_ground]] = True
    grounds[1 : near.key.n + 1] = near.way.is_ground
    return grounds


def _of_parts(pieces: Pieces, near: _Side, grounds: NDArray[np.bool_]) -> Pieces:
    """Without lines between pieces of one part, or of the ground, that did not touch in the key."""
    planar = near.key.planar
    n = near.key.n
    met = np.zeros((n + 1, n + 1), bool)
    met[planar.left, planar.right] = met[planar.right, planar.left] = True
    left, right = pieces.sides.T
    is_ground = grounds[left] & grounds[right]
    is_own = (left <= n) & (right <= n)
    left, right = np.where(is_own, left, 0), np.where(is_own, right, 0)
    goal = np.concatenate([[0], near.way.matched])
    is_one = is_ground | (is_own & (goal[left] > 0) & (goal[left] == goal[right]))
    return pieces.where(~(is_one & ~met[left, right]))


def _without_crumbs(labels: Labels, height: int) -> Labels:
    """`labels` without specks torn off larger parts."""
    least = round(_CRUMB_AT_540 * (height / 540) ** 2)
    areas = equal_areas(labels.astype(np.int32), least)
    count = np.bincount(labels.ravel())
    is_crumb = (areas == 0) & (count[labels] >= 3 * least)
    if not is_crumb.any() or is_crumb.all():
        return labels
    return filled(labels, ~is_crumb)


def _drop_threads(labels: Labels, before: Labels, narrow: NDArray[np.bool_]) -> None:
    """Gives what is a single pixel wide, and was not `before`, to what lies beside it, in place.

    Two outlines that run into each other leave such slivers, and lines would jump from one to the other.
    Labels that are `narrow` in their key may be.
    """
    is_wide = _no_threads(labels) | (labels == before) | narrow[labels]
    width = labels.shape[1]
    flat, wide = labels.ravel(), is_wide.ravel()
    threads = np.flatnonzero(~wide)
    for _ in range(_THREAD_ROUNDS):
        found = np.zeros(len(threads), bool)
        value = flat[threads].copy()
        for step in (-1, 1, -width, width):
            beside = np.clip(threads + step, 0, len(flat) - 1)
            is_there = ~found & wide[beside]
            value[is_there] = flat[beside[is_there]]
            found |= is_there
        flat[threads] = value
        wide[threads[found]] = True
        threads = threads[~found]


def _no_threads(labels: Labels) -> NDArray[np.bool_]:
    """Pixels of blocks of two by two of one label."""
    same = (labels[:-1] == labels[1:])[:, :-1] & (labels[:-1] == labels[1:])[:, 1:]
    same &= labels[:-1, :-1] == labels[:-1, 1:]
    is_wide = np.zeros(labels.shape, bool)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            is_wide[rows, columns] |= same
    return is_wide


def _narrow(near: _Side, far: _Side, names: NDArray[np.int64]) -> NDArray[np.bool_]:
    """By label of a drawing, whether the part is narrow in its key already: a rim, a rod."""
    narrow = np.zeros(near.key.n + far.key.n + 1, bool)
    narrow[names] = far.key.narrow
    narrow[: near.key.n + 1] = near.key.narrow
    return narrow


def _softened(
    shown: Packed, colors: Pixels, edges: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
) -> Packed:
    """`shown` with pixels on bare edges mixed of both sides' colors."""
    at, beyond, share = edges
    soft = shown.copy()
    own = premultiplied(_unpacked(shown.ravel()[at]).reshape(-1, 4))
    mixed = (1 - share[:, None]) * own + share[:, None] * premultiplied(colors[beyond])
    alpha = mixed[:, 3:]
    mixed[:, :3] *= 255 / np.maximum(alpha, 1)
    soft.ravel()[at] = _packed(np.rint(mixed).astype(np.uint8))
    return soft


def _packed(colors: Pixels) -> Packed:
    """Colors `[..., 4]` as one number each."""
    return np.ascontiguousarray(colors).view(np.uint32)[..., 0]


def _unpacked(colors: Packed) -> Pixels:
    """Packed colors as uint8 `[..., 4]`."""
    return np.ascontiguousarray(colors)[..., None].view(np.uint8)


def _lines(inks: Pixels, coverage: Pixels, ink: Pixels) -> Packed:
    """The packed line layer of `coverage` in the `inks` `[I, 4]` that `ink` numbers."""
    table = np.repeat(inks[:, None], 256, 1)
    table[:, :, 3] = np.arange(256)
    table[:, 0] = 0
    lut = _packed(table).ravel()
    if len(inks) == 1:
        return lut[coverage]
    return lut[ink.astype(np.uint16) * 256 + coverage]


def over(paint: Pixels, line: Pixels) -> Pixels:
    """`line` laid over `paint`, both RGBA with straight alpha `[H, W, 4]`."""
    out = paint.copy()
    at = np.flatnonzero(line[..., 3])
    below = paint.reshape(-1, 4)[at].astype(np.float32)
    above = line.reshape(-1, 4)[at].astype(np.float32)
    cover = above[:, 3:] / 255
    alpha = above[:, 3:] + below[:, 3:] * (1 - cover)
    color = (above[:, :3] * above[:, 3:] + below[:, :3] * below[:, 3:] * (1 - cover)) / np.maximum(alpha, 1)
    out.reshape(-1, 4)[at] = np.rint(np.concatenate([color, alpha], 1)).astype(np.uint8)
    return out


def picture_of(key: KeyMap) -> KeyPicture:
    """The key as it came."""
    line = _unpacked(_lines(key.inks, key.coverage, key.ink)) if key.has_line else None
    return KeyPicture(_unpacked(_packed(key.table)[key.codes]), line)


def _close(labels: Labels, is_open: NDArray[np.bool_], ground: int, height: int) -> None:
    """Gives slits between parts, which neither key explains, the part beside them, in place.

    Wider openings, and what moving parts left along their outlines, show the `ground`; without one (0) all
    close.
    """
    if not is_open.any() or is_open.all():
        return
    slits, margin = is_open, max(is_open.shape)
    if ground:
        disc = _disc(height)
        margin = disc.shape[0]
        parts = np.pad((labels != ground).astype(np.uint8), margin, mode="edge")
        closed = cv2.morphologyEx(parts, cv2.MORPH_CLOSE, disc)[margin:-margin, margin:-margin]
        slits = is_open & (closed > 0)
        if not slits.any():
            return
    cut = _box(slits, 2 * margin)
    part = labels[cut]
    free = (part != ground) & ~slits[cut] if ground else ~is_open[cut]
    if free.any():
        at = np.nonzero(slits[cut])
        part[at] = part.ravel()[nearest_of(free)[at]]


def _box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns of everything in `mask`, and a margin."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _pairs(points: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([points.real, points.imag], -1).astype(np.float32)
