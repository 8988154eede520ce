"""Colors against the truth: right regions, right foreground pixels, colors that no palette has.

Pictures are uint8 RGB `[H, W, 3]`. A color code is its 24-bit number, red first.
"""

from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels

OFF_PALETTE = 8
"""Levels in the worst channel by which a color may miss the palette and still count as of it."""

Codes = NDArray[np.uint32]
Mask = NDArray[np.bool_]
Ids = NDArray[np.int64]


class ColorIds:
    """Small numbers for colors, from 1 in order of appearance; 0 stands for none."""

    def __init__(self) -> None:
        self._lut = np.zeros(1 << 24, np.int32)
        self._codes = [0]

    @property
    def n(self) -> int:
        """One more than the highest id."""
        return len(self._codes)

    def ids(self, codes: Codes) -> Ids:
        """The id of every color code."""
        ids = self._lut[codes]
        for code in np.unique(codes[ids == 0]):
            self._lut[code] = len(self._codes)
            self._codes.append(int(code))
        return self._lut[codes].astype(np.int64)

    def rgb(self) -> Ids:
        """The color of every id, `[n, 3]`; id 0 is far from all colors."""
        rgb = colors_of(np.array(self._codes, np.uint32)).astype(np.int64)
        rgb[0] = -1000
        return rgb


def color_codes(picture: Pixels) -> Codes:
    """The code of every pixel, `[H, W]`."""
    wide = picture.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.uint32)


def colors_of(codes: Codes) -> Pixels:
    """The RGB colors of `codes`, one axis of 3 more."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.uint8)


def commonest(label: Ids, color: Ids, n: int) -> Ids:
    """The commonest color among the pixels of each region 1..n, the lowest of several, `[n]`.

    Colors are numbers below 2^32, ids or codes, one a pixel; a region without pixels has 0.
    """
    if not len(label):
        return np.zeros(n, np.int64)
    # By runs, of which flat paint has few; a table of regions by colors would be huge with gradients.
    is_start = np.append(True, (label[1:] != label[:-1]) | (color[1:] != color[:-1]))
    starts = np.flatnonzero(is_start)
    keys, which = np.unique(label[starts] << 32 | color[starts], return_inverse=True)
    counts = np.bincount(which, np.diff(starts, append=len(label)))
    order = np.lexsort((-keys, counts, keys >> 32))
    found = np.zeros(n + 1, np.int64)
    found[keys[order] >> 32] = keys[order] & 0xFFFFFFFF  # the last one stays
    return found[1:]


def clear_of_lines(coverage: Pixels, line: int = 16) -> Mask:
    """Pixels with no line on them, and none of `line` or more of 255 on their eight neighbors, `[H, W]`."""
    free = cv2.erode((coverage < line).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return free & (coverage == 0)


def inside_of_flats(codes: Codes) -> Mask:
    """Pixels whose eight neighbors have their color too: flat paint, no edge and no line rim, `[H, W]`."""
    inside = np.zeros(codes.shape, bool)
    inside[1:-1, 1:-1] = True
    middle = codes[1:-1, 1:-1]
    for y in range(3):
        for x in range(3):
            inside[1:-1, 1:-1] &= middle == codes[y : y + middle.shape[0], x : x + middle.shape[1]]
    return inside


def flat_colors(picture: Pixels, least_px: int = 4) -> Pixels:
    """The colors a picture is painted with, `[K, 3]`: those that fill squares of 2 x 2, `least_px` of them.

    Mixtures on the rims of lines stay out, lines of two pixels and more come in.
    """
    codes = color_codes(picture)
    square = (codes[1:, 1:] == codes[:-1, :-1]) & (codes[1:, :-1] == codes[:-1, 1:])
    square &= codes[1:, 1:] == codes[:-1, 1:]
    found, counts = np.unique(codes[1:, 1:][square], return_counts=True)
    return colors_of(found[counts >= least_px])


class Palette:
    """Colors that may be used, `[K, 3]`, each with what lies within `reach` levels in every channel."""

    def __init__(self, colors: Pixels, reach: int = OFF_PALETTE) -> None:
        self._allowed = np.zeros((256, 256, 256), bool)
        for red, green, blue in colors.astype(int):
            near = tuple(slice(max(0, c - reach), c + reach + 1) for c in (red, green, blue))
            self._allowed[near] = True

    def share_outside(self, picture: Pixels, where: Mask | None = None) -> float:
        """The share of pixels, of those `where` says, with another color, 0..1; 0 of no pixels."""
        pixels = picture.reshape(-1, 3) if where is None else picture[where]
        if not len(pixels):
            return 0.0
        return 1 - float(self._allowed[pixels[:, 0], pixels[:, 1], pixels[:, 2]].mean())


def right_share(picture: Pixels, truth: Pixels, where: Mask, *, reach: int = 0) -> float | None:
    """The share of the pixels `where` says that have their true color, 0..1; None when there are none.

    `reach` is by how many levels a channel may miss.
    """
    if not where.any():
        return None
    apart = cv2.absdiff(picture[where], truth[where])
    return float((apart.max(-1) <= reach).mean())


@dataclass(frozen=True, slots=True)
class FlatRegions:
    """The painted areas of a true picture: `labels` `[H, W]` 1..n on their flat insides, 0 elsewhere.

    `colors` `[n]` are their codes.
    """

    labels: NDArray[np.int32]
    colors: Codes

    @classmethod
    def of(cls, truth: Pixels) -> Self:
        """4-connected areas of one color that hold a square of 3 x 3 at least."""
        codes = color_codes(truth)
        labels = np.where(inside_of_flats(codes), _components(codes), 0)
        is_kept = np.bincount(labels.ravel()) > 0
        is_kept[0] = False
        labels = np.where(is_kept, is_kept.cumsum(), 0).astype(np.int32)[labels]
        colors = np.zeros(int(is_kept.sum()) + 1, np.uint32)
        colors[labels.ravel()] = codes.ravel()
        return cls(labels, colors[1:])

    def right(self, picture: Pixels) -> Mask:
        """Whether each region's commonest color in `picture` is its true one, `[n]`."""
        inside = self.labels > 0
        codes = color_codes(picture)[inside].astype(np.int64)
        most = commonest(self.labels[inside].astype(np.int64), codes, len(self.colors))
        return cast(Mask, most == self.colors)


def region_accuracy(picture: Pixels, truth: Pixels) -> float | None:
    """The share of the truth's painted areas that got their color, 0..1, all areas alike; None of none."""
    regions = FlatRegions.of(truth)
    return float(regions.right(picture).mean()) if len(regions.colors) else None


def _components(codes: Codes) -> NDArray[np.int32]:
    """Labels from 1 of 4-connected pixels of one code, `[H, W]`.

    OpenCV knows only on and off. On a grid with a place between any two pixels, which is on when both have
    one color, areas of one color are what hangs together.
    """
    height, width = codes.shape
    grid = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    grid[::2, ::2] = 1
    grid[::2, 1::2] = codes[:, 1:] == codes[:, :-1]
    grid[1::2, ::2] = codes[1:] == codes[:-1]
    return cast(NDArray[np.int32], cv2.connectedComponents(grid, connectivity=4)[1][::2, ::2])
