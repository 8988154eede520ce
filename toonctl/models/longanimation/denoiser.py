"""The three networks of one denoising step, bound to what a segment is drawn from.

Letters: B batch, F latent frames (slots), H W latent size, L text tokens, E text width, N vision tokens,
D model width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from toonctl.models.longanimation.cogvideox import OFS, InjectedCogVideoX, Rotary, SketchDiT
from toonctl.models.longanimation.dglm import Dglm, ProjectedMemory

GAMMA = 0.5
"""Strength of the control signal, as published."""


@dataclass(frozen=True, slots=True)
class FilmMemory:
    """What the film so far was read into: both `[1, 2, 3, tokens, width]`, tokens their own."""

    whole: Tensor
    recent: Tensor


@dataclass(frozen=True, slots=True)
class SegmentCond:
    """What steers one segment: image and sketch latents `[1, F, 16, H, W]`; no memory in the first one."""

    image: Tensor
    sketch: Tensor
    memory: FilmMemory | None = None


@dataclass(frozen=True, slots=True)
class Denoiser:
    """SketchDiT, DGLM and the base model; `ofs` None for models without that embedding.

    Without a DGLM, as in the first stage of training, no segment has a memory.
    """

    sketch_dit: SketchDiT
    dglm: Dglm | None
    base: InjectedCogVideoX
    gamma: float = GAMMA
    ofs: float | None = OFS

    def bind(self, cond: SegmentCond) -> "SegmentVelocity":
        """The velocity function of one segment; rotary tables and memory are prepared here, once.

        Raises: ValueError for a memory where there is no DGLM to read it.
        """
        _, n_frames, _, height, width = cond.image.shape
        memory = cond.memory
        return SegmentVelocity(
            self,
            cond,
            self.base.rotary(n_frames, height, width, device=cond.image.device),
            None if memory is None else self._memory_module().project(memory.whole, memory.recent),
        )

    def signal(
        self,
        cond: SegmentCond,
        timestep: Tensor,
        text: Tensor,
        *,
        rotary: Rotary,
        memory: ProjectedMemory | None,
    ) -> Tensor:
        """The control signal `[B, N, D]`, with what the memory adds to it."""
        batch = text.shape[0]
        signal = self.sketch_dit(
            _repeated(cond.sketch, batch),
            _repeated(cond.image, batch),
            text=text,
            timestep=timestep,
            rotary=rotary,
            ofs=self.ofs,
        )
        return signal if memory is None else self._memory_module()(signal, memory) + signal

    def _memory_module(self) -> Dglm:
        if self.dglm is None:
            raise ValueError("a segment with a memory needs a DGLM")
        return self.dglm


@dataclass(frozen=True, slots=True)
class SegmentVelocity:
    """The base model's velocity under the control of one segment; a `Velocity` for the sampler."""

    networks: Denoiser
    cond: SegmentCond
    rotary: Rotary
    memory: ProjectedMemory | None

    def __call__(self, noisy: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        networks = self.networks
        signal = networks.signal(self.cond, timestep, text, rotary=self.rotary, memory=self.memory)
        return networks.base(
            torch.cat([noisy, _repeated(self.cond.image, text.shape[0])], 2),
            text=text,
            timestep=timestep,
            rotary=self.rotary,
            added=networks.base.skip_layers(signal, networks.gamma),
            ofs=networks.ofs,
        )


def _repeated(latents: Tensor, batch: int) -> Tensor:
    return latents.expand(batch, -1, -1, -1, -1)
