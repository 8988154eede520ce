"""What every number format offers: a tensor as named parts, and back."""

from collections.abc import Mapping
from math import prod
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

Parts: TypeAlias = Mapping[str, Tensor]
"""The tensors that stand for one weight, by the ending of their names; the codes' ending is empty."""

Layout: TypeAlias = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
"""Number format and shape of every part, known before anything is computed."""


class Storage(Protocol):
    """A number format for weights."""

    @property
    def name(self) -> str:
        """`bf16`, `int8` and so on."""
        ...

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Whether it is made for weights of this shape."""
        ...

    def layout(self, shape: tuple[int, ...]) -> Layout:
        """The parts of a weight of this shape."""
        ...

    def encode(self, weight: Tensor) -> Parts:
        """The parts of `weight`. Raises: CheckpointError when its values do not fit."""
        ...

    def decode(self, parts: Parts, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The weight again, as `dtype`."""
        ...


def n_bytes(layout: Layout) -> int:
    """Bytes of all parts together."""
    return sum(prod(shape) * dtype.itemsize for dtype, shape in layout.values())


def is_matrix(shape: tuple[int, ...]) -> bool:
    """Whether a weight of this shape has a fan-in: those of linear layers and convolutions do."""
    return len(shape) >= 2 and prod(shape[1:]) > 1
