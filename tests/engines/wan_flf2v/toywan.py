"""Wan's first-last-frame repository at toy size on disk, and its transformer in Wan's own names."""

from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from safetensors.torch import load_file, save_file

from engines.tooncomposer.toyweights import TEXT, VISION, published, write_tokenizer
from toonctl.models.keymaps.wan_flf2v import TRANSFORMER as NAMES
from toonctl.models.tooncomposer.encoders import build_text_encoder, build_vision_encoder
from toonctl.models.tooncomposer.vae import build_vae

TRANSFORMER = {
    "num_attention_heads": 1,
    "attention_head_dim": 128,
    "in_channels": 36,
    "out_channels": 16,
    "text_dim": TEXT.dim,
    "freq_dim": 16,
    "ffn_dim": 64,
    "num_layers": 2,
    "image_dim": VISION.dim,
    "added_kv_proj_dim": 128,
    "pos_embed_seq_len": 514,
}


def transformer(**changes: object) -> WanTransformer3DModel:
    """The toy's transformer; every parameter has learned something."""
    torch.manual_seed(9)
    model = WanTransformer3DModel(**{**TRANSFORMER, **changes}).eval()  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
            if name.startswith("proj_out"):
                parameter *= 4
    return model


def write_models(root: Path) -> Path:
    """`root` with the repository's folder."""
    folder = root / "Wan-AI--Wan2.1-FLF2V-14B-720P-diffusers"
    transformer().save_pretrained(folder / "transformer", max_shard_size="400KB")
    torch.manual_seed(12)
    build_vae(8).save_pretrained(folder / "vae")
    build_text_encoder(TEXT).save_pretrained(folder / "text_encoder")
    build_vision_encoder(VISION).save_pretrained(folder / "image_encoder")
    path = folder / "image_encoder/model.safetensors"
    # The published file has the names of transformers 4.
    names = {"vision_model." + name.removeprefix("vision_model."): t for name, t in load_file(path).items()}
    save_file(names, path, metadata={"format": "pt"})
    write_tokenizer(folder / "tokenizer")
    return root


def write_original(path: Path) -> Path:
    """The transformer in one file under Wan's own names."""
    save_file(published(transformer(), NAMES), path)
    return path


def weights(root: Path) -> Mapping[str, str]:
    """The folder of every role."""
    folder = root / "Wan-AI--Wan2.1-FLF2V-14B-720P-diffusers"
    names = {
        "base": "transformer",
        "text": "text_encoder",
        "tokenizer": "tokenizer",
        "vision": "image_encoder",
        "vae": "vae",
    }
    return {role: str(folder / name) for role, name in names.items()}
