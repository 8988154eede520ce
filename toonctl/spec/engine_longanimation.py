"""`[engine]` of LongAnimation: how long line art is painted, and how cels are voted from the pictures."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from toonctl.spec.engine_diffusion import DiffusionTable
from toonctl.spec.engine_tables import GapPx, LineThreshold, MinRegionPx
from toonctl.spec.table import Fault


class LongAnimation(DiffusionTable):
    """LongAnimation on CogVideoX 1.5: paints long line art after one reference, in segments with a memory."""

    name: Literal["longanimation"] = "longanimation"
    roles: ClassVar[tuple[str, ...]] = (
        "base",
        "sketch",
        "dglm",
        "lvu",
        "vae",
        "text",
        "tokenizer",
        "scheduler",
        "vision",
        "lines",
    )
    steps: int = Field(default=50, ge=2, le=1000, description="Denoising steps of a segment.")
    guidance: float = Field(
        default=6.0, ge=0, le=100, description="How much the prompt counts against none; 1 = no guidance."
    )
    dynamic_guidance: bool = Field(
        default=False, description="Guidance that follows the published cosine instead of one value."
    )
    halves: Literal["apart", "together"] = Field(
        default="apart",
        description='The two guidance halves of a step: "together" is faster and needs more of the card.',
    )
    width: int = Field(
        default=1024,
        ge=16,
        le=4096,
        multiple_of=16,
        description="Greatest width drawn at; the picture is fitted in.",
    )
    height: int = Field(
        default=576,
        ge=16,
        le=4096,
        multiple_of=16,
        description="Greatest height drawn at; trained on 1024x576.",
    )
    segment_frames: int = Field(
        default=81, ge=25, le=321, description="Frames drawn at a time, 8k + 1; trained on 81."
    )
    budget_frames: int = Field(
        default=650, ge=40, le=10_000, description="Frames of the past that the memory keeps at most."
    )
    reference: int = Field(
        default=1, ge=1, description="Which `[[reference]]` of a layer the film is painted after, from 1."
    )
    slot_sketch: Literal["segment", "reference"] = Field(
        default="segment",
        description="Lines beside the reference in later segments: the segment's first, or its own.",
    )
    quality_words: bool = Field(
        default=True, description="Append the published words of praise to the prompt, once."
    )
    negative_prompt: str = Field(default="", description="What guidance leads away from.")
    tiled: bool = Field(
        default=True, description="The video coder works in tiles, as published: less memory."
    )
    gap_px: GapPx = Field(default="auto", description="For cels: gaps in lines up to twice this are closed.")
    min_region_px: MinRegionPx = Field(default=6, description="For cels: smaller specks join what is around.")
    line_threshold: LineThreshold = Field(
        default=64, description="For cels: ink coverage 1..255 from which a pixel is line."
    )
    doubt_below: float = Field(
        default=0.35, ge=0, le=1, description="For cels: regions with a narrower vote are listed as doubtful."
    )
    plan: Literal["chain"] = Field(
        default="chain",
        description="How a shot is split over a farm: a segment goes on from the memory of the one before.",
    )

    paints_whole: ClassVar[bool] = True

    def faults(self) -> Iterator[Fault]:
        if self.segment_frames % 8 != 1:
            below = self.segment_frames - (self.segment_frames - 1) % 8
            hint = f"take {below}, {below + 8}, or 81 as trained"
            yield Fault(("segment_frames",), "a segment has 8k + 1 frames", hint)
        if self.cache != "off":
            hint = "fewer `steps` are the other way to be faster"
            yield Fault(("cache",), "no table of steps to leave out was measured for this model", hint)

    def summary(self) -> str:
        size = f"{self.width}x{self.height}"
        return f"{super().summary()}, {size}, segments of {self.segment_frames} frames"
