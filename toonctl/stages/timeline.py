"""Which drawing is shown when, by the frame numbers that people and file names use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from toonctl.core.art import Art, Role


@dataclass(frozen=True, slots=True)
class Timeline:
    """The exposures of the cel layers, bottom to top, from `first_frame` on."""

    first_frame: int
    n_frames: int
    layers: tuple[str, ...]
    exposures: Mapping[str, tuple[str | None, ...]]

    @classmethod
    def of(cls, art: Art) -> Self:
        """The timeline of all cel layers of the art."""
        names = tuple(layer.name for layer in art.layers if layer.role is Role.CEL)
        return cls(art.first_frame, art.n_frames, names, {name: art.exposures[name] for name in names})

    @property
    def frames(self) -> range:
        """Every frame number of the shot."""
        return range(self.first_frame, self.first_frame + self.n_frames)

    def drawing(self, layer: str, frame: int) -> str | None:
        """The drawing of `layer` at `frame`, None when the layer is empty there."""
        return self.exposures[layer][frame - self.first_frame]

    def shown(self, frame: int) -> tuple[str | None, ...]:
        """The drawings of all layers at `frame`, bottom to top."""
        return tuple(self.drawing(layer, frame) for layer in self.layers)

    def drawings(self, layer: str) -> tuple[str, ...]:
        """The drawings that `layer` shows, by first appearance."""
        return tuple(dict.fromkeys(name for name in self.exposures[layer] if name is not None))

    def frames_of(self, layer: str, drawing: str | None) -> tuple[int, ...]:
        """The frames at which `layer` shows `drawing`, or is empty for None."""
        return tuple(self.first_frame + i for i, name in enumerate(self.exposures[layer]) if name == drawing)
