"""A cell of a packed picture as a full-size RGBA layer: grown and matted in the order that fits the way.

Letters: H height, W width of the layer; h, w of its cell; K inks.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from toonctl.core.types import Pixels
from toonctl.regions.color_table import premultiplied
from toonctl.regions.packing.mattes import ink_matte, luminance_matte, straight
from toonctl.regions.packing.plan import Color
from toonctl.regions.packing.reference import redraw


@dataclass(frozen=True, slots=True)
class Growth:
    """How a layer comes out of its cell.

    "reference" draws edges again from the keys. These bring their alpha along, so that the matte decides only
    where no key has anything like it. "bilinear" with "luminance" is LayerPack, sec. 4.3, as published.
    """

    matte: Literal["ink", "luminance"]
    upscale: Literal["reference", "bilinear"]


@dataclass(frozen=True, slots=True)
class LayerCell:
    """What a cell shows, RGB `[h, w, 3]` on `ground`, and the two keys RGBA `[H, W, 4]` around it.

    `inks` uint8 `[K, 4]` are the colors of the keys.
    """

    picture: Pixels
    ground: Color
    keys: tuple[Pixels, Pixels]
    inks: Pixels


def grow(cell: LayerCell, how: Growth) -> Pixels:
    """The layer at the size of its keys, RGBA `[H, W, 4]`; opaque where both keys are opaque throughout."""
    height, width = cell.keys[0].shape[:2]
    if cell.picture.shape[:2] == (height, width):
        return _matted(cell.picture, cell, how)
    if how.upscale == "bilinear":
        large = cv2.resize(cell.picture, (width, height), interpolation=cv2.INTER_LINEAR)
        return _matted(np.asarray(large, np.uint8), cell, how)
    small = premultiplied(_matted(cell.picture, cell, how))
    base = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return straight(redraw(cell.picture, base, cell.keys, cell.ground))


def is_opaque(keys: tuple[Pixels, Pixels]) -> bool:
    """Whether nothing shines through either key."""
    return min(int(key[..., 3].min(initial=255)) for key in keys) == 255


def _matted(picture: Pixels, cell: LayerCell, how: Growth) -> Pixels:
    if is_opaque(cell.keys):
        return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    if how.matte == "luminance":
        return luminance_matte(picture)
    return ink_matte(picture, cell.inks, cell.ground)
