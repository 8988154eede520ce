"""Dynamic global-local memory: the control signal looks at keys and values of the film so far.

Letters: B batch, N vision tokens, D model width, M memory layers, L memory tokens, C width of a memory token.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor, nn

N_LAYERS = 3
"""Layers of the video understanding model that are read: 20, 24 and 28 (1-based) of the published one."""


@dataclass(frozen=True, slots=True)
class DglmSizes:
    """Sizes of the module; the published weights use the defaults."""

    dim: int = 3072
    heads: int = 32
    head_dim: int = 96
    memory_dim: int = 512
    mapping_dims: tuple[int, int] = (1024, 2048)


@dataclass(frozen=True, slots=True)
class ProjectedMemory:
    """Keys and values `[1, heads, L, head size]` of every layer, ready for attention: once per segment."""

    layers: tuple[tuple[Tensor, Tensor], ...]


class MemoryAttention(nn.Module):
    """Cross-attention from the control signal to one memory layer; keys and values share one norm."""

    def __init__(self, sizes: DglmSizes) -> None:
        super().__init__()
        inner = sizes.heads * sizes.head_dim
        self.heads = sizes.heads
        self.norm1 = nn.LayerNorm(sizes.dim)
        self.norm2 = nn.LayerNorm(sizes.dim)
        self.to_q = nn.Linear(sizes.dim, inner, bias=False)
        self.to_k = nn.Linear(sizes.dim, inner, bias=False)
        self.to_v = nn.Linear(sizes.dim, inner, bias=False)
        self.to_out = nn.Linear(inner, sizes.dim, bias=False)

    def project(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Mapped memory `[1, L, D]` as keys and values `[1, heads, L, head size]`."""
        return (
            self._split(self.to_k(self.norm1(keys))),
            self._split(self.to_v(self.norm1(values))),
        )

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """x `[B, N, D]` -> `[B, N, D]`."""
        q = self._split(self.to_q(self.norm2(x)))
        batch = x.shape[0]
        attended = F.scaled_dot_product_attention(
            q, keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)
        )
        return self.to_out(rearrange(attended, "b h n d -> b n (h d)"))

    def _split(self, x: Tensor) -> Tensor:
        return rearrange(x, "b n (h d) -> b h n d", h=self.heads)


class MemoryLayer(nn.Module):
    """What the control signal gets from one layer of the video understanding model."""

    def __init__(self, sizes: DglmSizes) -> None:
        super().__init__()
        self.key_mapping = _mapping(sizes)
        self.value_mapping = _mapping(sizes)
        self.attention = MemoryAttention(sizes)
        self.feed_forward = _feed_forward(sizes.dim)

    def project(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Memory `[1, L, C]` as keys and values `[1, heads, L, head size]`."""
        return self.attention.project(self.key_mapping(keys), self.value_mapping(values))

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """x `[B, N, D]` -> `[B, N, D]`."""
        x = x + self.attention(x, keys, values)
        return x + self.feed_forward(x)


class Dglm(nn.Module):
    """What the memory adds to the control signal (LongAnimation, sec. 3.3)."""

    def __init__(self, sizes: DglmSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.layers = nn.ModuleList(MemoryLayer(sizes) for _ in range(N_LAYERS))
        self.proj_out = nn.Parameter(torch.zeros(sizes.dim, sizes.dim))

    def project(self, *memories: Tensor) -> ProjectedMemory:
        """Memories `[1, 2, M, L, C]` (axis 1: keys, values) joined on their tokens: global and local.

        Neither timestep nor latents come in, so one call serves all steps of a segment.
        Raises: ValueError for a memory of another batch or number of layers.
        """
        for memory in memories:
            if memory.shape[:3] != (1, 2, N_LAYERS):
                raise ValueError(f"a memory is [1, 2, {N_LAYERS}, L, C], not {list(memory.shape)}")
        keys, values = torch.cat(memories, 3).unbind(1)
        return ProjectedMemory(
            tuple(layer.project(keys[:, m], values[:, m]) for m, layer in enumerate(self._layers()))
        )

    def forward(self, signal: Tensor, memory: ProjectedMemory) -> Tensor:
        """What is to be added to the control signal `[B, N, D]`."""
        x = signal
        for layer, (keys, values) in zip(self._layers(), memory.layers, strict=True):
            x = layer(x, keys, values)
        return x @ self.proj_out

    def _layers(self) -> Iterable[MemoryLayer]:
        return cast("Iterable[MemoryLayer]", self.layers)


def _mapping(sizes: DglmSizes) -> nn.Sequential:
    first, second = sizes.mapping_dims
    return nn.Sequential(
        nn.Linear(sizes.memory_dim, first),
        nn.LayerNorm(first),
        nn.LeakyReLU(0.01),
        nn.Linear(first, second),
        nn.LayerNorm(second),
        nn.LeakyReLU(0.01),
        nn.Linear(second, sizes.dim),
    )


def _feed_forward(dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(dim), nn.Linear(dim, 4 * dim, bias=False), nn.GELU(), nn.Linear(4 * dim, dim, bias=False)
    )
