"""What there is to look at of a finished shot: the pictures that contact sheet and preview page are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from toonctl.core.types import Pixels, Role, Size
from toonctl.formats.png import read_picture
from toonctl.stages.palette import LayerColors
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import OutputTree

FetchLine = Callable[[str, str], "Pixels | None"]
"""The line drawing of layer and drawing, RGBA `[H, W, 4]`; None when it has no lines."""


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """A painted reference: its `layer`, the drawing it shows (None = a design of its own) and its pixels, RGBA."""

    layer: str
    drawing: str | None
    rgba: Pixels

    @property
    def title(self) -> str:
        """What to call it on screen."""
        return f"{self.layer}, drawing {self.drawing}" if self.drawing is not None else f"{self.layer}, color design"


@dataclass(frozen=True, slots=True)
class Show:
    """A finished shot to look at.

    `stack` names all layers bottom to top with their roles, backgrounds and books included; `colors` may lack a
    layer of which no notes are left. `line` may be slow.
    """

    tree: OutputTree
    timeline: Timeline
    size: Size
    rate: Fraction
    stack: tuple[tuple[str, Role], ...]
    references: tuple[ReferencePicture, ...]
    colors: Mapping[str, LayerColors]
    line: FetchLine

    def color(self, layer: str, drawing: str) -> Pixels:
        """The finished picture of a drawing, RGBA `[H, W, 4]`."""
        return read_picture(self.picture_file(layer, drawing))

    def picture_file(self, layer: str, drawing: str) -> Path:
        """A file that shows the finished drawing."""
        return self.tree.frame(layer, self.timeline.frames_of(layer, drawing)[0])
