"""The options that video engines between keys share, as the shot file gives them.

There are no defaults here: the shot file's models hold them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from toonctl.core.types import Size
from toonctl.engines.inbetween._stages import Decode
from toonctl.engines.options import EngineOptions

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
STRIDE = 16
"""Pixels that a side is a multiple of: eight of a latent pixel, two of these a token."""

_LEAST, _MOST = 0.5, 1.1
"""Shares of the trained number of pixels within which a picture is drawn at its own size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions(EngineOptions, ABC):
    """What is asked of every video network; `width` and `height` are None for the trained size."""

    device: str
    weights: Mapping[str, str]
    memory: str
    dtype: Literal["auto", "bf16", "fp16", "fp32"]
    steps: int
    guidance: float
    compat: Literal["fixed", "upstream"]
    compile: bool
    attention: str
    width: int | None
    height: int | None
    decode: Decode

    @property
    def network_dtype(self) -> torch.dtype:
        """What the transformer computes in; bfloat16, as published, unless another is asked for."""
        return _DTYPES["bf16" if self.dtype == "auto" else self.dtype]

    @property
    def drawn_size(self) -> Size | None:
        """The size asked for, None for the engine's own choice."""
        return None if self.width is None or self.height is None else (self.width, self.height)

    @abstractmethod
    def size_for(self, picture: Size) -> Size:
        """The size a picture is drawn at: as asked, else its own if trained, else one near its shape."""

    @abstractmethod
    def canvas_sizes(self) -> tuple[Size, ...]:
        """The size asked for, or all that the network draws well at."""

    @abstractmethod
    def steps_between(self, times: Sequence[float]) -> int:
        """Ways from frame to frame of a clip for drawings at these times."""


def is_near_trained(size: Size, trained_px: int) -> bool:
    """Whether the network can draw this size as it is: on its grid, with about as many pixels as trained."""
    width, height = size
    is_on_grid = width % STRIDE == 0 and height % STRIDE == 0
    return is_on_grid and _LEAST * trained_px <= width * height <= _MOST * trained_px
