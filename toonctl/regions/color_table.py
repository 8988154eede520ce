"""Every color of a picture once, and the nearest pixel of a kind."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels


def color_table(picture: Pixels) -> tuple[Pixels, NDArray[np.int32]]:
    """Every color of RGBA `picture` once `[K, 4]`, its number by pixel `[H, W]`; clear is (0, 0, 0, 0)."""
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
