"""How different pictures look to a trained network. Its weights are given as files; nothing is fetched."""

from pathlib import Path

import torch

from toonctl.core.types import Pixels
from toonctl.models.checkpoint import load_strict, open_weights
from toonctl.models.dists import Dists
from toonctl.models.lpips import Backbone, Lpips, published_heads

LPIPS_LEAST_PX = 64
DISTS_LEAST_PX = 16


class LpipsMeter:
    """LPIPS 0.1 of pictures, one at a time on the CPU; memory is the network and one picture's features."""

    def __init__(self, backbone: Backbone, features: Path, heads: Path) -> None:
        """`features` is torchvision's file of the classifier, `heads` the file of the `lpips` package.

        Raises: CheckpointError when one cannot be read or does not fit.
        """
        weights, weighed = open_weights(features), open_weights(heads)
        wanted = [key for key in weights.shapes if key.startswith("features.")]
        tensors = {key: weights.read(key) for key in wanted}
        tensors |= published_heads({key: weighed.read(key) for key in weighed.shapes})
        self._network = Lpips(backbone)
        load_strict(self._network, tensors, name=f"{features.name} and {heads.name}")
        self._network.eval()

    def take(self, picture: Pixels, truth: Pixels) -> float | None:
        """The distance of two RGB pictures `[H, W, 3]`, >= 0; None when a side is under 64 px."""
        if min(picture.shape[:2]) < LPIPS_LEAST_PX:
            return None
        with torch.inference_mode():
            return float(self._network(_plane(picture), _plane(truth))[0])


class DistsMeter:
    """DISTS of pictures at their own size, one at a time on the CPU."""

    def __init__(self, features: Path, weights: Path) -> None:
        """`features` is torchvision's file of VGG16, `weights` the file of the `DISTS-pytorch` package.

        Raises: CheckpointError when one cannot be read or does not fit.
        """
        backbone, own = open_weights(features), open_weights(weights)
        tensors = {key: backbone.read(key) for key in backbone.shapes if key.startswith("features.")}
        tensors |= {key: own.read(key) for key in own.shapes}
        self._network = Dists()
        load_strict(self._network, tensors, name=f"{features.name} and {weights.name}")
        self._network.eval()

    def take(self, picture: Pixels, truth: Pixels) -> float | None:
        """The distance of two RGB pictures `[H, W, 3]`, 0..1; None when a side is under 16 px."""
        if min(picture.shape[:2]) < DISTS_LEAST_PX:
            return None
        with torch.inference_mode():
            # From -1..1 back to 0..1, the range that DISTS is defined on.
            return float(self._network(_plane(picture) / 2 + 0.5, _plane(truth) / 2 + 0.5)[0])


def _plane(picture: Pixels) -> torch.Tensor:
    """`[1, 3, H, W]` in [-1, 1]: in [0, 1] the values would come out several times too small."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
