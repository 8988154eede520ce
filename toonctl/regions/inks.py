"""Which colors of a finished picture are ink, and where they form lines."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import nearest_of, premultiplied
from toonctl.regions.unmix import UNEXPLAINED, Unmixed, unmix

_DARK = 64
_LINE_SHARE = 1 / 90
"""Widest black that is a line and not an area, as a share of the picture's height (6 px at 540 lines)."""

_LEAST_THIN = 0.12
_LEAST_OF_MAIN_INK = 0.2
_MOST_COLORED = 6
_HEMMING = 0.6
_BLOT = 0.3
_MOST_DARK = 8
_TINT = 32
_LIKE = 10
_ALL_LINES = 0.6
_FLAT_SHARE = 0.002
_NO_INK = np.zeros((0, 4), np.uint8)


def near_black_lines(table: Pixels, codes: NDArray[np.int32]) -> tuple[Pixels, NDArray[np.bool_]]:
    """Ink colors `[I, 4]` and where they form lines: near black, and too thin to be areas."""
    height = codes.shape[0]
    counts = np.bincount(codes.ravel(), minlength=len(table))
    least = max(12.0, 24 * (height / 540) ** 2)
    is_dark = (table[:, :3].max(1) < _DARK) & (table[:, 3] == 255) & (counts >= least)
    dark = np.argsort(-np.where(is_dark, counts, 0), kind="stable")[: min(_MOST_DARK, int(is_dark.sum()))]
    side = 2 * round(max(1.0, height * _LINE_SHARE / 2)) + 1
    kernel = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
    found: list[tuple[int, int]] = []
    for color in dark.tolist():
        n_thin = int(_thin(codes == color, kernel).sum())
        if n_thin >= least and n_thin >= _LEAST_THIN * counts[color]:
            found.append((n_thin, color))
    found.sort(key=lambda item: (-item[0], item[1]))
    is_line = np.zeros(codes.shape, bool)
    kept: list[int] = []
    flats = table[counts >= _FLAT_SHARE * codes.size].astype(np.float32)
    for n_thin, color in found:
        apart = np.abs(table.astype(np.int32) - table[color].astype(np.int32)).max(1)
        # A further ink is nearly all lines, and no tint that an ink's soft rim takes on over some paint.
        is_paint = bool(kept) and n_thin < _ALL_LINES * counts[color]
        if is_paint or n_thin < _LEAST_OF_MAIN_INK * found[0][0]:
            continue
        if any(apart[k] <= _LIKE or _is_tint(table[color], table[k], flats) for k in kept):
            continue
        kept.append(color)
        is_line |= _thin((apart <= _TINT)[codes], kernel)
    return (np.ascontiguousarray(table[kept]) if kept else _NO_INK), is_line


def _is_tint(color: Pixels, ink: Pixels, flats: NDArray[np.float32]) -> bool:
    """Whether `color` lies between `ink` and one of `flats` `[F, 4]`."""
    start = ink.astype(np.float32)
    way, off = flats - start, color.astype(np.float32) - start
    share = np.clip((way * off).sum(1) / np.maximum((way * way).sum(1), 1), 0, 1)
    return bool((np.abs(share[:, None] * way - off).max(1, initial=0) < _LIKE).any())


def _thin(mask: NDArray[np.bool_], kernel: Pixels) -> NDArray[np.bool_]:
    """The parts of `mask` that `kernel` does not fit in, or hardly, as where several lines meet."""
    core = cv2.erode(mask.astype(np.uint8), kernel)
    _, found, stats, _ = cv2.connectedComponentsWithStats(core, connectivity=8)
    blobs = np.asarray(found, np.int32)
    is_area = (stats[:, cv2.CC_STAT_AREA] > _BLOT * kernel.size)[blobs] & (blobs > 0)
    return mask & (cv2.dilate(is_area.astype(np.uint8), cv2.dilate(kernel, np.ones((3, 3), np.uint8))) == 0)


def colored_lines(
    table: Pixels,
    codes: NDArray[np.int32],
    inks: Pixels,
    *,
    is_flat_pixel: NDArray[np.bool_],
    is_line: NDArray[np.bool_],
) -> tuple[Pixels, NDArray[np.bool_], NDArray[np.bool_]]:
    """Further inks and where they show: colors that are thin everywhere and that no two neighbors could mix.

    The third value says where such a color hems a known line: a narrow area, not a line of its own.
    """
    height = codes.shape[0]
    side = 2 * max(1, round(height * _LINE_SHARE / 2)) - 1
    numbers = codes.astype(np.uint16 if len(table) <= np.iinfo(np.uint16).max else np.float32)
    window = np.ones((side, side), np.uint8)
    core = np.asarray(cv2.erode(numbers, window) == cv2.dilate(numbers, window))
    counts = np.bincount(codes.ravel(), minlength=len(table))
    is_wide = np.bincount(codes[core], minlength=len(table)) > 0.01 * counts
    is_thin = ~is_wide & (counts >= height / 4) & (table[:, 3] == 255)
    wide_pixel = is_wide[codes] & is_flat_pixel
    found: list[int] = []
    if not is_thin.any() or not wide_pixel.any():
        return _NO_INK, np.zeros(codes.shape, bool), np.zeros(codes.shape, bool)
    nearest = nearest_of(wide_pixel)
    at = np.flatnonzero(is_thin[codes])
    known = premultiplied(inks)
    colors = premultiplied(table)
    for _ in range(_MOST_COLORED):
        off = unmix(at, codes, nearest, colors, known).off
        strange = np.bincount(codes.ravel()[at], off > UNEXPLAINED, minlength=len(table))
        strange[found] = 0
        strange *= strange >= 0.6 * counts
        best = int(strange.argmax())
        if strange[best] < height / 4:
            break
        found.append(best)
        known = np.concatenate([known, colors[best][None]])
    beside = cv2.dilate(is_line.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    is_ink, is_hem = np.zeros(len(table), bool), np.zeros(len(table), bool)
    hemming = np.bincount(codes[beside], minlength=len(table))[found] > _HEMMING * counts[found]
    is_hem[np.array(found, int)[hemming]] = True
    is_ink[np.array(found, int)[~hemming]] = True
    return np.ascontiguousarray(table[is_ink]), is_ink[codes], is_hem[codes]


def fine_ink(table: Pixels, codes: NDArray[np.int32], mixed: NDArray[np.int64], found: Unmixed) -> Pixels:
    """The ink of lines too fine to show it pure: the darkest of the pixels that no two flats explain."""
    strange = mixed[found.off > UNEXPLAINED]
    if len(strange) < 60 * codes.shape[0] / 540:
        return _NO_INK
    colors = table[codes.ravel()[strange]]
    luma = colors[:, :3].sum(1) + 3 * (255 - colors[:, 3].astype(np.int32))
    return np.ascontiguousarray(colors[np.argsort(luma, kind="stable")[len(luma) // 50]][None])
