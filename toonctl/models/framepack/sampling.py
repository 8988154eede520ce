"""FramePack's sections drawn one after the other: what the transformer is given, and its noise schedule.

Letters: B batch, N text tokens, D text width, P pooled width, M image tokens, E image width, T latent
frames of a section, h w latent size.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from diffusers.models.transformers.transformer_hunyuan_video_framepack import (
    HunyuanVideoFramepackTransformer3DModel,
)
from torch import Tensor

from toonctl.models.framepack.sections import HISTORY, Section, plan_sections
from toonctl.models.sampling import FlowSchedule, flow_schedule, sample_flow

LATENT_CHANNELS = 16

_MOST_SHIFT = 7.0
_BASE, _LONG = (256, 0.5), (4096, 1.15)
"""Tokens and shift exponent of two points; FLUX's line, which FramePack goes on along until shift 7."""


class FramepackTransformer(HunyuanVideoFramepackTransformer3DModel):
    """Velocity of the noisy latents of a section, steered by history, both keys, text and an image.

    Diffusers' class; only the names of its blocks are added, for what compiles them one by one.
    """

    _repeated_blocks = ["HunyuanVideoTransformerBlock", "HunyuanVideoSingleTransformerBlock"]  # noqa: RUF012  # as the base class has it


@dataclass(frozen=True, slots=True)
class Prompt:
    """Llama's states `[B, N, D]` with their mask `[B, N]` (1 where real), and CLIP's pooled ones `[B, P]`."""

    states: Tensor
    mask: Tensor
    pooled: Tensor


@dataclass(frozen=True, slots=True)
class Inputs:
    """What stays the same in every section: text, image features `[B, M, E]`, keys `[B, 16, 1, h, w]`.

    `last` is None where the film has an open end.
    """

    prompt: Prompt
    image: Tensor
    first: Tensor
    last: Tensor | None


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How to sample: diffusers' values for the published weights, which were trained with `window` 9."""

    num_inference_steps: int = 30
    guidance_scale: float = 9.0
    window: int = 9
    n_sections: int = 1


@dataclass(frozen=True, slots=True)
class Noises:
    """What chance decides of a film: noise `[1, 16, 1, h, w]` of keys, `[1, 16, T, h, w]` of sections.

    Drawn on the CPU from one seed in the order of diffusers' pipeline, the same for every device.
    """

    first: Tensor
    last: Tensor
    sections: tuple[Tensor, ...]

    @classmethod
    def of(cls, seed: int, run: RunSettings, latent_size: tuple[int, int]) -> Self:
        """The noise of a film whose latents have this height and width."""
        generator = torch.Generator("cpu").manual_seed(seed)

        def draw(n_frames: int) -> Tensor:
            return torch.randn((1, LATENT_CHANNELS, n_frames, *latent_size), generator=generator)

        keys = draw(1), draw(1)
        return cls(*keys, tuple(draw(run.window) for _ in range(run.n_sections)))


def sample_sections(
    transformer: FramepackTransformer,
    inputs: Inputs,
    run: RunSettings,
    *,
    noises: Sequence[Tensor],
    drawn: Sequence[Tensor] = (),
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Latents `[B, 16, T, h, w]` of each section, float32 on the CPU, the end of the film first.

    The last one drawn has the first key's latent in front: T + 1 frames. `drawn` are sections that were
    drawn before, which are not drawn again; `noises` are those of all.
    """
    history = _history(drawn, inputs.first)
    for section in plan_sections(run.n_sections, run.window):
        if section.number < len(drawn):
            continue
        noise = noises[section.number].to(device)
        latents = sample_section(transformer, section, noise, history=history, inputs=inputs, run=run).cpu()
        if section.is_last_drawn:
            latents = torch.cat([inputs.first, latents], 2)
        history = torch.cat([latents, history], 2)
        yield latents


@torch.no_grad()
def sample_section(
    transformer: FramepackTransformer,
    section: Section,
    noise: Tensor,
    *,
    history: Tensor,
    inputs: Inputs,
    run: RunSettings,
) -> Tensor:
    """Latents `[B, 16, T, h, w]`, float32, of one section, on the device of `noise` `[B, 16, T, h, w]`."""
    device, dtype = noise.device, transformer.dtype
    before, half, quarter = history[:, :, : sum(HISTORY)].split(HISTORY, 2)
    if section.is_first_drawn and inputs.last is not None:
        before = inputs.last
    at = section.indices

    def given(tensor: Tensor) -> Tensor:
        return tensor.to(device, dtype)

    told = {
        "encoder_hidden_states": given(inputs.prompt.states),
        "encoder_attention_mask": given(inputs.prompt.mask),
        "pooled_projections": given(inputs.prompt.pooled),
        "image_embeds": given(inputs.image),
        "guidance": torch.full((len(noise),), run.guidance_scale, dtype=dtype, device=device) * 1000,
        "indices_latents": torch.tensor(at.latents),
        "latents_clean": given(torch.cat([inputs.first, before], 2)),
        "indices_latents_clean": torch.tensor([*at.first, *at.before]),
        "latents_history_2x": given(half),
        "indices_latents_history_2x": torch.tensor(at.half),
        "latents_history_4x": given(quarter),
        "indices_latents_history_4x": torch.tensor(at.quarter),
    }

    def velocity(latents: Tensor, timestep: Tensor) -> Tensor:
        return transformer(given(latents), timestep, **told, return_dict=False)[0].float()

    latents = noise
    for latents in sample_flow(velocity, noise, schedule(run.num_inference_steps, tuple(noise.shape))):  # noqa: B007  # the last one counts
        pass
    return latents


def schedule(num_inference_steps: int, shape: tuple[int, ...]) -> FlowSchedule:
    """Noise levels for latents of `shape` `[B, 16, T, h, w]`: the more tokens, the longer at high noise.

    sigma = exp(mu) / (exp(mu) + 1 / s - 1) for s evenly spaced, mu a line in the number of tokens, at most
    ln 7.
    """
    tokens = math.prod(shape[2:]) / 4
    slope = (_LONG[1] - _BASE[1]) / (_LONG[0] - _BASE[0])
    mu = _BASE[1] + slope * (tokens - _BASE[0])
    return flow_schedule(num_inference_steps, shift=min(math.exp(mu), _MOST_SHIFT))


def _history(drawn: Sequence[Tensor], first: Tensor) -> Tensor:
    """What was drawn, newest (earliest in time) in front, and zeros where nothing was yet."""
    b, c, _, h, w = first.shape
    empty = torch.zeros(b, c, sum(HISTORY), h, w)
    return torch.cat([*reversed(drawn), empty], 2)
