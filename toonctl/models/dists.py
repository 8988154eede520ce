"""DISTS: how different two pictures are in structure and texture to a network trained to see.

Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity" (TPAMI 2020), sec. 3:
VGG16 with L2 pooling for max pooling (eq. 1), texture and structure of six stages, the picture itself among
them (eqs. 3 and 4), weighed as people judged (eq. 5). Letters: B batch, C channels, H height, W width.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor, nn

from toonctl.models.lpips import vgg16_features

CHANNELS = (3, 64, 128, 256, 512, 512)
_TAPS = (3, 8, 15, 22, 29)
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LEAST = 1e-6


class Dists(nn.Module):
    """The distance of two pictures; `alpha` weighs texture, `beta` structure, one number a channel."""

    def __init__(self) -> None:
        super().__init__()
        layers = (L2Pooling() if isinstance(layer, nn.MaxPool2d) else layer for layer in vgg16_features())
        self.features = nn.Sequential(*layers)
        self.alpha = nn.Parameter(torch.ones(1, sum(CHANNELS), 1, 1))
        self.beta = nn.Parameter(torch.ones(1, sum(CHANNELS), 1, 1))
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(_SPREAD).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor, truth: Tensor) -> Tensor:
        """The distance `[B]`, 0 for equal ones, of pictures `[B, 3, H, W]` in [0, 1]."""
        total = self.alpha.sum() + self.beta.sum()
        alphas, betas = ((weight / total).split(CHANNELS, 1) for weight in (self.alpha, self.beta))
        likeness = picture.new_zeros(picture.shape[0])
        stages = zip(self._stages(picture), self._stages(truth), alphas, betas, strict=True)
        for ours, theirs, alpha, beta in stages:
            texture, structure = _similar(ours, theirs)
            likeness = likeness + (alpha * texture + beta * structure).sum((1, 2, 3))
        return 1 - likeness

    def _stages(self, picture: Tensor) -> Iterable[Tensor]:
        yield picture
        x = (picture - self.get_buffer("mean")) / self.get_buffer("spread")
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in _TAPS:
                yield x


class L2Pooling(nn.Module):
    """Halves a map: the root of the blurred square, which unlike the maximum does not alias (eq. 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` -> `[B, C, H/2, W/2]`."""
        # A Hann window of five taps, of which the outer two are zero.
        taps = x.new_tensor([0.25, 0.5, 0.25])
        kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
        blurred = F.conv2d(x**2, kernel, stride=2, padding=1, groups=x.shape[1])
        return (blurred + 1e-12).sqrt()


def _similar(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Likeness of means (texture) and of what varies about them (structure), `[B, C, 1, 1]` each."""
    mean_x, mean_y = x.mean((2, 3), keepdim=True), y.mean((2, 3), keepdim=True)
    texture = (2 * mean_x * mean_y + _LEAST) / (mean_x**2 + mean_y**2 + _LEAST)
    spread_x = ((x - mean_x) ** 2).mean((2, 3), keepdim=True)
    spread_y = ((y - mean_y) ** 2).mean((2, 3), keepdim=True)
    common = (x * y).mean((2, 3), keepdim=True) - mean_x * mean_y
    return texture, (2 * common + _LEAST) / (spread_x + spread_y + _LEAST)
