"""LongAnimation's networks at toy size, with weights by the golden set's naming rule."""

from typing import Any

import torch

from goldens.longanimation import CONFIG, fill
from goldens.values import normal
from toonctl.models.keymaps import longanimation as names
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.denoiser import Denoiser, FilmMemory, SegmentCond
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.lvu import LongVideoModel, LvuSizes
from toonctl.models.longanimation.memory import FilmReader, Prompt

LVU_SIZES = LvuSizes(4, 4, 2, 16, 32, 64, window=24, ratio=4, picked_layers=(-3, -2, -1))

TOY: dict[str, Any] = dict(CONFIG) | {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "text_embed_dim": 12,
    "time_embed_dim": 16,
    "ofs_embed_dim": 16,
}

SCHEDULER = {
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "snr_shift_scale": 1.0,
    "timestep_spacing": "trailing",
}


def base(n_layers: int = 3) -> InjectedCogVideoX:
    model = InjectedCogVideoX(**TOY, num_layers=n_layers)
    fill(model, "transformer.", "fan", names.BASE)
    return model


def sketch_dit() -> SketchDiT:
    model = SketchDiT(**TOY, num_layers=2)
    fill(model, "transformer_control.", "fan", names.SKETCH_DIT)
    return model


def dglm() -> Dglm:
    model = Dglm(DglmSizes(32, 2, 16, 16, (24, 40)))
    fill(model, "glm.", "fan", names.DGLM)
    return model


def denoiser() -> Denoiser:
    return Denoiser(sketch_dit(), dglm(), base())


def reader(**changes: Any) -> FilmReader:
    """Four frames of six tokens to a window."""
    model = LongVideoModel(LVU_SIZES)
    fill(model, "lvu.", "fan", names.lvu(len(model.layers)))
    settings = {"tokens_per_frame": 6, "recent_frames": 5} | changes
    return FilmReader(model.requires_grad_(False), Prompt((1, 2, 3), (4, 5)), **settings)


def features(n_frames: int) -> torch.Tensor:
    return normal("features", (n_frames, 6, LVU_SIZES.hidden))


def cond(n_slots: int = 4, *, has_memory: bool = False) -> SegmentCond:
    shape = (1, n_slots, 16, 4, 6)
    memory = FilmMemory(
        *(normal(side, (1, 2, 3, length, 16)) for side, length in (("whole", 9), ("recent", 5)))
    )
    return SegmentCond(normal("image", shape), normal("sketch", shape), memory if has_memory else None)


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Negative and positive."""
    return 0.1 * normal("negative", (1, 5, 12)), 0.1 * normal("positive", (1, 5, 12))
