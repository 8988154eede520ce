"""A clip between two pictures with Wan 2.1: what the transformer is given, and its way through the noise.

Letters: B batch (1), F pixel frames (4 n + 1), T = n + 1 latent frames, H W pixel size, h w = H / 8, W / 8,
D text width, M image tokens (257), E image width.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from toonctl.models.sampling import TRAIN_TIMESTEPS, flow_schedule, guided, sample_flow, seeded_noise
from toonctl.models.tooncomposer.conditioning import SPACE_STRIDE, latent_count, pack
from toonctl.models.tooncomposer.vae import encode

LATENT_CHANNELS = 16

Solver = Literal["unipc", "euler"]
Velocity = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text features `[1, 512, D]`, wanted and unwanted, and image features `[P, M, E]`, if any.

    P pictures have been looked at: both keys, or the first alone.
    """

    positive: Tensor
    negative: Tensor
    image: Tensor | None


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to sample: the published program's values for first and last frame."""

    num_inference_steps: int = 50
    guidance_scale: float = 5.5
    shift: float = 16.0
    solver: Solver = "unipc"
    seed: int = 0


@torch.no_grad()
def condition(vae: AutoencoderKLWan, first: Tensor, last: Tensor, n_frames: int) -> Tensor:
    """What a clip of F frames is drawn after, `[1, 20, T, h, w]` float32 on the CPU.

    4 channels say which frames are given, 16 are the latents of the clip with nothing but `first` and
    `last`, pictures `[1, 3, H, W]` in -1..1, and mid-gray between. Raises: ValueError for a length that is
    not 4 n + 1 or has nothing between.
    """
    if latent_count(n_frames) < 2:
        raise ValueError(f"a clip of {n_frames} frames has nothing between its ends")
    height, width = first.shape[-2:]
    clip = torch.zeros(1, 3, n_frames, height, width)
    clip[:, :, 0], clip[:, :, -1] = first, last
    given = torch.zeros(n_frames, height // SPACE_STRIDE, width // SPACE_STRIDE)
    given[[0, -1]] = 1
    return torch.cat([pack(given)[None], encode(vae, clip).cpu()], 1)


@torch.no_grad()
def sample(
    transformer: WanTransformer3DModel,
    conditioning: Tensor,
    prompt: Prompt,
    run: RunSettings,
    *,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Latents `[1, 16, T, h, w]` after each step, float32 on `device`; conditioning `[1, 20, T, h, w]`.

    The noise is a function of seed and size alone, the same for every device.
    """
    dtype = transformer.patch_embedding.weight.dtype
    told = conditioning.to(device)
    texts = {True: prompt.positive.to(device, dtype), False: prompt.negative.to(device, dtype)}
    image = None if prompt.image is None else prompt.image.to(device, dtype)

    def predict(latents: Tensor, timestep: Tensor, is_positive: bool) -> Tensor:
        return transformer(
            torch.cat([latents, told], 1).to(dtype),
            timestep,
            texts[is_positive],
            encoder_hidden_states_image=image,
            return_dict=False,
        )[0].float()

    noise = seeded_noise((1, LATENT_CHANNELS, *conditioning.shape[2:]), run.seed).to(device)
    velocity = guided(predict, run.guidance_scale)
    if run.solver == "euler":
        yield from sample_flow(velocity, noise, flow_schedule(run.num_inference_steps, shift=run.shift))
    else:
        yield from _sample_unipc(velocity, noise, run)


def _sample_unipc(velocity: Velocity, noise: Tensor, run: RunSettings) -> Iterator[Tensor]:
    """UniPC (arXiv 2302.04867) on the shifted flow, as published: second order, bh2."""
    scheduler = UniPCMultistepScheduler(
        num_train_timesteps=TRAIN_TIMESTEPS,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=run.shift,
    )
    scheduler.set_timesteps(run.num_inference_steps, device=noise.device)
    latents = noise
    for timestep in scheduler.timesteps:
        given = velocity(latents, timestep.expand(len(latents)))
        latents = scheduler.step(given, timestep, latents, return_dict=False)[0]
        yield latents
