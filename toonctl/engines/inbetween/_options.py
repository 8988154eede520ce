"""The options that video engines between keys share, as the shot file gives them.

There are no defaults here: the shot file's models hold them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self

import torch

from toonctl.core.errors import SpecError
from toonctl.core.types import Size
from toonctl.engines.inbetween._stages import Decode

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_LEAST, _MOST = 0.5, 1.1
"""Shares of the trained number of pixels within which a picture is drawn at its own size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
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

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """The options out of a wider mapping. Raises: SpecError when one is missing."""
        missing = [f.name for f in fields(cls) if f.name not in options]
        if missing:
            raise SpecError(f"the engine was started without {', '.join(missing)}")
        return cls(**{f.name: options[f.name] for f in fields(cls)})  # type: ignore[arg-type]  # checked by the spec

    @property
    def network_dtype(self) -> torch.dtype:
        """What the transformer computes in; bfloat16, as published, unless another is asked for."""
        return _DTYPES["bf16" if self.dtype == "auto" else self.dtype]

    @property
    def drawn_size(self) -> Size | None:
        """The size asked for, None for the engine's own choice."""
        return None if self.width is None or self.height is None else (self.width, self.height)


def is_near_trained(size: Size, trained_px: int, *, stride: int = 16) -> bool:
    """Whether the network can draw this size as it is: on its grid, with about as many pixels as trained."""
    width, height = size
    is_on_grid = width % stride == 0 and height % stride == 0
    return is_on_grid and _LEAST * trained_px <= width * height <= _MOST * trained_px
