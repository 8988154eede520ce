"""The published files of ToonComposer and Wan 2.1 as loaded networks, sizes read from the shapes.

Original names and those of the diffusers and transformers folders are both read.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor
from transformers import CLIPVisionModel, UMT5EncoderModel

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, UMT5, VAE
from toonctl.models.tooncomposer.encoders import (
    TextParams,
    VisionParams,
    build_text_encoder,
    build_vision_encoder,
)
from toonctl.models.tooncomposer.transformer import (
    ToonComposerTransformer,
    TransformerParams,
    keeps_float32,
)
from toonctl.models.tooncomposer.vae import build_vae

Shape = tuple[int, ...]

_SKETCH_CHANNELS = 24
_WANTED = {
    "use_dera": True,
    "use_dera_temporal": False,
    "sequence_cond_mode": "sparse",
    "use_channel_cond": False,
}
"""Settings of the published `config.json` that this network has; another value is another network."""


def load_transformer(
    base: WeightFiles, adapter: WeightFiles, *, dtype: torch.dtype = torch.bfloat16, head_dim: int = 128
) -> ToonComposerTransformer:
    """The transformer of Wan's files and ToonComposer's `tooncomposer.ckpt` together.

    Sketch embeddings of 20 channels, stored before there were region masks, get zeros for the other four.
    Raises: CheckpointError listing every key that is missing, unexpected or misshapen.
    """
    shapes = our_shapes(base, TRANSFORMER) | our_shapes(adapter, TRANSFORMER)
    params = transformer_params(shapes, head_dim=head_dim)
    model = empty_model(partial(ToonComposerTransformer, params)).eval()
    sources = [Source(base, TRANSFORMER), Source(adapter, TRANSFORMER, _widen_sketches)]
    load_files(model, sources, dtype_of=lambda name: torch.float32 if keeps_float32(name) else dtype)
    return model


def load_vae(weights: WeightFiles, *, dtype: torch.dtype = torch.float32) -> AutoencoderKLWan:
    """The VAE of `Wan2.1_VAE.pth`. Raises: CheckpointError listing every key that does not fit."""
    width = _size(our_shapes(weights, VAE), "encoder.conv_in.weight", 0, 96)
    model = empty_model(partial(build_vae, width)).eval()
    load_files(model, [Source(weights, VAE)], dtype_of=lambda _name: dtype)
    return model


def load_vision_encoder(
    weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16, head_dim: int = 80
) -> CLIPVisionModel:
    """The image tower of Wan's CLIP file. Raises: CheckpointError listing every key that does not fit."""
    shapes = our_shapes(weights, CLIP_VISION)
    size = partial(_size, shapes)
    dim = size("embeddings.class_embedding", -1, 1280)
    params = VisionParams(
        dim,
        dim // head_dim,
        _count(shapes, "encoder.layers.{}.layer_norm1.weight", 32),
        size("encoder.layers.0.mlp.fc1.weight", 0, 5120),
    )
    model = empty_model(partial(build_vision_encoder, params))
    load_files(model, [Source(weights, CLIP_VISION)], dtype_of=lambda _name: dtype)
    return model


def load_text_encoder(weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16) -> UMT5EncoderModel:
    """The text encoder of Wan's UMT5 file. Raises: CheckpointError listing every key that does not fit."""
    shapes = our_shapes(weights, UMT5)
    size = partial(_size, shapes)
    block = "encoder.block.{}.layer.0.SelfAttention."
    params = TextParams(
        size("shared.weight", 0, 256384),
        size("shared.weight", 1, 4096),
        size(block.format(0) + "q.weight", 0, 4096),
        size("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 0, 10240),
        size(block.format(0) + "relative_attention_bias.weight", 1, 64),
        _count(shapes, block + "q.weight", 24),
        size(block.format(0) + "relative_attention_bias.weight", 0, 32),
    )
    model = empty_model(partial(build_text_encoder, params))
    load_files(model, [Source(weights, UMT5)], dtype_of=lambda _name: dtype)
    return model


def transformer_params(shapes: Mapping[str, Shape], *, head_dim: int = 128) -> TransformerParams:
    """Sizes of the network these tensors, by our names, belong to; published ones where one is missing."""
    size = partial(_size, shapes)
    whole = TransformerParams()
    dim = size("patch_embedding.weight", 0, whole.dim)
    return TransformerParams(
        n_heads=dim // head_dim,
        head_dim=head_dim,
        ffn_dim=size("blocks.0.ffn.net.0.proj.weight", 0, whole.ffn_dim),
        n_layers=_count(shapes, "blocks.{}.attn1.to_q.weight", whole.n_layers),
        text_dim=size("condition_embedder.text_embedder.linear_1.weight", 1, whole.text_dim),
        freq_dim=size("condition_embedder.time_embedder.linear_1.weight", 1, whole.freq_dim),
        image_dim=size("condition_embedder.image_embedder.norm1.weight", 0, whole.image_dim),
        rank=size("blocks.0.attn1.processor.adapter.down.weight", 0, 144),
        sketch_channels=_SKETCH_CHANNELS,
    )


def check_config(config: Mapping[str, Any], *, name: str) -> None:
    """Refuses the `config.json` of a network other than the published kind. Raises: CheckpointError."""
    wrong = [f"{key} = {config[key]}" for key, want in _WANTED.items() if config.get(key, want) != want]
    if wrong:
        what = f"`{name}` describes another network: {', '.join(wrong)}"
        raise CheckpointError(what, name, "use the published 480p or 608p folder")


def _widen_sketches(name: str, tensor: Tensor) -> Tensor:
    if name != "sketch_embedding.weight" or tensor.shape[1] != _SKETCH_CHANNELS - 4:
        return tensor
    return F.pad(tensor, (0, 0, 0, 0, 0, 0, 0, 4))


def our_shapes(weights: WeightFiles, key_map: KeyMap) -> dict[str, Shape]:
    """Shapes of published tensors by our names."""
    return {
        name: tuple(meta.shape)
        for key, shape in weights.shapes.items()
        for name, meta in key_map.to_ours(key, torch.empty(shape, device="meta"))
    }


def _size(shapes: Mapping[str, Shape], name: str, axis: int, otherwise: int) -> int:
    return shapes[name][axis] if name in shapes else otherwise


def _count(shapes: Mapping[str, Shape], form: str, otherwise: int) -> int:
    """How many layers there are: the highest number any name of this form has, plus one."""
    before, after = form.split("{}")
    pattern = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    numbers = [int(found[1]) for name in shapes if (found := pattern.fullmatch(name))]
    return max(numbers) + 1 if numbers else otherwise
