"""The CLIP towers that condition ToonCrafter (ViT-H/14): prepared pictures to tokens, token ids to tokens.

Letters: b pictures or prompts, c channels, h w picture size, l tokens.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModel

from toonctl.models.tooncrafter.params import TextParams, VisionParams

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


class VisionEncoder(CLIPVisionModel):
    """Tokens `[B, 257, C]` of pictures, before the last norm, the class token first."""

    def __init__(self, params: VisionParams) -> None:
        config = CLIPVisionConfig(
            hidden_size=params.width,
            intermediate_size=4 * params.width,
            num_hidden_layers=params.n_layers,
            num_attention_heads=params.n_heads,
            image_size=params.size_px,
            patch_size=params.patch_px,
            hidden_act="gelu",
        )
        super().__init__(config)
        self.size_px = params.size_px

    def tokens(self, pictures: Tensor) -> Tensor:
        """Tokens of `pictures` `[B, 3, H, W]` in -1..1, any size; prepared in float32."""
        seen = prepare_picture(pictures.float(), self.size_px).to(self.dtype)
        return self(pixel_values=seen).last_hidden_state


class TextEncoder(CLIPTextModel):
    """Features `[B, 77, C]` of token ids `[B, 77]`: all but the last stored layer, then the last norm."""

    def __init__(self, params: TextParams) -> None:
        config = CLIPTextConfig(
            vocab_size=params.vocabulary,
            hidden_size=params.width,
            intermediate_size=4 * params.width,
            num_hidden_layers=params.n_layers - 1,
            num_attention_heads=params.n_heads,
            max_position_embeddings=params.n_tokens,
            hidden_act="gelu",
        )
        super().__init__(config)

    def features(self, ids: Tensor) -> Tensor:
        """Every position is seen, the padding included: no mask but the causal one."""
        return self(input_ids=ids).last_hidden_state


def prepare_picture(pictures: Tensor, size_px: int) -> Tensor:
    """`pictures` `[B, 3, H, W]` in -1..1 as CLIP wants them, `[B, 3, size, size]`; the aspect is not kept.

    Blurred where it shrinks, then bicubic with the corners on each other, then CLIP's mean and deviation.
    """
    height, width = pictures.shape[-2:]
    pictures = _blur(pictures, height / size_px, width / size_px)
    pictures = F.interpolate(pictures, (size_px, size_px), mode="bicubic", align_corners=True)
    mean, std = (pictures.new_tensor(x)[:, None, None] for x in (_MEAN, _STD))
    return ((pictures + 1) / 2 - mean) / std


def _blur(pictures: Tensor, factor_y: float, factor_x: float) -> Tensor:
    if max(factor_y, factor_x) <= 1:
        return pictures
    column, row = _gaussian(factor_y).to(pictures), _gaussian(factor_x).to(pictures)
    pad_y, pad_x = len(column) // 2, len(row) // 2
    channels = pictures.shape[1]
    padded = F.pad(pictures, (pad_x, pad_x, pad_y, pad_y), mode="reflect")
    padded = F.conv2d(padded, row.expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(padded, column[:, None].expand(channels, 1, -1, 1), groups=channels)


def _gaussian(factor: float) -> Tensor:
    """A blur kernel for shrinking by `factor`: odd length, at least 3, sum 1."""
    sigma = max((factor - 1) / 2, 0.001)
    length = int(max(4 * sigma, 3))
    length += 1 - length % 2
    place = torch.arange(length, dtype=torch.float32) - length // 2
    weight = torch.exp(-(place**2) / (2 * sigma**2))
    return weight / weight.sum()
