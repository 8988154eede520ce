"""Pictures of a network between painted keys, brought back to the colors of the keys.

Letters: H height, W width, K colors.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColorModel, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.regions.snap import Rgb, Snap

_LEAST_PX_AT_540 = 24
"""A color that shows on fewer pixels is a speck, not paint."""

_AT_HEIGHT = 540
_DARK = 90
"""Brightest level of a color that counts as ink."""

_WHITE: Rgb = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class KeyColors:
    """What the pictures between some keys are snapped to."""

    snap: Snap

    @classmethod
    def of(cls, keys: Iterable[Pixels]) -> Self | None:
        """The flats of keys RGBA `[H, W, 4]` and the ink of their lines; None when they are no flats."""
        flats, all_colors = Counter[Rgb](), Counter[Rgb]()
        is_clear = False
        for key in keys:
            is_clear |= bool((key[..., 3] < 255).any())
            opaque = key[..., 3] == 255
            _count(flats, key[opaque & _inside(key)], key.shape[0])
            _count(all_colors, key[opaque], key.shape[0])
        # Lines may be too thin to have an inside.
        dark = [color for color in all_colors if max(color) <= _DARK]
        ink = max(dark, key=lambda color: (all_colors[color], color), default=(0, 0, 0))
        paints = sorted(set(flats) - {ink})
        table = np.array([(0, 0, 0, 0), *((*color, 255) for color in paints)], np.uint8)
        nothing = np.zeros_like(table)
        snap = Snap.of(ColorModel(table, table, nothing, nothing), ink, _WHITE if is_clear else None)
        return None if snap is None else cls(snap)

    def snapped(self, picture: Pixels) -> Pixels:
        """RGBA `[H, W, 4]` in the keys' colors; where `picture` is clear it stays so."""
        alpha = picture[..., 3:].astype(np.int32)
        white = 255 - ((255 - picture[..., :3].astype(np.int32)) * alpha + 127) // 255
        whole = np.concatenate([white, np.full_like(alpha, 255)], -1).astype(np.uint8)
        snapped = blend_over(*self.snap.layers(whole))
        if self.snap.paper is None and (alpha < 255).any():
            # White is one of the paints, so that paper cannot be told by its color: the matte says it.
            snapped[..., 3] = picture[..., 3]
        snapped[picture[..., 3] == 0] = 0
        return snapped


def _inside(key: Pixels) -> NDArray[np.bool_]:
    """Where a pixel and its eight neighbors have one color, `[H, W]`: rims of lines have no such place."""
    red, green, blue = (key[..., i].astype(np.float32) for i in range(3))
    code = red * 65536 + green * 256 + blue
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.erode(code, kernel) == cv2.dilate(code, kernel))


def _count(counts: Counter[Rgb], pixels: Pixels, height: int) -> None:
    """Adds the colors of pixels `[n, 4]` that are more than a few, of a key `height` pixels high."""
    least = max(4, round(_LEAST_PX_AT_540 * (height / _AT_HEIGHT) ** 2))
    colors, found = np.unique(pixels[:, :3], axis=0, return_counts=True)
    for (red, green, blue), count in zip(colors.tolist(), found.tolist(), strict=True):
        if count >= least:
            counts[red, green, blue] += count
