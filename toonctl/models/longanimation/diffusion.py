"""The noise levels LongAnimation is trained on, and the law of one sampling step.

Letters: B = 1, F slots, H W latent size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_dpm_cogvideox import CogVideoXDPMScheduler
from torch import Tensor


@dataclass(frozen=True, slots=True)
class StepLaw:
    """The Gaussian a sampling step draws from: its mean, and the standard deviation of every element."""

    mean: Tensor
    deviation: float

    def log_density(self, drawn: Tensor) -> Tensor:
        """Mean over elements of log p(drawn), a scalar; constants that no parameter moves are left out."""
        return -((drawn - self.mean) ** 2).mean() / (2 * self.deviation**2)


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step of a sampled film: what it started from and what it drew.

    `before` is the timestep of the step before, None at the first; `denoised` what that step believed.
    Latents are `[1, F, 16, H, W]`.
    """

    timestep: int
    before: int | None
    denoised: Tensor | None
    latents: Tensor
    drawn: Tensor


class NoiseLevels:
    """Shares of signal and noise at every training timestep, by the scheduler's settings."""

    def __init__(self, scheduler: Mapping[str, Any]) -> None:
        made = self._scheduler = CogVideoXDPMScheduler(**scheduler)
        self.n_timesteps: int = made.config["num_train_timesteps"]
        self.signal_power = made.alphas_cumprod.double()
        self.final_power = float(made.final_alpha_cumprod)

    def timesteps(self, n_steps: int) -> list[int]:
        """The timesteps of a film sampled in `n_steps`, noisiest first."""
        self._scheduler.set_timesteps(n_steps)
        return self._scheduler.timesteps.tolist()

    def denoised(self, velocity: Tensor, latents: Tensor, timestep: int) -> Tensor:
        """The clean film the network believes in."""
        power = float(self.signal_power[timestep])
        return power**0.5 * latents - (1 - power) ** 0.5 * velocity

    def noisy(self, clean: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """Latents at a noise level."""
        power = float(self.signal_power[timestep])
        return power**0.5 * clean + (1 - power) ** 0.5 * noise

    def velocity(self, clean: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """What the network should say there (v-prediction, arXiv 2202.00512)."""
        power = float(self.signal_power[timestep])
        return power**0.5 * noise - (1 - power) ** 0.5 * clean

    def step_law(self, velocity: Tensor, step: StepTaken, n_steps: int) -> StepLaw:
        """The law of one of `n_steps` after what the network said (SDE-DPM-Solver++ 2M, arXiv 2211.01095)."""
        earlier = step.timestep - self.n_timesteps // n_steps
        power = self.signal_power[step.timestep]
        next_power = self.signal_power[earlier] if earlier >= 0 else torch.tensor(self.final_power).double()
        clean = self.denoised(velocity, step.latents, step.timestep)
        stride = _half_log_snr(next_power) - _half_log_snr(power)
        if step.before is not None and step.denoised is not None and earlier >= 0:
            past_stride = _half_log_snr(power) - _half_log_snr(self.signal_power[step.before])
            share = (stride / (2 * past_stride)).item()
            clean = (1 + share) * clean - share * step.denoised
        kept = ((1 - next_power) / (1 - power)).sqrt() * (-stride).exp()
        taken = -torch.expm1(-2 * stride) * next_power.sqrt()
        deviation = (1 - next_power).sqrt() * (1 - (-2 * stride).exp()).sqrt()
        return StepLaw(kept.item() * step.latents + taken.item() * clean, deviation.item())


def _half_log_snr(power: Tensor) -> Tensor:
    return ((power / (1 - power)) ** 0.5).log()
