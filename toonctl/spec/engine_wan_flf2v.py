"""`[engine]` of Wan 2.1 first-last-frame: what lies between two keys, drawn by a video model in one go."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_diffusion import DiffusionTable
from toonctl.spec.engine_framepack import cache_faults, size_faults
from toonctl.spec.engine_packed import PackOptions
from toonctl.spec.table import Fault


class WanFlf2v(DiffusionTable, PackOptions):
    """Wan 2.1 FLF2V 14B, and models built on it: draws whole pictures between two keys."""

    name: Literal["wan-flf2v"] = "wan-flf2v"
    roles: ClassVar[tuple[str, ...]] = ("base", "text", "tokenizer", "vision", "vae")
    steps: int = Field(default=50, ge=1, le=1000, description="Denoising steps of a clip.")
    guidance: float = Field(
        default=5.5, ge=0, le=100, description="How much the prompt counts against none; 1 = no guidance."
    )
    shift: float = Field(
        default=16.0, gt=0, le=100, description="More spends the steps on the motion, less on the details."
    )
    solver: Literal["unipc", "euler"] = Field(
        default="unipc", description='How a step is taken: "unipc" as published.'
    )
    negative_prompt: str = Field(default="", description="What guidance leads away from, in words.")
    clip_frames: int | Literal["auto"] = Field(
        default="auto",
        description='Frames of a clip, both keys included, 4n + 1; "auto" fits the timing, 33 to 81.',
    )
    resolution: Literal["480p", "720p"] = Field(
        default="720p",
        description="How many pixels it draws at: 720p as trained, 480p in a third of the time.",
    )
    width: int | None = Field(
        default=None, ge=32, le=4096, multiple_of=16, description="Width drawn at; absent = as `resolution`."
    )
    height: int | None = Field(
        default=None, ge=32, le=4096, multiple_of=16, description="Height drawn at; absent = as `resolution`."
    )
    decode: Literal["auto", "whole", "tiles"] = Field(
        default="auto", description='Last stage: "auto" works in blended tiles when the whole does not fit.'
    )

    paints_whole: ClassVar[bool] = True

    def summary(self) -> str:
        return f"{super().summary()}, {self.resolution}, clips of {self.clip_frames} frames"

    def faults(self) -> Iterator[Fault]:
        yield from size_faults(self.width, self.height)
        yield from cache_faults(self)
        n = self.clip_frames
        if isinstance(n, int) and not (5 <= n <= 161 and n % 4 == 1):
            yield Fault(("clip_frames",), f"{n} is not 4n + 1 from 5 to 161", 'say 81, or "auto"')
