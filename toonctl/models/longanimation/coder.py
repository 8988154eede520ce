"""Pictures to latents and back, each kind at the scale the networks were trained with.

Letters: B = 1, F pixel frames (4k + 1), H W size, lF latent frames (k + 1), lh lw latent size (H/8, W/8).
"""

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import AutoencoderKLCogVideoX
from torch import Tensor

IMAGE_SCALE = 1.0
"""Of the reference's latents: as trained, neither CogVideoX's factor nor the inverse its settings ask for."""


@dataclass(frozen=True, slots=True)
class LatentCoder:
    """The video coder; without a generator the distribution's mode is taken, the same every time."""

    vae: AutoencoderKLCogVideoX

    @property
    def scale(self) -> float:
        """What latents of films and sketches are multiplied with."""
        return float(self.vae.config["scaling_factor"])

    def encode_reference(self, image: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Latents `[1, 1, 16, lh, lw]` of a picture `[3, H, W]` in -1..1."""
        return self._encode(image[None], generator) * IMAGE_SCALE

    def encode_film(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Latents `[1, lF, 16, lh, lw]` of a sketch or a film `[F, 3, H, W]` in -1..1, one causal clip."""
        return self._encode(frames, generator) * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Frames `[F, 3, H, W]` in -1..1 of latents `[1, lF, 16, lh, lw]` without the reference's slot.

        lF must be odd, as for 81 frames: the coder takes an even clip for one that goes on from another.
        """
        decoded = self.vae.decode(latents.transpose(1, 2) / self.scale).sample  # pyright: ignore[reportAttributeAccessIssue]  # not a tuple, as asked by default
        return decoded[0].transpose(0, 1).clamp(-1, 1)

    def _encode(self, frames: Tensor, generator: torch.Generator | None) -> Tensor:
        pixels = frames.transpose(0, 1)[None].to(self.vae.dtype)  # [1, 3, F, H, W]
        found = self.vae.encode(pixels).latent_dist  # pyright: ignore[reportAttributeAccessIssue]  # as above
        latents = found.mode() if generator is None else found.sample(generator)
        return latents.transpose(1, 2)
