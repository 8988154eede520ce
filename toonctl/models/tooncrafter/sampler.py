"""DDIM sampling of a clip's latents: guidance, its rescale, and one step after another.

Letters: b clips, c channels, f frames, h w latent size, l tokens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from toonctl.models.tooncrafter.schedule import Grid, Noising

Denoise = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The velocity of noisy latents `[B, C, F, h, w]` at timesteps `[B]` under a context `[B, 77 + L, C]`."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """How far the velocity is pushed from the unguided towards the guided one.

    `scale` 1 runs the conditional pass alone. With an `image_scale`, text and image are pushed by amounts of
    their own (three passes). `rescale` 0..1 takes the standard deviation back to the conditional pass's.
    """

    scale: float = 7.5
    image_scale: float | None = None
    rescale: float = 0.7

    @property
    def is_guided(self) -> bool:
        return self.scale != 1.0


@dataclass(frozen=True, slots=True)
class Contexts:
    """Contexts `[B, 77 + L, C]`: text and image; neither (no words, grey picture); image without words."""

    full: Tensor
    empty: Tensor | None = None
    image_only: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One finished step: its place in the run, its timestep, and what came of it.

    `latents` go into the next step; `denoised` is the clean picture this step believes in, after the dynamic
    rescale; `velocity` is what was said, guidance included. All `[B, C, F, h, w]` float32.
    """

    number: int
    timestep: int
    latents: Tensor
    denoised: Tensor
    velocity: Tensor


def guided_velocity(
    denoise: Denoise, latents: Tensor, timestep: Tensor, contexts: Contexts, guidance: Guidance
) -> Tensor:
    """The velocity `[B, C, F, h, w]` in float32, guided.

    Classifier-Free Diffusion Guidance (arXiv 2207.12598); InstructPix2Pix (arXiv 2211.09800), eq. 3, for two
    scales. Raises: ValueError when guidance wants a context that is not there.
    """
    full = denoise(latents, timestep, contexts.full).float()
    if not guidance.is_guided:
        return full
    if contexts.empty is None:
        raise ValueError(f"guidance {guidance.scale:g} needs the empty context")
    empty = denoise(latents, timestep, contexts.empty).float()
    if guidance.image_scale is None:
        velocity = empty + guidance.scale * (full - empty)
    elif contexts.image_only is None:
        raise ValueError(f"image guidance {guidance.image_scale:g} needs the context with the image only")
    else:
        image = denoise(latents, timestep, contexts.image_only).float()
        velocity = empty + guidance.image_scale * (image - empty) + guidance.scale * (full - image)
    return rescale_guided(velocity, full, share=guidance.rescale)


def rescale_guided(velocity: Tensor, conditional: Tensor, *, share: float) -> Tensor:
    """`velocity` with, by `share`, the standard deviation of the conditional pass, clip by clip.

    Common Diffusion Noise Schedules and Sample Steps are Flawed (arXiv 2305.08891), sec. 3.4.
    """
    if share <= 0:
        return velocity
    axes = tuple(range(1, velocity.ndim))
    ratio = conditional.std(axes, keepdim=True) / velocity.std(axes, keepdim=True)
    return share * velocity * ratio + (1 - share) * velocity


def ddim(
    denoise: Denoise,
    latents: Tensor,
    contexts: Contexts,
    *,
    grid: Grid,
    guidance: Guidance,
    draw: Callable[[int], Tensor],
) -> Iterator[Step]:
    """Every step of a DDIM run from pure noise `latents` `[B, C, F, h, w]`; the last has the clip's latents.

    `draw(i)` gives the fresh noise of the i-th step, the last one included; it is not called where none is
    needed. Denoising Diffusion Implicit Models (arXiv 2010.02502), eq. 12, for v-prediction with dynamic
    rescale. The state is float32 whatever the network's precision.
    """

    def velocity(noisy: Tensor, timestep: Tensor) -> Tensor:
        return guided_velocity(denoise, noisy, timestep, contexts, guidance)

    yield from ddim_steps(velocity, latents, grid=grid, draw=draw)


def ddim_steps(
    velocity_of: Callable[[Tensor, Tensor], Tensor],
    latents: Tensor,
    *,
    grid: Grid,
    draw: Callable[[int], Tensor],
    first: int = 0,
) -> Iterator[Step]:
    """As `ddim`, for a velocity that is guided already: of noisy latents at timesteps `[B]`.

    With `first` so many steps are left out at the beginning, and `latents` are noisy as of the step after.
    """
    noising, latents = Noising.published(), latents.float()
    indices = list(reversed(range(len(grid.timesteps))))
    for number, index in list(enumerate(indices))[first:]:
        timestep = grid.timesteps[index].to(latents.device).expand(len(latents))
        velocity = velocity_of(latents, timestep)
        denoised = noising.denoised(latents, velocity, timestep) * float(grid.rescale[index])
        noise = noising.noise(latents, velocity, timestep)
        before, sigma = grid.signal_before[index], grid.sigma[index]
        latents = float(before.sqrt()) * denoised + float((1 - before - sigma**2).clamp(min=0).sqrt()) * noise
        if float(sigma):
            latents = latents + float(sigma) * draw(number).to(latents)
        yield Step(number, int(timestep[0]), latents, denoised, velocity)


def drawn_noise(shape: torch.Size, generator: torch.Generator) -> Callable[[int], Tensor]:
    """Fresh noise for `ddim`, drawn on the CPU so that every device starts alike."""
    return lambda _: torch.randn(shape, generator=generator)
