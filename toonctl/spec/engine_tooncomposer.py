"""`[engine]` of ToonComposer: a colored shot from references and sketches in one pass of a video model."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_diffusion import DiffusionTable
from toonctl.spec.table import Fault

Resolution = Literal["480p", "608p"]
SIZES: dict[Resolution, tuple[int, int]] = {"480p": (832, 480), "608p": (1088, 608)}
"""Width and height that the published adapters were trained at."""


class ToonComposer(DiffusionTable):
    """ToonComposer on Wan 2.1 14B: draws and colors the whole shot after references, sketches and words."""

    name: Literal["tooncomposer"] = "tooncomposer"
    roles: ClassVar[tuple[str, ...]] = (
        "adapter-480p",
        "adapter-608p",
        "base",
        "text",
        "tokenizer",
        "vision",
        "vae",
    )
    steps: int = Field(default=15, ge=1, le=1000, description="Denoising steps of a segment, 15 to 50.")
    guidance: float = Field(
        default=7.5, ge=0, le=100, description="How much the prompt counts against none; 1 = no guidance."
    )
    shift: float = Field(
        default=5.0, gt=0, le=100, description="More spends the steps on the layout, less on the details."
    )
    resolution: Resolution = Field(
        default="480p", description="The published adapter, and the size it was trained at."
    )
    width: int | None = Field(
        default=None, ge=16, le=4096, multiple_of=16, description="Width drawn at; absent = as trained."
    )
    height: int | None = Field(
        default=None, ge=16, le=4096, multiple_of=16, description="Height drawn at; absent = as trained."
    )
    fit: Literal["pad", "crop"] = Field(
        default="pad",
        description='A shot of another shape: "pad" draws all of it, "crop" the middle, as published.',
    )
    segment_frames: int = Field(
        default=61, ge=5, le=161, description="Frames drawn at a time at most, 4n + 1; 61 as published."
    )
    sketch_strength: float = Field(
        default=1.0, ge=0, le=1.2, description="How closely sketches are followed; 0.5 leaves faces freer."
    )
    negative_prompt: str = Field(default="", description="What guidance leads away from, in words.")
    paper: Annotated[tuple[int, int, int], Field(strict=False)] = Field(
        default=(255, 255, 255), description="RGB of what lies behind references that are not opaque."
    )
    decode: Literal["auto", "whole", "tiles"] = Field(
        default="auto", description='Last stage: "auto" works in blended tiles when the whole does not fit.'
    )
    cached_steps: Annotated[tuple[int, ...], Field(strict=False)] = Field(
        default=(), description='Steps, from 1, that `cache = "steps"` does not compute.'
    )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that it draws at."""
        width, height = SIZES[self.resolution]
        return self.width or width, self.height or height

    def summary(self) -> str:
        width, height = self.size
        return f"{super().summary()}, {width}x{height}, segments of up to {self.segment_frames} frames"

    def faults(self) -> Iterator[Fault]:
        n = self.segment_frames
        if n % 4 != 1:
            yield Fault(("segment_frames",), f"{n} is not 4n + 1", f"say {n // 4 * 4 + 1}")
        if any(not 0 <= channel <= 255 for channel in self.paper):
            yield Fault(("paper",), "a channel is not within 0 to 255", "white is [255, 255, 255]")
        if self.cache == "steps" and not self.cached_steps:
            hint = 'name some, such as `cached_steps = [6, 8, 10]`, or leave out `cache = "steps"`'
            yield Fault(("cached_steps",), "no step is named that need not be computed", hint)
        late = [step for step in self.cached_steps if not 1 <= step <= self.steps]
        if late:
            yield Fault(("cached_steps",), f"there is no step {late[0]}", f"the steps are 1 to {self.steps}")
