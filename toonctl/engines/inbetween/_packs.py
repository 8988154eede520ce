"""Into which packed pictures the layers between two keys go: what is asked, what they look like, the plan.

Letters: H height, W width of the art; K inks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import EngineError
from toonctl.core.types import Pixels, Size
from toonctl.engines.options import EngineOptions
from toonctl.regions.packing.growing import Growth, is_opaque
from toonctl.regions.packing.mattes import ground_for, inks_of
from toonctl.regions.packing.plan import (
    WHITE,
    Box,
    Canvas,
    PackedLayers,
    PackOrder,
    moving_box,
    plan_pack,
    plan_packs,
    touching_px,
)

_LOOK_LINES = 270
"""Height at which it is looked at which layers touch."""
_NEAR_PX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSettings(EngineOptions):
    """How layers are packed and come out again, as the shot file says (`PackOptions`), seed and device."""

    pack: bool
    crop: Literal["moving", "frame"]
    margin: float
    ground: str
    matte: Literal["ink", "luminance"]
    upscale: Literal["reference", "bilinear", "realesrgan"]
    least_lines: int
    seed: int
    device: str

    @property
    def growth(self) -> Growth:
        """How layers come out of their cells; those that a network enlarged are of full size already."""
        return Growth(self.matte, "reference" if self.upscale == "reference" else "bilinear")

    @property
    def is_enlarged(self) -> bool:
        """Whether a network enlarges what cells show."""
        return self.upscale == "realesrgan"


@dataclass(frozen=True, slots=True)
class Looked:
    """What is to be known of a layer between two keys.

    `box` is what the keys cover with room for arcs, None for nothing; `cover` bool is small and grown, so
    that neighbors overlap. `inks` uint8 `[K, 4]` are the keys' colors, none when both are the same.
    """

    is_same: bool
    is_opaque: bool
    box: Box | None
    cover: NDArray[np.bool_]
    inks: Pixels


def look_at(keys: tuple[Pixels, Pixels]) -> Looked:
    """What is to be known of a layer whose keys are RGBA `[H, W, 4]`."""
    alphas = keys[0][..., 3], keys[1][..., 3]
    cover = (alphas[0] > 0) | (alphas[1] > 0)
    # What color a pixel has that does not show is no matter.
    is_same = bool((alphas[0] == alphas[1]).all() and (keys[0] == keys[1])[alphas[0] > 0].all())
    scale = min(1.0, _LOOK_LINES / cover.shape[0])
    small = cv2.resize(cover.astype(np.uint8) * 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    near = np.asarray(cv2.dilate(small, np.ones((_NEAR_PX, _NEAR_PX), np.uint8)) > 0)
    inks = np.zeros((0, 4), np.uint8) if is_same else inks_of(keys)
    return Looked(is_same, is_opaque(keys), moving_box([cover]), near, inks)


def packs_of(
    looked: Mapping[str, Looked], settings: PackSettings, canvas: Canvas, size: Size
) -> PackedLayers:
    """The packed pictures of the layers that move, bottom to top, for art of `size`.

    One layer needs no composite to keep in step with, and with `pack = false` every layer has a picture of
    its own: the baseline of LayerPack, table 2. Raises: EngineError when there is no room.
    """
    moving = [layer for layer, each in looked.items() if not each.is_same]
    # Published, the matte keys out white, so that nothing else can lie behind.
    wanted = "white" if settings.matte == "luminance" else settings.ground
    grounds = {
        layer: WHITE if looked[layer].is_opaque else ground_for(looked[layer].inks, wanted)
        for layer in moving
    }
    boxes = [box for layer in moving if (box := looked[layer].box) is not None]
    source = (0, 0, *size) if settings.crop == "frame" or not boxes else _around(boxes)
    order = PackOrder(source, canvas, settings.margin, grounds)
    least_scale = settings.least_lines / size[1]
    try:
        if not settings.pack or len(moving) == 1:
            packs = tuple(plan_pack([layer], order, has_composite=False) for layer in moving)
            return PackedLayers(packs, is_coarse=False)
        touching = touching_px([looked[layer].cover for layer in moving])
        return plan_packs(moving, order, least_scale=least_scale, touching=touching)
    except ValueError as error:
        hint = "draw at a larger size, or with a smaller `margin`"
        raise EngineError(f"the layers cannot be packed: {error}", hint=hint) from error


def _around(boxes: list[Box]) -> Box:
    x0, y0 = (min(box[axis] for box in boxes) for axis in (0, 1))
    x1, y1 = (max(box[axis] + box[axis + 2] for box in boxes) for axis in (0, 1))
    return x0, y0, x1 - x0, y1 - y0
