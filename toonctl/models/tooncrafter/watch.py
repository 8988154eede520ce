"""Watches latents while they are drawn: figures of every step, and a stop when they collapse.

For v-prediction the deviation of noisy latents is known beforehand: its square is a s^2 + 1 - a, with a the
signal of the step and s the deviation of clean latents. What strays far from it, or loses its differences in
time while the keys differ, is a failed drawing; better to stop at step 20 than to deliver grey.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from toonctl.core.errors import CheckFailed
from toonctl.models.tooncrafter.sampler import Step
from toonctl.models.tooncrafter.schedule import Noising

CLEAN_DEVIATION = 0.7
"""Deviation of clean latents after the dynamic rescale."""

_COLLAPSED = 0.35
"""Share of the expected deviation below which clean latents count as collapsed (KDQ's figure)."""

_LATE = 600
"""Timestep below which the picture must have appeared."""

_STILL = 0.02
"""Mean deviation over time, as a share of the keys' difference, below which nothing moves."""


@dataclass(frozen=True, slots=True)
class LatentFigures:
    """One step in numbers; deviations over all of a clip, `frames_std` per frame `[F]`."""

    number: int
    timestep: int
    mean: float
    std: float
    expected_std: float
    lowest: float
    highest: float
    denoised_std: float
    velocity_std: float
    temporal_std: float
    frames_std: tuple[float, ...]
    non_finite_share: float


@dataclass(slots=True)
class LatentWatch:
    """Collects the figures of a run; `beside` `[B, 4, F, h, w]` holds the keys' latents at both ends."""

    beside: Tensor
    figures: list[LatentFigures] = field(default_factory=list)

    def look(self, step: Step) -> LatentFigures:
        """The step's figures. Raises: CheckFailed when the latents are not finite or have collapsed."""
        seen = measure(step)
        self.figures.append(seen)
        fault = self._fault(seen)
        if fault:
            what = f"the drawing collapsed at step {seen.number + 1} (timestep {seen.timestep}): {fault}"
            hint = "try another seed, guidance nearer to 5, bf16 instead of fp16, or no adapter"
            raise CheckFailed(what, hint=hint)
        return seen

    def _fault(self, seen: LatentFigures) -> str | None:
        if seen.non_finite_share:
            return f"{seen.non_finite_share:.1%} of the latents are no numbers"
        if seen.timestep >= _LATE:
            return None
        if seen.denoised_std < _COLLAPSED * CLEAN_DEVIATION:
            return f"its deviation is {seen.denoised_std:.3f}, a picture's is near {CLEAN_DEVIATION}"
        apart = float((self.beside[:, :, 0] - self.beside[:, :, -1]).float().std())
        if apart > 0.1 and seen.temporal_std < _STILL * apart:
            return f"nothing moves ({seen.temporal_std:.4f}), though the keys differ by {apart:.2f}"
        return None


def measure(step: Step) -> LatentFigures:
    """The figures of one step."""
    latents, denoised = step.latents.float(), step.denoised.float()
    signal = float(Noising.published().signal[step.timestep])
    finite = latents[latents.isfinite()]
    known = finite if len(finite) else torch.zeros(2)
    return LatentFigures(
        number=step.number,
        timestep=step.timestep,
        mean=float(known.mean()),
        std=float(known.std()),
        expected_std=(signal * CLEAN_DEVIATION**2 + 1 - signal) ** 0.5,
        lowest=float(known.min()),
        highest=float(known.max()),
        denoised_std=float(denoised.nan_to_num().std()),
        velocity_std=float(step.velocity.float().nan_to_num().std()),
        temporal_std=float(denoised.nan_to_num().std(2).mean()),
        frames_std=tuple(float(frame.std()) for frame in denoised.nan_to_num().unbind(2)),
        non_finite_share=float((~latents.isfinite()).float().mean()),
    )
