"""ToonCrafter's noise schedule: tables of 1000 steps that end in pure noise, and DDIM grids through them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

N_STEPS = 1000
_LINEAR_START, _LINEAR_END = 0.00085, 0.012
_BASE_SCALE = 0.7
_SCALE_RAMP = 400
"""Steps over which the dynamic rescale falls from 1 to 0.7."""


class Spacing(StrEnum):
    """How the steps of a grid lie: up to the last one, from the first one, or denser at the first."""

    TRAILING = "uniform_trailing"
    UNIFORM = "uniform"
    QUADRATIC = "quad"


def betas() -> Tensor:
    """`[1000]` float64: linear in the root, then shifted and scaled so that the last step is pure noise.

    Common Diffusion Noise Schedules and Sample Steps are Flawed (arXiv 2305.08891), algorithm 1.
    """
    plain = torch.linspace(_LINEAR_START**0.5, _LINEAR_END**0.5, N_STEPS, dtype=torch.float64) ** 2
    root = (1 - plain).cumprod(0).sqrt()
    root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    signal = root**2
    return 1 - torch.cat([signal[:1], signal[1:] / signal[:-1]])


def dynamic_scale() -> Tensor:
    """`[1400]` float32: how far clean latents are scaled down at a step, 1 to 0.7 and then 0.7."""
    ramp = torch.linspace(1.0, _BASE_SCALE, _SCALE_RAMP, dtype=torch.float64)
    return torch.cat([ramp, torch.full((N_STEPS,), _BASE_SCALE, dtype=torch.float64)]).float()


def published_tables() -> dict[str, Tensor]:
    """The thirteen tables that the published checkpoint stores, by name, float32.

    The two `sqrt_recip` tables are zero, as they are there: velocity is never turned into latents by them.
    """
    beta = betas()
    signal = (1 - beta).cumprod(0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), signal[:-1]])
    variance = beta * (1 - before) / (1 - signal)
    tables = {
        "betas": beta,
        "alphas_cumprod": signal,
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": signal.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - signal).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - signal).log(),
        "sqrt_recip_alphas_cumprod": torch.zeros(N_STEPS),
        "sqrt_recipm1_alphas_cumprod": torch.zeros(N_STEPS),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": variance.clamp(min=1e-20).log(),
        "posterior_mean_coef1": beta * before.sqrt() / (1 - signal),
        "posterior_mean_coef2": (1 - before) * (1 - beta).sqrt() / (1 - signal),
        "scale_arr": dynamic_scale(),
    }
    return {name: table.float() for name, table in tables.items()}


@dataclass(frozen=True, slots=True)
class Noising:
    """The tables that training and sampling read, float32 whatever the network's precision.

    `signal` is the cumulative product of alpha. Halving it would be wrong by 15 percent at the first step.
    """

    signal: Tensor
    scale: Tensor

    @classmethod
    def published(cls) -> "Noising":
        tables = published_tables()
        return cls(tables["alphas_cumprod"], tables["scale_arr"])

    def root_signal(self, timestep: Tensor) -> Tensor:
        """Share of the latents in the noisy ones at `timestep` `[B]`, shaped `[B, 1, 1, 1, 1]`."""
        return _spread(self.signal.to(timestep.device)[timestep].sqrt())

    def root_noise(self, timestep: Tensor) -> Tensor:
        """Share of the noise at `timestep` `[B]`, shaped `[B, 1, 1, 1, 1]`."""
        return _spread((1 - self.signal.to(timestep.device)[timestep]).sqrt())

    def rescaled(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """Clean latents as the network knows them at `timestep`."""
        return latents * _spread(self.scale.to(timestep.device)[timestep])

    def noisy(self, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """Rescaled `latents` `[B, C, F, h, w]` under `noise` of the same shape."""
        return self.root_signal(timestep) * latents + self.root_noise(timestep) * noise

    def velocity(self, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """What the network must say for these rescaled latents and noise.

        Progressive Distillation (arXiv 2202.00512), app. D.
        """
        return self.root_signal(timestep) * noise - self.root_noise(timestep) * latents

    def denoised(self, noisy: Tensor, velocity: Tensor, timestep: Tensor) -> Tensor:
        """The rescaled latents that `velocity` claims to lie in `noisy`."""
        return self.root_signal(timestep) * noisy - self.root_noise(timestep) * velocity

    def noise(self, noisy: Tensor, velocity: Tensor, timestep: Tensor) -> Tensor:
        """The noise that `velocity` claims to lie in `noisy`."""
        return self.root_signal(timestep) * velocity + self.root_noise(timestep) * noisy


def _spread(values: Tensor) -> Tensor:
    return values[:, None, None, None, None]


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps of a DDIM run, lowest first, `[S]` each.

    `signal` and `signal_before` belong to a step and to the one it leads to, `sigma` is the fresh noise,
    `rescale` turns latents of this step's scale into those of the next.
    """

    timesteps: Tensor
    signal: Tensor
    signal_before: Tensor
    sigma: Tensor
    rescale: Tensor


def grid(n_steps: int, *, spacing: Spacing = Spacing.TRAILING, eta: float = 1.0) -> Grid:
    """The DDIM grid of about `n_steps` steps (arXiv 2010.02502, eq. 12 and 16), tables in float32.

    `uniform` spacing has one step more when `n_steps` does not divide 1000. The lowest step leads to the
    signal of step 0, not to a clean picture.

    Raises: ValueError when there are no steps, more than 1000, or the spacing passes the last one.
    """
    if not 1 <= n_steps <= N_STEPS:
        raise ValueError(f"{n_steps} steps; a grid has 1 to {N_STEPS}")
    timesteps = _timesteps(n_steps, spacing)
    if int(timesteps.max()) >= N_STEPS:
        raise ValueError(
            f"{n_steps} steps with {spacing} spacing pass step {N_STEPS - 1}; choose another number"
        )
    noising = Noising.published()
    signal = noising.signal[timesteps]
    before = torch.cat([noising.signal[:1], signal[:-1]])
    precise, precise_before = signal.double(), before.double()
    variance = (1 - precise_before) / (1 - precise) * (1 - precise / precise_before)
    scale = noising.scale[timesteps]
    rescale = torch.cat([scale[:1], scale[:-1]]) / scale
    return Grid(timesteps, signal, before, (eta * variance.sqrt()).float(), rescale)


def _timesteps(n_steps: int, spacing: Spacing) -> Tensor:
    if spacing is Spacing.TRAILING:
        # numpy's own running sum decides how the halves round, so the grid is made by it; a rounding rest
        # below the lowest step (61 steps and a few others) is no step.
        down = np.arange(N_STEPS, 0, -N_STEPS / n_steps).round().astype(np.int64)
        return torch.from_numpy(down[down > 0][::-1] - 1)
    if spacing is Spacing.UNIFORM:
        return torch.arange(0, N_STEPS, N_STEPS // n_steps) + 1
    roots = np.linspace(0, np.sqrt(0.8 * N_STEPS), n_steps)
    return torch.from_numpy((roots**2).astype(np.int64) + 1)
