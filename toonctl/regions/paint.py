"""From colors by region to a color-model index for every pixel, under the lines too."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels, RegionMap

_BESIDE = np.ones((3, 3), np.uint8)
LUMA = np.array([0.2126, 0.7152, 0.0722])


def paint_index(
    regions: RegionMap,
    colors: NDArray[np.uint16],
    trace: Pixels | None,
    *,
    darkness_rank: NDArray[np.uint16] | None,
) -> NDArray[np.uint16]:
    """The color-model index of every pixel `[H, W]`: regions by `colors` `[n]`, lines by the nearest region.

    `trace` is the coverage of trace lines `[H, W]`, None without any. `darkness_rank` `[K]` orders the color
    model for them: a trace line takes whichever of its two sides ranks lowest. None leaves them to the
    nearest side.
    """
    lut, shape = np.concatenate([np.zeros(1, np.uint16), colors]), (regions.height, regions.width)
    index = np.repeat(lut[regions.labels], regions.lengths).reshape(shape)
    if not len(colors):
        return index
    is_ink = np.repeat(regions.labels == 0, regions.lengths).reshape(shape)
    window = _window(is_ink)
    if window is None:
        return index
    view, ink = index[window], np.ascontiguousarray(is_ink[window])
    _take_nearest(view, ink)
    if darkness_rank is not None and trace is not None:
        _fill_trace(view, ink & (trace[window] >= 64), darkness_rank)
    return index


def darkest_first(colors: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Rank of every color-model entry `[K]` from darkest to lightest; transparent entries come last."""
    luma = colors[:, :3].astype(np.float64) @ LUMA
    order = np.lexsort((np.arange(len(colors)), luma, colors[:, 3] == 0))
    rank = np.empty(len(colors), np.uint16)
    rank[order] = np.arange(len(colors), dtype=np.uint16)
    return rank


def _window(ink: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The box of all ink, one pixel wider on each side."""
    rows = np.flatnonzero(ink.any(1))
    if not len(rows):
        return None
    columns = np.flatnonzero(ink[rows[0] : rows[-1] + 1].any(0))
    return (
        slice(max(0, rows[0] - 1), rows[-1] + 2),
        slice(max(0, columns[0] - 1), columns[-1] + 2),
    )


def _take_nearest(index: NDArray[np.uint16], ink: NDArray[np.bool_]) -> None:
    """Gives every ink pixel the value of the nearest pixel that is not ink, in place."""
    if ink.all():
        return
    labeled = cv2.distanceTransformWithLabels(
        ink.view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.asarray(labeled[1], np.int32)
    # Only pixels beside the ink can be nearest to any of it.
    rim = np.flatnonzero(cv2.dilate(ink.view(np.uint8), _BESIDE).view(bool) & ~ink)
    value = np.zeros(int(nearest.max()) + 1, np.uint16)
    flat = np.ascontiguousarray(index).ravel()
    value[nearest.ravel()[rim]] = flat[rim]
    index[ink] = value[nearest[ink]]


def _fill_trace(index: NDArray[np.uint16], trace: NDArray[np.bool_], rank: NDArray[np.uint16]) -> None:
    """Gives trace pixels the lowest-ranking color within their half width, in place."""
    if not trace.any():
        return
    width = float(cv2.distanceTransform(trace.astype(np.uint8), cv2.DIST_L2, 3).max())
    reach = 2 * int(np.ceil(width)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    sides = rank[index]
    # Only what lies beside the line counts; the line's own pixels hold the nearest side already.
    lowest = np.asarray(cv2.erode(sides, kernel), np.uint16)
    by_rank = np.empty(len(rank), np.uint16)
    by_rank[rank] = np.arange(len(rank), dtype=np.uint16)
    index[trace] = by_rank[lowest[trace]]
