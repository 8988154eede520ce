"""Pictures and line drawings as the networks take and give them: fitted into their size, and back.

Letters: F frames, H W the networks' size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toonctl.core.types import LineFrame, Pixels, Size
from toonctl.models.longanimation.line_extractor import sketch_of

_STRIDE = 16


@dataclass(frozen=True, slots=True)
class Fit:
    """A picture of `size` scaled to `inner` and laid in the middle of `outer`, both multiples of 16.

    All (width, height). The whole picture is drawn; the published program cuts off what is too wide or high.
    """

    size: Size
    inner: Size
    outer: Size

    @classmethod
    def into(cls, size: Size, box: Size) -> "Fit":
        """The largest fit of `size` into `box`."""
        scale = min(box[0] / size[0], box[1] / size[1])
        width, height = (max(1, min(round(side * scale), most)) for side, most in zip(size, box, strict=True))
        outer = tuple(-(-side // _STRIDE) * _STRIDE for side in (width, height))
        return cls(size, (width, height), (outer[0], outer[1]))

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top of the picture within `outer`."""
        return (self.outer[0] - self.inner[0]) // 2, (self.outer[1] - self.inner[1]) // 2

    def laid(self, picture: NDArray[np.float32], paper: float) -> NDArray[np.float32]:
        """`picture` `[h, w, ...]` of `size`, scaled and laid on `paper`, `[H, W, ...]`."""
        shrinks = self.inner[0] < self.size[0]
        scaled = cv2.resize(picture, self.inner, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        x, y = self.corner
        whole = np.full((self.outer[1], self.outer[0], *picture.shape[2:]), paper, np.float32)
        whole[y : y + self.inner[1], x : x + self.inner[0]] = np.asarray(scaled, np.float32).clip(0, 1)
        return whole

    def cut(self, frames: Tensor) -> Tensor:
        """The picture alone of frames `[F, 3, H, W]`."""
        x, y = self.corner
        return frames[:, :, y : y + self.inner[1], x : x + self.inner[0]]

    def delivered(self, frame: Pixels) -> Pixels:
        """A picture RGB of `inner`, at full `size`."""
        if self.inner == self.size:
            return frame
        return np.asarray(cv2.resize(frame, self.size, interpolation=cv2.INTER_CUBIC), np.uint8)


def painted(picture: Pixels, fit: Fit) -> Tensor:
    """A painted picture RGB `[h, w, 3]` as `[3, H, W]` in -1..1."""
    laid = fit.laid(np.asarray(picture[..., :3] / 255, np.float32), 1.0)
    return torch.from_numpy(laid).permute(2, 0, 1) * 2 - 1


def drawings(lines: Sequence[LineFrame], fit: Fit) -> Tensor:
    """Line drawings as gray pictures `[F, 1, H, W]` in 0..1, dark on white."""
    laid = [fit.laid(np.asarray(1 - frame.ink / 255, np.float32), 1.0) for frame in lines]
    return torch.from_numpy(np.stack(laid))[:, None]


def sketches(lines: Sequence[LineFrame], fit: Fit) -> Tensor:
    """The artist's own lines as the sketch `[F, 3, H, W]` in -1..1 that SketchDiT was trained on."""
    return sketch_of(drawings(lines, fit))


def blank(size: Size) -> LineFrame:
    """A drawing without lines, for frames in which a layer is empty."""
    nothing = np.zeros((size[1], size[0]), np.uint8)
    return LineFrame(nothing, nothing)


def eight_bit(frames: Tensor) -> NDArray[np.uint8]:
    """Frames `[F, 3, H, W]` in -1..1 as RGB `[F, H, W, 3]`."""
    levels = ((frames.float() / 2 + 0.5).clamp(0, 1) * 255).round()
    return levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def as_seen(pictures: NDArray[np.uint8]) -> Tensor:
    """Pictures RGB `[F, H, W, 3]` as the video understanding model takes them, `[F, 3, H, W]` in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
