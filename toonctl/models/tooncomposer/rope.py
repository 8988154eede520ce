"""Rotary positions of video tokens, of sketch tokens, and of the spatial adapter.

Letters: B batch, L tokens, F latent frames, P tokens of a frame (h x w), S sketches, n heads, d head size.
"""

from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from torch import Tensor

_THETA = 10_000.0

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines, every value twice in a row: one for each channel of a rotated pair."""


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """`x [..., d]` with its adjacent channel pairs turned by `rotary`, in float32; same type as `x`."""
    cos, sin = rotary
    first, second = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack((-second, first), -1).flatten(-2)
    return (x.float() * cos + turned * sin).type_as(x)


def with_sketches(video: Rotary, n_frames: int, indices: Sequence[int]) -> Rotary:
    """Positions `[1, L + S P, 1, d]`: the video's, then for each sketch those of its latent frame.

    ToonComposer, sparse sketch injection: the position of a sketch is that of the frame it stands for.
    video `[1, L, 1, d]` each; indices latent frames of the sketches, 0-based.
    """
    places = list(indices)

    def extend(table: Tensor) -> Tensor:
        frames = rearrange(table, "1 (f p) 1 d -> f p d", f=n_frames)
        own = frames[places]
        return rearrange(torch.cat([frames, own]), "f p d -> 1 (f p) 1 d")

    cos, sin = video
    return extend(cos), extend(sin)


def spatial_rotary(height: int, width: int, head_dim: int, device: torch.device) -> Rotary:
    """Positions `[P, d]` inside one frame: a third of the channels each for time (unturned), row, column.

    Raises: ValueError when `head_dim` has no three equal even parts.
    """
    if head_dim % 6:
        raise ValueError(f"a head of {head_dim} channels has no three even parts; the rank must be n x 24")
    part = head_dim // 3
    rows = _angles(range(height), part, device)
    columns = _angles(range(width), part, device)
    angles = torch.cat(
        [
            torch.zeros(height * width, part, dtype=torch.float64, device=device),
            repeat(rows, "h d -> (h w) d", w=width),
            repeat(columns, "w d -> (h w) d", h=height),
        ],
        -1,
    )
    return angles.cos().float(), angles.sin().float()


def temporal_rotary(frames: Sequence[int], head_dim: int, device: torch.device) -> Rotary:
    """Positions `[F, d]` of frames at the times `frames`, all channels turned by time."""
    angles = _angles(frames, head_dim, device)
    return angles.cos().float(), angles.sin().float()


def _angles(positions: Sequence[int], dim: int, device: torch.device) -> Tensor:
    """`[N, dim]` in float64, every angle twice in a row."""
    frequencies = _THETA ** -(torch.arange(0, dim, 2, dtype=torch.float64, device=device) / dim)
    at = torch.tensor(list(positions), dtype=torch.float64, device=device)
    return torch.outer(at, frequencies).repeat_interleave(2, -1)
