"""Pieces of line drawn: as the key shows the line they repeat, or with a round pen of any width.

Letters: S pieces, P pairs of a pixel and a piece near it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.contours import Pieces
from toonctl.regions.planar import as_complex
from toonctl.regions.redraw import Window

Floats = NDArray[np.float32]

Complex = NDArray[np.complex128]

_THIN = 0.5
_RIM_PX = 1.5
_CRISP = 0.6
_SLACK = 1.1
_FAINTEST = 0.2
_EDGE_PX = 1.5


@dataclass(frozen=True, slots=True)
class _Near:
    """Pairs: pixel number in the window, piece, how far apart, how far along 0..1, and on which side."""

    pixel: NDArray[np.int64]
    piece: NDArray[np.int64]
    away: Floats
    along: Floats
    side: Floats

    def of(self, chosen: NDArray[np.int64]) -> "_Near":
        """The `chosen` pairs."""
        return _Near(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class KeyLines:
    """The lines of a key as they are drawn: `coverage` and `ink` uint8 `[H, W]`.

    `first` is the number of its first ink among those of all keys.
    """

    coverage: Pixels
    ink: Pixels
    first: int

    def at(self, places: Complex, peak: Floats) -> tuple[Floats, Pixels]:
        """Coverage 0..1 and the ink, by its number among those of all keys, at `places` `[P]`.

        `peak` `[P]` is what the lines there cover in their middle.
        """
        height, width = self.coverage.shape
        x, y = np.floor(places.real).astype(np.int64), np.floor(places.imag).astype(np.int64)
        right, below = (places.real - x).astype(np.float32), (places.imag - y).astype(np.float32)
        total, most = np.zeros(len(places), np.float32), np.full(len(places), -1.0, np.float32)
        ink = np.zeros(len(places), np.uint8)
        for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column, row = np.clip(x + dx, 0, width - 1), np.clip(y + dy, 0, height - 1)
            share = (right if dx else 1 - right) * (below if dy else 1 - below)
            part = share * self.coverage[row, column] / np.float32(255)
            total += part
            ink = np.where(part > most, self.ink[row, column], ink)
            most = np.maximum(most, part)
        # Between pixels a line's rim comes out twice as wide as it was drawn.
        between = 2 * (right * (1 - right) + below * (1 - below))
        crisp = peak * np.clip(0.5 + (1 + _CRISP * between) * (total / peak - 0.5), 0, 1)
        return crisp.astype(np.float32), ink + np.uint8(self.first)


def inked(
    pieces: Pieces,
    window: Window,
    labels: NDArray[np.uint16],
    kept: NDArray[np.bool_],
    keys: Sequence[KeyLines],
) -> tuple[Pixels, Pixels]:
    """Coverage and ink `[h, w]` of the lines. Where `kept`, pieces that stand still are there already.

    A piece that repeats a line of one of the `keys` shows that line as it was drawn; any other is drawn with
    a round pen.
    """
    coverage, ink = np.zeros(labels.size, np.float32), np.zeros(labels.size, np.uint8)
    lines = pieces.where(pieces.half.max(1, initial=0) > 0)
    near = _near(lines, window, lines.half.max(1, initial=0) + _RIM_PX)
    here = labels.ravel()[near.pixel].astype(np.int64)
    sides = lines.sides[near.piece]
    is_own = np.asarray((here == sides[:, 0]) | (here == sides[:, 1]))
    is_hidden = (sides[:, 0] == sides[:, 1]) & ~is_own
    is_hidden |= kept.ravel()[near.pixel] & lines.still[near.piece]
    half = (1 - near.along) * lines.half[near.piece, 0] + near.along * lines.half[near.piece, 1]
    first = np.array([key.first for key in keys], np.uint8)
    is_copy = np.asarray(np.isfinite(lines.source[:, :, 0]).all(1))[near.piece]
    # A line thinner than a pixel covers its pixels in part.
    strength = np.minimum(2 * half, 1)
    found = strength * np.clip(np.maximum(half, _THIN) + 0.5 - near.away, 0, 1)
    found[is_hidden | is_copy] = 0
    with_ink = first[lines.key[near.piece]] + lines.ink[near.piece]
    copied = np.flatnonzero(is_copy & is_own & ~is_hidden)
    copied = copied[_first_of(near.pixel[copied], (near.away - half)[copied])]
    found[copied], with_ink[copied] = _copied(lines, near.of(copied), window, keys)
    # Lines that cross this one in the key, and may not do so here, leave no stubs.
    found[copied] = np.minimum(found[copied], np.clip(_SLACK * half + 1 - near.away, 0, 1)[copied])
    np.maximum.at(coverage, near.pixel, found)
    is_top = (found > 0) & (found >= coverage[near.pixel])
    ink[near.pixel[is_top]] = with_ink[is_top]
    return np.rint(255 * coverage).astype(np.uint8).reshape(labels.shape), ink.reshape(labels.shape)


def _copied(lines: Pieces, near: _Near, window: Window, keys: Sequence[KeyLines]) -> tuple[Floats, Pixels]:
    """Coverage 0..1 and ink of pairs `[P]`, taken from where the pixel lies beside the line in its key."""
    y, x = np.divmod(near.pixel, window.x1 - window.x0)
    at = (x + window.x0) + 1j * (y + window.y0)
    start, end = as_complex(lines.start)[near.piece], as_complex(lines.end)[near.piece]
    source = as_complex(lines.source)[near.piece]
    way, way_there = end - start, source[:, 1] - source[:, 0]
    turn = way_there * np.conj(way)
    turn /= np.maximum(np.abs(turn), 1e-6)
    place = source[:, 0] + near.along * way_there + turn * (at - start - near.along * way)
    found, ink = np.zeros(len(at), np.float32), np.zeros(len(at), np.uint8)
    peak = np.clip(2 * lines.half.max(1), _FAINTEST, 1)[near.piece]
    for number, key in enumerate(keys):
        of_key = np.flatnonzero(lines.key[near.piece] == number)
        found[of_key], ink[of_key] = key.at(place[of_key], peak[of_key])
    return found, ink


def _first_of(group: NDArray[np.int64], value: Floats) -> NDArray[np.int64]:
    """Where the least `value` of every `group` stands, the first of equals; in the order of the groups."""
    n = int(group.max(initial=-1)) + 1
    least = np.full(n, np.inf, np.float32)
    np.minimum.at(least, group, value)
    at = np.flatnonzero(value <= least[group])[::-1]
    first = np.full(n, -1, np.int64)
    first[group[at]] = at
    return first[first >= 0]


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
    order = _first_of(pixel, away)
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
