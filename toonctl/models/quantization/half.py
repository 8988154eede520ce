"""Half precision: bfloat16 with float32's range, float16 with three bits more."""

from dataclasses import dataclass

import torch
from torch import Tensor

from toonctl.core.errors import CheckpointError
from toonctl.models.quantization.storage import Layout, Parts

_SHORT = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "fp32"}


@dataclass(frozen=True, slots=True)
class Plain:
    """Numbers of one ordinary format, without scales."""

    dtype: torch.dtype

    @property
    def name(self) -> str:
        return _SHORT.get(self.dtype, str(self.dtype).removeprefix("torch."))

    def holds(self, shape: tuple[int, ...]) -> bool:
        return True

    def layout(self, shape: tuple[int, ...]) -> Layout:
        return {"": (self.dtype, shape)}

    def encode(self, weight: Tensor) -> Parts:
        """Raises: CheckpointError when finite values leave the format's range."""
        cast = weight.to(self.dtype)
        if weight.is_floating_point() and bool((weight.isfinite() & ~cast.isfinite()).any()):
            largest = float(weight.abs().max())
            what = f"a weight as large as {largest:.4g} does not fit {self.name}"
            raise CheckpointError(what, hint="use `--to bf16`, whose range is that of float32")
        return {"": cast}

    def decode(self, parts: Parts, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return parts[""].to(dtype)


FP16, BF16 = Plain(torch.float16), Plain(torch.bfloat16)
