"""The published files of LongAnimation, CogVideoX 1.5 and Video-XL as networks, sizes read from shapes."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from math import isqrt
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_cogvideox import AutoencoderKLCogVideoX
from transformers import T5Config, T5EncoderModel

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.keymaps import longanimation as names
from toonctl.models.longanimation.coder import LatentCoder
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.line_extractor import LineExtractor
from toonctl.models.longanimation.lvu import LongVideoModel, LvuSizes
from toonctl.models.longanimation.vision import FrameReader, VisionSizes
from toonctl.models.longanimation.words import t5_settings

_PATCH = 2
_CLIP_HEAD = 64


def load_base(weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16) -> InjectedCogVideoX:
    """The base model of `transformer/`. Raises: CheckpointError listing every key that does not fit."""
    config = transformer_config(weights)
    model = empty_model(lambda: InjectedCogVideoX(**config)).eval()
    load_files(model, [Source(weights, names.BASE)], dtype_of=lambda _name: dtype)
    return model


def load_sketch_dit(weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16) -> SketchDiT:
    """The control network of `control_module.safetensors`.

    Raises: CheckpointError listing every key that does not fit; the published program would run without it.
    """
    weights = without_lead(weights)
    config = transformer_config(weights)
    model = empty_model(lambda: SketchDiT(**config)).eval()
    load_files(model, [Source(weights, names.SKETCH_DIT)], dtype_of=lambda _name: dtype)
    return model


def load_dglm(weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16, head_dim: int = 96) -> Dglm:
    """The memory module of `glm_module.safetensors`. Raises: CheckpointError as `load_sketch_dit`."""
    weights = without_lead(weights)
    dim, _ = _shape(weights, "proj_out")
    first, memory_dim = _shape(weights, "key_mapping_0.0.weight")
    second, _ = _shape(weights, "key_mapping_0.3.weight")
    inner, _ = _shape(weights, "layers.0.0.to_q.weight")
    sizes = DglmSizes(dim, inner // head_dim, head_dim, memory_dim, (first, second))
    model = empty_model(partial(Dglm, sizes)).eval()
    load_files(model, [Source(weights, names.DGLM)], dtype_of=lambda _name: dtype)
    return model


def load_language_model(
    weights: WeightFiles, config: Mapping[str, Any], *, dtype: torch.dtype = torch.bfloat16
) -> LongVideoModel:
    """Video-XL's language model of `VideoXL_weight_8/`, with the settings of its `config.json`.

    Raises: CheckpointError listing every key that does not fit.
    """
    model = empty_model(partial(LongVideoModel, language_sizes(weights, config))).eval()
    load_files(model, [Source(weights, names.lvu(len(model.layers)))], dtype_of=lambda _name: dtype)
    return model


def language_sizes(weights: WeightFiles, config: Mapping[str, Any]) -> LvuSizes:
    """Sizes by shapes; heads, rotary base and window by the settings; ratio and layers as LongAnimation's."""
    known = LvuSizes()
    vocab, hidden = _shape(weights, "model.embed_tokens.weight")
    heads = config.get("num_attention_heads", known.heads)
    return LvuSizes(
        layers=_n_layers(weights, "model.layers.{}.input_layernorm.weight"),
        heads=heads,
        kv_heads=_shape(weights, "model.layers.0.self_attn.k_proj.weight")[0] // (hidden // heads),
        hidden=hidden,
        intermediate=_shape(weights, "model.layers.0.mlp.gate_proj.weight")[0],
        vocab=vocab,
        rope_theta=config.get("rope_theta", known.rope_theta),
        rms_eps=config.get("rms_norm_eps", known.rms_eps),
        window=config.get("beacon_window", known.window),
    )


def load_frame_reader(
    weights: WeightFiles,
    config: Mapping[str, Any],
    *,
    tower: WeightFiles | None = None,
    dtype: torch.dtype = torch.bfloat16,
) -> FrameReader:
    """Vision tower and projector of Video-XL's shards; the tower of CLIP's own file where they lack it.

    Raises: CheckpointError listing every key that does not fit.
    """
    parts = [part for part in (weights, tower) if part is not None]
    model = empty_model(partial(FrameReader, vision_sizes(parts, config))).eval()
    sources = [Source(part, names.FRAME_READER) for part in parts]
    load_files(model, sources, dtype_of=lambda _name: dtype)
    return model


def vision_sizes(parts: Sequence[WeightFiles], config: Mapping[str, Any]) -> VisionSizes:
    """Sizes by shapes; which layer is read and how it is pooled by Video-XL's settings."""
    known = VisionSizes()
    ours = {
        name: shape
        for part in parts
        for key, shape in part.shapes.items()
        for name in names.FRAME_READER.our_names(key)
    }
    found = WeightFiles(parts[0].name, ours, parts[0].read)
    hidden, _, patch_px, _ = _shape(found, "vision_tower.embeddings.patch_embedding.weight")
    n_places, _ = _shape(found, "vision_tower.embeddings.position_embedding.weight")
    return VisionSizes(
        hidden=hidden,
        intermediate=_shape(found, "vision_tower.encoder.layers.0.mlp.fc1.weight")[0],
        layers=_n_layers(found, "vision_tower.encoder.layers.{}.layer_norm1.weight"),
        heads=hidden // _CLIP_HEAD,
        image_px=isqrt(n_places - 1) * patch_px,
        patch_px=patch_px,
        width=_shape(found, "mm_projector.2.weight")[0],
        select_layer=config.get("mm_vision_select_layer", known.select_layer),
        pool=config.get("mm_spatial_pool_mode", known.pool),
        pool_stride=config.get("mm_spatial_pool_stride", known.pool_stride),
    )


def load_coder(
    weights: WeightFiles, config: Mapping[str, Any], *, dtype: torch.dtype = torch.bfloat16
) -> LatentCoder:
    """The video coder of `vae/`, with the settings of its `config.json`.

    Raises: CheckpointError listing every key that does not fit.
    """
    settings = {key: value for key, value in config.items() if not key.startswith("_")}
    model = empty_model(lambda: AutoencoderKLCogVideoX(**settings)).eval()
    load_files(model, [Source(weights)], dtype_of=lambda _name: dtype)
    return LatentCoder(model)


def load_text_encoder(
    weights: WeightFiles, config: Mapping[str, Any], *, dtype: torch.dtype = torch.bfloat16
) -> T5EncoderModel:
    """The text encoder of `text_encoder/`, with the settings of its `config.json`.

    Raises: CheckpointError listing every key that does not fit.
    """
    model = empty_model(lambda: T5EncoderModel(T5Config(**t5_settings(config)))).eval()
    load_files(model, [Source(weights, names.TEXT_ENCODER)], dtype_of=lambda _name: dtype)
    return model


def load_line_extractor(weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16) -> LineExtractor:
    """The line extractor of `sk_model.pth`. Raises: CheckpointError listing every key that does not fit."""
    model = empty_model(LineExtractor).eval()
    load_files(model, [Source(weights, names.LINE_EXTRACTOR)], dtype_of=lambda _name: dtype)
    return model


def transformer_config(weights: WeightFiles) -> dict[str, Any]:
    """The settings of a CogVideoX 1.5 transformer, or of SketchDiT, with these shapes.

    Raises: CheckpointError when the tensors are those of another network.
    """
    width, patch = _shape(weights, "patch_embed.proj.weight")
    (head_dim,) = _shape(weights, "transformer_blocks.0.attn1.norm_q.weight")
    time_dim, _ = _shape(weights, "time_embedding.linear_1.weight")
    ofs = weights.shapes.get("ofs_embedding.linear_1.weight")
    return {
        "num_layers": _n_layers(weights, "transformer_blocks.{}.norm1.linear.weight"),
        "num_attention_heads": width // head_dim,
        "attention_head_dim": head_dim,
        "in_channels": patch // _PATCH**3,
        "out_channels": 16,
        "patch_size": _PATCH,
        "patch_size_t": _PATCH,
        "patch_bias": False,
        "text_embed_dim": _shape(weights, "patch_embed.text_proj.weight")[1],
        "time_embed_dim": time_dim,
        "ofs_embed_dim": ofs[0] if ofs else None,
        "attention_bias": "transformer_blocks.0.attn1.to_q.bias" in weights.shapes,
        "use_rotary_positional_embeddings": True,
    }


def without_lead(weights: WeightFiles) -> WeightFiles:
    """The same without a trainer's lead that stands before every key (`module.` and the like)."""
    lead = next((lead for lead in names.PREFIXES if all(key.startswith(lead) for key in weights.shapes)), "")
    shapes = {key.removeprefix(lead): shape for key, shape in weights.shapes.items()}
    return WeightFiles(weights.name, shapes, lambda key: weights.read(lead + key))


def _shape(weights: WeightFiles, key: str) -> tuple[int, ...]:
    shape = weights.shapes.get(key)
    if shape is None:
        what = f"`{weights.name}` holds no `{key}`: these are the weights of another network"
        raise CheckpointError(what, weights.name, "name the file the engine's page lists for this role")
    return shape


def _n_layers(weights: WeightFiles, pattern: str) -> int:
    return next(n for n in count() if pattern.format(n) not in weights.shapes)
