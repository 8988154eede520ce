"""Straight pieces drawn with round pens of any width, each pixel covered as far as the pen covers it.

Letters: S pieces, P pairs of a pixel and a piece near it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.contours import Pieces
from toonctl.regions.redraw import Window

Floats = NDArray[np.float32]

_THIN = 0.5
_EDGE_PX = 0.75


@dataclass(frozen=True, slots=True)
class _Near:
    """Pairs: pixel number in the window, piece, how far apart, how far along 0..1, and on which side."""

    pixel: NDArray[np.int64]
    piece: NDArray[np.int64]
    away: Floats
    along: Floats
    side: Floats


def inked(
    pieces: Pieces, window: Window, labels: NDArray[np.uint16], kept: NDArray[np.bool_]
) -> tuple[Pixels, Pixels]:
    """Coverage and ink `[h, w]` of the lines. Where `kept`, pieces that stand still are there already."""
    coverage, ink = np.zeros(labels.size, np.float32), np.zeros(labels.size, np.uint8)
    lines = pieces.where(pieces.half.max(1, initial=0) > 0)
    near = _near(lines, window, lines.half.max(1, initial=0) + 1)
    is_stroke = lines.sides[near.piece, 0] == lines.sides[near.piece, 1]
    is_hidden = is_stroke & (labels.ravel()[near.pixel] != lines.sides[near.piece, 0])
    is_hidden |= kept.ravel()[near.pixel] & lines.still[near.piece]
    half = (1 - near.along) * lines.half[near.piece, 0] + near.along * lines.half[near.piece, 1]
    # A line thinner than a pixel covers its pixels in part.
    strength = np.minimum(2 * half, 1)
    found = strength * np.clip(np.maximum(half, _THIN) + 0.5 - near.away, 0, 1)
    found[is_hidden] = 0
    np.maximum.at(coverage, near.pixel, found)
    is_top = (found > 0) & (found >= coverage[near.pixel])
    ink[near.pixel[is_top]] = lines.ink[near.piece[is_top]]
    return np.rint(255 * coverage).astype(np.uint8).reshape(labels.shape), ink.reshape(labels.shape)


def soft_edges(
    pieces: Pieces, window: Window, labels: NDArray[np.uint16], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Pixels that a bare edge cuts: flat position, the label beyond the edge, and its share 0..1."""
    bare = pieces.where((pieces.half.max(1, initial=0) == 0) & (pieces.sides[:, 0] != pieces.sides[:, 1]))
    near = _near(bare, window, np.full(len(bare.start), _EDGE_PX + 0.25, np.float32))
    own = labels.ravel()[near.pixel].astype(np.int64)
    left, right = bare.sides[near.piece].T
    is_there = (near.away < _EDGE_PX) & ((own == left) | (own == right)) & ~kept.ravel()[near.pixel]
    pixel, away = near.pixel[is_there], near.away[is_there]
    own, left, right = own[is_there], left[is_there], right[is_there]
    order = np.lexsort((away, pixel))
    order = order[np.unique(pixel[order], return_index=True)[1]]
    signed = (away * near.side[is_there])[order]
    own, left, right = own[order], left[order], right[order]
    share_right = np.clip(0.5 + signed, 0, 1)
    beyond = np.where(own == right, left, right)
    return pixel[order], beyond, np.where(own == right, 1 - share_right, share_right).astype(np.float32)


def _near(pieces: Pieces, window: Window, reach: Floats) -> _Near:
    """Every pixel of the window in the box of a piece and `reach` `[S]` around it."""
    corner = np.array([window.x0, window.y0], np.float32)
    start, end = pieces.start - corner, pieces.end - corner
    extent = np.array([window.x1 - window.x0, window.y1 - window.y0])
    low = np.clip(np.ceil(np.minimum(start, end) - reach[:, None]), 0, extent).astype(np.int64)
    high = np.clip(np.floor(np.maximum(start, end) + reach[:, None]) + 1, low, extent).astype(np.int64)
    size = high - low
    count = size[:, 0] * size[:, 1]
    piece = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    row, column = np.divmod(number, np.maximum(size[piece, 0], 1))
    x, y = low[piece, 0] + column, low[piece, 1] + row
    way = end - start
    off_x, off_y = (x - start[piece, 0]).astype(np.float32), (y - start[piece, 1]).astype(np.float32)
    way_x, way_y = way[piece, 0], way[piece, 1]
    length = np.maximum(way_x * way_x + way_y * way_y, 1e-6)
    along = np.clip((off_x * way_x + off_y * way_y) / length, 0, 1).astype(np.float32)
    away = np.hypot(off_x - along * way_x, off_y - along * way_y)
    is_near = away < reach[piece]
    side = np.sign(way_x * off_y - way_y * off_x)
    pixel = y * int(extent[0]) + x
    return _Near(pixel[is_near], piece[is_near], away[is_near], along[is_near], side[is_near])
