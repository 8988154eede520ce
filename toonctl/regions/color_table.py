"""Every color of a picture once, and the nearest pixel of a kind."""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels

T = TypeVar("T", bound=np.generic)

_REACH = 2
"""How far OpenCV's 5x5 distance transform looks from a pixel to those it hears of nearest ones."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A picture as numbers of the K colors in it.

    `table` uint8 `[K, 4]` holds every color once, clear as (0, 0, 0, 0); `codes` int32 `[H, W]` numbers them
    by pixel, and row by row as runs of one color: `runs` int32 `[S]` their colors, `lengths` `[S]`.
    """

    table: Pixels
    codes: NDArray[np.int32]
    runs: NDArray[np.int32]
    lengths: NDArray[np.int64]

    def counts(self) -> NDArray[np.int64]:
        """Pixels of each color, `[K]`."""
        return np.bincount(self.runs, self.lengths, minlength=len(self.table)).astype(np.int64)

    def where(self, values: NDArray[T]) -> NDArray[T]:
        """By pixel what `values` `[K]` say of its color, `[H, W]`: `values[codes]` in a fifth of the time."""
        return np.repeat(values[self.runs], self.lengths).reshape(self.codes.shape)

    def within(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which colors occur in `mask` `[H, W]`, `[K]`."""
        found = np.zeros(len(self.table), bool)
        starts = np.cumsum(self.lengths) - self.lengths
        found[self.runs[np.logical_or.reduceat(mask.ravel(), starts)]] = True
        return found

    def is_even(self, side: int) -> NDArray[np.bool_]:
        """Where a square of `side` (odd) pixels has one color, as far as it lies within the picture."""
        # OpenCV's filters take no int32.
        numbers = self.codes.astype(np.uint16 if len(self.table) <= np.iinfo(np.uint16).max else np.float32)
        block = np.ones((side, side), np.uint8)
        return np.asarray(cv2.erode(numbers, block) == cv2.dilate(numbers, block))


def coded(picture: Pixels) -> Coded:
    """RGBA `picture` `[H, W, 4]` as numbers of its colors."""
    packed = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
    starts = run_starts(packed)
    first = packed.ravel()[starts]
    first[picture.reshape(-1, 4)[starts, 3] == 0] = 0
    values, inverse = np.unique(first, return_inverse=True)
    runs, lengths = inverse.astype(np.int32), np.diff(starts, append=packed.size)
    codes = np.repeat(runs, lengths).reshape(packed.shape)
    return Coded(values.view(np.uint8).reshape(-1, 4), codes, runs, lengths)


def color_table(picture: Pixels) -> tuple[Pixels, NDArray[np.int32]]:
    """Every color of RGBA `picture` once `[K, 4]`, its number by pixel `[H, W]`; clear is (0, 0, 0, 0)."""
    found = coded(picture)
    return found.table, found.codes


def run_starts(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Where a value differs from the one before, row by row, as positions in flattened `values`."""
    flat = values.ravel()
    is_start = np.empty(flat.size, bool)
    is_start[:1] = True
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    return np.flatnonzero(is_start)


def nearest_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The flat position of the nearest pixel of `mask` for every pixel, `[H, W]`; mask must not be empty."""
    return np.flatnonzero(mask)[nearest_number(mask)]


def filled(values: NDArray[T], known: NDArray[np.bool_]) -> NDArray[T]:
    """A copy of `values` `[H, W]`, those not `known` as the nearest known; there must be one."""
    found = values.copy()
    x, y, w, h = cv2.boundingRect(np.logical_not(known).view(np.uint8))
    if w:
        cut = np.s_[max(0, y - _REACH) : y + h + _REACH, max(0, x - _REACH) : x + w + _REACH]
        within, part = np.ascontiguousarray(known[cut]), np.ascontiguousarray(found[cut])
        at = np.flatnonzero(~within)
        part.ravel()[at] = part.ravel()[np.flatnonzero(within)[nearest_number(within).ravel()[at]]]
        found[cut] = part
    return found


def nearest_number(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """By pixel which of the pixels of `mask`, counted row by row, is nearest, `[H, W]`; one must be there."""
    found = cv2.distanceTransformWithLabels(
        np.logical_not(mask).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.asarray(found[1], np.int32)
    number -= 1  # labels run from 1 in that order
    return number


def premultiplied(rgba: Pixels) -> NDArray[np.float32]:
    """Colors `[..., 4]` weighed by their alpha, in which mixtures are straight lines."""
    colors = rgba.astype(np.float32)
    colors[..., :3] *= colors[..., 3:] / 255
    return colors
