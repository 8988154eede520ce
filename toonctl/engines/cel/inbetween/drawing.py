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
from toonctl.regions.redraw import Drawn, redraw, sides_by_color

_LEAST_HOLE_PX = 7
_SLIT_SHARE = 1 / 180


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
    near, far = (
        _Side(key, way, share, bend)
        for key, way, share, bend in zip(
            (span.first, span.second),
            (span.forth, span.back),
            (between.time, 1 - between.time),
            span.bends,
            strict=True,
        )
    )
    if between.time >= 0.5:
        near, far = far, near
    canvas = _drawn(near, span.held)
    if int(canvas.is_open.sum()) >= _LEAST_HOLE_PX:
        canvas = _filled(canvas, _drawn(far, span.held))
    paint = _closed(canvas.paint, canvas.is_open)
    line = np.concatenate([canvas.ink, canvas.coverage[..., None]], -1)
    picture = over(paint, line)
    key = near.key
    picture[canvas.is_key] = key.table[key.codes[canvas.is_key]]
    if not key.has_line:
        return DrawnInbetween(between.layer, between.name, picture, None, None, fell_back)
    return DrawnInbetween(between.layer, between.name, picture, paint, line, fell_back)


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
        line = np.concatenate([key.inks[key.ink][..., :3], key.coverage[..., None]], -1)
        line[key.coverage == 0] = 0
    return KeyPicture(key.table[key.codes], line)


@dataclass(frozen=True, slots=True)
class _Side:
    """A key, its way, and how much of it is done."""

    key: KeyMap
    way: Way
    share: float
    bend: Bend | None


def _drawn(side: _Side, held: NDArray[np.bool_]) -> _Canvas:
    key = side.key
    height, width = key.labels.shape
    front, behind = side.way.at(side.share, side.bend)
    drawn = redraw(side.way.sheet, _pairs(front), _pairs(behind), (width, height))
    colors = np.concatenate([np.zeros((1, 4), np.uint8), key.colors[key.color]])
    sides_by_color(side.way.sheet, drawn, lambda at: _shown(key, at), premultiplied(colors))
    coverage = np.zeros((height, width), np.uint8)
    ink = np.zeros((height, width, 3), np.uint8)
    found, which = _sampled(key, drawn.source)
    coverage.ravel()[drawn.at] = found
    inked = found > 0
    ink.reshape(-1, 3)[drawn.at[inked]] = key.inks[:, :3][which[inked]] if len(key.inks) else 0
    is_key = _kept(side, drawn, held)
    drawn.labels[is_key] = key.labels[is_key]
    coverage[is_key] = key.coverage[is_key]
    if len(key.inks):
        ink[is_key] = key.inks[:, :3][key.ink[is_key]]
    is_open = drawn.labels == 0
    if side.way.ground:
        is_open |= (drawn.labels == side.way.ground) & (key.labels != side.way.ground)
    return _Canvas(colors[drawn.labels], coverage, ink, is_open, is_key)


def _kept(side: _Side, drawn: Drawn, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the key's own pixels stand: both keys show them, and nothing that moves has come over them."""
    key, sheet = side.key, side.way.sheet
    kept = held & (drawn.labels == key.labels)
    arc = sheet.planar.arc_of()
    rests = np.zeros(key.n + 1, bool)
    for side in (sheet.planar.left, sheet.planar.right):
        rests[side[arc[sheet.still]]] = True
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
    return upper * (1 - down) + lower * down


def _filled(upper: _Canvas, lower: _Canvas) -> _Canvas:
    """`upper`, and `lower` where nothing of it lies."""
    holes = upper.is_open
    free = holes & (upper.coverage == 0)
    paint, coverage, ink = upper.paint.copy(), upper.coverage.copy(), upper.ink.copy()
    seen = holes & ~lower.is_open
    paint[seen] = lower.paint[seen]
    free &= ~lower.is_open
    coverage[free], ink[free] = lower.coverage[free], lower.ink[free]
    return _Canvas(paint, coverage, ink, holes & lower.is_open, upper.is_key)


def _closed(paint: Pixels, is_open: NDArray[np.bool_]) -> Pixels:
    """Paint with slits that neither key explains taking the color beside them; wider openings are ground."""
    side = 2 * max(1, round(is_open.shape[0] * _SLIT_SHARE)) + 1
    wide = cv2.morphologyEx(is_open.astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8)) > 0
    slits = is_open & ~wide
    if not slits.any() or is_open.all():
        return paint
    return np.where(slits[..., None], paint.reshape(-1, 4)[nearest_of(~is_open)], paint).astype(np.uint8)


def _pairs(points: NDArray[np.complex128]) -> NDArray[np.float32]:
    return np.stack([points.real, points.imag], -1).astype(np.float32)
