"""Transformers of diffusers that toonctl builds on, at toy size, each with a call that fits it."""

from collections.abc import Callable

import torch
from diffusers.models.transformers.cogvideox_transformer_3d import CogVideoXTransformer3DModel
from diffusers.models.transformers.transformer_hunyuan_video_framepack import (
    HunyuanVideoFramepackTransformer3DModel,
)
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor, nn


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def wan() -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    model = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=32, in_channels=4, out_channels=4, text_dim=16, freq_dim=16,
        ffn_dim=128, num_layers=3, rope_max_seq_len=32,
    )  # fmt: skip
    return model, lambda m: m(normal(1, 4, 2, 8, 8), torch.tensor([500]), normal(1, 6, 16, seed=1)).sample


def cogvideox() -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    model = CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=32, in_channels=4, out_channels=4, time_embed_dim=16,
        text_embed_dim=16, num_layers=2, sample_width=8, sample_height=8, sample_frames=5,
        max_text_seq_length=6,
    )  # fmt: skip
    return model, lambda m: m(normal(1, 2, 4, 8, 8), normal(1, 6, 16, seed=1), torch.tensor([500])).sample


def framepack() -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    model = HunyuanVideoFramepackTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=32, num_layers=1,
        num_single_layers=2, num_refiner_layers=1, text_embed_dim=16, pooled_projection_dim=8,
        rope_axes_dim=(8, 12, 12), has_image_proj=True, image_proj_dim=8, has_clean_x_embedder=True,
    )  # fmt: skip

    def call(m: nn.Module) -> Tensor:
        return m(
            normal(1, 4, 2, 8, 8),
            torch.tensor([500]),
            normal(1, 6, 16, seed=1),
            torch.ones(1, 6, dtype=torch.bool),
            normal(1, 8, seed=2),
            normal(1, 3, 8, seed=3),
            torch.arange(2),
            torch.tensor([6.0]),
            *(
                x
                for i, n in enumerate((1, 2, 4))
                for x in (normal(1, 4, n, 8, 8, seed=4 + i), torch.arange(n))
            ),
        ).sample

    return model, call
