"""ToonCrafter's video denoiser: an image UNet (Stable Diffusion 2.1) whose blocks are each followed by time.

Module names are those of the published checkpoint, its spelling `temopral_conv` included, because adapters
trained elsewhere name them too. Letters: b clips, f frames, c channels, h w latent size, l tokens.
"""

import math
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from toonctl.models.tooncrafter.attention import Context, SpatialTransformer, TemporalTransformer
from toonctl.models.tooncrafter.norms import GroupNorm
from toonctl.models.tooncrafter.params import IMAGE_TOKENS_PER_FRAME, TEXT_TOKENS, UNetParams

INIT_HEADS = 8
"""Heads of the temporal layer right after the first convolution, whatever the width."""


def sinusoid(values: Tensor, dim: int) -> Tensor:
    """`[B]` numbers as `[B, dim]` float32: cosines, then sines, of geometric frequencies from 1 to 1e-4."""
    half = dim // 2
    steps = torch.arange(half, dtype=torch.float32, device=values.device)
    frequencies = torch.exp(-math.log(10000) * steps / half)
    angles = values.float()[:, None] * frequencies
    code = torch.cat([angles.cos(), angles.sin()], -1)
    return nn.functional.pad(code, (0, dim % 2))


class Downsample(nn.Module):
    """Half the size by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    """Twice the size by repeating pixels, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class TemporalConv(nn.Module):
    """Four convolutions along time around a skip."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            GroupNorm(channels), nn.SiLU(), nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0))
        )
        self.conv2, self.conv3, self.conv4 = (
            nn.Sequential(
                GroupNorm(channels),
                nn.SiLU(),
                nn.Dropout(dropout),
                nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0)),
            )
            for _ in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x `[B, C, F, H, W]` -> the same shape."""
        return x + self.conv4(self.conv3(self.conv2(self.conv1(x))))


class ResBlock(nn.Module):
    """Two convolutions with the time embedding between them, then convolutions along time."""

    def __init__(self, channels: int, out_channels: int, params: UNetParams) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            GroupNorm(channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(4 * params.model_channels, out_channels))
        self.out_layers = nn.Sequential(
            GroupNorm(out_channels),
            nn.SiLU(),
            nn.Dropout(params.dropout),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        same = channels == out_channels
        self.skip_connection = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1)
        self.temopral_conv = TemporalConv(out_channels, params.dropout)

    def forward(self, x: Tensor, embedding: Tensor, n_frames: int) -> Tensor:
        """x `[B F, C, H, W]`, embedding `[B F, E]` -> `[B F, C', H, W]`."""
        hidden = self.in_layers(x) + self.emb_layers(embedding)[:, :, None, None]
        hidden = self.skip_connection(x) + self.out_layers(hidden)
        clip = self.temopral_conv(rearrange(hidden, "(b f) c h w -> b c f h w", f=n_frames))
        return rearrange(clip, "b c f h w -> (b f) c h w")


class Stage(nn.ModuleList):
    """Layers run in turn, each given what its kind needs."""

    def forward(self, x: Tensor, embedding: Tensor, context: Context) -> Tensor:
        for layer in self:
            if isinstance(layer, ResBlock):
                x = layer(x, embedding, context.n_frames)
            elif isinstance(layer, SpatialTransformer | TemporalTransformer):
                x = layer(x, context)
            else:
                x = layer(x)
        return x


class UNet(nn.Module):
    """The velocity of noisy latents (v-prediction), steered by text, image tokens and the frame stride."""

    def __init__(self, params: UNetParams) -> None:
        super().__init__()
        self.params = params
        self.saves_memory = False  # while learning: stages are computed twice instead of kept
        width = params.model_channels
        self.time_embed = _embedder(width)
        self.fps_embedding = _embedder(width)
        self.input_blocks = nn.ModuleList([Stage([nn.Conv2d(params.in_channels, width, 3, padding=1)])])
        self.init_attn = Stage([TemporalTransformer(width, INIT_HEADS, params.head_dim, is_convolution=True)])
        skips, channels, stride = [width], width, 1
        for level, mult in enumerate(params.channel_mult):
            for _ in range(params.n_res_blocks):
                self.input_blocks.append(Stage(self._layers(channels, mult * width, stride)))
                channels = mult * width
                skips.append(channels)
            if level < len(params.channel_mult) - 1:
                self.input_blocks.append(Stage([Downsample(channels)]))
                skips.append(channels)
                stride *= 2
        first, last = ResBlock(channels, channels, params), ResBlock(channels, channels, params)
        self.middle_block = Stage([first, *self._attention(channels), last])
        self.output_blocks = nn.ModuleList()
        for level, mult in reversed(list(enumerate(params.channel_mult))):
            for i in range(params.n_res_blocks + 1):
                layers = self._layers(channels + skips.pop(), mult * width, stride)
                channels = mult * width
                if level and i == params.n_res_blocks:
                    layers.append(Upsample(channels))
                    stride //= 2
                self.output_blocks.append(Stage(layers))
        self.out = nn.Sequential(
            GroupNorm(channels), nn.SiLU(), nn.Conv2d(channels, params.out_channels, 3, padding=1)
        )

    @property
    def dtype(self) -> torch.dtype:
        """The precision latents and contexts are wanted in."""
        return self.input_blocks[0].get_parameter("0.bias").dtype

    def _layers(self, channels: int, out_channels: int, stride: int) -> list[nn.Module]:
        block: list[nn.Module] = [ResBlock(channels, out_channels, self.params)]
        return block + (self._attention(out_channels) if stride in self.params.attention_strides else [])

    def _attention(self, channels: int) -> list[nn.Module]:
        head_dim = self.params.head_dim
        return [
            SpatialTransformer(channels, head_dim, context_dim=self.params.context_dim),
            TemporalTransformer(channels, channels // head_dim, head_dim),
        ]

    def forward(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        *,
        frame_stride: Tensor | None = None,
        sketch_features: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """The velocity `[B, 4, F, H, W]` of `x` `[B, 8, F, H, W]`, noisy latents beside the keys' latents.

        timestep `[B]` 0..999. context `[B, 77 + L, C]`: text, then image tokens; with L = 16 F every frame
        has its own 16, otherwise all share all. frame_stride `[B]`: the "FPS" control, small is large motion.
        sketch_features are added after input blocks 2, 5, 8 and so on, each `[B F, C, H, W]`.

        Raises: ValueError when the context has no image tokens.
        """
        n_frames = x.shape[2]
        seen = split_context(context, n_frames)
        embedding = self._embed(timestep, frame_stride).to(x.dtype).repeat_interleave(n_frames, dim=0)
        features = iter(sketch_features or ())
        hidden = rearrange(x, "b c f h w -> (b f) c h w")
        skips: list[Tensor] = []
        for i, stage in enumerate(self.input_blocks):
            hidden = self._run(stage, hidden, embedding, seen)
            if i == 0:
                hidden = self.init_attn(hidden, embedding, seen)
            if sketch_features is not None and i % 3 == 2:
                hidden = hidden + next(features)
            skips.append(hidden)
        hidden = self._run(self.middle_block, hidden, embedding, seen)
        for stage in self.output_blocks:
            hidden = self._run(stage, torch.cat([hidden, skips.pop()], 1), embedding, seen)
        return rearrange(self.out(hidden), "(b f) c h w -> b c f h w", f=n_frames)

    def _run(self, stage: nn.Module, x: Tensor, embedding: Tensor, context: Context) -> Tensor:
        if self.saves_memory and torch.is_grad_enabled():
            return checkpoint(stage, x, embedding, context, use_reentrant=False)
        return stage(x, embedding, context)

    def _embed(self, timestep: Tensor, frame_stride: Tensor | None) -> Tensor:
        if frame_stride is None:
            frame_stride = torch.full_like(timestep, self.params.default_frame_stride)
        width = self.params.model_channels
        # In the embedders' own precision, which is kept high: halved angles near 999 would be off by one.
        dtype = next(self.time_embed.parameters()).dtype
        time = self.time_embed(sinusoid(timestep, width).to(dtype))
        return time + self.fps_embedding(sinusoid(frame_stride, width).to(dtype))


def _embedder(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))


def split_context(context: Tensor, n_frames: int) -> Context:
    """The text and image parts of `context` `[B, 77 + L, C]`, the image per frame when L = 16 `n_frames`.

    Raises: ValueError when there are no image tokens.
    """
    text, image = context[:, :TEXT_TOKENS], context[:, TEXT_TOKENS:]
    if not image.shape[1]:
        raise ValueError(f"the context has {context.shape[1]} tokens, none of them an image's")
    if image.shape[1] == IMAGE_TOKENS_PER_FRAME * n_frames:
        image = rearrange(image, "b (f l) c -> (b f) l c", f=n_frames)
    return Context(text, image, n_frames)
