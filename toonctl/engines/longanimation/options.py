"""The engine's options, as the shot file's `[engine]` table gives them; there are no defaults here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from toonctl.core.types import Size
from toonctl.engines.options import EngineOptions

ENGINE = "longanimation"

_DTYPES = {"auto": "bfloat16", "bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOptions(EngineOptions):
    """How a film is painted."""

    weights: Mapping[str, str]
    device: str
    memory: str
    dtype: str
    seed: int
    steps: int
    guidance: float
    dynamic_guidance: bool
    halves: Literal["apart", "together"]
    compat: Literal["fixed", "upstream"]
    width: int
    height: int
    segment_frames: int
    budget_frames: int
    reference: int
    slot_sketch: Literal["segment", "reference"]
    quality_words: bool
    negative_prompt: str
    tiled: bool
    attention: str
    compile: bool

    @property
    def is_upstream(self) -> bool:
        """Whether the published run is to be repeated, its faults included."""
        return self.compat == "upstream"

    def number_format(self, device: torch.device) -> torch.dtype:
        """What the networks compute in: bfloat16 as published; on a CPU float32 unless another is named."""
        if self.dtype == "auto" and device.type == "cpu":
            return torch.float32
        return getattr(torch, _DTYPES[self.dtype])

    @property
    def box(self) -> Size:
        """The size that pictures are fitted into."""
        return self.width, self.height
