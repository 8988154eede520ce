"""What the video understanding model sees of a frame: CLIP features, projected, pooled to 12 x 12 tokens.

Letters: F frames, H W size, T tokens per frame, W width of the language model.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class VisionSizes:
    """Sizes of CLIP ViT-L/14-336 under Video-XL; `select_layer` is read, a Python index."""

    hidden: int = 1024
    intermediate: int = 4096
    layers: int = 24
    heads: int = 16
    image_px: int = 336
    patch_px: int = 14
    width: int = 3584
    select_layer: int = -2
    pool: Literal["average", "max"] = "average"
    pool_stride: int = 2

    @property
    def tokens_per_frame(self) -> int:
        return (self.image_px // self.patch_px // self.pool_stride) ** 2


class FrameReader(nn.Module):
    """Frames to the tokens that stand for them in the language model."""

    def __init__(self, sizes: VisionSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.vision_tower = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=sizes.hidden,
                intermediate_size=sizes.intermediate,
                num_hidden_layers=sizes.layers,
                num_attention_heads=sizes.heads,
                image_size=sizes.image_px,
                patch_size=sizes.patch_px,
            )
        )
        self.mm_projector = nn.Sequential(
            nn.Linear(sizes.hidden, sizes.width), nn.GELU(), nn.Linear(sizes.width, sizes.width)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Tokens `[F, T, W]` of frames `[F, 3, H, W]` in 0..1, which are cut to their middle square."""
        dtype = next(self.mm_projector.parameters()).dtype
        pixels = clip_pixels(frames, self.sizes.image_px).to(dtype)
        states = self.vision_tower(pixels, output_hidden_states=True).hidden_states
        patches = self.mm_projector(states[self.sizes.select_layer][:, 1:])
        side = self.sizes.image_px // self.sizes.patch_px
        grid = rearrange(patches, "f (h w) c -> f c h w", h=side)
        pool = F.avg_pool2d if self.sizes.pool == "average" else F.max_pool2d
        return rearrange(pool(grid, self.sizes.pool_stride), "f c h w -> f (h w) c")


def clip_pixels(frames: Tensor, size_px: int) -> Tensor:
    """Frames `[F, 3, H, W]` in 0..1 as CLIP takes them: short side `size_px`, middle square, normalized."""
    height, width = frames.shape[2:]
    scale = size_px / min(height, width)
    size = (max(size_px, int(height * scale)), max(size_px, int(width * scale)))
    scaled = F.interpolate(frames.float(), size, mode="bicubic", antialias=True).clamp(0, 1)
    top, left = (size[0] - size_px) // 2, (size[1] - size_px) // 2
    square = scaled[:, :, top : top + size_px, left : left + size_px]
    mean, std = (torch.tensor(values, device=frames.device)[:, None, None] for values in (_MEAN, _STD))
    return (square - mean) / std
