"""Sparse pictures as the transformer's inputs: frames to latent frames, packing, VAE latents.

Letters: F pixel frames (4 n + 1), T = n + 1 latent frames, H W pixel size, h w = H / 8, W / 8, S sketches.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from einops import rearrange
from torch import Tensor

from toonctl.models.tooncomposer.transformer import Sketches
from toonctl.models.tooncomposer.vae import encode

TIME_STRIDE = 4
SPACE_STRIDE = 8


@dataclass(frozen=True, slots=True)
class SparseFrames:
    """Prepared frames by 0-based pixel frame: colors and sketches `[3, H, W]`, sketches' masks `[H, W]`."""

    n_frames: int
    size: tuple[int, int]
    colors: Mapping[int, Tensor]
    sketches: Mapping[int, Tensor]
    masks: Mapping[int, Tensor]

    def __post_init__(self) -> None:
        latent_count(self.n_frames)
        named = {"color": self.colors, "sketch": self.sketches, "mask": self.masks}
        for what, frames in named.items():
            outside = [index for index in frames if not 0 <= index < self.n_frames]
            if outside:
                raise ValueError(f"{what} at {outside} of a video of {self.n_frames} frames")
        if stray := self.masks.keys() - self.sketches.keys():
            raise ValueError(f"masks without a sketch at {sorted(stray)}")


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What stays the same in every step: `video [B, 20, T, h, w]`, sketches, and the first color frame.

    `video` is 4 channels that say which frames are given, then 16 of their latents. CLIP looks at
    `first_color [B, 3, H, W]`.
    """

    video: Tensor
    sketches: Sketches
    first_color: Tensor


def latent_count(n_frames: int) -> int:
    """Latent frames of `n_frames` pixel frames. Raises: ValueError when these are not 4 n + 1."""
    if n_frames < 1 or n_frames % TIME_STRIDE != 1:
        raise ValueError(f"{n_frames} frames are not {TIME_STRIDE} n + 1")
    return (n_frames - 1) // TIME_STRIDE + 1


def latent_index(frame: int) -> int:
    """The latent frame in which pixel frame `frame` lives: the first has its own, then four share one."""
    return (frame + TIME_STRIDE - 1) // TIME_STRIDE


def shared_latents(frames: Mapping[int, Tensor]) -> list[tuple[int, ...]]:
    """Groups of pixel frames that fall into one latent frame, where only one sketch can be told apart."""
    groups: dict[int, list[int]] = {}
    for frame in sorted(frames):
        groups.setdefault(latent_index(frame), []).append(frame)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def pack(planes: Tensor) -> Tensor:
    """Planes of frames `[F, h, w]` as channels of latent frames `[4, T, h, w]`; the first fills all four."""
    whole = torch.cat([planes[:1].expand(TIME_STRIDE, -1, -1), planes[1:]])
    return rearrange(whole, "(t c) h w -> c t h w", c=TIME_STRIDE)


def condition(
    vae: AutoencoderKLWan,
    frames: SparseFrames,
    *,
    alpha: float | tuple[float, ...] = 1.0,
    sketch_channels: int = 24,
) -> Conditioning:
    """The conditioning of one video.

    Both sparse videos are encoded whole, empty frames as mid-grey: the VAE is causal in time, so a frame
    tells on the ones after it. `alpha` is that of all sketches, or of each in the order of their frames.
    `sketch_channels` 20 leaves the region masks out.
    """
    colors = _video(frames.colors, frames)
    sketches = _video(frames.sketches, frames)
    indices = tuple(latent_index(frame) for frame in sorted(frames.sketches))
    places = list(indices)
    parts = [_pack_presence(frames.sketches, frames)[:, places], encode(vae, sketches)[0].cpu()[:, places]]
    if sketch_channels == 24:
        parts.append(_pack_masks(frames)[:, places])
    video = torch.cat([_pack_presence(frames.colors, frames), encode(vae, colors)[0].cpu()])
    first = frames.colors.get(0, torch.zeros(3, *frames.size))
    return Conditioning(video[None], Sketches(torch.cat(parts)[None], indices, alpha), first[None])


def _video(pictures: Mapping[int, Tensor], frames: SparseFrames) -> Tensor:
    video = torch.zeros(1, 3, frames.n_frames, *frames.size)
    for index, picture in pictures.items():
        video[0, :, index] = picture
    return video


def _latent_size(frames: SparseFrames) -> tuple[int, int]:
    height, width = frames.size
    return height // SPACE_STRIDE, width // SPACE_STRIDE


def _pack_presence(pictures: Mapping[int, Tensor], frames: SparseFrames) -> Tensor:
    present = torch.zeros(frames.n_frames, *_latent_size(frames))
    present[sorted(pictures)] = 1
    return pack(present)


def _pack_masks(frames: SparseFrames) -> Tensor:
    planes = torch.ones(frames.n_frames, *_latent_size(frames))
    for index, mask in frames.masks.items():
        planes[index] = F.interpolate(mask[None, None].float(), _latent_size(frames), mode="nearest")[0, 0]
    return pack(planes)
