"""Wan 2.1's VAE on diffusers: normalized latents in and out, and decoding in blended tiles.

Letters: B batch, F pixel frames (4 n + 1), T = n + 1 latent frames, H W pixel size, h w = H / 8, W / 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan, WanCausalConv3d
from torch import Tensor

_SCALE = 8


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tiles of the decoder in latent pixels, height and width; the defaults are the published demo's."""

    size: tuple[int, int] = (30, 52)
    stride: tuple[int, int] = (15, 26)

    def __post_init__(self) -> None:
        for size, stride in zip(self.size, self.stride, strict=True):
            if not 0 < stride <= size:
                raise ValueError(f"tiles of {size} at every {stride} leave gaps")


def build_vae(base_dim: int = 96) -> AutoencoderKLWan:
    """The VAE of Wan 2.1 with uninitialized weights; `base_dim` 96 is the published width."""
    return AutoencoderKLWan(base_dim=base_dim)


def encode(vae: AutoencoderKLWan, video: Tensor) -> Tensor:
    """Normalized latents `[B, 16, T, h, w]` of a video `[B, 3, F, H, W]` in -1..1: the mean, not drawn."""
    weight = vae.quant_conv.weight
    posterior = vae.encode(video.to(weight.device, weight.dtype), return_dict=False)[0]
    latents = posterior.mode().float()
    mean, std = _statistics(vae, latents.device)
    return (latents - mean) / std


def decode(vae: AutoencoderKLWan, latents: Tensor, *, tiling: Tiling | None = None) -> Tensor:
    """The video `[B, 3, F, H, W]` in -1..1, float32, of normalized latents `[B, 16, T, h, w]`.

    Whole without `tiling`, which is cleaner and faster; in blended tiles with it, which needs less memory.
    """
    mean, std = _statistics(vae, latents.device)
    raw = latents.float() * std + mean
    if tiling is None:
        return _decode_whole(vae, raw).clamp(-1, 1)
    b, _, t, h, w = raw.shape
    video = torch.zeros(b, 3, 4 * (t - 1) + 1, h * _SCALE, w * _SCALE)
    weights = torch.zeros(h * _SCALE, w * _SCALE)
    for rows in _spans(h, tiling.size[0], tiling.stride[0]):
        for columns in _spans(w, tiling.size[1], tiling.stride[1]):
            tile = _decode_whole(vae, raw[..., rows, columns]).cpu()
            ramp = torch.minimum(
                _ramp(rows, h, tiling.size[0] - tiling.stride[0])[:, None],
                _ramp(columns, w, tiling.size[1] - tiling.stride[1]),
            )
            place = (..., _pixels(rows), _pixels(columns))
            video[place] += tile * ramp
            weights[place] += ramp
    # Clamped after blending: a clamped tile would shift the mean where tiles overlap.
    return (video / weights).clamp_(-1, 1)


def _decode_whole(vae: AutoencoderKLWan, raw: Tensor) -> Tensor:
    """The decoder's own values, not yet clamped: one latent frame after the other, with its causal memory."""
    weight = vae.post_quant_conv.weight
    features = vae.post_quant_conv(raw.to(weight.device, weight.dtype))
    n_caches = sum(isinstance(module, WanCausalConv3d) for module in vae.decoder.modules())
    caches: list[Tensor | None] = [None] * n_caches
    frames = [
        vae.decoder(features[:, :, i : i + 1], feat_cache=caches, feat_idx=[0], first_chunk=i == 0)
        for i in range(features.shape[2])
    ]
    return torch.cat(frames, 2).float()


def _statistics(vae: AutoencoderKLWan, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the latents, `[16, 1, 1, 1]` each."""
    mean, std = (
        torch.tensor(values, device=device)[:, None, None, None]
        for values in (vae.config["latents_mean"], vae.config["latents_std"])
    )
    return mean, std


def _spans(length: int, size: int, stride: int) -> Iterator[slice]:
    """Tiles along one axis: one at every stride, until one has reached the end."""
    for start in range(0, length, stride):
        if start == 0 or start - stride + size < length:
            yield slice(start, min(start + size, length))


def _pixels(span: slice) -> slice:
    return slice(span.start * _SCALE, span.stop * _SCALE)


def _ramp(span: slice, length: int, overlap: int) -> Tensor:
    """Weight of each pixel row of a tile: rising from a side that has a neighbor, 1 elsewhere."""
    n = (span.stop - span.start) * _SCALE
    rise = overlap * _SCALE
    ramp = torch.ones(n)
    if not rise:
        return ramp
    slope = torch.arange(1, rise + 1) / rise
    if span.start > 0:
        ramp[:rise] = slope
    if span.stop < length:
        ramp[n - rise :] = torch.minimum(ramp[n - rise :], slope.flip(0))
    return ramp
