"""The records that travel between rooms. All frozen; pictures are numpy arrays.

Pictures between rooms are uint8, RGBA, straight alpha, `[H, W, 4]`, sRGB; line art and mattes are `[H, W]`.
Letters: H height, W width, K colors. The records of art that is not decoded yet are those of `core/art.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toonctl.core.art import (
    Art,
    Between,
    Cel,
    InbetweenPlan,
    InputFile,
    KeyCels,
    Layer,
    LayerRole,
    Reference,
    Role,
    Size,
    Sketch,
    Warned,
)

__all__ = [
    "Art",
    "Between",
    "Cel",
    "CelPixels",
    "ColorModel",
    "ColoredDrawing",
    "Doubt",
    "FellBack",
    "InbetweenPlan",
    "InputFile",
    "KeyCels",
    "Layer",
    "LayerRole",
    "LineFrame",
    "PaintPart",
    "Pixels",
    "Reference",
    "RegionMap",
    "Role",
    "Size",
    "Sketch",
    "Warned",
]

Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PaintPart:
    """Paint of one drawing: role PAINT, SHADOW or HIGHLIGHT; `blend` and `is_clipped` as in the PSD."""

    role: Role
    blend: str
    is_clipped: bool
    rgba: Pixels


@dataclass(frozen=True, slots=True)
class CelPixels:
    """One decoded drawing at canvas size; `line` (black) and `trace` (colored lines) are RGBA or None."""

    line: Pixels | None
    trace: Pixels | None
    paint: tuple[PaintPart, ...] = ()


@dataclass(frozen=True, slots=True)
class ColorModel:
    """The palette of a layer: `colors` uint8 `[K, 4]` RGBA as they show; entry 0 is always transparent.

    `flats`, `shadows`, `highlights` split an entry into the paint it was mixed from, uint8 `[K, 4]`, alpha 0
    where the entry has no such part, so that shadow and highlight layers can be written apart again.
    `blends` names the blend mode of shadow and highlight layers.
    """

    colors: Pixels
    flats: Pixels
    shadows: Pixels
    highlights: Pixels
    blends: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Doubt:
    """A region the engine is not sure of. `box` is x, y, width, height in pixels of the drawing.

    `color` is the color-model index painted, `runner_up` the next likely one, `confidence` 0..1;
    `is_unseen` says that the references do not seem to show this part at all.
    """

    region: int
    box: tuple[int, int, int, int]
    area_px: int
    color: int
    runner_up: int
    confidence: float
    is_unseen: bool


@dataclass(frozen=True, slots=True)
class FellBack:
    """Where an inbetween could not be drawn by its regions, for the manifest.

    `what` is `region` or `frame`, `how` says what was done instead, `box` is x, y, width, height in pixels.
    """

    what: str
    how: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class LineFrame:
    """A line drawing as the region code sees it: coverage 0 (paper) to 255 (full line), uint8 `[H, W]`.

    `ink` is every line that separates regions, trace lines included; `trace` only the color-trace lines,
    which vanish into paint in the end.
    """

    ink: Pixels
    trace: Pixels


@dataclass(frozen=True, slots=True)
class RegionMap:
    """The regions of one drawing as run lengths over the flattened picture (row by row).

    `lengths` uint32 `[S]` and `labels` uint16 `[S]` give the label map; label 0 is ink, 1..n are regions.
    """

    width: int
    height: int
    lengths: NDArray[np.uint32]
    labels: NDArray[np.uint16]

    def label_map(self) -> NDArray[np.uint16]:
        """The label of every pixel, uint16 `[H, W]`."""
        return np.repeat(self.labels, self.lengths).reshape(self.height, self.width)


@dataclass(frozen=True, slots=True)
class ColoredDrawing:
    """One colored drawing: by region 1..n, `colors` uint16 `[n]` (color-model index), `confidence` `[n]`."""

    name: str
    regions: RegionMap
    colors: NDArray[np.uint16]
    confidence: NDArray[np.float32]
    doubts: tuple[Doubt, ...]
