"""Text and image encoders of Wan 2.1 on transformers: UMT5-XXL and the image tower of CLIP ViT-H/14.

Letters: B batch, N text tokens, D text width, M = 257 image tokens, E image width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerBase,
    UMT5Config,
    UMT5EncoderModel,
)

from toonctl.models.prompts import cleaned
from toonctl.models.tooncomposer.pictures import clip_pixels

TEXT_TOKENS = 512


@dataclass(frozen=True, slots=True)
class TextParams:
    """Sizes of the text encoder; the defaults are UMT5-XXL."""

    vocabulary: int = 256384
    dim: int = 4096
    attention_dim: int = 4096
    ffn_dim: int = 10240
    n_heads: int = 64
    n_layers: int = 24
    n_buckets: int = 32


@dataclass(frozen=True, slots=True)
class VisionParams:
    """Sizes of the image tower; the defaults are ViT-H/14."""

    dim: int = 1280
    n_heads: int = 16
    n_layers: int = 32
    ffn_dim: int = 5120


def build_text_encoder(params: TextParams) -> UMT5EncoderModel:
    """The text encoder with uninitialized weights."""
    config = UMT5Config(
        vocab_size=params.vocabulary,
        d_model=params.dim,
        d_kv=params.attention_dim // params.n_heads,
        d_ff=params.ffn_dim,
        num_layers=params.n_layers,
        num_heads=params.n_heads,
        relative_attention_num_buckets=params.n_buckets,
        relative_attention_max_distance=128,
        dropout_rate=0.0,
        feed_forward_proj="gated-gelu",
    )
    return UMT5EncoderModel(config).eval()


def build_vision_encoder(params: VisionParams) -> CLIPVisionModel:
    """The image tower with uninitialized weights."""
    config = CLIPVisionConfig(
        hidden_size=params.dim,
        intermediate_size=params.ffn_dim,
        num_hidden_layers=params.n_layers,
        num_attention_heads=params.n_heads,
        image_size=224,
        patch_size=14,
        hidden_act="gelu",
    )
    return CLIPVisionModel(config).eval()


def encode_text(encoder: UMT5EncoderModel, ids: Tensor, mask: Tensor) -> list[Tensor]:
    """Features `[N, D]` of each text, cut to its real length. ids, mask `[B, longest]`, mask 1 where real."""
    features = encoder(ids, attention_mask=mask).last_hidden_state
    return [row[: int(length)] for row, length in zip(features, mask.sum(1), strict=True)]


@torch.no_grad()
def encode_prompt(encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerBase, text: str) -> Tensor:
    """Features `[1, 512, D]` of a text, float32: cleaned, cut to 512 tokens, padded with zeros afterwards."""
    found = tokenizer(
        cleaned(text),
        max_length=TEXT_TOKENS,
        truncation=True,
        add_special_tokens=True,
        return_tensors="pt",
    )
    device = encoder.shared.weight.device
    ids, mask = found["input_ids"].to(device), found["attention_mask"].to(device)
    return pad_text([row.float() for row in encode_text(encoder, ids, mask)])


def pad_text(features: Sequence[Tensor]) -> Tensor:
    """Features `[B, 512, D]`, padded with zeros, which the transformer attends to like any other token.

    Raises: ValueError for a text of more than 512 tokens.
    """
    longest = max(len(row) for row in features)
    if longest > TEXT_TOKENS:
        raise ValueError(f"a text of {longest} tokens; at most {TEXT_TOKENS} are read")
    padded = features[0].new_zeros(len(features), TEXT_TOKENS, features[0].shape[-1])
    for row, feature in zip(padded, features, strict=True):
        row[: len(feature)] = feature
    return padded


def encode_image(encoder: CLIPVisionModel, frame: Tensor) -> Tensor:
    """Features `[B, 257, E]` of a frame `[B, 3, H, W]` in -1..1: the last but one block, not normed."""
    weight = next(encoder.parameters())
    pixels = clip_pixels(frame.to(weight.device)).to(weight.dtype)
    return encoder(pixel_values=pixels, output_hidden_states=True).hidden_states[-2].to(torch.float32)
