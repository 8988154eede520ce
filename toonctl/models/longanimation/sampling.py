"""Sampling one segment: SDE-DPM-Solver++ steps, guidance, color consistency fusion with the one before.

Letters: B = 1, F latent frames (slots), H W latent size, L text tokens, E text width, C fused slots.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from diffusers.schedulers.scheduling_dpm_cogvideox import CogVideoXDPMScheduler
from torch import Tensor

OnStep = Callable[[int, Tensor], object]
"""Told the 0-based step just done and the latents after it (fusion included)."""


class Velocity(Protocol):
    """The network bound to one segment: noisy `[B, F, 16, H, W]`, timestep `[B]`, text `[B, L, E]`."""

    def __call__(self, noisy: Tensor, timestep: Tensor, text: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """How every segment of a film is sampled.

    `is_guidance_dynamic` follows the reference's cosine, whose timestep runs to 999 while N counts steps.
    `guides_together` puts both guidance halves into one batch: faster, twice the activations, equal values.
    """

    scheduler: Mapping[str, Any]
    steps: int = 50
    guidance_scale: float = 6.0
    is_guidance_dynamic: bool = False
    guides_together: bool = True

    def guidance_at(self, timestep: int) -> float:
        """The guidance scale at a training timestep."""
        if not self.is_guidance_dynamic:
            return self.guidance_scale
        wave = math.cos(math.pi * ((self.steps - timestep) / self.steps) ** 5.0)
        return 1 + self.guidance_scale * (1 - wave) / 2

    @property
    def is_guided(self) -> bool:
        return self.guidance_scale > 1


@dataclass(frozen=True, slots=True)
class Fusion:
    """Color consistency fusion with the segment before (LongAnimation, eq. 6).

    `tails` holds, by step, C latents `[1, C, 16, H, W]` of that segment, after its own fusion, for every step
    that fuses. Slot `first_slot + k - 1` keeps k / (C + 1) of its own, the rest is tail k; k = 1..C.
    """

    tails: Mapping[int, Tensor]
    first_slot: int = 2

    def apply(self, latents: Tensor, step: int) -> Tensor:
        """Latents `[1, F, 16, H, W]` fused where the step has a tail; the same otherwise."""
        tail = self.tails.get(step)
        if tail is None:
            return latents
        n_fused = tail.shape[1]
        fused = latents.clone()
        for k in range(1, n_fused + 1):
            own, slot = k / (n_fused + 1), self.first_slot + k - 1
            fused[:, slot] = (1 - own) * tail[:, k - 1].to(latents) + own * latents[:, slot]
        return fused


@dataclass(frozen=True, slots=True)
class Keep:
    """Which of a segment's slots, after which steps, the next segment's fusion will need."""

    slots: range
    first_step: int


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """What is the segment's own: start noise, texts, randomness, fusion before and after.

    `noise` `[1, F, 16, H, W]`; `texts` `[1, L, E]` each, (negative, positive), or the positive alone.
    `generator` feeds the scheduler's steps only.
    """

    noise: Tensor
    texts: tuple[Tensor, ...]
    generator: torch.Generator
    fusion: Fusion | None = None
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class SampledSegment:
    """Latents `[1, F, 16, H, W]` of all slots, and the tails the next segment fuses with."""

    latents: Tensor
    tails: Mapping[int, Tensor] = field(default_factory=dict)


def sample_segment(
    velocity: Velocity, task: SegmentTask, schedule: Schedule, *, on_step: OnStep | None = None
) -> SampledSegment:
    """One segment denoised from `task.noise`.

    The scheduler draws one noise at the first and last steps and two in between, the first of which it
    discards; seeds therefore give the same film as the published program.
    """
    scheduler = CogVideoXDPMScheduler(**schedule.scheduler)
    scheduler.set_timesteps(schedule.steps, device=task.noise.device)
    timesteps = [int(timestep) for timestep in scheduler.timesteps]
    latents, denoised = task.noise * scheduler.init_noise_sigma, None
    tails: dict[int, Tensor] = {}
    for step, timestep in enumerate(timesteps):
        output = guided(velocity, latents, timestep, task.texts, schedule)
        latents, denoised = scheduler.step(
            output,
            denoised,  # pyright: ignore[reportArgumentType]  # None at the first step, as it expects
            timestep,
            timesteps[step - 1] if step else None,  # pyright: ignore[reportArgumentType]  # as above
            latents,
            generator=task.generator,
            return_dict=False,
        )
        latents = latents.to(task.noise.dtype)
        if task.fusion is not None:
            latents = task.fusion.apply(latents, step)
        if task.keep is not None and step >= task.keep.first_step:
            tails[step] = latents[:, task.keep.slots.start : task.keep.slots.stop].clone()
        if on_step is not None:
            on_step(step, latents)
    return SampledSegment(latents, tails)


def guided(
    velocity: Velocity, latents: Tensor, timestep: int, texts: tuple[Tensor, ...], schedule: Schedule
) -> Tensor:
    """The velocity after guidance, float32, as `latents`.

    Raises: ValueError when guidance is wanted without a negative text.
    """
    if schedule.is_guided and len(texts) != 2:
        raise ValueError("guidance needs a negative and a positive text")
    wanted = texts if schedule.is_guided else texts[-1:]
    groups = [torch.cat(wanted)] if schedule.guides_together else list(wanted)
    outputs = []
    for text in groups:
        batch = text.shape[0]
        moment = torch.full((batch,), timestep, device=latents.device, dtype=torch.long)
        outputs.append(velocity(latents.expand(batch, -1, -1, -1, -1), moment, text).float())
    halves = torch.cat(outputs).split(1)
    if not schedule.is_guided:
        return halves[0]
    return halves[0] + schedule.guidance_at(timestep) * (halves[1] - halves[0])
