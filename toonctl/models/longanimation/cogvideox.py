"""SketchDiT and the base video model: CogVideoX 1.5 transformers whose hidden states can be reached.

Letters: B batch, F latent frames, C channels, H W latent size, L text tokens, E text width, N vision tokens
(F/2 x H/2 x W/2), D model width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from diffusers.models.transformers.cogvideox_transformer_3d import CogVideoXTransformer3DModel
from einops import rearrange
from torch import Tensor, nn

OFS = 2.0
"""The constant CogVideoX 1.5 image-to-video was trained with."""

Rotary = tuple[Tensor, Tensor]
"""Cosines and sines `[N, head size]`."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What goes through the blocks: vision `[B, N, D]`, text `[B, L, D]`, time embedding `[B, T]`."""

    vision: Tensor
    text: Tensor
    time: Tensor


class CogVideoXStack(CogVideoXTransformer3DModel):
    """diffusers' CogVideoX transformer in three parts, so that a signal can come in between the blocks."""

    def embed(self, video: Tensor, text: Tensor, timestep: Tensor, *, ofs: float | None = OFS) -> Tokens:
        """Tokens before the first block; video `[B, F, C, H, W]`, text `[B, L, E]`, timestep `[B]`.

        `ofs` is not looked at by a model without that embedding.
        Raises: ValueError when a model that has it is given None.
        """
        time = self.time_embedding(self.time_proj(timestep).to(video.dtype))
        project, embed = self.ofs_proj, self.ofs_embedding
        if project is not None and embed is not None:
            if ofs is None:
                raise ValueError("this CogVideoX transformer was trained with an ofs embedding: give ofs")
            constant = torch.full((1,), ofs, device=video.device, dtype=video.dtype)
            time = time + embed(project(constant).to(video.dtype))
        tokens = self.embedding_dropout(self.patch_embed(text, video))
        n_text = text.shape[1]
        return Tokens(tokens[:, n_text:], tokens[:, :n_text], time)

    def walk(self, tokens: Tokens, rotary: Rotary | None, *, added: Sequence[Tensor | None] = ()) -> Tokens:
        """Tokens after the last block; `added[i]` `[B, N, D]` is added to the vision tokens after block i."""
        vision, text = tokens.vision, tokens.text
        for i, block in enumerate(self.transformer_blocks):
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                vision, text = self._gradient_checkpointing_func(  # pyright: ignore[reportOptionalCall]  # set then
                    block, vision, text, tokens.time, rotary
                )
            else:
                vision, text = block(vision, text, tokens.time, rotary)
            extra = added[i] if i < len(added) else None
            if extra is not None:
                vision = vision + extra
        return Tokens(vision, text, tokens.time)

    def rotary(self, n_frames: int, height: int, width: int, *, device: torch.device | None = None) -> Rotary:
        """Rotary tables of a latent video `[n_frames, height, width]`: whole positions, none between."""
        sizes = self.config
        return rotary_tables(
            sizes["attention_head_dim"],
            (
                n_frames // (sizes["patch_size_t"] or 1),
                height // sizes["patch_size"],
                width // sizes["patch_size"],
            ),
            device=device,
        )


class SketchDiT(CogVideoXStack):
    """The control network: the first part of a CogVideoX transformer, cut before its head.

    LongAnimation, sec. 3.2. It reads sketch and reference, never the noisy latents.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        del self.norm_final, self.norm_out, self.proj_out
        width = self.config["num_attention_heads"] * self.config["attention_head_dim"]
        self.zero_conv = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.zero_conv.weight)

    @classmethod
    def from_base(cls, base: CogVideoXStack, n_layers: int) -> "SketchDiT":
        """A control network to train: the base's embeddings and first blocks, in its precision."""
        config = {key: value for key, value in base.config.items() if not key.startswith("_")}
        model = cls(**(config | {"num_layers": n_layers}))
        weights = base.state_dict()
        start = {key: weights.get(key, tensor) for key, tensor in model.state_dict().items()}
        model.load_state_dict(start)
        return model

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]  # tensors by their own names
        self,
        sketch: Tensor,
        image: Tensor,
        *,
        text: Tensor,
        timestep: Tensor,
        rotary: Rotary | None,
        ofs: float | None = OFS,
    ) -> Tensor:
        """The control signal `[B, N, D]`; sketch and image `[B, F, 16, H, W]`, text `[B, L, E]`."""
        tokens = self.embed(torch.cat([sketch, image], 2), text, timestep, ofs=ofs)
        return self.zero_conv(self.walk(tokens, rotary).vision)


class InjectedCogVideoX(CogVideoXStack):
    """The base video model, to whose vision tokens the control signal is added after every second block.

    LongAnimation, sec. 3.2, skip-layer injection: blocks 0, 2, 4, ..., after attention and feed-forward.
    """

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]  # tensors by their own names
        self,
        video: Tensor,
        *,
        text: Tensor,
        timestep: Tensor,
        rotary: Rotary | None,
        added: Sequence[Tensor | None] = (),
        ofs: float | None = OFS,
    ) -> Tensor:
        """The velocity `[B, F, 16, H, W]`; video: noisy latents and image latents on the channel axis."""
        tokens = self.walk(self.embed(video, text, timestep, ofs=ofs), rotary, added=added)
        vision = self.norm_out(self.norm_final(tokens.vision), temb=tokens.time)
        p, p_t = self.config["patch_size"], self.config["patch_size_t"] or 1
        return rearrange(
            self.proj_out(vision),
            "b (f h w) (c pt ph pw) -> b (f pt) c (h ph) (w pw)",
            f=video.shape[1] // p_t,
            h=video.shape[3] // p,
            pt=p_t,
            ph=p,
            pw=p,
        )

    def skip_layers(self, signal: Tensor, gamma: float) -> tuple[Tensor | None, ...]:
        """What is added after each block: `gamma * signal` after the even ones (counted from 0)."""
        scaled = gamma * signal
        return tuple(scaled if i % 2 == 0 else None for i in range(len(self.transformer_blocks)))


def rotary_tables(head_dim: int, grid: tuple[int, int, int], *, device: torch.device | None = None) -> Rotary:
    """Cosines and sines `[F H W, head_dim]` of a token grid of F x H x W."""
    n_frames, height, width = grid
    return get_3d_rotary_pos_embed(  # pyright: ignore[reportReturnType]  # the pair, as use_real is set
        embed_dim=head_dim,
        crops_coords=None,
        grid_size=(height, width),
        temporal_size=n_frames,
        grid_type="slice",
        max_size=(height, width),
        device=device,
    )
