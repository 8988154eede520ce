"""A finished picture as flat colors and lines: exact palette, color of every pixel, line coverage.

What lies between flats is either a line's soft rim, whose coverage is the pixel's place between the paint and
the ink, or the soft rim of one flat against another, which goes to the nearer of the two.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels

_DARK = 64
_LINE_SHARE = 1 / 90
"""Widest black that is a line and not an area, as a share of the picture's height (6 px at 540 lines)."""

_MIXED = 12.0  # color distance at which a pixel still counts as a mixture of two colors
_UNEXPLAINED = 48.0
_LEAST_THIN = 0.12
_LEAST_OF_MAIN_INK = 0.2
_MOST_COLORED = 6
_TAPS = ((0, 0), (3, 0), (-3, 0), (0, 3), (0, -3))


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
    return _assembled(table, codes, is_free & is_flat[codes], coverage, *_inks_of(line, coverage))


def flats_of(picture: Pixels) -> Flats:
    """The flats and lines of RGBA `picture` `[H, W, 4]` that shows both in one."""
    table, codes = color_table(picture)
    everywhere = np.ones(codes.shape, bool)
    is_flat = _has_interior(codes, len(table), everywhere)
    inks, is_line = _near_black_lines(table, codes)
    is_flat_pixel = is_flat[codes] & ~is_line
    colored, is_colored = _colored_lines(table, codes, is_flat_pixel, inks)
    if len(colored):
        inks = np.concatenate([inks, colored])
        is_line |= is_colored
        is_flat_pixel &= ~is_colored
    _drop_stray(is_flat_pixel, is_line, codes)
    coverage = np.where(is_line, 255, 0).astype(np.uint8)
    ink = np.zeros(codes.shape, np.uint8)
    if not is_flat_pixel.any():
        return _assembled(table, codes, ~is_line, coverage, inks, ink)
    nearest = nearest_of(is_flat_pixel)
    mixed = np.flatnonzero(~is_flat_pixel & ~is_line)
    if len(mixed):
        share, which = _unmix(premultiplied(table), codes, nearest, mixed, premultiplied(inks))
        if not len(inks):
            inks = _thin_ink(table, codes, mixed, share)
            if len(inks):
                share, which = _unmix(premultiplied(table), codes, nearest, mixed, premultiplied(inks))
        coverage.ravel()[mixed] = np.where(share < 0, 0, np.rint(255 * share)).astype(np.uint8)
        ink.ravel()[mixed] = which
    ink = _ink_numbers(table, codes, inks, is_line, ink)
    return _assembled(table, codes, is_flat_pixel, coverage, inks, ink)


def line_alpha(line: Pixels) -> Pixels:
    """Coverage `[H, W]` of an RGBA line layer: its alpha, or its darkness where it is opaque paper."""
    alpha = line[..., 3]
    if alpha.size and int(alpha.min()) == 255:
        return np.asarray(255 - line[..., :3].min(-1), np.uint8)
    return np.ascontiguousarray(alpha)


def color_table(picture: Pixels) -> tuple[Pixels, NDArray[np.int32]]:
    """Every color of RGBA `picture` once `[K, 4]`, and its number by pixel `[H, W]`; no color is (0, 0, 0, 0)."""
    packed = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
    packed = np.where(picture[..., 3] == 0, np.uint32(0), packed)
    flat = packed.ravel()
    is_start = np.empty(flat.size, bool)
    is_start[:1] = True
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    starts = np.flatnonzero(is_start)
    values, inverse = np.unique(flat[starts], return_inverse=True)
    codes = np.repeat(inverse.astype(np.int32), np.diff(starts, append=flat.size))
    return values.astype(np.uint32).view(np.uint8).reshape(-1, 4), codes.reshape(packed.shape)


def nearest_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The flat position of the nearest pixel of `mask` for every pixel, `[H, W]`; mask must not be empty."""
    found = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(found[1], np.int32)
    at = np.flatnonzero(mask)
    position = np.zeros(int(labels.max()) + 1, np.int64)
    position[labels.ravel()[at]] = at
    return position[labels]


def premultiplied(rgba: Pixels) -> NDArray[np.float32]:
    """Colors `[..., 4]` weighed by their alpha, in which mixtures are straight lines."""
    colors = rgba.astype(np.float32)
    colors[..., :3] *= colors[..., 3:] / 255
    return colors


def _has_interior(codes: NDArray[np.int32], n: int, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which colors fill a block of three by three pixels somewhere, `[n]`."""
    same = allowed[:-1, :-1] & (codes[:-1, :-1] == codes[1:, :-1]) & (codes[:-1, :-1] == codes[:-1, 1:])
    same &= codes[:-1, :-1] == codes[1:, 1:]
    blocks = same[:-1, :-1] & same[1:, :-1] & same[:-1, 1:] & same[1:, 1:]
    return np.bincount(codes[1:-1, 1:-1][blocks], minlength=n) > 0


def _near_black_lines(table: Pixels, codes: NDArray[np.int32]) -> tuple[Pixels, NDArray[np.bool_]]:
    """Ink colors `[I, 4]` and where they form lines: near black, and too thin to be areas."""
    is_line = np.zeros(codes.shape, bool)
    counts = np.bincount(codes.ravel(), minlength=len(table))
    dark = np.flatnonzero((table[:, :3].max(1) < _DARK) & (table[:, 3] == 255) & (counts > 0))
    if not len(dark):
        return np.zeros((0, 4), np.uint8), is_line
    side = 2 * round(max(1.0, codes.shape[0] * _LINE_SHARE / 2)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    wide = cv2.dilate(kernel, np.ones((3, 3), np.uint8))
    lut = np.zeros(len(table), bool)
    lut[dark] = True
    all_dark = lut[codes]
    core = cv2.erode(all_dark.astype(np.uint8), kernel)
    solid = cv2.dilate(core, wide).astype(bool)
    thin = np.bincount(codes[all_dark & ~solid], minlength=len(table))
    least = max(12.0, 24 * (codes.shape[0] / 540) ** 2)
    is_ink = lut & (thin >= least) & (thin >= _LEAST_THIN * counts)
    inks = np.flatnonzero(is_ink)
    if not len(inks):
        return np.zeros((0, 4), np.uint8), is_line
    is_line = all_dark & ~solid & is_ink[codes]
    # Many near-black tints are one ink seen through its soft rim: the commonest stand for all.
    order = inks[np.argsort(-thin[inks], kind="stable")]
    kept: list[int] = []
    for color in order[thin[order] >= _LEAST_OF_MAIN_INK * thin[order[0]]].tolist():
        apart = [np.abs(table[color].astype(int) - table[k].astype(int)).max() for k in kept]
        if all(d > 24 for d in apart):
            kept.append(color)
    return np.ascontiguousarray(table[kept[:8]]), is_line


def _colored_lines(
    table: Pixels, codes: NDArray[np.int32], is_flat_pixel: NDArray[np.bool_], inks: Pixels
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Further inks: colors that are thin wherever they show and that no two neighbors could mix."""
    height = codes.shape[0]
    side = 2 * max(1, round(height * _LINE_SHARE / 2)) - 1
    numbers = codes.astype(np.float32)
    window = np.ones((side, side), np.uint8)
    core = np.asarray(cv2.erode(numbers, window) == cv2.dilate(numbers, window))
    is_wide = np.bincount(codes[core], minlength=len(table)) > 0
    counts = np.bincount(codes.ravel(), minlength=len(table))
    is_thin = ~is_wide & (counts >= height / 4) & (table[:, 3] == 255)
    wide_pixel = is_wide[codes] & is_flat_pixel
    found: list[int] = []
    if not is_thin.any() or not wide_pixel.any():
        return np.zeros((0, 4), np.uint8), np.zeros(codes.shape, bool)
    nearest = nearest_of(wide_pixel)
    at = np.flatnonzero(is_thin[codes])
    known = premultiplied(inks)
    colors = premultiplied(table)
    for _ in range(_MOST_COLORED):
        share, _ = _unmix(colors, codes, nearest, at, known)
        strange = np.bincount(codes.ravel()[at], share < 0, minlength=len(table))
        strange[found] = 0
        strange *= strange >= 0.6 * counts
        best = int(strange.argmax())
        if strange[best] < height / 4:
            break
        found.append(best)
        known = np.concatenate([known, colors[best][None]])
    is_ink = np.zeros(len(table), bool)
    is_ink[found] = True
    return np.ascontiguousarray(table[found]), is_ink[codes]


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


def _unmix(
    colors: NDArray[np.float32],
    codes: NDArray[np.int32],
    nearest: NDArray[np.int64],
    mixed: NDArray[np.int64],
    inks: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Line coverage 0..1 of the `mixed` pixels and their ink; -1 where neither ink nor two flats explain one."""
    height, width = codes.shape
    y, x = np.divmod(mixed, width)
    pixel = colors[codes.ravel()[mixed]]
    paints = []
    for dx, dy in _TAPS:
        at = np.clip(y + dy, 0, height - 1) * width + np.clip(x + dx, 0, width - 1)
        paints.append(colors[codes.ravel()[nearest.ravel()[at]]])
    beneath = paints[0]
    best = np.linalg.norm(pixel - beneath, axis=1)
    for paint in paints[1:]:
        _, off = _project(pixel, beneath, paint)
        best = np.where(_is_ink(paint, inks) | _is_ink(beneath, inks), best, np.minimum(best, off))
    share = np.where(best > _UNEXPLAINED, -1.0, 0.0).astype(np.float32)
    which = np.zeros(len(mixed), np.uint8)
    for number, ink in enumerate(inks):
        for paint in paints:
            along, off = _project(pixel, paint, np.broadcast_to(ink, pixel.shape))
            better = (off + _MIXED / 2 < best) & ~_is_ink(paint, inks)
            share[better], which[better], best[better] = along[better], number, off[better]
    return share, which


def _is_ink(paint: NDArray[np.float32], inks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a paint `[P, 4]` has an ink's color."""
    found = np.zeros(len(paint), bool)
    for ink in inks:
        found |= (np.abs(paint - ink) < _MIXED).all(1)
    return found


def _project(
    pixel: NDArray[np.float32], start: NDArray[np.float32], end: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far along `start`..`end` each pixel lies (0..1), and how far off that line."""
    way = end - start
    along = np.einsum("ij,ij->i", pixel - start, way) / np.maximum(np.einsum("ij,ij->i", way, way), 1)
    along = np.clip(along, 0, 1).astype(np.float32)
    return along, np.linalg.norm(pixel - start - along[:, None] * way, axis=1)


def _thin_ink(
    table: Pixels, codes: NDArray[np.int32], mixed: NDArray[np.int64], share: NDArray[np.float32]
) -> Pixels:
    """The ink of lines too fine to show it pure: the darkest of the pixels that no two flats explain."""
    strange = mixed[share < 0]
    if len(strange) < 60 * codes.shape[0] / 540:
        return np.zeros((0, 4), np.uint8)
    colors = table[codes.ravel()[strange]]
    luma = colors[:, :3].sum(1) + 3 * (255 - colors[:, 3].astype(np.int32))
    return np.ascontiguousarray(colors[np.argsort(luma, kind="stable")[len(luma) // 50]][None])


def _ink_numbers(
    table: Pixels, codes: NDArray[np.int32], inks: Pixels, is_line: NDArray[np.bool_], ink: Pixels
) -> Pixels:
    """`ink` completed on pure line pixels: the ink nearest in color."""
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


def _assembled(
    table: Pixels,
    codes: NDArray[np.int32],
    is_flat_pixel: NDArray[np.bool_],
    coverage: Pixels,
    inks: Pixels,
    ink: Pixels,
) -> Flats:
    """The record: colors in use, every pixel that is not flat by the nearest one that is."""
    if not is_flat_pixel.any():
        colors = np.zeros((1, 4), np.uint8)
        return Flats(colors, np.zeros(codes.shape, np.uint16), coverage, inks, ink)
    used = np.flatnonzero(np.bincount(codes[is_flat_pixel], minlength=len(table)))
    is_clear = table[used, 3] == 0
    lut = np.zeros(len(table), np.uint16)
    lut[used[~is_clear]] = np.arange(1, int((~is_clear).sum()) + 1, dtype=np.uint16)
    index = lut[codes]
    if not is_flat_pixel.all():
        index = index.ravel()[nearest_of(is_flat_pixel)]
    colors = np.concatenate([np.zeros((1, 4), np.uint8), table[used[~is_clear]]])
    return Flats(colors, index.astype(np.uint16, copy=False), coverage, inks, ink)
