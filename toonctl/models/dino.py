"""The DINO vision transformer, whose class token tells whether two pictures show the same thing.

Caron et al., "Emerging Properties in Self-Supervised Vision Transformers" (ICCV 2021); the architecture is
that of Dosovitskiy et al. (ICLR 2021). Modules bear the names of the published file. Letters: B batch,
H height, W width, N patches, D width of a token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError

_HEAD = 64


@dataclass(frozen=True, slots=True)
class DinoParams:
    """Sizes of the network; a head is always 64 wide."""

    dim: int = 768
    depth: int = 12
    patch: int = 16
    n_patches: int = 196

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], *, name: str) -> Self:
        """The sizes of a file of weights. Raises: CheckpointError when it is of another network."""
        try:
            dim, _, patch, _ = shapes["patch_embed.proj.weight"]
            n_patches = shapes["pos_embed"][1] - 1
        except (KeyError, ValueError, IndexError) as error:
            raise CheckpointError(f"`{name}` holds no DINO network", name, "fetch it again") from error
        depth = len({key.split(".")[1] for key in shapes if key.startswith("blocks.")})
        return cls(dim, depth, patch, n_patches)


class Attention(nn.Module):
    """Every token looks at every token."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, -1, _HEAD)).permute(2, 0, 3, 1, 4)  # [B, heads, N + 1, 64]
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """Two layers around a GELU."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention, then the feed-forward layer, each after a normalization and around a skip."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.attn, self.mlp = Attention(dim), FeedForward(dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Patches(nn.Module):
    """A picture cut into patches, each a token."""

    def __init__(self, params: DinoParams) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, params.dim, params.patch, stride=params.patch)

    def forward(self, picture: Tensor) -> Tensor:
        return self.proj(picture)


class Dino(nn.Module):
    """The class token of pictures."""

    def __init__(self, params: DinoParams) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, params.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, params.n_patches + 1, params.dim))
        self.patch_embed = Patches(params)
        self.blocks = nn.ModuleList(Block(params.dim) for _ in range(params.depth))
        self.norm = nn.LayerNorm(params.dim, eps=1e-6)

    def forward(self, pictures: Tensor) -> Tensor:
        """Class tokens `[B, D]` of pictures `[B, 3, H, W]`, normalized as ImageNet's are."""
        patches = self.patch_embed(pictures)  # [B, D, rows, columns]
        x = torch.cat(
            [self.cls_token.expand(len(patches), -1, -1), patches.flatten(2).transpose(1, 2)], 1
        ) + self._places(patches.shape[2], patches.shape[3])
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]

    def _places(self, rows: int, columns: int) -> Tensor:
        """The places of `rows` x `columns` patches, stretched from the square of the training."""
        side = isqrt(self.pos_embed.shape[1] - 1)
        if (rows, columns) == (side, side):
            return self.pos_embed
        square = self.pos_embed[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
        # The published code adds a tenth of a patch against rounding, which shifts the samples; so do we.
        scale = ((rows + 0.1) / side, (columns + 0.1) / side)
        stretched = F.interpolate(square, scale_factor=scale, mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], stretched.flatten(2).transpose(1, 2)], 1)
