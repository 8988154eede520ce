"""How smoothly a shot moves: what is seen of every second frame in a frame drawn between its neighbors.

Huang et al., "VBench" (CVPR 2024), sec. 3.1, motion smoothness.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by

from toonctl.core.types import Pixels
from toonctl.models.amt import LEAST_PX, MULTIPLE, AmtS
from toonctl.models.checkpoint import load_strict, open_weights

MOTION_LEAST_PX = LEAST_PX - MULTIPLE + 1
"""The shorter side a picture needs, so that it is large enough once its sides are multiples of 16."""


def open_interpolator(weights: Path) -> AmtS:
    """The network of the published file, ready. Raises: CheckpointError when it is another one."""
    file = open_weights(weights)
    network = AmtS()
    load_strict(network, {key: file.read(key) for key in file.shapes}, name=weights.name)
    return network.eval()


class MotionSmoothness:
    """How near every second frame is to the one drawn between its neighbors: one is made for every shot.

    (255 - d) / 255, d being the mean absolute difference over pixels and channels of 8 bits. The first frame
    is a neighbor only, and so is every second one after it; memory is two frames.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network
        self._neighbor: Pixels | None = None
        self._between: Pixels | None = None

    def take(self, picture: Pixels, truth: Pixels) -> float | None:
        """One more frame: the value of the frame before it, 0..1, None when that one has none.

        The truth plays no part. None throughout when a side is under `MOTION_LEAST_PX`.
        """
        if min(picture.shape[:2]) < MOTION_LEAST_PX:
            return None
        if self._neighbor is not None and self._between is None:
            self._between = picture
            return None
        value = None
        if self._neighbor is not None and self._between is not None:
            drawn = self._drawn(self._neighbor, picture)
            value = (255 - float(cv2.absdiff(self._between, drawn).mean())) / 255
        self._neighbor, self._between = picture, None
        return value

    def _drawn(self, before: Pixels, after: Pixels) -> Pixels:
        """The frame halfway; the fractions of a level are cut off, as VBench does."""
        height, width = before.shape[:2]
        top, left = (-height % MULTIPLE) // 2, (-width % MULTIPLE) // 2
        pads = (left, -width % MULTIPLE - left, top, -height % MULTIPLE - top)
        planes = [F.pad(_plane(picture), pads, mode="replicate") for picture in (before, after)]
        with torch.inference_mode():
            drawn = self._network(*planes)[0, :, top : top + height, left : left + width]
        levels = (drawn * 255).clamp(0, 255).permute(1, 2, 0).numpy()
        return np.ascontiguousarray(levels.astype(np.uint8))


def _plane(picture: Pixels) -> torch.Tensor:
    """`[1, 3, H, W]` in [0, 1]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
