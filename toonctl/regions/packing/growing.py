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
from toonctl.regions.packing.sheet import over_color

_NO_INKS = np.zeros((0, 4), np.uint8)


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
    matted = _matted(cell.picture, cell, how)
    base = cv2.resize(premultiplied(matted), (width, height), interpolation=cv2.INTER_LINEAR)
    # Inks instead of what a coder made of them: flats without noise, and colors as the keys have them.
    seen = over_color(matted, cell.ground) if how.matte == "ink" else cell.picture.astype(np.float32)
    return straight(redraw(seen, np.asarray(base, np.float32), cell.keys, cell.ground))


def is_opaque(keys: tuple[Pixels, Pixels]) -> bool:
    """Whether nothing shines through either key."""
    return min(int(key[..., 3].min(initial=255)) for key in keys) == 255


def _matted(picture: Pixels, cell: LayerCell, how: Growth) -> Pixels:
    is_whole = is_opaque(cell.keys)
    if how.matte == "ink":
        return ink_matte(picture, cell.inks, None if is_whole else cell.ground)
    return ink_matte(picture, _NO_INKS, None) if is_whole else luminance_matte(picture)
