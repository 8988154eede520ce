"""ToonComposer's transformer: Wan 2.1 image-to-video with sketches at any frame (arXiv 2508.10881).

Letters: B batch, T latent frames, h w latent size, P = h w / 4 tokens of a frame, S sketches, L = (T + S) P
tokens, D width, N text tokens (512), M image tokens (257).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel, WanTransformerBlock
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from toonctl.models.tooncomposer.adapters import (
    N_HEADS,
    AdaptedAttention,
    AdapterKind,
    Positions,
    build_adapter,
)
from toonctl.models.tooncomposer.rope import Rotary, spatial_rotary, temporal_rotary, with_sketches

Through = Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]
"""Gives tokens `[B, L, D]` after all blocks from those before, by the pass it is handed or by other means."""

PATCH = 2
VIDEO_CHANNELS = 36
LATENT_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class TransformerParams:
    """Sizes of the transformer; the defaults are the published 14B network with its adapter.

    The last four fields are the paper's comparisons: the published network has the defaults.
    """

    n_heads: int = 40
    head_dim: int = 128
    ffn_dim: int = 13824
    n_layers: int = 40
    text_dim: int = 4096
    freq_dim: int = 256
    image_dim: int = 1280
    has_cross_norm: bool = True
    eps: float = 1e-6
    rank: int | None = 144
    sketch_channels: int | None = 24
    adapter: AdapterKind = "spatial"
    position: Literal["mapped", "appended"] = "mapped"
    injection: Literal["tokens", "channels"] = "tokens"
    has_residual: bool = True

    @property
    def dim(self) -> int:
        return self.n_heads * self.head_dim


@dataclass(frozen=True, slots=True)
class Sketches:
    """Sketch conditioning `[B, 24, S, h, w]` and the latent frame of each sketch, ascending, 0-based.

    `alpha` is the strength of the position-aware residual, of all sketches or of each: 1 follows the sketch,
    less follows it loosely.
    """

    latents: Tensor
    indices: tuple[int, ...]
    alpha: float | tuple[float, ...] = 1.0


@dataclass(frozen=True, slots=True)
class Embedded:
    """What the blocks work on: tokens `[B, L, D]` float32, and what each of them is told.

    `time` `[B, D]` steers the head, `rows` `[B, 6, D]` the blocks, `context` `[B, M + N, D]` is attended to.
    """

    tokens: Tensor
    context: Tensor
    time: Tensor
    rows: Tensor
    positions: Positions
    grid: tuple[int, int, int]


class SinusoidalTimesteps(nn.Module):
    """`[B]` timesteps as `[B, freq_dim]` cosines, then sines; in float64, as steps are not whole numbers."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, timesteps: Tensor) -> Tensor:
        half = self.dim // 2
        exponent = torch.arange(half, dtype=torch.float64, device=timesteps.device) / half
        angles = torch.outer(timesteps.double(), 10_000.0**-exponent)
        return torch.cat([angles.cos(), angles.sin()], -1).float()


class ToonComposerTransformer(WanTransformer3DModel):
    """Velocity of the noisy video latents, steered by colored frames, sketches, text and an image.

    Blocks run in the precision of the patch embedding; the stream between them, the modulation and the head
    stay in float32, as published. Load the parameters that `keeps_float32` names in float32.
    """

    def __init__(self, params: TransformerParams) -> None:
        super().__init__(
            patch_size=(1, PATCH, PATCH),
            num_attention_heads=params.n_heads,
            attention_head_dim=params.head_dim,
            in_channels=VIDEO_CHANNELS,
            out_channels=LATENT_CHANNELS,
            text_dim=params.text_dim,
            freq_dim=params.freq_dim,
            ffn_dim=params.ffn_dim,
            num_layers=params.n_layers,
            cross_attn_norm=params.has_cross_norm,
            eps=params.eps,
            image_dim=params.image_dim,
            added_kv_proj_dim=params.dim,
        )
        self.params = params
        self.condition_embedder.add_module("timesteps_proj", SinusoidalTimesteps(params.freq_dim))
        if params.rank is not None:
            for block in self.blocks:
                adapter = build_adapter(params.adapter, params.dim, params.rank)
                # The library's list of processors is closed; any callable of the stock one's form will do.
                processor = cast(Any, AdaptedAttention(adapter))
                cast(WanTransformerBlock, block).attn1.set_processor(processor)
        if params.sketch_channels is not None:
            patch = (1, PATCH, PATCH)
            self.sketch_embedding = nn.Conv3d(params.sketch_channels, params.dim, patch, stride=patch)
        if params.sketch_channels is not None and params.injection == "tokens":
            self.sketch_identifier = nn.Parameter(torch.randn(1, 1, params.dim) / params.dim**0.5)
            if params.has_residual:
                self.sketch_residual = nn.Linear(params.dim, params.dim, bias=False)
                nn.init.zeros_(self.sketch_residual.weight)

    # The base's forward has no place for sketches; its further arguments serve pipelines we do not use.
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_hidden_states_image: Tensor | None = None,
        sketches: Sketches | None = None,
        through: Through | None = None,
    ) -> Tensor:
        """Velocity `[B, 16, T, h, w]` in float32.

        hidden_states `[B, 36, T, h, w]`, timestep `[B]` real numbers 0..1000, encoder_hidden_states
        `[B, 512, text]`, encoder_hidden_states_image `[B, 257, image]`. `through` stands around the pass
        through the blocks, a step cache for instance. Raises: ValueError when h or w is odd, or a sketch
        lies outside the video.
        """
        with self.precision():
            embedded = self.embed(
                hidden_states, timestep, encoder_hidden_states, encoder_hidden_states_image, sketches
            )
            if through is None:
                tokens = self.run_blocks(embedded, sketches)
            else:
                tokens = through(
                    embedded.tokens,
                    lambda tokens: self.run_blocks(replace(embedded, tokens=tokens), sketches),
                )
        return self.head(tokens, embedded)

    def precision(self) -> torch.autocast:
        """The autocast the blocks run under: none where the weights are float32."""
        weight = self.patch_embedding.weight
        return torch.autocast(weight.device.type, weight.dtype, enabled=weight.dtype != torch.float32)

    def embed(
        self,
        video: Tensor,
        timestep: Tensor,
        text: Tensor,
        image: Tensor | None,
        sketches: Sketches | None,
    ) -> Embedded:
        """Tokens, modulation, context and positions, from the inputs of `forward`."""
        _, _, n_frames, height, width = video.shape
        if height % PATCH or width % PATCH:
            raise ValueError(f"latents of {height} x {width} are not a multiple of {PATCH}")
        grid = (n_frames, height // PATCH, width // PATCH)
        tokens = rearrange(self.patch_embedding(video), "b d t h w -> b (t h w) d")
        if sketches is not None and sketches.indices:
            outside = [index for index in sketches.indices if not 0 <= index < n_frames]
            if outside:
                raise ValueError(f"sketches at latent frames {outside} of a video of {n_frames}")
            tokens = self._add_sketches(tokens, sketches, n_frames)
        indices = sketches.indices if sketches is not None and self.params.injection == "tokens" else ()
        time, rows, context = self._conditions(timestep, text, image)
        positions = self._positions(video, grid, indices)
        return Embedded(tokens.float().contiguous(), context, time, rows, positions, grid)

    def run_blocks(self, embedded: Embedded, sketches: Sketches | None) -> Tensor:
        """Tokens `[B, L, D]` after all blocks, the position-aware residual added between them."""
        tokens = embedded.tokens
        rotary = embedded.positions if self.params.rank is not None else embedded.positions[:2]
        last = len(self.blocks) - 1
        for number, block in enumerate(self.blocks):
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                state = (tokens, embedded.context, embedded.rows, rotary)
                tokens = cast(Tensor, checkpoint(block, *state, use_reentrant=False))
            else:
                tokens = block(tokens, embedded.context, embedded.rows, rotary)
            if number < last and sketches is not None:
                tokens = self._add_residual(tokens, sketches, embedded.grid)
        return tokens

    def head(self, tokens: Tensor, embedded: Embedded) -> Tensor:
        """Velocity `[B, 16, T, h, w]` of the video tokens; sketch tokens end here."""
        n_frames, height, width = embedded.grid
        with torch.autocast(tokens.device.type, enabled=False):
            video = tokens[:, : n_frames * height * width].float()
            shift, scale = (self.scale_shift_table.float() + embedded.time[:, None]).chunk(2, 1)
            normed = self.norm_out(video) * (1 + scale) + shift
            velocity = self.proj_out(normed.to(self.proj_out.weight.dtype)).float()
        return rearrange(
            velocity,
            "b (t h w) (p q c) -> b c t (h p) (w q)",
            t=n_frames,
            h=height,
            w=width,
            p=PATCH,
            q=PATCH,
        )

    def _add_sketches(self, tokens: Tensor, sketches: Sketches, n_frames: int) -> Tensor:
        if self.params.injection == "tokens":
            own = rearrange(self.sketch_embedding(sketches.latents), "b d s h w -> b (s h w) d")
            return torch.cat([tokens, own + self.sketch_identifier], 1)
        # Sketches as further input channels: a convolution over both is the sum of two convolutions.
        b, c, _, h, w = sketches.latents.shape
        dense = sketches.latents.new_zeros(b, c, n_frames, h, w)
        dense[:, :, list(sketches.indices)] = sketches.latents
        return tokens + rearrange(self.sketch_embedding(dense), "b d t h w -> b (t h w) d")

    def _add_residual(self, tokens: Tensor, sketches: Sketches, grid: tuple[int, int, int]) -> Tensor:
        """ToonComposer, position-aware residual: each sketch's tokens, projected, onto its frame's."""
        if not sketches.indices or self.params.injection != "tokens" or not self.params.has_residual:
            return tokens
        n_frames, height, width = grid
        n_video = n_frames * height * width
        added = self.sketch_residual(tokens[:, n_video:])
        # Written in place, which spares half a gigabyte; the backward pass needs what was there before.
        tokens = tokens.clone() if torch.is_grad_enabled() else tokens
        frames = tokens[:, :n_video].unflatten(1, (n_frames, height * width))
        places = torch.tensor(sketches.indices, device=tokens.device)
        alpha = sketches.alpha
        if isinstance(alpha, tuple):
            alpha = torch.tensor(alpha, device=tokens.device)[:, None, None]
        frames[:, places] += alpha * added.float().unflatten(1, (len(places), -1))
        return tokens

    def _conditions(
        self, timestep: Tensor, text: Tensor, image: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        embedder = self.condition_embedder
        with torch.autocast(timestep.device.type, enabled=False):
            sinusoid = embedder.timesteps_proj(timestep)
            time = embedder.time_embedder(sinusoid.to(embedder.time_proj.weight.dtype))
            rows = embedder.time_proj(embedder.act_fn(time)).float()
        context = embedder.text_embedder(text)
        if image is not None and embedder.image_embedder is not None:
            context = torch.cat([embedder.image_embedder(image).type_as(context), context], 1)
        return time.float(), rearrange(rows, "b (m d) -> b m d", m=6), context

    def _positions(self, video: Tensor, grid: tuple[int, int, int], indices: Sequence[int]) -> Positions:
        n_frames, height, width = grid
        mapped = self.params.position == "mapped"
        if mapped or not indices:
            own: Rotary = self.rope(video)
            cos, sin = with_sketches(own, n_frames, indices)
        else:
            # Without position mapping, sketches follow the video as if they were later frames.
            longer = video.new_empty(1, 1, n_frames + len(indices), *video.shape[3:], device="meta")
            cos, sin = self.rope(longer)
        head_dim = (self.params.rank or 6 * N_HEADS) // N_HEADS
        if self.params.adapter == "temporal":
            sketch_times = indices if mapped else range(n_frames, n_frames + len(indices))
            adapter = temporal_rotary([*range(n_frames), *sketch_times], head_dim, video.device)
        elif self.params.adapter == "spatial":
            adapter = spatial_rotary(height, width, head_dim, video.device)
        else:
            adapter = (cos, sin)  # not looked at
        return Positions(cos, sin, *adapter)


_FLOAT32 = ("time_embedder", "time_proj", "scale_shift_table", "norm1", "norm2", "norm3", "proj_out")


def keeps_float32(name: str) -> bool:
    """Whether the published code computes with this parameter in float32: time, modulation, norms, head.

    Norms of queries and keys are not among them: their kernel wants weights of the queries' own type.
    """
    return any(part in name for part in _FLOAT32)


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to the 404 trained tensors of ToonComposer, not to frozen Wan."""
    return name.startswith("sketch_") or ".processor.adapter." in name
