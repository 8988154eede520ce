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

Packed = NDArray[np.uint32]

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
    """A picture in the making: `paint` and `line` packed colors; `is_open` where nothing lies, `is_key` where
    the key's own pixels stand."""

    paint: Packed
    line: Packed
    is_open: NDArray[np.bool_]
    is_key: NDArray[np.bool_]


def draw_between(span: Span, between: Between, fell_back: tuple[FellBack, ...]) -> DrawnInbetween:
    """The drawing at `between.time`."""
    shares = between.time, 1 - between.time
    first = _side(span.first, span.forth, shares[0], span.bends[0])
    second = _side(span.second, span.back, shares[1], span.bends[1])
    near, far = (second, first) if between.time >= 0.5 else (first, second)
    key = near.key
    picture = _packed(key.table)[key.codes]
    window = _window(first, second)
    canvas = None
    if not window.is_empty:
        canvas = _drawn(near, span.held, window)
        if int(canvas.is_open.sum()) >= _LEAST_HOLE_PX:
            _fill(canvas, far, span.held, window)
        _close(canvas.paint, canvas.is_open, key.labels.shape[0] if near.way.ground else 0)
        shown = _packed(over(_unpacked(canvas.paint), _unpacked(canvas.line)))
        picture[window.cut] = np.where(canvas.is_key, picture[window.cut], shown)
    if not key.has_line:
        return DrawnInbetween(between.layer, between.name, _unpacked(picture), None, None, fell_back)
    paint, line = _packed(key.colors[key.color])[key.labels - 1], _lines(key, key.coverage, key.ink)
    if canvas is not None:
        paint[window.cut], line[window.cut] = canvas.paint, canvas.line
    layers = _unpacked(picture), _unpacked(paint), _unpacked(line)
    return DrawnInbetween(between.layer, between.name, *layers, fell_back)


def _side(key: KeyMap, way: Way, share: float, bend: Bend | None) -> _Side:
    front, behind = way.at(share, bend)
    return _Side(key, way, _pairs(front), _pairs(behind))


def _window(*sides: _Side) -> Window:
    """Where anything moves, or moved from or will move to."""
    points: list[NDArray[np.float32]] = []
    for side in sides:
        moves = ~side.way.sheet.still & (side.key.planar.left[side.key.planar.arc_of()] > 0)
        points += [side.key.planar.points[moves], side.front[moves], side.behind[moves]]
    height, width = sides[0].key.labels.shape
    margin = max(float(side.key.planar.half.max(initial=0)) for side in sides) + _MARGIN_PX
    return Window.around(np.concatenate(points), margin, (width, height))


def _packed(colors: Pixels) -> Packed:
    """Colors `[..., 4]` as one number each."""
    return np.ascontiguousarray(colors).view(np.uint32)[..., 0]


def _unpacked(colors: Packed) -> Pixels:
    """Packed colors as uint8 `[..., 4]`."""
    return np.ascontiguousarray(colors)[..., None].view(np.uint8)


def _lines(key: KeyMap, coverage: Pixels, ink: Pixels) -> Packed:
    """The packed line layer of `coverage` in the key's inks."""
    table = np.repeat(key.inks[:, None], 256, 1)
    table[:, :, 3] = np.arange(256)
    table[:, 0] = 0
    lut = _packed(table).ravel()
    if len(key.inks) == 1:
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
    line = _unpacked(_lines(key, key.coverage, key.ink)) if key.has_line else None
    return KeyPicture(_unpacked(_packed(key.table)[key.codes]), line)


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
    return _Canvas(_packed(colors)[drawn.labels], _lines(key, coverage, ink), is_open, is_key)


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


def _fill(upper: _Canvas, far: _Side, held: NDArray[np.bool_], window: Window) -> None:
    """Puts what the other key shows where nothing of `upper` lies, in place."""
    cut = _box(upper.is_open, 0)
    part = Window(*(int(v) for v in (cut[1].start, cut[0].start, cut[1].stop, cut[0].stop)))
    lower = _drawn(far, held, part.moved(window.x0, window.y0))
    seen = np.nonzero(upper.is_open[cut] & ~lower.is_open)
    upper.paint[cut][seen] = lower.paint[seen]
    free = np.nonzero(upper.is_open[cut] & ~lower.is_open & (upper.line[cut] == 0))
    upper.line[cut][free] = lower.line[free]
    upper.is_open[cut][seen] = False


def _close(paint: Packed, is_open: NDArray[np.bool_], height: int) -> None:
    """Gives slits that neither key explains the color beside them, in place.

    In a picture of `height` whose ground is known wider openings show it; with height 0 they close as well.
    """
    slits, margin = is_open, max(is_open.shape)
    if height and is_open.any():
        side = 2 * max(1, round(height * _SLIT_SHARE)) + 1
        kernel = np.ones((side, side), np.uint8)
        slits = is_open & (cv2.morphologyEx(is_open.astype(np.uint8), cv2.MORPH_OPEN, kernel) == 0)
        margin = 2 * side
    if not slits.any() or is_open.all():
        return
    cut = _box(slits, margin)
    part = paint[cut]
    at = np.nonzero(slits[cut])
    part[at] = part.ravel()[nearest_of(~is_open[cut])[at]]


def _box(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns of everything in `mask`, and a margin."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _pairs(points: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([points.real, points.imag], -1).astype(np.float32)
