"""Wan 2.1's first-last-frame files as a loaded transformer; sizes are read from the shapes.

Original names and those of diffusers are both read, and so are transformers built on it: with other sizes,
without places for two pictures, or without image tokens at all.
"""

import re
from collections.abc import Mapping
from functools import partial

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.keymaps.wan_flf2v import TRANSFORMER
from toonctl.models.tooncomposer.published import Shape, our_shapes

_CONDITION_CHANNELS, _LATENT_CHANNELS = 20, 16
_BLOCK = re.compile(r"blocks\.(\d+)\.attn1\.to_q\.weight")
_IMAGE = "condition_embedder.image_embedder"
_EXACT = ("time_embedder", "scale_shift_table", "norm1", "norm2", "norm3")
"""Parts of names that diffusers keeps in float32: time, modulation and norms."""


def build_transformer(shapes: Mapping[str, Shape], *, head_dim: int = 128) -> WanTransformer3DModel:
    """The network these tensors, by our names, belong to, its parameters on the meta device.

    Raises: CheckpointError when they are of another kind of network.
    """
    try:
        dim, channels = shapes["patch_embedding.weight"][:2]
        text_dim = shapes["condition_embedder.text_embedder.linear_1.weight"][1]
        freq_dim = shapes["condition_embedder.time_embedder.linear_1.weight"][1]
        ffn_dim = shapes["blocks.0.ffn.net.0.proj.weight"][0]
    except (KeyError, ValueError) as error:
        what = f"the weights are not those of a Wan transformer: {error} is missing"
        raise CheckpointError(what, "transformer", "install matching weights") from error
    if channels != _LATENT_CHANNELS + _CONDITION_CHANNELS:
        what = f"the transformer takes {channels} channels; one that takes pictures has 36"
        raise CheckpointError(what, "transformer", "use first-last-frame or image-to-video weights")
    places = shapes.get(f"{_IMAGE}.pos_embed")
    image_dim = shapes.get(f"{_IMAGE}.norm1.weight")
    return empty_model(
        partial(
            WanTransformer3DModel,
            num_attention_heads=dim // head_dim,
            attention_head_dim=head_dim,
            in_channels=channels,
            out_channels=_LATENT_CHANNELS,
            text_dim=text_dim,
            freq_dim=freq_dim,
            ffn_dim=ffn_dim,
            num_layers=1 + max(int(found[1]) for name in shapes if (found := _BLOCK.fullmatch(name))),
            image_dim=image_dim[0] if image_dim else None,
            added_kv_proj_dim=dim if "blocks.0.attn2.add_k_proj.weight" in shapes else None,
            pos_embed_seq_len=places[1] if places else None,
        )
    ).eval()


def load_transformer(
    weights: WeightFiles, *, dtype: torch.dtype = torch.bfloat16, head_dim: int = 128
) -> WanTransformer3DModel:
    """The transformer. Raises: CheckpointError listing every key that is missing, unexpected or misshapen."""
    model = build_transformer(our_shapes(weights, TRANSFORMER), head_dim=head_dim)
    load_files(
        model,
        [Source(weights, TRANSFORMER)],
        dtype_of=lambda name: torch.float32 if _is_exact(name) else dtype,
    )
    return model


def n_pictures(transformer: WanTransformer3DModel) -> int:
    """How many pictures its image tokens come from: both keys, the first alone, or none."""
    if transformer.config["image_dim"] is None:
        return 0
    return 1 if transformer.config["pos_embed_seq_len"] is None else 2


def _is_exact(name: str) -> bool:
    return any(part in name.split(".") for part in _EXACT)
