"""HunyuanVideo's VAE around FramePack: keys to latents, sections to one film.

Letters: B batch, F pixel frames, T latent frames, H W pixel size, h w = H / 8, W / 8.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from diffusers.models.autoencoders.autoencoder_kl_hunyuan_video import AutoencoderKLHunyuanVideo
from torch import Tensor

from toonctl.models.framepack.sections import overlap_frames

_TIME_STRIDE = 4


@torch.no_grad()
def encode_key(vae: AutoencoderKLHunyuanVideo, key: Tensor, noise: Tensor) -> Tensor:
    """Scaled latents `[B, 16, 1, h, w]`, float32 on the CPU, of a picture `[B, 3, H, W]` in -1..1.

    They are drawn from the posterior with `noise` `[B, 16, 1, h, w]`, as published.
    """
    weight = vae.quant_conv.weight
    posterior = vae.encode(key[:, :, None].to(weight.device, weight.dtype), return_dict=False)[0]
    latents = posterior.mean.float().cpu() + posterior.std.float().cpu() * noise
    return latents * vae.config["scaling_factor"]


@torch.no_grad()
def decode_film(vae: AutoencoderKLHunyuanVideo, sections: Sequence[Tensor], *, window: int) -> Tensor:
    """The film `[B, 3, F, H, W]`, float32 on the CPU, of sections `[B, 16, T, h, w]`, its end first.

    Each section is decoded together with the one after it in time and faded over into the film there is.
    """
    film = _decode(vae, sections[0])
    for before, section in pairwise(sections):
        # The last section drawn has the first key in front, and so one frame more.
        length = window + section.shape[2]
        film = fade(
            _decode(vae, torch.cat([section, before], 2)[:, :, :length]), film, overlap_frames(window)
        )
    whole = (film.shape[2] - 1) // _TIME_STRIDE * _TIME_STRIDE + 1
    return film[:, :, :whole].clamp(-1, 1)


def fade(earlier: Tensor, later: Tensor, overlap: int) -> Tensor:
    """Two films `[B, 3, F, H, W]` as one: linearly from one to the other over `overlap` frames of both."""
    weight = torch.linspace(1, 0, overlap)[None, None, :, None, None]
    between = weight * earlier[:, :, -overlap:] + (1 - weight) * later[:, :, :overlap]
    return torch.cat([earlier[:, :, :-overlap], between, later[:, :, overlap:]], 2)


def _decode(vae: AutoencoderKLHunyuanVideo, latents: Tensor) -> Tensor:
    weight = vae.post_quant_conv.weight
    scaled = latents.to(weight.device, weight.dtype) / vae.config["scaling_factor"]
    return vae.decode(scaled, return_dict=False)[0].float().cpu()
