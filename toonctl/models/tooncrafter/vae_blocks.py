"""Parts shared by the picture coder's two halves: residual blocks, attention, changes of size.

Letters: n pictures, b clips, f frames, c channels, h w plane size, l references (the two keys), m tokens.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor, nn

from toonctl.models.tooncrafter.attention import attend

_AT_ONCE = 2
"""Pictures that go through a layer of their own at once while nothing is learned.

A clip's frames are apart there, and all 16 at once took 9.4 GB at 512x320, by `tests.bench.tooncrafter`.
"""

_STRIPS = 8
"""Strips of rows in which what happens along time is computed; no strip sees another."""


def one_by_one(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`layer` of pictures `[N, C, H, W]` which it treats apart, a few at a time while nothing is learned."""
    if torch.is_grad_enabled() or len(x) <= _AT_ONCE:
        return layer(x)
    first = layer(x[:_AT_ONCE])
    out = first.new_empty(len(x), *first.shape[1:])
    out[:_AT_ONCE] = first
    for start in range(_AT_ONCE, len(x), _AT_ONCE):
        out[start : start + _AT_ONCE] = layer(x[start : start + _AT_ONCE])
    return out


def norm(channels: int) -> nn.GroupNorm:
    """Group norm as the image coder uses it."""
    return nn.GroupNorm(32, channels, eps=1e-6)


class PictureBlock(nn.Module):
    """Two convolutions around a skip."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = norm(channels)
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.norm2 = norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if channels != out_channels:
            self.nin_shortcut = nn.Conv2d(channels, out_channels, 1)
        self.is_same_width = channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        return one_by_one(self._pictures, x)

    def _pictures(self, x: Tensor) -> Tensor:
        hidden = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return hidden + (x if self.is_same_width else self.nin_shortcut(x))


class TimeStack(nn.Module):
    """Two convolutions along time around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        kernel, padding = (3, 1, 1), (1, 0, 0)
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, channels), nn.SiLU(), nn.Conv3d(channels, channels, kernel, padding=padding)
        )
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, channels),
            nn.SiLU(),
            nn.Dropout(0.0),
            nn.Conv3d(channels, channels, kernel, padding=padding),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.out_layers(self.in_layers(x))

    def add_to(self, x: Tensor, share: Tensor) -> None:
        """Adds `share` of what `forward` adds to `x` `[B, C, F, H, W]` in place, strip by strip.

        Norms are of the whole clip; convolutions along time see no neighbors in a row or column.
        """
        middle = torch.empty_like(x)
        rows = range(0, x.shape[3], max(1, -(-x.shape[3] // _STRIPS)))
        first = _whole_norm(self.in_layers[0], x)
        for start in rows:
            strip = slice(start, start + rows.step)
            middle[..., strip, :] = self.in_layers[1:](first(x[..., strip, :]))
        second = _whole_norm(self.out_layers[0], middle)
        for start in rows:
            strip = slice(start, start + rows.step)
            x[..., strip, :] += share * self.out_layers[1:](second(middle[..., strip, :]))


def _whole_norm(norm: nn.Module, x: Tensor) -> Callable[[Tensor], Tensor]:
    """The group norm of the whole `x` `[B, C, F, H, W]`, for its parts."""
    if not isinstance(norm, nn.GroupNorm):
        raise TypeError(f"a group norm is wanted, not {type(norm).__name__}")
    groups = x.unflatten(1, (norm.num_groups, -1))
    variance, mean = torch.var_mean(groups, dim=(2, 3, 4, 5), correction=0)
    root = torch.rsqrt(variance + norm.eps)
    per_channel = x.shape[1] // norm.num_groups
    scale = norm.weight * root.repeat_interleave(per_channel, 1)
    shift = norm.bias - mean.repeat_interleave(per_channel, 1) * scale
    scale, shift = (each[:, :, None, None, None] for each in (scale, shift))
    return lambda part: part * scale + shift


class ClipBlock(PictureBlock):
    """A picture block, then time, mixed by one learned number (Stable Video Diffusion, app. D)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels)
        self.time_stack = TimeStack(out_channels)
        self.mix_factor = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, n_frames: int = 1) -> Tensor:
        """x `[B F, C, H, W]` -> `[B F, C', H, W]`."""
        return self.moved(self.still(x), n_frames)

    def still(self, x: Tensor) -> Tensor:
        """The pictures' part: x `[B F, C, H, W]` -> `[B F, C', H, W]`."""
        return super().forward(x)

    def moved(self, x: Tensor, n_frames: int) -> Tensor:
        """The part of time: x `[B F, C', H, W]` -> the same shape, in place while nothing is learned."""
        clip = rearrange(x, "(b f) c h w -> b c f h w", f=n_frames)
        share = self.mix_factor.sigmoid()
        if torch.is_grad_enabled():
            mixed = share * self.time_stack(clip) + (1 - share) * clip
            return rearrange(mixed, "b c f h w -> (b f) c h w")
        self.time_stack.add_to(clip, share)  # the same sum: share (x + d) + (1 - share) x = x + share d
        return x


class PixelAttention(nn.Module):
    """The pixels of each picture look at each other, one head as wide as the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        seen = self.norm(x)
        q, k, v = (rearrange(to(seen), "n c h w -> n (h w) c") for to in (self.q, self.k, self.v))
        answer = rearrange(attend(q, k, v, n_heads=1), "n (h w) c -> n c h w", h=x.shape[2])
        return x + self.proj_out(answer)


class ReferenceAttention(nn.Module):
    """Every frame looks at the encoder's maps of both keys (ToonCrafter, sec. 3.3)."""

    def __init__(self, channels: int, n_heads: int, head_dim: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        inner = n_heads * head_dim
        self.norm = norm(channels)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, inner, bias=False) for _ in range(3))
        self.to_out = nn.Sequential(nn.Linear(inner, channels), nn.Dropout(0.0))

    def forward(self, x: Tensor, references: Tensor) -> Tensor:
        """x `[B F, C, H, W]`, references `[B, C, 2, H, W]` as they are, without a norm."""
        n_frames = len(x) // len(references)
        tokens = rearrange(references, "b c l h w -> b (l h w) c")
        # Keys and values are the clip's, so they are made once, and expanded without a copy.
        k, v = (
            to(tokens)[:, None].expand(-1, n_frames, -1, -1).flatten(0, 1) for to in (self.to_k, self.to_v)
        )
        q = self.to_q(rearrange(self.norm(x), "n c h w -> n (h w) c"))
        answer = self.to_out(attend(q, k, v, n_heads=self.n_heads))
        return x + rearrange(answer, "n (h w) c -> n c h w", h=x.shape[2])


class ReferenceSum(nn.Module):
    """The first key's map is added to the first frame and the last key's to the last frame."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, references: Tensor) -> Tensor:
        """x `[B F, C, H, W]`, references `[B, C, 2, H, W]`."""
        first, last = self.conv(references[:, :, 0]), self.conv(references[:, :, 1])
        clip = rearrange(x, "(b f) c h w -> b f c h w", b=len(references)).clone()
        clip[:, 0] += first
        clip[:, -1] += last
        return rearrange(clip, "b f c h w -> (b f) c h w")


class Shrink(nn.Module):
    """Half the size; the padding is on the right and at the bottom only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Grow(nn.Module):
    """Twice the size by repeating pixels, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return one_by_one(lambda part: self.conv(F.interpolate(part, scale_factor=2.0, mode="nearest")), x)


class ClipConv(nn.Conv2d):
    """A convolution over each frame, then one along time."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels, 3, padding=1)
        self.time_mix_conv = nn.Conv3d(out_channels, out_channels, (3, 1, 1), padding=(1, 0, 0))

    def forward(self, input: Tensor, n_frames: int = 1) -> Tensor:  # noqa: A002  # the base class's name
        """input `[B F, C, H, W]` -> `[B F, C', H, W]`."""
        clip = rearrange(super().forward(input), "(b f) c h w -> b c f h w", f=n_frames)
        return rearrange(self.time_mix_conv(clip), "b c f h w -> (b f) c h w")
