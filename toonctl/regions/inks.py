"""Which colors of a finished picture are ink, and where they form lines."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import Coded, filled, premultiplied
from toonctl.regions.unmix import UNEXPLAINED, Rims, unmix

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


def near_black_lines(shown: Coded) -> tuple[Pixels, NDArray[np.bool_]]:
    """Ink colors `[I, 4]` and where they form lines: near black, and too thin to be areas."""
    table, codes, counts = shown.table, shown.codes, shown.counts()
    height = codes.shape[0]
    least = max(12.0, 24 * (height / 540) ** 2)
    is_dark = (table[:, :3].max(1) < _DARK) & (table[:, 3] == 255) & (counts >= least)
    dark = np.argsort(-np.where(is_dark, counts, 0), kind="stable")[: min(_MOST_DARK, int(is_dark.sum()))]
    side = 2 * round(max(1.0, height * _LINE_SHARE / 2)) + 1
    kernel = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
    found: list[tuple[int, int]] = []
    most = 0
    for color in dark.tolist():
        if counts[color] < _LEAST_OF_MAIN_INK * most:  # too rare for a further ink, thin or not
            break
        n_thin = int(np.count_nonzero(_thin(codes == color, kernel)))
        if n_thin >= least and n_thin >= _LEAST_THIN * counts[color]:
            found.append((n_thin, color))
            most = max(most, n_thin)
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
        is_line |= _thin(shown.where(apart <= _TINT), kernel)
    return (np.ascontiguousarray(table[kept]) if kept else _NO_INK), is_line


def _is_tint(color: Pixels, ink: Pixels, flats: NDArray[np.float32]) -> bool:
    """Whether `color` lies between `ink` and one of `flats` `[F, 4]`."""
    start = ink.astype(np.float32)
    way, off = flats - start, color.astype(np.float32) - start
    share = np.clip((way * off).sum(1) / np.maximum((way * way).sum(1), 1), 0, 1)
    return bool((np.abs(share[:, None] * way - off).max(1, initial=0) < _LIKE).any())


def _thin(mask: NDArray[np.bool_], kernel: Pixels) -> NDArray[np.bool_]:
    """The parts of `mask` that `kernel` does not fit in, or hardly, as where several lines meet."""
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    reach = len(kernel) // 2
    cut = np.s_[max(0, y - reach) : y + h + reach, max(0, x - reach) : x + w + reach]
    if not w:
        return mask
    core = np.asarray(cv2.erode(np.ascontiguousarray(mask[cut]).view(np.uint8), kernel))
    at = np.flatnonzero(core.view(bool))
    if not len(at):
        return mask
    blob = np.asarray(cv2.connectedComponents(core, connectivity=8)[1], np.int32).ravel()[at]
    areas = np.zeros(core.shape, np.uint8)
    areas.ravel()[at] = (np.bincount(blob) > _BLOT * kernel.size)[blob]
    thin = mask.copy()
    thin[cut] &= cv2.dilate(areas, cv2.dilate(kernel, np.ones((3, 3), np.uint8))) == 0
    return thin


def colored_lines(
    shown: Coded, inks: Pixels, *, is_flat_pixel: NDArray[np.bool_], is_line: NDArray[np.bool_]
) -> tuple[Pixels, NDArray[np.bool_], NDArray[np.bool_]]:
    """Further inks and where they show: colors that are thin everywhere and that no two neighbors could mix.

    The third value says where such a color hems a known line: a narrow area, not a line of its own.
    """
    table, codes, counts = shown.table, shown.codes, shown.counts()
    height = codes.shape[0]
    side = 2 * max(1, round(height * _LINE_SHARE / 2)) - 1
    rim = np.flatnonzero(~shown.is_even(side))
    is_wide = counts - np.bincount(codes.ravel()[rim], minlength=len(table)) > 0.01 * counts
    is_thin = ~is_wide & (counts >= height / 4) & (table[:, 3] == 255)
    wide_pixel = shown.where(is_wide) & is_flat_pixel
    found: list[int] = []
    if not is_thin.any() or not wide_pixel.any():
        return _NO_INK, np.zeros(codes.shape, bool), np.zeros(codes.shape, bool)
    rims = Rims.of(np.flatnonzero(shown.where(is_thin)), shown, filled(codes, wide_pixel))
    n_pixels = np.bincount(rims.kind, minlength=len(rims.pixel))
    known = premultiplied(inks)
    colors = premultiplied(table)
    for _ in range(_MOST_COLORED):
        is_strange = unmix(rims, colors, known).off > UNEXPLAINED
        strange = np.bincount(rims.pixel, n_pixels * is_strange, minlength=len(table))
        strange[found] = 0
        strange *= strange >= 0.6 * counts
        best = int(strange.argmax())
        if strange[best] < height / 4:
            break
        found.append(best)
        known = np.concatenate([known, colors[best][None]])
    beside = np.flatnonzero(cv2.dilate(is_line.view(np.uint8), np.ones((5, 5), np.uint8)).view(bool))
    is_ink, is_hem = np.zeros(len(table), bool), np.zeros(len(table), bool)
    hemming = np.bincount(codes.ravel()[beside], minlength=len(table))[found] > _HEMMING * counts[found]
    is_hem[np.array(found, int)[hemming]] = True
    is_ink[np.array(found, int)[~hemming]] = True
    return np.ascontiguousarray(table[is_ink]), shown.where(is_ink), shown.where(is_hem)


def fine_ink(strange: Pixels, height: int) -> Pixels:
    """The ink of lines too fine to show it pure: the darkest of `strange` `[S, 4]`.

    Those are the pixels that no two flats explain, of a picture `height` pixels high.
    """
    if len(strange) < 60 * height / 540:
        return _NO_INK
    luma = strange[:, :3].sum(1) + 3 * (255 - strange[:, 3].astype(np.int32))
    return np.ascontiguousarray(strange[np.argsort(luma, kind="stable")[len(luma) // 50]][None])
