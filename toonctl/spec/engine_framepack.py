"""`[engine]` of FramePack: what lies between two keys, drawn by a video model from its end to its start."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_diffusion import DiffusionTable
from toonctl.spec.engine_packed import PackOptions
from toonctl.spec.table import Fault


class Framepack(DiffusionTable, PackOptions):
    """FramePack on HunyuanVideo 13B: draws whole pictures between two keys, in sections of one second."""

    name: Literal["framepack"] = "framepack"
    roles: ClassVar[tuple[str, ...]] = (
        "transformer",
        "vae",
        "text",
        "tokenizer",
        "text-2",
        "tokenizer-2",
        "vision",
    )
    steps: int = Field(default=30, ge=1, le=1000, description="Denoising steps of a section, 25 to 30.")
    guidance: float = Field(
        default=9.0,
        ge=0,
        le=100,
        description="How much the prompt counts; the network was distilled with it.",
    )
    window: int = Field(
        default=9,
        ge=2,
        le=9,
        description="Length of a section: 9 is 36 frames, as trained; less is faster and moves less.",
    )
    sections: int | Literal["auto"] = Field(
        default="auto",
        description='Sections from key to key; "auto" takes as few as give every drawing a frame of its own.',
    )
    width: int | None = Field(
        default=None, ge=32, le=4096, multiple_of=16, description="Width drawn at; absent = as trained."
    )
    height: int | None = Field(
        default=None, ge=32, le=4096, multiple_of=16, description="Height drawn at; absent = as trained."
    )
    decode: Literal["auto", "whole", "tiles"] = Field(
        default="auto", description='Last stage: "auto" works in blended tiles when the whole does not fit.'
    )

    paints_whole: ClassVar[bool] = True

    def summary(self) -> str:
        return f"{super().summary()}, sections of {4 * self.window} frames"

    def faults(self) -> Iterator[Fault]:
        yield from size_faults(self.width, self.height)
        yield from cache_faults(self)
        if isinstance(self.sections, int) and not 1 <= self.sections <= 40:
            yield Fault(("sections",), f"{self.sections} sections", 'say 1 to 40, or "auto"')


def size_faults(width: int | None, height: int | None) -> Iterator[Fault]:
    """A fault when one side of the size is given without the other."""
    if (width is None) != (height is None):
        given, absent = ("height", "width") if width is None else ("width", "height")
        yield Fault((given,), f"`{given}` is given without `{absent}`", f"add `{absent}`, or leave out both")


def cache_faults(table: DiffusionTable) -> Iterator[Fault]:
    """A fault when steps are to be left out of an engine that nobody has made a table for."""
    if table.cache == "steps":
        what = "nobody has found out which steps of this engine may be left out"
        yield Fault(("cache",), what, "leave out `cache`, or take fewer `steps`")
