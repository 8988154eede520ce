"""ToonCrafter's picture coder: the image encoder of Stable Diffusion, and a decoder that sees both keys.

Letters: n pictures, b clips, f frames, c channels, h w plane size, z latent channels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor, nn

from toonctl.models.tooncrafter.params import VaeParams
from toonctl.models.tooncrafter.vae_blocks import (
    ClipBlock,
    ClipConv,
    Grow,
    PictureBlock,
    PixelAttention,
    ReferenceAttention,
    ReferenceSum,
    Shrink,
    norm,
)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as the encoder sees it: a Gaussian over latents `[N, Z, h, w]`, and maps on the way there.

    `maps` are the outputs of each level before it shrinks, then of the first convolution, `[N, C, H, W]`.
    """

    mean: Tensor
    log_variance: Tensor
    maps: tuple[Tensor, ...]

    def sample(self, noise: Tensor) -> Tensor:
        """Latents drawn with standard normal `noise` `[N, Z, h, w]`, not yet scaled."""
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def references(self, n_frames: int) -> tuple[Tensor, ...]:
        """The maps of the first and last of every `n_frames` pictures, each `[B, C, 2, H, W]`."""
        return tuple(
            rearrange(x, "(b f) c h w -> b c f h w", f=n_frames)[:, :, [0, n_frames - 1]] for x in self.maps
        )


class Middle(nn.Module):
    """Block, attention, block at the smallest size."""

    def __init__(self, block: type[PictureBlock], channels: int) -> None:
        super().__init__()
        self.block_1 = block(channels, channels)
        self.attn_1 = PixelAttention(channels)
        self.block_2 = block(channels, channels)

    def forward(self, x: Tensor, *n_frames: int) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x, *n_frames)), *n_frames)


class ShrinkingLevel(nn.Module):
    """Blocks of one size, then half of it unless it is the last."""

    def __init__(self, blocks: nn.ModuleList, channels: int, *, is_last: bool) -> None:
        super().__init__()
        self.block = blocks
        self.downsample = None if is_last else Shrink(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The blocks' output, and what the next level gets."""
        for block in self.block:
            x = block(x)
        return x, x if self.downsample is None else self.downsample(x)


class GrowingLevel(nn.Module):
    """Blocks of one size, a look at the keys, then twice the size unless it is the last."""

    def __init__(self, blocks: nn.ModuleList, channels: int, *, is_last: bool) -> None:
        super().__init__()
        self.block = blocks
        self.upsample = None if is_last else Grow(channels)

    def layers(
        self, n_frames: int, refine: Callable[[Tensor], Tensor] | None
    ) -> Iterator[Callable[[Tensor], Tensor]]:
        """What the level does, in order, for the caller to run: so nothing that went in is held on to."""
        for block in cast("list[ClipBlock]", list(self.block)):
            yield block.still
            yield partial(block.moved, n_frames=n_frames)
        if refine is not None:
            yield refine
        if self.upsample is not None:
            yield self.upsample


class Encoder(nn.Module):
    """Pictures to the moments of their latents."""

    def __init__(self, params: VaeParams) -> None:
        super().__init__()
        widths = [params.channels * mult for mult in params.channel_mult]
        self.conv_in = nn.Conv2d(params.picture_channels, params.channels, 3, padding=1)
        self.down = nn.ModuleList()
        channels = params.channels
        for level, width in enumerate(widths):
            blocks = nn.ModuleList()
            for _ in range(params.n_res_blocks):
                blocks.append(PictureBlock(channels, width))
                channels = width
            self.down.append(ShrinkingLevel(blocks, channels, is_last=level == len(widths) - 1))
        self.mid = Middle(PictureBlock, channels)
        self.norm_out = norm(channels)
        self.conv_out = nn.Conv2d(channels, 2 * params.latent_channels, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x `[N, 3, H, W]` -> moments before their projection `[N, 2 Z, h, w]`, and the maps of `Encoded`."""
        first = hidden = self.conv_in(x)
        maps: list[Tensor] = []
        for level in self.down:
            before, hidden = level(hidden)
            maps.append(before)
        return self.conv_out(F.silu(self.norm_out(self.mid(hidden)))), (*maps, first)


class Decoder(nn.Module):
    """Latents of a clip to its frames, with the encoder's maps of both keys where there are any."""

    def __init__(self, params: VaeParams) -> None:
        super().__init__()
        widths = [params.channels * mult for mult in params.channel_mult]
        channels = widths[-1]
        self.conv_in = nn.Conv2d(params.latent_channels, channels, 3, padding=1)
        self.mid = Middle(ClipBlock, channels)
        levels: list[nn.Module] = []
        for level, width in reversed(list(enumerate(widths))):
            blocks = nn.ModuleList()
            for _ in range(params.n_res_blocks + 1):
                blocks.append(ClipBlock(channels, width))
                channels = width
            levels.insert(0, GrowingLevel(blocks, channels, is_last=level == 0))
        self.up = nn.ModuleList(levels)
        self.attn_refinement = nn.ModuleList(
            ReferenceAttention(width, params.reference_heads, params.reference_head_dim)
            if level in params.reference_attention_levels
            else ReferenceSum(width)
            for level, width in enumerate(widths)
        )
        self.attn_refinement.append(ReferenceSum(widths[0]))
        self.norm_out = norm(channels)
        self.conv_out = ClipConv(channels, params.picture_channels)

    def forward(self, z: Tensor, n_frames: int, references: Sequence[Tensor] | None) -> Tensor:
        """z `[B F, Z, h, w]` -> frames `[B F, 3, H, W]`, about -1..1; references as `Encoded.references`."""
        hidden = self.mid(self.conv_in(z), n_frames)
        levels = cast("list[GrowingLevel]", list(self.up))
        for i in reversed(range(len(levels))):
            refine = (
                None if references is None else partial(self.attn_refinement[i], references=references[i])
            )
            for layer in levels[i].layers(n_frames, refine):
                hidden = layer(hidden)
        hidden = F.silu(self.norm_out(hidden))
        if references is not None:
            hidden = self.attn_refinement[-1](hidden, references[-1])
        return self.conv_out(hidden, n_frames)


class Vae(nn.Module):
    """The coder: `encode` pictures, `decode` clips."""

    def __init__(self, params: VaeParams) -> None:
        super().__init__()
        self.params = params
        self.encoder = Encoder(params)
        self.decoder = Decoder(params)
        self.quant_conv = nn.Conv2d(2 * params.latent_channels, 2 * params.latent_channels, 1)
        # Stored in the checkpoint, but never applied: the published inference decodes without it.
        self.post_quant_conv = nn.Conv2d(params.latent_channels, params.latent_channels, 1)

    @property
    def dtype(self) -> torch.dtype:
        """The precision pictures and latents are wanted in."""
        return self.encoder.conv_in.weight.dtype

    def encode(self, pictures: Tensor) -> Encoded:
        """What the encoder makes of `pictures` `[N, 3, H, W]` in -1..1, H and W multiples of 8."""
        hidden, maps = self.encoder(pictures)
        mean, log_variance = self.quant_conv(hidden).chunk(2, dim=1)
        return Encoded(mean, log_variance.clamp(-30.0, 20.0), maps)

    def scaled_latents(self, encoded: Encoded, noise: Tensor, *, n_frames: int) -> Tensor:
        """Latents `[B, Z, F, h, w]` in the denoiser's units, drawn with `noise` `[B F, Z, h, w]`."""
        latents = encoded.sample(noise) * self.params.scale
        return rearrange(latents, "(b f) z h w -> b z f h w", f=n_frames)

    def decode(self, latents: Tensor, references: Sequence[Tensor] | None = None) -> Tensor:
        """Frames `[B, 3, F, H, W]`, about -1..1, of `latents` `[B, Z, F, h, w]` in the denoiser's units.

        Every clip is decoded with its own `references`, the maps `[B, C, 2, H, W]` of its two keys.

        Raises: ValueError when there are references of more or fewer clips.
        """
        if references is not None and len(references[0]) != len(latents):
            raise ValueError(f"{len(latents)} clips, but references of {len(references[0])}")
        n_frames = latents.shape[2]
        z = rearrange(latents / self.params.scale, "b z f h w -> (b f) z h w")
        frames = self.decoder(z, n_frames, references)
        return rearrange(frames, "(b f) c h w -> b c f h w", f=n_frames)
