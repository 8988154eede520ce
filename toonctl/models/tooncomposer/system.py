"""The networks of ToonComposer together: from prepared tensors to frames.

Letters: B batch (1), F pixel frames, T latent frames, H W pixel size, h = H / 8, w = W / 8.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor

from toonctl.models.sampling import flow_schedule, guided, sample_flow, seeded_noise
from toonctl.models.tooncomposer.conditioning import Conditioning
from toonctl.models.tooncomposer.transformer import LATENT_CHANNELS, Sketches, ToonComposerTransformer
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


class ToonComposer:
    """Transformer and VAE, loaded, wherever they lie; conditioning and text come prepared."""

    def __init__(self, transformer: ToonComposerTransformer, vae: AutoencoderKLWan) -> None:
        self.transformer = transformer
        self.vae = vae

    @torch.no_grad()
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
        video = conditioning.video.to(device)
        sketches = _sketches_on(conditioning.sketches, device)
        texts = {True: prompt.positive.to(device), False: prompt.negative.to(device)}
        image = prompt.image.to(device)

        def predict(latents: Tensor, timestep: Tensor, is_positive: bool) -> Tensor:
            return self.transformer(
                torch.cat([latents, video], 1), timestep, texts[is_positive], image, sketches
            )

        shape = (len(video), LATENT_CHANNELS, *video.shape[2:])
        noise = seeded_noise(shape, run.seed).to(device)
        yield noise
        schedule = flow_schedule(run.num_inference_steps, shift=run.shift)
        yield from sample_flow(guided(predict, run.guidance_scale), noise, schedule)

    @torch.no_grad()
    def decode(self, latents: Tensor, *, tiling: Tiling | None = None) -> Tensor:
        """Frames `[B, 3, F, H, W]` in -1..1 of the sampled latents."""
        return decode(self.vae, latents, tiling=tiling)


def _sketches_on(sketches: Sketches, device: torch.device | str) -> Sketches:
    return replace(sketches, latents=sketches.latents.to(device))
