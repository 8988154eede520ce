"""Schedules and samplers of the flow-matching video models."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor

TRAIN_TIMESTEPS = 1000


@dataclass(frozen=True, slots=True)
class FlowSchedule:
    """Noise levels of a run: `sigmas [N + 1]` from 1 to 0, `timesteps [N]` = 1000 sigma, both float32."""

    sigmas: Tensor
    timesteps: Tensor

    def step(self, latents: Tensor, velocity: Tensor, index: int) -> Tensor:
        """The latents one level further down: plain Euler along a velocity that is noise - data."""
        return latents + velocity * (self.sigmas[index + 1] - self.sigmas[index]).to(latents.device)


def flow_schedule(num_inference_steps: int, *, shift: float) -> FlowSchedule:
    """N levels evenly spaced from 1 down, then shifted: sigma = shift s / (1 + (shift - 1) s).

    Flow matching for images (arXiv 2403.03206), eq. 23, on the spacing of Wan 2.1's Euler sampler.
    Raises: ValueError for fewer than one step.
    """
    if num_inference_steps < 1:
        raise ValueError(f"a run needs at least one step, not {num_inference_steps}")
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    even = torch.linspace(1, 0, num_inference_steps + 1)[:-1]
    scheduler.set_timesteps(sigmas=even.tolist())
    return FlowSchedule(torch.as_tensor(scheduler.sigmas), torch.as_tensor(scheduler.timesteps))


def guided(
    predict: Callable[[Tensor, Tensor, bool], Tensor], guidance_scale: float
) -> Callable[[Tensor, Tensor], Tensor]:
    """Velocity with classifier-free guidance: negative + g (positive - negative); 1 is the positive alone.

    `predict(latents, timestep, is_positive)` gives the velocity of one half.
    """

    def velocity(latents: Tensor, timestep: Tensor) -> Tensor:
        positive = predict(latents, timestep, True)
        if guidance_scale == 1:
            return positive
        negative = predict(latents, timestep, False)
        return negative + guidance_scale * (positive - negative)

    return velocity


def sample_flow(
    velocity: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    schedule: FlowSchedule,
    *,
    first_step: int = 0,
) -> Iterator[Tensor]:
    """The latents after each step, from `noise` (or the latents before `first_step`) down to the picture.

    `velocity(latents [B, ...], timestep [B])` predicts noise - data.
    """
    latents = noise
    for index in range(first_step, len(schedule.timesteps)):
        timestep = schedule.timesteps[index].to(latents.device).expand(len(latents))
        latents = schedule.step(latents, velocity(latents, timestep), index)
        yield latents


def seeded_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Standard normal values drawn on the CPU, so that one seed gives one noise on every device."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
