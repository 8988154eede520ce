"""What is added to every self-attention: the spatial low-rank adapter, and what the paper compares it with.

Letters: B batch, L tokens of all frames (F of the video, then S sketches), P tokens of a frame, D width,
r rank.
"""

from typing import Literal, NamedTuple

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor
from einops import rearrange
from torch import Tensor, nn

from toonctl.models.tooncomposer.rope import Rotary, rotate

AdapterKind = Literal["spatial", "temporal", "lora"]
"""Attention inside a frame (ToonComposer's SLRA), along time at one place, or two matrices alone."""

N_HEADS = 4


class Positions(NamedTuple):
    """Rotary tables of tokens: for self-attention `[1, L, 1, d]`, for the adapter `[P or F + S, e]`.

    A tuple, because memory hooks move tuples of tensors to the card by themselves.
    """

    cos: Tensor
    sin: Tensor
    adapter_cos: Tensor
    adapter_sin: Tensor


class LowRankAttention(nn.Module):
    """Attention at low rank over groups of tokens (ToonComposer, SLRA); adds nothing until trained.

    Down to the rank, multi-head attention inside each group, up to the width; no norm, activation or scale.
    """

    def __init__(
        self,
        dim: int,
        rank: int,
        *,
        kind: Literal["spatial", "temporal"] = "spatial",
        n_heads: int = N_HEADS,
    ) -> None:
        super().__init__()
        if rank % (6 * n_heads):
            raise ValueError(f"rank {rank} is not a multiple of {6 * n_heads}: {n_heads} heads of three axes")
        self.kind, self.n_heads = kind, n_heads
        self.down = nn.Linear(dim, rank, bias=False)
        # Not named as Wan names its own: a style LoRA on every `to_q` must not reach in here.
        self.query = nn.Linear(rank, rank)
        self.key = nn.Linear(rank, rank)
        self.value = nn.Linear(rank, rank)
        self.out = nn.Linear(rank, rank)
        self.up = nn.Linear(rank, dim, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor, rotary: Rotary) -> Tensor:
        """x `[B, L, D]` -> `[B, L, D]`; rotary `[P, r / heads]` inside a frame, or `[F + S, r / heads]`."""
        n = len(rotary[0])
        split, join = (
            ("b (g n) (h d) -> (b g) h n d", "(b g) h n d -> b (g n) (h d)")
            if self.kind == "spatial"
            else ("b (n g) (h d) -> (b g) h n d", "(b g) h n d -> b (n g) (h d)")
        )
        z = self.down(x)  # [B, L, r]
        q, k, v = (rearrange(to(z), split, n=n, h=self.n_heads) for to in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(rotate(q, rotary), rotate(k, rotary), v)
        return self.up(self.out(rearrange(attended, join, b=len(x))))


class LowRank(nn.Module):
    """Two matrices without attention between them: the LoRA that the paper compares with."""

    def __init__(self, dim: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(dim, rank, bias=False)
        self.up = nn.Linear(rank, dim, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor, rotary: Rotary) -> Tensor:
        """x `[B, L, D]` -> `[B, L, D]`; positions play no part."""
        return self.up(self.down(x))


class AdaptedAttention(nn.Module):
    """Attention processor: what the stock one gives, plus the adapter on the same input.

    Both are summed before the block's gate. An `nn.Module`, so the adapter's weights belong to their block.
    """

    _attention_backend = None
    _parallel_config = None

    def __init__(self, adapter: LowRankAttention | LowRank) -> None:
        super().__init__()
        self.adapter = adapter
        self.stock = WanAttnProcessor()

    def forward(
        self,
        attn: WanAttention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None,
        attention_mask: Tensor | None,
        rotary_emb: Positions,
    ) -> Tensor:
        self.stock._attention_backend = self._attention_backend
        cos, sin, *own = rotary_emb
        attended = self.stock(attn, hidden_states, encoder_hidden_states, attention_mask, (cos, sin))
        return attended + self.adapter(hidden_states, (own[0], own[1]))


def build_adapter(kind: AdapterKind, dim: int, rank: int) -> LowRankAttention | LowRank:
    """An adapter of this kind, adding nothing until it is trained."""
    return LowRank(dim, rank) if kind == "lora" else LowRankAttention(dim, rank, kind=kind)
