"""What there is to look at of a finished shot: what contact sheet and preview page are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from toonctl.core.types import CelPixels, Pixels, Role, Size
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import read_picture
from toonctl.stages.palette import LayerColors
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import OutputTree

FetchLine = Callable[[str, str], "Pixels | None"]
"""The line drawing of layer and drawing, RGBA `[H, W, 4]`; None when it has no lines."""


def flattened(cel: CelPixels, size: Size) -> Pixels:
    """A painted drawing as it shows, RGBA `[H, W, 4]` of `size` (width, height): paint and black lines."""
    picture = np.zeros((size[1], size[0], 4), np.uint8)
    for part in cel.paint:
        picture = blend_over(picture, part.rgba, blend=part.blend, is_clipped=part.is_clipped)
    return picture if cel.line is None else blend_over(picture, cel.line)


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """A painted reference of `layer`: RGBA `[H, W, 4]`; `drawing` None is a color design of its own."""

    layer: str
    drawing: str | None
    rgba: Pixels

    @property
    def title(self) -> str:
        """What it shows, for people: `drawing 12`, `color design`."""
        return f"drawing {self.drawing}" if self.drawing is not None else "color design"


@dataclass(frozen=True, slots=True)
class Show:
    """A finished shot to look at.

    `stack` names all layers bottom to top with their roles, backgrounds and books included; `colors` may lack
    a layer of which no notes are left. `line` may be slow.
    """

    tree: OutputTree
    timeline: Timeline
    size: Size
    rate: Fraction
    stack: tuple[tuple[str, Role], ...]
    references: tuple[ReferencePicture, ...]
    colors: Mapping[str, LayerColors]
    line: FetchLine

    @property
    def fps(self) -> str:
        """The frame rate for people: `24`, `23.976`."""
        return f"{float(self.rate):.3f}".rstrip("0").rstrip(".")

    def color(self, layer: str, drawing: str) -> Pixels:
        """The finished picture of a drawing, RGBA `[H, W, 4]`."""
        return read_picture(self.picture_file(layer, drawing))

    def picture_file(self, layer: str, drawing: str) -> Path:
        """A file that shows the finished drawing."""
        return self.tree.frame(layer, self.timeline.frames_of(layer, drawing)[0])
