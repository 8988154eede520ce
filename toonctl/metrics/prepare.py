"""What happens to a picture before it is measured: laid over a ground, brought to the protocol's size."""

import cv2
import numpy as np

from toonctl.core.types import Pixels, Size
from toonctl.metrics.layers import over_ground

WHITE = 255


def prepared(rgba: Pixels, size: Size | None) -> Pixels:
    """The picture over white, RGB `[H, W, 3]`; at `size` (width, height) when there is one.

    Stretched to it: averaged by area where it shrinks, bicubic where it grows, rounded to 8 bits.
    """
    rgb = np.ascontiguousarray(over_ground(rgba, WHITE))
    height, width = rgb.shape[:2]
    if size is None or size == (width, height):
        return rgb
    is_shrunk = size[0] <= width and size[1] <= height
    kind = cv2.INTER_AREA if is_shrunk else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=kind), np.uint8)
