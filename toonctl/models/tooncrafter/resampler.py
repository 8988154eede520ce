"""Image projection: 16 tokens for each frame from the CLIP tokens of one picture (a perceiver resampler).

Flamingo, sec. 3.1, learned queries that look at the picture's tokens and at themselves.
Letters: b pictures, l picture tokens, q queries, c channels.
"""

import torch
from torch import Tensor, nn

from toonctl.models.tooncrafter.attention import attend
from toonctl.models.tooncrafter.norms import LayerNorm
from toonctl.models.tooncrafter.params import IMAGE_TOKENS_PER_FRAME, ResamplerParams


class PerceiverAttention(nn.Module):
    """Queries look at the picture's tokens and at each other."""

    def __init__(self, dim: int, n_heads: int, head_dim: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        inner = n_heads * head_dim
        self.norm1 = LayerNorm(dim)
        self.norm2 = LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, tokens: Tensor, queries: Tensor) -> Tensor:
        """tokens `[B, L, C]`, queries `[B, Q, C]` -> `[B, Q, C]`."""
        queries = self.norm2(queries)
        k, v = self.to_kv(torch.cat([self.norm1(tokens), queries], 1)).chunk(2, dim=-1)
        return self.to_out(attend(self.to_q(queries), k, v, n_heads=self.n_heads))


class Resampler(nn.Module):
    """CLIP tokens of a picture `[B, 257, C]` to image tokens `[B, 16 F, C']` of the model's F frames."""

    def __init__(self, params: ResamplerParams) -> None:
        super().__init__()
        self.params = params
        dim, inner = params.dim, params.dim * params.feed_forward_mult
        n_queries = IMAGE_TOKENS_PER_FRAME * params.n_frames
        self.latents = nn.Parameter(torch.randn(1, n_queries, dim) / dim**0.5)
        self.proj_in = nn.Linear(params.token_dim, dim)
        self.proj_out = nn.Linear(dim, params.out_dim)
        self.norm_out = LayerNorm(params.out_dim)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    PerceiverAttention(dim, params.n_heads, params.head_dim),
                    nn.Sequential(
                        LayerNorm(dim),
                        nn.Linear(dim, inner, bias=False),
                        nn.GELU(),
                        nn.Linear(inner, dim, bias=False),
                    ),
                ]
            )
            for _ in range(params.depth)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        queries = self.latents.expand(len(tokens), -1, -1)
        tokens = self.proj_in(tokens)
        for layer in self.layers:
            attention, feed_forward = layer.children()
            queries = queries + attention(tokens, queries)
            queries = queries + feed_forward(queries)
        return self.norm_out(self.proj_out(queries))
