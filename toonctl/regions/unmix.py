"""Soft rims taken apart: which paint and which ink a mixed pixel was made of, and in what shares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colors = NDArray[np.float32]

MIXED = 12.0
"""Color distance up to which a pixel counts as a mixture of two colors."""

UNEXPLAINED = 48.0
_TAPS = ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3))


@dataclass(frozen=True, slots=True)
class Unmixed:
    """P pixels taken apart: `share` of ink 0..1, `ink` its number, `paint` the color number under it.

    `off` is how far the pixel's color lies from that mixture; all `[P]`.
    """

    share: Colors
    ink: NDArray[np.uint8]
    paint: NDArray[np.int32]
    off: Colors


def unmix(
    at: NDArray[np.int64], codes: NDArray[np.int32], nearest: NDArray[np.int64], colors: Colors, inks: Colors
) -> Unmixed:
    """The pixels at flat positions `at` as paint and ink.

    `codes` `[H, W]` numbers the premultiplied `colors` `[T, 4]`; `nearest` `[H, W]` is the position of the
    nearest flat pixel; `inks` `[I, 4]` premultiplied. Two flats that explain a pixel leave no ink on it.
    """
    height, width = codes.shape
    y, x = np.divmod(at, width)
    pixel = colors[codes.ravel()[at]]
    flat, beside = codes.ravel(), nearest.ravel()
    paints = [
        flat[beside[np.clip(y + dy, 0, height - 1) * width + np.clip(x + dx, 0, width - 1)]]
        for dx, dy in _TAPS
    ]
    is_ink = _ink_colored(colors, inks)
    beneath = colors[paints[0]]
    off = np.linalg.norm(pixel - beneath, axis=1)
    for paint in paints[1:]:
        aside = _project(pixel, beneath, colors[paint])[1]
        # The rim of an area in the ink's own color is ink, too.
        off = np.where(is_ink[paint] | is_ink[paints[0]], off, np.minimum(off, aside))
    share, which, under = np.zeros(len(at), np.float32), np.zeros(len(at), np.uint8), paints[0].copy()
    for number, ink in enumerate(inks):
        for paint in paints:
            along, aside = _project(pixel, colors[paint], ink[None])
            better = (aside + MIXED / 2 < off) & ~is_ink[paint]
            share[better], which[better], under[better] = along[better], number, paint[better]
            off[better] = aside[better]
    return Unmixed(share, which, under, off)


def _ink_colored(colors: Colors, inks: Colors) -> NDArray[np.bool_]:
    """Which of the colors `[T, 4]` are an ink's."""
    found = np.zeros(len(colors), bool)
    for ink in inks:
        found |= (np.abs(colors - ink) < MIXED).all(1)
    return found


def _project(pixel: Colors, start: Colors, end: Colors) -> tuple[Colors, Colors]:
    """How far along `start`..`end` each pixel lies (0..1), and how far off that line."""
    way = end - start
    along = np.einsum("ij,ij->i", pixel - start, way) / np.maximum(np.einsum("ij,ij->i", way, way), 1)
    along = np.clip(along, 0, 1).astype(np.float32)
    return along, np.linalg.norm(pixel - start - along[:, None] * way, axis=1)
