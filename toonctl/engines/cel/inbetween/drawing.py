"""An inbetween drawn from its span: the nearer key's map moved, the other's under its holes, lines on top."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Between, FellBack, Pixels
from toonctl.engines.base import DrawnInbetween, KeyPicture
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.inbetween.way import Bend, Way
from toonctl.regions.color_table import nearest_of, premultiplied
from toonctl.regions.redraw import Drawn, Window, redraw, sides_by_color

_LEAST_HOLE_PX = 7
_SLIT_SHARE = 1 / 180
_MARGIN_PX = 6.0


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


@dataclass(frozen=True, slots=True)
class _Canvas:
    """A picture in the making: `paint` RGBA, `coverage` and RGB `ink` of its lines; `is_open` where nothing
    lies, `is_key` where the key's own pixels stand."""

    paint: Pixels
    coverage: Pixels
    ink: Pixels
    is_open: NDArray[np.bool_]
    is_key: NDArray[np.bool_]


def draw_between(span: Span, between: Between, fell_back: tuple[FellBack, ...]) -> DrawnInbetween:
    """The drawing at `between.time`."""
    shares = between.time, 1 - between.time
    first = _side(span.first, span.forth, shares[0], span.bends[0])
    second = _side(span.second, span.back, shares[1], span.bends[1])
    near, far = (second, first) if between.time >= 0.5 else (first, second)
    key = near.key
    picture, paint, line = _as_it_is(key)
    window = _window(first, second)
    if not window.is_empty:
        canvas = _drawn(near, span.held, window)
        if int(canvas.is_open.sum()) >= _LEAST_HOLE_PX:
            canvas = _filled(canvas, far, span.held, window)
        drawn = _closed(canvas.paint, canvas.is_open, key.labels.shape[0] if near.way.ground else 0)
        lines = np.concatenate([canvas.ink, canvas.coverage[..., None]], -1)
        shown = over(drawn, lines)
        picture[window.cut] = np.where(canvas.is_key[..., None], picture[window.cut], shown)
        paint[window.cut], line[window.cut] = drawn, lines
    if not key.has_line:
        return DrawnInbetween(between.layer, between.name, picture, None, None, fell_back)
    return DrawnInbetween(between.layer, between.name, picture, paint, line, fell_back)


def _side(key: KeyMap, way: Way, share: float, bend: Bend | None) -> _Side:
    front, behind = way.at(share, bend)
    return _Side(key, way, _pairs(front), _pairs(behind))


def _as_it_is(key: KeyMap) -> tuple[Pixels, Pixels, Pixels]:
    """The key's picture, paint and line layer; the last two empty where it has no line layer."""
    shown = picture_of(key)
    if shown.line is None:
        return shown.picture, np.zeros_like(shown.picture), np.zeros_like(shown.picture)
    return shown.picture, _taken(key.colors[key.color], key.labels - 1), shown.line


def _window(*sides: _Side) -> Window:
    """Where anything moves, or moved from or will move to."""
    points: list[NDArray[np.float32]] = []
    for side in sides:
        moves = ~side.way.sheet.still & (side.key.planar.left[side.key.planar.arc_of()] > 0)
        points += [side.key.planar.points[moves], side.front[moves], side.behind[moves]]
    height, width = sides[0].key.labels.shape
    margin = max(float(side.key.planar.half.max(initial=0)) for side in sides) + _MARGIN_PX
    return Window.around(np.concatenate(points), margin, (width, height))


def _taken(table: Pixels, index: NDArray[np.generic]) -> Pixels:
    """The colors `[K, 4]` at `index` `[H, W]`."""
    packed = np.ascontiguousarray(table).view(np.uint32)[:, 0]
    return np.take(packed, index)[..., None].view(np.uint8)


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
    line = None
    if key.has_line:
        line = _taken(key.inks, key.ink)
        line[..., 3] = key.coverage
        line[key.coverage == 0] = 0
    return KeyPicture(_taken(key.table, key.codes), line)


def _drawn(side: _Side, held: NDArray[np.bool_], window: Window) -> _Canvas:
    key, sheet = side.key, side.way.sheet
    height, width = key.labels.shape
    drawn = redraw(sheet, side.front, side.behind, (width, height), window=window)
    colors = np.concatenate([np.zeros((1, 4), np.uint8), key.colors[key.color]])
    sides_by_color(sheet, drawn, lambda at: _shown(key, at), premultiplied(colors))
    found, which = _sampled(key, drawn.source)
    coverage, ink = np.zeros(drawn.labels.shape, np.uint8), np.zeros(drawn.labels.shape, np.uint8)
    coverage.ravel()[drawn.at], ink.ravel()[drawn.at] = found, which
    labels = key.labels[window.cut]
    is_key = _kept(side, drawn, held[window.cut], labels)
    at = np.nonzero(is_key)
    drawn.labels[at], coverage[at], ink[at] = (
        labels[at],
        key.coverage[window.cut][at],
        key.ink[window.cut][at],
    )
    is_open = drawn.labels == 0
    if side.way.ground:
        is_open |= (drawn.labels == side.way.ground) & (labels != side.way.ground)
    inks = np.zeros((*ink.shape, 3), np.uint8)
    if len(key.inks):
        lined = np.nonzero(coverage)
        inks[lined] = key.inks[:, :3][ink[lined]]
    return _Canvas(_taken(colors, drawn.labels), coverage, inks, is_open, is_key)


def _kept(
    side: _Side, drawn: Drawn, held: NDArray[np.bool_], labels: NDArray[np.uint16]
) -> NDArray[np.bool_]:
    """Where the key's own pixels stand: both keys show them, and nothing that moves has come over them."""
    key, sheet = side.key, side.way.sheet
    kept = held & (drawn.labels == labels)
    arc = sheet.planar.arc_of()
    rests = np.zeros(key.n + 1, bool)
    for sides in (sheet.planar.left, sheet.planar.right):
        rests[sides[arc[sheet.still]]] = True
    is_still = sheet.still[drawn.piece] & sheet.still[drawn.piece + 1]
    kept.ravel()[drawn.at] = is_still & rests[drawn.labels.ravel()[drawn.at]] & held.ravel()[drawn.at]
    return kept


def _sampled(key: KeyMap, source: NDArray[np.float32]) -> tuple[Pixels, Pixels]:
    """Coverage and ink of the key at places x, y `[P, 2]`; a hard line stays hard."""
    n = len(source)
    if not n or not key.coverage.any():
        return np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    block = np.pad(source, ((0, -n % 1024), (0, 0))).reshape(-1, 1024, 2)
    found = cv2.remap(key.coverage, block, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    coverage = np.asarray(found, np.uint8).ravel()[:n]
    if key.is_hard:
        coverage = np.where(coverage >= 128, 255, 0).astype(np.uint8)
    if len(key.inks) < 2:
        return coverage, np.zeros(n, np.uint8)
    inks = cv2.remap(key.ink, block, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return coverage, np.asarray(inks, np.uint8).ravel()[:n]


def _shown(key: KeyMap, places: NDArray[np.float32]) -> NDArray[np.float32]:
    """The key's picture at places x, y `[P, 2]`, premultiplied, between pixels linearly."""
    height, width = key.labels.shape
    x, y = np.clip(places[:, 0], 0, width - 1.001), np.clip(places[:, 1], 0, height - 1.001)
    column, row = x.astype(np.int64), y.astype(np.int64)
    table = premultiplied(key.table)
    along, down = (x - column)[:, None], (y - row)[:, None]
    upper = table[key.codes[row, column]] * (1 - along) + table[key.codes[row, column + 1]] * along
    lower = table[key.codes[row + 1, column]] * (1 - along) + table[key.codes[row + 1, column + 1]] * along
    return (upper * (1 - down) + lower * down).astype(np.float32)


def _filled(upper: _Canvas, far: _Side, held: NDArray[np.bool_], window: Window) -> _Canvas:
    """`upper`, and what the other key shows where nothing of it lies."""
    holes = upper.is_open
    rows, columns = np.flatnonzero(holes.any(1)), np.flatnonzero(holes.any(0))
    cut = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    x0, y0 = window.x0 + int(columns[0]), window.y0 + int(rows[0])
    lower = _drawn(far, held, Window(x0, y0, x0 + len(holes[cut][0]), y0 + len(holes[cut])))
    seen = holes[cut] & ~lower.is_open
    free = seen & (upper.coverage[cut] == 0)
    upper.paint[cut][seen] = lower.paint[seen]
    upper.coverage[cut][free], upper.ink[cut][free] = lower.coverage[free], lower.ink[free]
    upper.is_open[cut][seen] = False
    return upper


def _closed(paint: Pixels, is_open: NDArray[np.bool_], height: int) -> Pixels:
    """Paint with slits that neither key explains taking the color beside them.

    In a picture of `height` whose ground is known wider openings show it; with height 0 they close as well.
    """
    slits = is_open
    if height:
        side = 2 * max(1, round(height * _SLIT_SHARE)) + 1
        slits = is_open & ~cv2.morphologyEx(
            is_open.astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8)
        ).astype(bool)
    if not slits.any() or is_open.all():
        return paint
    at = np.nonzero(slits)
    paint[at] = paint.reshape(-1, 4)[nearest_of(~is_open)[at]]
    return paint


def _pairs(points: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([points.real, points.imag], -1).astype(np.float32)
