"""Attention of the denoiser: over the pixels of a frame with text and image, and over the frames of a pixel.

Letters: b clips, f frames, c channels, h w latent size, l tokens, n heads, d head size.
"""

from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor, nn

from toonctl.models.tooncrafter.norms import GroupNorm, LayerNorm


@dataclass(frozen=True, slots=True)
class Context:
    """What steers the denoiser: text tokens `[B, 77, C]` and image tokens `[B, L, C]` or `[B F, L, C]`.

    With `B F` rows every frame has image tokens of its own; the text is the clip's in either case.
    """

    text: Tensor
    image: Tensor
    n_frames: int


def attend(q: Tensor, k: Tensor, v: Tensor, *, n_heads: int) -> Tensor:
    """Attention of q `[B, L, n d]` over k and v `[B, M, n d]`, heads side by side in the last axis."""
    q, k, v = (rearrange(x, "b l (n d) -> b n l d", n=n_heads) for x in (q, k, v))
    return rearrange(F.scaled_dot_product_attention(q, k, v), "b n l d -> b l (n d)")


class SelfAttention(nn.Module):
    """Tokens look at each other; no bias in the projections, no position, no mask."""

    def __init__(self, dim: int, n_heads: int, head_dim: int, *, context_dim: int | None = None) -> None:
        super().__init__()
        inner = n_heads * head_dim
        self.n_heads = n_heads
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_k = nn.Linear(context_dim or dim, inner, bias=False)
        self.to_v = nn.Linear(context_dim or dim, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, dim), nn.Dropout(0.0))

    def forward(self, x: Tensor, _context: Context | None) -> Tensor:
        return self.to_out(attend(self.to_q(x), self.to_k(x), self.to_v(x), n_heads=self.n_heads))


class TextImageAttention(SelfAttention):
    """Tokens look at the text and, with the same queries, at the image; both answers are added.

    DynamiCrafter, sec. 3.2, dual-stream image injection: the image stream has keys and values of its own.
    """

    def __init__(self, dim: int, n_heads: int, head_dim: int, *, context_dim: int) -> None:
        super().__init__(dim, n_heads, head_dim, context_dim=context_dim)
        self.to_k_ip = nn.Linear(context_dim, n_heads * head_dim, bias=False)
        self.to_v_ip = nn.Linear(context_dim, n_heads * head_dim, bias=False)

    def forward(self, x: Tensor, context: Context | None) -> Tensor:
        """x `[B F, L, C]` -> `[B F, L, C]`; keys and values are made once per row of the context."""
        if context is None:
            raise ValueError("attention over text and image needs a context")
        q = self.to_q(x)
        text = [_rows(to(context.text), len(x)) for to in (self.to_k, self.to_v)]
        image = [_rows(to(context.image), len(x)) for to in (self.to_k_ip, self.to_v_ip)]
        answer = attend(q, *text, n_heads=self.n_heads) + attend(q, *image, n_heads=self.n_heads)
        return self.to_out(answer)


def _rows(x: Tensor, n_rows: int) -> Tensor:
    """`x` with every row repeated so that there are `n_rows`."""
    return x if len(x) == n_rows else x.repeat_interleave(n_rows // len(x), dim=0)


class GatedProjection(nn.Module):
    """Linear to twice the width, one half gating the other (GEGLU, arXiv 2002.05202)."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.proj(x).chunk(2, dim=-1)
        return x * F.gelu(gate)


class FeedForward(nn.Module):
    """Gated feed-forward layer of four times the width."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GatedProjection(dim, 4 * dim), nn.Dropout(0.0), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class TransformerBlock(nn.Module):
    """Pre-norm self-attention, a second one that looks at a context if there is one, feed-forward."""

    def __init__(self, dim: int, n_heads: int, head_dim: int, *, context_dim: int | None) -> None:
        super().__init__()
        self.attn1 = SelfAttention(dim, n_heads, head_dim)
        self.ff = FeedForward(dim)
        if context_dim is None:
            self.attn2: SelfAttention = SelfAttention(dim, n_heads, head_dim)
        else:
            self.attn2 = TextImageAttention(dim, n_heads, head_dim, context_dim=context_dim)
        self.norm1 = LayerNorm(dim)
        self.norm2 = LayerNorm(dim)
        self.norm3 = LayerNorm(dim)

    def forward(self, x: Tensor, context: Context | None) -> Tensor:
        x = x + self.attn1(self.norm1(x), None)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """The pixels of each frame look at each other, at the text and at the image."""

    def __init__(self, channels: int, head_dim: int, *, context_dim: int) -> None:
        super().__init__()
        n_heads = channels // head_dim
        inner = n_heads * head_dim
        self.norm = GroupNorm(channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, inner)
        self.transformer_blocks = nn.ModuleList(
            [TransformerBlock(inner, n_heads, head_dim, context_dim=context_dim)]
        )
        self.proj_out = nn.Linear(inner, channels)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """x `[B F, C, H, W]` -> the same shape."""
        tokens = self.proj_in(rearrange(self.norm(x), "bf c h w -> bf (h w) c"))
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return x + rearrange(self.proj_out(tokens), "bf (h w) c -> bf c h w", h=x.shape[2])


class TemporalTransformer(nn.Module):
    """The frames of each pixel look at each other, twice; no position code, so any number of frames works.

    `is_convolution` keeps the projections as convolutions of kernel 1, as the very first layer has them.
    """

    def __init__(self, channels: int, n_heads: int, head_dim: int, *, is_convolution: bool = False) -> None:
        super().__init__()
        inner = n_heads * head_dim
        self.is_convolution = is_convolution
        self.norm = GroupNorm(channels, eps=1e-6)
        self.proj_in = nn.Conv1d(channels, inner, 1) if is_convolution else nn.Linear(channels, inner)
        self.transformer_blocks = nn.ModuleList(
            [TransformerBlock(inner, n_heads, head_dim, context_dim=None)]
        )
        self.proj_out = nn.Conv1d(inner, channels, 1) if is_convolution else nn.Linear(inner, channels)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """x `[B F, C, H, W]` -> the same shape; the norm's statistics span all frames of a clip."""
        frames, height = context.n_frames, x.shape[2]
        clip = rearrange(x, "(b f) c h w -> b c f h w", f=frames)
        tokens = rearrange(self.norm(clip), "b c f h w -> (b h w) f c")
        tokens = self._project(self.proj_in, tokens)
        for block in self.transformer_blocks:
            tokens = block(tokens, None)
        tokens = self._project(self.proj_out, tokens)
        return x + rearrange(tokens, "(b h w) f c -> (b f) c h w", b=len(clip), h=height)

    def _project(self, layer: nn.Module, tokens: Tensor) -> Tensor:
        if not self.is_convolution:
            return layer(tokens)
        return layer(tokens.transpose(1, 2)).transpose(1, 2)  # [B H W, C, F] and back
