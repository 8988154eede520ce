"""One segment of a film from prepared tensors, its memory passed in and out: what an engine calls.

Letters: F slots (latent frames with the reference's), lF latent frames of the film, lh lw latent size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from toonctl.models.longanimation.denoiser import FilmMemory, SegmentCond
from toonctl.models.longanimation.sampling import (
    Fusion,
    Keep,
    OnStep,
    SampledSegment,
    Schedule,
    SegmentTask,
    Velocity,
    sample_segment,
)
from toonctl.models.longanimation.segments import Segment, first_fused_step

Bind = Callable[[SegmentCond], Velocity]
"""`Denoiser.bind`, or another network's."""


@dataclass(frozen=True, slots=True)
class PreparedSegment:
    """A segment's own tensors.

    `noise` `[1, F, 16, lh, lw]`; `reference` and `front_sketch` `[1, 1, 16, lh, lw]`: what stands in slot 0;
    `sketch` `[1, lF, 16, lh, lw]`; `texts` as in `SegmentTask`; `generator` feeds the sampler's steps.
    """

    noise: Tensor
    reference: Tensor
    front_sketch: Tensor
    sketch: Tensor
    texts: tuple[Tensor, ...]
    generator: torch.Generator


@dataclass(frozen=True, slots=True)
class SegmentPast:
    """What the film so far gives to a segment: its memory, and the tails of the segment before."""

    memory: FilmMemory
    fusion: Fusion


def n_slots(n_latents: int) -> int:
    """Slots of a clip of `n_latents`: one more in front of an odd number, as two latents make a patch."""
    return n_latents + n_latents % 2


def with_front(film: Tensor, front: Tensor) -> Tensor:
    """Latents `[1, F, 16, lh, lw]` of a clip `[1, lF, ...]`, with `front` in slot 0 where there is one."""
    return torch.cat([front, film], 1) if film.shape[1] % 2 else film


def place_reference(reference: Tensor, slots: int) -> Tensor:
    """Image latents of every slot `[1, slots, 16, lh, lw]`: the reference in the first, zeros elsewhere."""
    rest = reference.new_zeros(1, slots - 1, *reference.shape[2:])
    return torch.cat([reference, rest], 1)


def film_latents(latents: Tensor, n_latents: int) -> Tensor:
    """The latents `[1, lF, ...]` that become frames: without slot 0, where there is one."""
    return latents[:, latents.shape[1] - n_latents :]


def draw_segment(
    bind: Bind,
    segment: Segment,
    *,
    prepared: PreparedSegment,
    past: SegmentPast | None,
    schedule: Schedule,
    on_step: OnStep | None = None,
) -> SampledSegment:
    """The latents of all slots of one segment, and the tails the next one fuses with."""
    sketch = with_front(prepared.sketch, prepared.front_sketch)
    image = place_reference(prepared.reference, sketch.shape[1])
    keep = Keep(segment.kept_slots, first_fused_step(schedule.steps)) if segment.kept_slots else None
    task = SegmentTask(
        prepared.noise, prepared.texts, prepared.generator, past.fusion if past else None, keep
    )
    velocity = bind(SegmentCond(image, sketch, past.memory if past else None))
    return sample_segment(velocity, task, schedule, on_step=on_step)
