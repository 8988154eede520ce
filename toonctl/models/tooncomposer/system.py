"""The networks of ToonComposer together: from prepared tensors to frames.

Letters: B batch (1), F pixel frames, T latent frames, H W pixel size, h = H / 8, w = W / 8.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor

from toonctl.models.sampling import flow_schedule, guided, seeded_noise
from toonctl.models.tooncomposer.conditioning import Conditioning
from toonctl.models.tooncomposer.transformer import (
    LATENT_CHANNELS,
    Sketches,
    Through,
    ToonComposerTransformer,
)
from toonctl.models.tooncomposer.vae import Tiling, decode


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text features `[B, 512, D]`, wanted and unwanted, and image features `[B, 257, E]`."""

    positive: Tensor
    negative: Tensor
    image: Tensor


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to sample; the defaults are the published demo's."""

    num_inference_steps: int = 15
    guidance_scale: float = 7.5
    shift: float = 5.0
    seed: int = 42


StepThrough = Callable[[bool, int], Through | None]
"""What stands around the blocks in the positive (True) or negative half of a step, counted from 0."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What stays the same in every step of a run."""

    conditioning: Conditioning
    prompt: Prompt
    run: RunSettings

    def noise(self) -> Tensor:
        """Where the run begins, `[B, 16, T, h, w]` float32: a function of seed and size, on the CPU."""
        video = self.conditioning.video
        return seeded_noise((len(video), LATENT_CHANNELS, *video.shape[2:]), self.run.seed)


class ToonComposer:
    """Transformer and VAE, loaded, wherever they lie; conditioning and text come prepared."""

    def __init__(self, transformer: ToonComposerTransformer, vae: AutoencoderKLWan) -> None:
        self.transformer = transformer
        self.vae = vae

    def sample(
        self,
        conditioning: Conditioning,
        prompt: Prompt,
        run: RunSettings,
        *,
        device: torch.device | str = "cpu",
    ) -> Iterator[Tensor]:
        """The noise, then the latents `[B, 16, T, h, w]` after each step, in float32 on `device`.

        The noise is a function of seed and size alone, the same for every device.
        """
        inputs = Inputs(conditioning, prompt, run)
        latents = inputs.noise().to(device)
        yield latents
        for index in range(run.num_inference_steps):
            latents = denoise(self.transformer, latents, inputs, index)
            yield latents

    @torch.no_grad()
    def decode(self, latents: Tensor, *, tiling: Tiling | None = None) -> Tensor:
        """Frames `[B, 3, F, H, W]` in -1..1 of the sampled latents."""
        return decode(self.vae, latents, tiling=tiling)


@torch.no_grad()
def denoise(
    transformer: ToonComposerTransformer,
    latents: Tensor,
    inputs: Inputs,
    index: int,
    *,
    through: StepThrough = lambda _is_positive, _index: None,
) -> Tensor:
    """The latents `[B, 16, T, h, w]` after step `index`, counted from 0; all is done on their device."""
    device, prompt = latents.device, inputs.prompt
    video = inputs.conditioning.video.to(device)
    sketches = _sketches_on(inputs.conditioning.sketches, device)
    image = prompt.image.to(device)

    def predict(latents: Tensor, timestep: Tensor, is_positive: bool) -> Tensor:
        text = prompt.positive if is_positive else prompt.negative
        return transformer(
            torch.cat([latents, video], 1),
            timestep,
            text.to(device),
            image,
            sketches,
            through=through(is_positive, index),
        )

    schedule = flow_schedule(inputs.run.num_inference_steps, shift=inputs.run.shift)
    timestep = schedule.timesteps[index].to(device).expand(len(latents))
    velocity = guided(predict, inputs.run.guidance_scale)(latents, timestep)
    return schedule.step(latents, velocity, index)


def _sketches_on(sketches: Sketches, device: torch.device | str) -> Sketches:
    return replace(sketches, latents=sketches.latents.to(device))
