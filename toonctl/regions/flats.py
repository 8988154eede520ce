"""A finished picture as flat colors and lines: exact palette, color of every pixel, line coverage.

What lies between flats is either a line's soft rim, whose coverage is the pixel's place between the paint and
the ink, or the soft rim of one flat against another, which goes to the nearer of the two.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import Coded, coded, color_table, filled, premultiplied, run_starts
from toonctl.regions.inks import colored_lines, fine_ink, near_black_lines
from toonctl.regions.unmix import MIXED, UNEXPLAINED, Rims, unmix

_PURE = 8
"""How far a pixel may be from an ink and still be all ink, in levels of a channel."""


@dataclass(frozen=True, slots=True)
class Flats:
    """A picture taken apart.

    `colors` uint8 `[K, 4]`, the flat colors, entry 0 transparent; `index` uint16 `[H, W]` into it, lines by
    what lies nearest beneath them. `coverage` uint8 `[H, W]` of the lines and their `inks` uint8 `[I, 4]`
    with `ink` uint8 `[H, W]` into it. `shown` is the picture as it came.
    """

    colors: Pixels
    index: NDArray[np.uint16]
    coverage: Pixels
    inks: Pixels
    ink: Pixels
    shown: Coded


def flats_under_lines(picture: Pixels, line: Pixels) -> Flats:
    """The flats of RGBA `picture` `[H, W, 4]` whose lines are known apart, RGBA `line`."""
    coverage = line_alpha(line)
    shown = coded(picture)
    is_free = coverage == 0
    is_flat_pixel = is_free & shown.where(_has_interior(shown, is_free))
    inks, ink = _inks_of(line, coverage)
    if not is_flat_pixel.any():
        return Flats(*_no_colors(shown), coverage, inks, ink, shown)
    return Flats(*_colors_in_use(shown.table, filled(shown.codes, is_flat_pixel)), coverage, inks, ink, shown)


def flats_of(picture: Pixels) -> Flats:
    """The flats and lines of RGBA `picture` `[H, W, 4]` that shows both in one."""
    shown = coded(picture)
    table, codes = shown.table, shown.codes
    is_flat = _has_interior(shown, np.ones(codes.shape, bool))
    inks, is_line = near_black_lines(shown)
    is_flat_pixel = shown.where(is_flat) & ~is_line
    colored, is_colored, is_hem = colored_lines(shown, inks, is_flat_pixel=is_flat_pixel, is_line=is_line)
    is_flat_pixel |= is_hem
    if len(colored):
        inks = np.concatenate([inks, colored])
        is_line |= is_colored
        is_flat_pixel &= ~is_colored
    _drop_stray(is_flat_pixel, is_line, codes)
    coverage = is_line.astype(np.uint8) * np.uint8(255)
    if not is_flat_pixel.any():
        return Flats(*_no_colors(shown), coverage, inks, coverage * 0, shown)
    under = filled(codes, is_flat_pixel)
    mixed = np.flatnonzero(~is_flat_pixel & ~is_line)
    colors = premultiplied(table)
    rims = Rims.of(mixed, shown, under, _around(is_line).ravel()[mixed])
    found = unmix(rims, colors, premultiplied(inks))
    if not len(inks):
        strange = mixed[found.off[rims.kind] > UNEXPLAINED]
        inks = fine_ink(table[codes.ravel()[strange]], codes.shape[0])
        found = unmix(rims, colors, premultiplied(inks)) if len(inks) else found
    coverage.ravel()[mixed] = np.rint(255 * found.share).astype(np.uint8)[rims.kind]
    under.ravel()[mixed] = found.paint[rims.kind]
    ink = _ink_numbers(shown, inks, is_line)
    ink.ravel()[mixed] = found.ink[rims.kind]
    _soften(coverage, shown, inks, under, is_line & _around(is_flat_pixel))
    return Flats(*_colors_in_use(table, under), coverage, inks, ink, shown)


def _soften(
    coverage: Pixels, shown: Coded, inks: Pixels, under: NDArray[np.int32], is_rim: NDArray[np.bool_]
) -> None:
    """Takes back what is too much of the lines' `coverage` `[H, W]` where they meet paint nearly as dark, in
    place: a rim that `is_rim` there is no other shade of the ink but a mixture."""
    apart = np.abs(shown.table[:, None].astype(np.int32) - inks[None].astype(np.int32)).max(-1)
    is_pure = apart.min(1, initial=_PURE + 1) <= _PURE
    at = np.flatnonzero(is_rim & ~shown.where(is_pure) & _around(shown.where(is_pure)))
    rims = Rims.of(at, shown, under, np.ones(len(at), bool))
    found = unmix(rims, premultiplied(shown.table), premultiplied(inks))
    is_mixed = (found.off < MIXED / 2) & (found.share > 0)
    level = np.where(is_mixed, np.rint(255 * found.share), 255).astype(np.uint8)
    coverage.ravel()[at] = level[rims.kind]


def _around(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`mask` and the pixels that touch it."""
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)), np.uint8).view(bool)


def line_alpha(line: Pixels) -> Pixels:
    """Coverage `[H, W]` of an RGBA line layer: its alpha, or its darkness where it is opaque paper."""
    alpha = line[..., 3]
    if alpha.size and int(alpha.min()) == 255:
        return np.asarray(255 - line[..., :3].min(-1), np.uint8)
    return np.ascontiguousarray(alpha)


def _has_interior(shown: Coded, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which colors fill a block of three by three pixels somewhere, `[n]`."""
    is_core = np.zeros(allowed.shape, bool)
    is_core[1:-1, 1:-1] = shown.is_even(3)[1:-1, 1:-1]
    for rows in (slice(None, -2), slice(1, -1)):
        for columns in (slice(None, -2), slice(1, -1)):
            is_core[1:-1, 1:-1] &= allowed[rows, columns]
    return shown.within(is_core)


def _drop_stray(
    is_flat_pixel: NDArray[np.bool_], is_line: NDArray[np.bool_], codes: NDArray[np.int32]
) -> None:
    """Takes out pixels of a line's rim that have some flat's color by chance, in place."""
    beside = cv2.dilate(is_line.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & is_flat_pixel
    beside[0] = beside[-1] = beside[:, 0] = beside[:, -1] = False
    at = np.flatnonzero(beside)
    width = codes.shape[1]
    flat = codes.ravel()
    steps = [dy * width + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dx or dy]
    alike = sum(
        ((flat[at + step] == flat[at]) & is_flat_pixel.ravel()[at + step]).astype(np.int8) for step in steps
    )
    is_flat_pixel.ravel()[at[np.asarray(alike) <= 2]] = False


def _ink_numbers(shown: Coded, inks: Pixels, is_line: NDArray[np.bool_]) -> Pixels:
    """The ink nearest in color where a line shows pure, 0 elsewhere, `[H, W]`."""
    if len(inks) < 2:
        return np.zeros(is_line.shape, np.uint8)
    apart = np.abs(shown.table[:, None].astype(np.int32) - inks[None].astype(np.int32)).sum(-1)
    return shown.where(apart.argmin(1).astype(np.uint8)) * is_line


def _inks_of(line: Pixels, coverage: Pixels) -> tuple[Pixels, Pixels]:
    """The colors of a line layer, the commonest first, at most 64, and the ink of every pixel."""
    ink = np.zeros(coverage.shape, np.uint8)
    if int(line[..., 3].min(initial=255)) == 255:
        return np.array([[0, 0, 0, 255]], np.uint8), ink
    at = np.flatnonzero(coverage)
    opaque = line.reshape(-1, 4)[at].copy()
    opaque[:, 3] = 255
    table, codes = color_table(opaque[None])
    counts = np.bincount(codes.ravel(), minlength=len(table))
    kept = np.argsort(-counts, kind="stable")[:64]
    if not len(kept):
        return np.array([[0, 0, 0, 255]], np.uint8), ink
    apart = np.abs(table[:, None].astype(np.int32) - table[kept][None].astype(np.int32)).sum(-1)
    ink.ravel()[at] = apart.argmin(1).astype(np.uint8)[codes.ravel()]
    return np.ascontiguousarray(table[kept]), ink


def _no_colors(shown: Coded) -> tuple[Pixels, NDArray[np.uint16]]:
    return np.zeros((1, 4), np.uint8), np.zeros(shown.codes.shape, np.uint16)


def _colors_in_use(table: Pixels, under: NDArray[np.int32]) -> tuple[Pixels, NDArray[np.uint16]]:
    """The colors that occur in `under` `[H, W]`, transparent first, and their number by pixel."""
    starts = run_starts(under)
    runs = under.ravel()[starts]
    is_used = np.zeros(len(table), bool)
    is_used[runs] = True
    used = np.flatnonzero(is_used & (table[:, 3] > 0))
    lut = np.zeros(len(table), np.uint16)
    lut[used] = np.arange(1, len(used) + 1, dtype=np.uint16)
    index = np.repeat(lut[runs], np.diff(starts, append=under.size)).reshape(under.shape)
    return np.concatenate([np.zeros((1, 4), np.uint8), table[used]]), index
