"""LPIPS 0.1: how different two pictures look to a network trained to see, weighed as people judged them.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (CVPR 2018), sec. 3.
Features have the names that torchvision gives them. Letters: B batch, C channels, H height, W width.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

Backbone = Literal["alex", "vgg"]

_TAPS: Mapping[str, tuple[int, ...]] = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}
_CHANNELS: Mapping[str, tuple[int, ...]] = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_LEAST = 1e-10


class Lpips(nn.Module):
    """The distance of two pictures; `features` is the backbone, `heads` weigh its five taps."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.features = nn.Sequential(*(_alexnet() if backbone == "alex" else vgg16_features()))
        self.heads = nn.ModuleList(nn.Conv2d(n, 1, 1, bias=False) for n in _CHANNELS[backbone])
        self._taps = _TAPS[backbone]
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor, truth: Tensor) -> Tensor:
        """The distance `[B]`, 0 for equal ones, of pictures `[B, 3, H, W]` in [-1, 1] of 64 px or more."""
        distance = picture.new_zeros(picture.shape[0])
        for head, ours, theirs in zip(self.heads, self._tapped(picture), self._tapped(truth), strict=True):
            distance = distance + head((ours - theirs) ** 2).mean((1, 2, 3))
        return distance

    def _tapped(self, picture: Tensor) -> list[Tensor]:
        """The taps' features, of unit length at every place, `[B, C, H', W']` each."""
        shift, scale = self.get_buffer("shift"), self.get_buffer("scale")
        x, found = (picture - shift) / scale, list[Tensor]()
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in self._taps:
                found.append(x / (x.pow(2).sum(1, keepdim=True).sqrt() + _LEAST))
        return found


def published_heads(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The heads of the published files (`lin0.model.1.weight`) under our names."""
    return {f"heads.{key[3]}.weight": tensor for key, tensor in tensors.items() if key.startswith("lin")}


def _alexnet() -> list[nn.Module]:
    """torchvision's AlexNet up to the last tap."""
    return [
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    ]


def vgg16_features() -> list[nn.Module]:
    """torchvision's VGG16 up to the last tap."""
    layers: list[nn.Module] = []
    width = 3
    for n_convolutions, n in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        if layers:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(n_convolutions):
            layers += [nn.Conv2d(width, n, 3, padding=1), nn.ReLU()]
            width = n
    return layers
