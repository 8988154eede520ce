"""Numbers from names: the rule by which every golden set fills its weights and inputs."""

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor


def normal(name: str, shape: Sequence[int]) -> Tensor:
    """Standard normal values of `shape` that belong to `name`: float32, the same on every machine."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode("utf-8")))
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)
