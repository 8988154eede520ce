"""Lines one pixel wide out of lines of any width, without their whiskers.

Guo and Hall, "Parallel thinning with two-subiteration algorithms" (CACM 1989, algorithm A1), by look-up
table: of the simple ones it is the one that does not eat diagonal lines two pixels wide.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""The eight neighbors of a pixel, dy and dx, clockwise from the one above."""
_SQUARE = np.ones((3, 3), np.uint8)


def thin(mask: Mask) -> Mask:
    """The middle lines of `mask` `[H, W]`, connected as it is, one pixel wide."""
    padded = np.pad(mask, 1)
    flat, steps = padded.ravel(), [dy * padded.shape[1] + dx for dy, dx in _AROUND]
    alive = np.flatnonzero(flat)
    tables = _tables()
    while True:
        n_before = len(alive)
        for table in tables:
            goes = table[_codes(flat, alive, steps)]
            flat[alive[goes]] = False
            alive = alive[~goes]
        if len(alive) == n_before:
            return padded[1:-1, 1:-1]


def ends(skeleton: Mask) -> NDArray[np.int64]:
    """The loose ends of lines one pixel wide, x and y `[n, 2]`."""
    padded = np.pad(skeleton, 1)
    flat, steps = padded.ravel(), [dy * padded.shape[1] + dx for dy, dx in _AROUND]
    alive = np.flatnonzero(flat)
    at = alive[_is_end()[_codes(flat, alive, steps)]]
    return np.stack([at % padded.shape[1] - 1, at // padded.shape[1] - 1], 1)


def without_whiskers(skeleton: Mask, length_px: int) -> Mask:
    """`skeleton` without side branches up to `length_px` long; strokes that stand alone are kept."""
    kept = skeleton.copy()
    for _ in range(length_px):
        loose = ends(kept)
        if not len(loose):
            break
        kept[loose[:, 1], loose[:, 0]] = False
    tips = np.zeros_like(kept)
    loose = ends(kept)
    tips[loose[:, 1], loose[:, 0]] = True
    for _ in range(length_px):  # what was taken off the true ends of lines grows back
        tips = (cv2.dilate(tips.view(np.uint8), _SQUARE) > 0) & skeleton & ~kept
        kept |= tips
    n, found = cv2.connectedComponents(skeleton.view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    is_left = np.zeros(n, bool)
    is_left[np.unique(labels[kept])] = True
    return kept | (skeleton & ~is_left[labels])


def _codes(flat: Mask, alive: NDArray[np.int64], steps: list[int]) -> NDArray[np.uint8]:
    """Which of the eight neighbors are set, a bit each."""
    codes = np.zeros(len(alive), np.uint8)
    for bit, step in enumerate(steps):
        codes |= flat[alive + step].astype(np.uint8) << bit
    return codes


@cache
def _tables() -> tuple[Mask, Mask]:
    """What goes in the two half steps of a round, by neighbors."""
    tables = np.zeros((2, 256), bool)
    for code in range(256):
        n, ne, e, se, s, sw, w, nw = (bool(code >> bit & 1) for bit in range(8))
        pieces = (not n and (ne or e)) + (not e and (se or s)) + (not s and (sw or w)) + (not w and (nw or n))
        one = (nw or n) + (ne or e) + (se or s) + (sw or w)
        other = (n or ne) + (e or se) + (s or sw) + (w or nw)
        if pieces == 1 and 2 <= min(one, other) <= 3:
            tables[0, code] = not ((s or sw or not nw) and w)
            tables[1, code] = not ((n or ne or not se) and e)
    return tables[0], tables[1]


@cache
def _is_end() -> Mask:
    """Whether a pixel with these neighbors is the end of a line."""
    found = np.zeros(256, bool)
    for code in range(1, 256):
        around = [code >> bit & 1 for bit in range(8)]
        turns = sum(a == 0 and b == 1 for a, b in zip(around, [*around[1:], around[0]], strict=True))
        found[code] = turns == 1 and sum(around) <= 2
    return found
