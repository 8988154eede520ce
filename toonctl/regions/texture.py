"""Where a picture has neither flat color nor line: gradients, photographs, cels saved with losses."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import Coded

_RIM_AT_540, _BROAD_AT_540 = 2, 6
_AT_HEIGHT = 540
_LINE = 128


def textured(shown: Coded, coverage: Pixels) -> NDArray[np.bool_]:
    """Where there is neither flat color nor line, bool `[H, W]`.

    `coverage` `[H, W]` is that of the lines. A color is flat that fills a block of three by three pixels
    somewhere; soft rims of flats and lines, a few pixels wide, are no texture.
    """
    is_flat = shown.where(shown.within(shown.is_even(3)))
    is_line = (coverage >= _LINE).view(np.uint8)
    # Broad shades look like lines of much ink over the nearest flat color.
    is_line &= ~_open(is_line, _BROAD_AT_540)
    is_other = ~(is_flat | is_line.astype(bool))
    return _open(is_other.view(np.uint8), _RIM_AT_540).astype(bool)


def _open(mask: Pixels, reach_at_540: int) -> Pixels:
    """What of `mask` `[H, W]`, 0 and 1, is broader than twice the reach."""
    reach = max(_RIM_AT_540, round(reach_at_540 * mask.shape[0] / _AT_HEIGHT))
    kernel = np.ones((1 + 2 * reach, 1 + 2 * reach), np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)
