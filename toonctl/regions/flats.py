"""A finished picture as flat colors and lines: exact palette, color of every pixel, line coverage.

What lies between flats is either a line's soft rim, whose coverage is the pixel's place between the paint and
the ink, or the soft rim of one flat against another, which goes to the nearer of the two.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import color_table, nearest_of, premultiplied
from toonctl.regions.inks import colored_lines, fine_ink, near_black_lines
from toonctl.regions.unmix import unmix


@dataclass(frozen=True, slots=True)
class Flats:
    """A picture taken apart.

    `colors` uint8 `[K, 4]`, the flat colors, entry 0 transparent; `index` uint16 `[H, W]` into it, lines by
    what lies nearest beneath them. `coverage` uint8 `[H, W]` of the lines and their `inks` uint8 `[I, 4]`
    with `ink` uint8 `[H, W]` into it.
    """

    colors: Pixels
    index: NDArray[np.uint16]
    coverage: Pixels
    inks: Pixels
    ink: Pixels


def flats_under_lines(picture: Pixels, line: Pixels) -> Flats:
    """The flats of RGBA `picture` `[H, W, 4]` whose lines are known apart, RGBA `line`."""
    coverage = line_alpha(line)
    table, codes = color_table(picture)
    is_free = coverage == 0
    is_flat = _has_interior(codes, len(table), is_free)
    is_flat_pixel = is_free & is_flat[codes]
    inks, ink = _inks_of(line, coverage)
    if not is_flat_pixel.any():
        return Flats(np.zeros((1, 4), np.uint8), np.zeros(codes.shape, np.uint16), coverage, inks, ink)
    under = codes.ravel()[nearest_of(is_flat_pixel)]
    return Flats(*_colors_in_use(table, under), coverage, inks, ink)


def flats_of(picture: Pixels) -> Flats:
    """The flats and lines of RGBA `picture` `[H, W, 4]` that shows both in one."""
    table, codes = color_table(picture)
    is_flat = _has_interior(codes, len(table), np.ones(codes.shape, bool))
    inks, is_line = near_black_lines(table, codes)
    is_flat_pixel = is_flat[codes] & ~is_line
    colored, is_colored, is_hem = colored_lines(
        table, codes, inks, is_flat_pixel=is_flat_pixel, is_line=is_line
    )
    is_flat_pixel |= is_hem
    if len(colored):
        inks = np.concatenate([inks, colored])
        is_line |= is_colored
        is_flat_pixel &= ~is_colored
    _drop_stray(is_flat_pixel, is_line, codes)
    coverage = np.where(is_line, 255, 0).astype(np.uint8)
    if not is_flat_pixel.any():
        return Flats(
            np.zeros((1, 4), np.uint8), np.zeros(codes.shape, np.uint16), coverage, inks, coverage * 0
        )
    nearest = nearest_of(is_flat_pixel)
    under = codes.ravel()[nearest]
    mixed = np.flatnonzero(~is_flat_pixel & ~is_line)
    colors = premultiplied(table)
    found = unmix(mixed, codes, nearest, colors, premultiplied(inks))
    if not len(inks) and len(inks := fine_ink(table, codes, mixed, found)):
        found = unmix(mixed, codes, nearest, colors, premultiplied(inks))
    coverage.ravel()[mixed] = np.rint(255 * found.share).astype(np.uint8)
    under.ravel()[mixed] = found.paint
    ink = _ink_numbers(table, codes, inks, is_line)
    ink.ravel()[mixed] = found.ink
    return Flats(*_colors_in_use(table, under), coverage, inks, ink)


def line_alpha(line: Pixels) -> Pixels:
    """Coverage `[H, W]` of an RGBA line layer: its alpha, or its darkness where it is opaque paper."""
    alpha = line[..., 3]
    if alpha.size and int(alpha.min()) == 255:
        return np.asarray(255 - line[..., :3].min(-1), np.uint8)
    return np.ascontiguousarray(alpha)


def _has_interior(codes: NDArray[np.int32], n: int, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which colors fill a block of three by three pixels somewhere, `[n]`."""
    same = allowed[:-1, :-1] & (codes[:-1, :-1] == codes[1:, :-1]) & (codes[:-1, :-1] == codes[:-1, 1:])
    same &= codes[:-1, :-1] == codes[1:, 1:]
    blocks = same[:-1, :-1] & same[1:, :-1] & same[:-1, 1:] & same[1:, 1:]
    return np.bincount(codes[1:-1, 1:-1][blocks], minlength=n) > 0


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


def _ink_numbers(table: Pixels, codes: NDArray[np.int32], inks: Pixels, is_line: NDArray[np.bool_]) -> Pixels:
    """The ink nearest in color where a line shows pure, 0 elsewhere, `[H, W]`."""
    ink = np.zeros(codes.shape, np.uint8)
    if len(inks) > 1:
        apart = np.abs(table[:, None].astype(np.int32) - inks[None].astype(np.int32)).sum(-1)
        ink[is_line] = apart.argmin(1).astype(np.uint8)[codes[is_line]]
    return ink


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


def _colors_in_use(table: Pixels, under: NDArray[np.int32]) -> tuple[Pixels, NDArray[np.uint16]]:
    """The colors that occur in `under` `[H, W]`, transparent first, and their number by pixel."""
    used = np.flatnonzero(np.bincount(under.ravel(), minlength=len(table)))
    used = used[table[used, 3] > 0]
    lut = np.zeros(len(table), np.uint16)
    lut[used] = np.arange(1, len(used) + 1, dtype=np.uint16)
    return np.concatenate([np.zeros((1, 4), np.uint8), table[used]]), lut[under]
