"""Soft rims taken apart: which paint and which ink a mixed pixel was made of, and in what shares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.color_table import Coded

Colors = NDArray[np.float32]

MIXED = 12.0
"""Color distance up to which a pixel counts as a mixture of two colors."""

UNEXPLAINED = 48.0
_TAPS = ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3))
_MOST_KEYS = 2**62


@dataclass(frozen=True, slots=True)
class Rims:
    """Mixed pixels in as many kinds U as there are colors with other flats around them.

    `pixel` int32 `[U]` numbers the color and `paints` int32 `[5, U]` those of the flats at it and near it;
    `by_line` bool `[U]` says that a line touches it. `kind` int64 `[P]` names the kind of every pixel.
    """

    pixel: NDArray[np.int32]
    paints: NDArray[np.int32]
    by_line: NDArray[np.bool_]
    kind: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        at: NDArray[np.int64],
        shown: Coded,
        under: NDArray[np.int32],
        by_line: NDArray[np.bool_] | None = None,
    ) -> "Rims":
        """The pixels of `shown` at flat positions `at`; `under` `[H, W]` codes the nearest flats.

        `by_line` `[P]` says which a known line touches.
        """
        height, width = under.shape
        y, x = np.divmod(at, width)
        pixel, beneath = shown.codes.ravel()[at], under.ravel()
        paints = np.stack(
            [
                beneath[np.clip(y + dy, 0, height - 1) * width + np.clip(x + dx, 0, width - 1)]
                for dx, dy in _TAPS
            ]
        )
        is_paint = np.zeros(len(shown.table), bool)
        is_paint[paints] = True
        number = np.cumsum(is_paint) - 1
        touches = np.zeros(len(at), bool) if by_line is None else by_line
        key, n_keys, n_paints = 2 * pixel.astype(np.int64) + touches, 2 * len(is_paint), int(is_paint.sum())
        for paint in paints:
            if n_keys * n_paints > _MOST_KEYS:
                key = np.unique(key, return_inverse=True)[1]
                n_keys = len(key)
            key, n_keys = key * n_paints + number[paint], n_keys * n_paints
        _, first, kind = np.unique(key, return_index=True, return_inverse=True)
        return cls(pixel[first], paints[:, first], touches[first], kind)


@dataclass(frozen=True, slots=True)
class Unmixed:
    """U kinds of pixels taken apart: `share` of ink 0..1, `ink` its number, `paint` the code under it.

    `off` is how far the pixel's color lies from that mixture; all `[U]`.
    """

    share: Colors
    ink: NDArray[np.uint8]
    paint: NDArray[np.int32]
    off: Colors


def unmix(rims: Rims, colors: Colors, inks: Colors) -> Unmixed:
    """Mixed pixels as paint and ink.

    `colors` `[T, 4]` and `inks` `[I, 4]` are premultiplied. Two flats that explain a pixel leave no ink on
    it, unless a line touches it: through a thin line the flat beyond is near, too.
    """
    pixel, beneath = colors[rims.pixel], rims.paints[0]
    is_ink = _ink_colored(colors, inks)
    off = np.linalg.norm(pixel - colors[beneath], axis=1)
    # Where a tap finds what lies beneath, it says nothing new.
    taps = [(rows := np.flatnonzero(paint != beneath), paint[rows]) for paint in rims.paints[1:]]
    for rows, paint in taps:
        aside = _project(pixel[rows], colors[beneath[rows]], colors[paint])[1]
        # The rim of an area in the ink's own color is ink, too.
        off[rows] = np.where(is_ink[paint] | is_ink[beneath[rows]], off[rows], np.minimum(off[rows], aside))
    off += np.float32(MIXED) * rims.by_line
    share, which, under = np.zeros(len(off), np.float32), np.zeros(len(off), np.uint8), beneath.copy()
    for number, ink in enumerate(inks):
        for rows, paint in [(np.arange(len(off)), beneath), *taps]:
            along, aside = _project(pixel[rows], colors[paint], ink[None])
            better = (aside + MIXED / 2 < off[rows]) & ~is_ink[paint]
            at = rows[better]
            share[at], which[at], under[at], off[at] = along[better], number, paint[better], aside[better]
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
