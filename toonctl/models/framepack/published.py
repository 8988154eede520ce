"""The published folders of FramePack and HunyuanVideo as loaded networks, every key accounted for."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

import torch
from diffusers.models.autoencoders.autoencoder_kl_hunyuan_video import AutoencoderKLHunyuanVideo
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.framepack.sampling import FramepackTransformer
from toonctl.models.keymaps.framepack import CLIP_TEXT, LLAMA, SIGLIP, TRANSFORMER, VAE

Config = Mapping[str, Any]

M = TypeVar("M", bound=nn.Module)

_WANTED = {"has_image_proj": True, "has_clean_x_embedder": True}
"""What makes HunyuanVideo's transformer FramePack's. F1, for open ends alone, has the same keys and sizes."""


def build_transformer(config: Config) -> FramepackTransformer:
    """The transformer of a `config.json`, its parameters on the meta device.

    Raises: CheckpointError when the configuration is of another network.
    """
    wrong = [key for key, want in _WANTED.items() if bool(config.get(key)) != want]
    if wrong:
        what = f"the configuration is not FramePack's: {', '.join(f'{key} is not set' for key in wrong)}"
        raise CheckpointError(what, "config.json", "name the folder `lllyasviel/FramePackI2V_HY`")
    return _built(FramepackTransformer, config)


def load_transformer(
    weights: WeightFiles, config: Config, *, dtype: torch.dtype = torch.bfloat16
) -> FramepackTransformer:
    """The transformer. Raises: CheckpointError listing every key that does not fit."""
    model = build_transformer(config)
    load_files(model, [Source(weights, TRANSFORMER)], dtype_of=lambda _name: dtype)
    return model


def load_vae(
    weights: WeightFiles, config: Config, *, dtype: torch.dtype = torch.float32
) -> AutoencoderKLHunyuanVideo:
    """HunyuanVideo's VAE. Raises: CheckpointError listing every key that does not fit."""
    model = _built(AutoencoderKLHunyuanVideo, config)
    load_files(model, [Source(weights, VAE)], dtype_of=lambda _name: dtype)
    return model


def load_llama(weights: WeightFiles, config: Config, *, dtype: torch.dtype = torch.bfloat16) -> LlamaModel:
    """The text encoder, its words and layers. Raises: CheckpointError listing every key that does not fit."""
    known = LlamaConfig.from_dict(dict(config))
    model = empty_model(partial(LlamaModel, known)).eval()
    load_files(model, [Source(weights, LLAMA)], dtype_of=lambda _name: dtype)
    return model


def load_clip(weights: WeightFiles, config: Config, *, dtype: torch.dtype = torch.bfloat16) -> CLIPTextModel:
    """CLIP-L's text tower. Raises: CheckpointError listing every key that does not fit."""
    known = CLIPTextConfig.from_dict(dict(config))
    model = empty_model(partial(CLIPTextModel, known)).eval()
    load_files(model, [Source(weights, CLIP_TEXT)], dtype_of=lambda _name: dtype)
    return model


def load_siglip(
    weights: WeightFiles, config: Config, *, dtype: torch.dtype = torch.bfloat16
) -> SiglipVisionModel:
    """SigLIP's image tower. Raises: CheckpointError listing every key that does not fit."""
    known = SiglipVisionConfig.from_dict(dict(config))
    model = empty_model(partial(SiglipVisionModel, known)).eval()
    load_files(model, [Source(weights, SIGLIP)], dtype_of=lambda _name: dtype)
    return model


def _built(kind: type[M], config: Config) -> M:
    """A diffusers network of this kind; keys of the configuration that are no argument of it are let be."""
    known = inspect.signature(kind.__init__).parameters
    chosen = {key: value for key, value in config.items() if key in known}
    return empty_model(partial(kind, **chosen)).eval()
