"""The losses of LongAnimation's three stages, one function each.

Letters: F slots, S memory tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from toonctl.models.longanimation.diffusion import NoiseLevels, StepTaken
from toonctl.models.longanimation.sampling import Velocity


def denoising_loss(
    velocity: Velocity, clean: Tensor, text: Tensor, *, levels: NoiseLevels, timestep: int, noise: Tensor
) -> Tensor:
    """Mean squared error of the velocity of one noisy film, a scalar (LongAnimation, eq. 1).

    CogVideoX weighs the error of the clean film by 1 / (1 - signal power), which is this. `clean` and `noise`
    are `[1, F, 16, H, W]`; slot 0, whose result nobody sees, does not count.
    """
    moment = torch.full((1,), timestep, device=clean.device, dtype=torch.long)
    said = velocity(levels.noisy(clean, noise, timestep), moment, text).float()
    wanted = levels.velocity(clean, noise, timestep).float()
    return ((said - wanted)[:, 1:] ** 2).mean()


def color_reward(drawn: Tensor, true: Tensor) -> float:
    """How close a drawn film is to the true one, at most 0 (LongAnimation, eq. 5, with the sign eq. 2 needs).

    Both are memories `[1, 2, 3, S, width]` of the same number of frames: minus the squared distances of keys
    and values, summed over layers, averaged over what a layer holds.
    """
    return -float(((drawn.float() - true.float()) ** 2).mean((0, 3, 4)).sum())


def advantages(rewards: Sequence[float]) -> list[float]:
    """How much better each film of one example is than the others, in standard deviations; 0 for equals."""
    values = torch.tensor(rewards, dtype=torch.float64)
    spread = float(values.std(correction=0))
    return ((values - values.mean()) / spread).tolist() if spread > 0 else [0.0] * len(rewards)


def policy_gradient_loss(
    velocity: Tensor, step: StepTaken, advantage: float, *, levels: NoiseLevels, n_steps: int
) -> Tensor:
    """The scalar whose gradient is that of eq. 2 for one step: minus advantage times log p(z_t-1 | z_t).

    `velocity` is what the network says of `step.latents`, guidance included; no gradient passes through the
    reward, nor from step to step. What the step before believed, which a step of second order looks back on,
    is taken as given, and the last step draws nothing: of a constant velocity the sum over 30 steps is 1.5
    times the gradient of the expected film, over 6 steps 1.7 times, always of its sign.
    """
    return -advantage * levels.step_law(velocity, step, n_steps).log_density(step.drawn)
