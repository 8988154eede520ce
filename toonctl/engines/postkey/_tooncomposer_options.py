"""ToonComposer's options, as the shot file's `[engine]` table gives them; the defaults stand there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toonctl.engines.options import EngineOptions

_SIZES = {"480p": (832, 480), "608p": (1088, 608)}
"""Width and height that the published adapters were trained at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToonComposerOptions(EngineOptions):
    """Options of the engine; `width` and `height` None are those of the adapter `resolution`."""

    weights: Mapping[str, str]
    device: str
    seed: int
    memory: str
    dtype: Literal["auto", "bf16", "fp16", "fp32"]
    steps: int
    guidance: float
    shift: float
    resolution: Literal["480p", "608p"]
    width: int | None
    height: int | None
    fit: Literal["pad", "crop"]
    segment_frames: int
    negative_prompt: str
    paper: tuple[int, int, int]
    decode: Literal["auto", "whole", "tiles"]
    compat: Literal["fixed", "upstream"]
    compile: bool
    attention: str
    cache: Literal["off", "steps"]
    cached_steps: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width drawn at."""
        width, height = _SIZES[self.resolution]
        return self.height or height, self.width or width

    @property
    def skipped(self) -> frozenset[int]:
        """The steps, from 0, that are not computed."""
        return frozenset(step - 1 for step in self.cached_steps) if self.cache == "steps" else frozenset()
