"""What pictures show, as trained networks see it: likeness, consistency over time, aesthetic score.

Huang et al., "VBench" (CVPR 2024), sec. 3.1, for consistency and the scale of the aesthetic score; pictures
are made smaller as there: without antialiasing, and values that overshoot stay as they are.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.models.checkpoint import load_strict, open_weights
from toonctl.models.clip_vision import open_clip_vision
from toonctl.models.dino import Dino, DinoParams

Embed = Callable[[Pixels], NDArray[np.float32]]
"""A picture RGB `[H, W, 3]` as a vector of unit length."""

_SIDE = 224
_CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and spread of the pictures that DINO was trained on, by channel."""


class ClipEye:
    """Pictures as CLIP sees them: the shorter side at 224, bicubic, the middle square."""

    def __init__(self, folder: Path) -> None:
        """`folder` is a transformers folder. Raises: CheckpointError when it is of another network."""
        self._network = open_clip_vision(folder)

    def __call__(self, picture: Pixels) -> NDArray[np.float32]:
        with torch.inference_mode():
            plane = resized(picture, mode="bicubic", normal=_CLIP)
            top, left = (round((size - _SIDE) / 2) for size in plane.shape[2:])
            square = plane[..., top : top + _SIDE, left : left + _SIDE]
            return _unit(self._network(pixel_values=square).image_embeds[0])


class DinoEye:
    """Pictures as DINO sees them: the shorter side at 224, bilinear."""

    def __init__(self, weights: Path) -> None:
        """`weights` is the published file. Raises: CheckpointError when it is another one."""
        file = open_weights(weights)
        self._network = Dino(DinoParams.of(file.shapes, name=weights.name))
        load_strict(self._network, {key: file.read(key) for key in file.shapes}, name=weights.name)
        self._network.eval()

    def __call__(self, picture: Pixels) -> NDArray[np.float32]:
        with torch.inference_mode():
            return _unit(self._network(resized(picture, mode="bilinear", normal=IMAGENET))[0])


class Likeness:
    """How alike result and truth are, frame by frame: the cosine of what the eye sees, -1..1."""

    def __init__(self, eye: Embed) -> None:
        self._eye = eye

    def take(self, picture: Pixels, truth: Pixels) -> float:
        return float(self._eye(picture) @ self._eye(truth))


class Aesthetic:
    """The score of a linear head on CLIP's vector, 0..1: the head answers from 0 to 10."""

    def __init__(self, eye: Embed, head: Path) -> None:
        """`head` is the published file. Raises: CheckpointError when it is of another network."""
        file = open_weights(head)
        n_in = file.shapes.get("weight", (1, 1))[-1]
        self._head = torch.nn.Linear(n_in, 1)
        load_strict(self._head, {key: file.read(key) for key in file.shapes}, name=head.name)
        self._eye = eye

    def take(self, picture: Pixels, truth: Pixels) -> float:
        """The result's score; the truth plays no part."""
        with torch.inference_mode():
            return float(self._head(torch.from_numpy(self._eye(picture)))) / 10


class Consistency:
    """How much a shot shows the same thing all through: one is made for every shot.

    The mean over its frames but the first of the mean cosine to the first and to the one before, negative
    ones counted as 0.
    """

    def __init__(self, eye: Embed) -> None:
        self._eye = eye
        self._first: NDArray[np.float32] | None = None
        self._before: NDArray[np.float32] | None = None

    def take(self, picture: Pixels, truth: Pixels) -> float | None:
        """The frame's own value, None at the first; the truth plays no part."""
        seen = self._eye(picture)
        first, before = self._first, self._before
        self._before = seen
        if first is None or before is None:
            self._first = seen
            return None
        return (max(0.0, float(first @ seen)) + max(0.0, float(before @ seen))) / 2


def resized(
    picture: Pixels, *, mode: str, normal: tuple[tuple[float, ...], tuple[float, ...]]
) -> torch.Tensor:
    """A picture RGB `[H, W, 3]` as VBench hands it to a network: `[1, 3, H', W']`, the shorter side 224.

    Interpolated without antialiasing, then `normal`: mean and spread of the channels.
    """
    plane = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    least = min(plane.shape[2:])
    height, width = (_SIDE * size // least for size in plane.shape[2:])
    plane = F.interpolate(plane, (height, width), mode=mode, align_corners=False) / 255
    mean, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in normal)
    return (plane - mean) / spread


def _unit(vector: torch.Tensor) -> NDArray[np.float32]:
    return F.normalize(vector.float(), dim=-1).numpy()
