"""Pictures of a shot as ToonComposer's inputs, and its frames as pictures of the shot.

Letters: h w size of the shot, H W size drawn at, F frames. Both are height, width.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from toonctl.core.types import Pixels
from toonctl.engines.base import KeyPicture, SketchPicture
from toonctl.models.tooncomposer.pictures import color_frame, fitted_size, region_mask, sketch_frame

HeightWidth = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the video lies on the shot's pictures: `top`, `left`, `height`, `width`, in the shot's pixels.

    It reaches beyond the pictures where they are padded, and not to their edges where they are cropped.
    """

    shot: HeightWidth
    video: HeightWidth
    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(cls, shot: HeightWidth, video: HeightWidth, fit: Literal["pad", "crop"]) -> "Framing":
        """The framing of a shot: `pad` shows all of it, `crop` fills the video as the published code does."""
        (h, w), (height, width) = shot, video
        if fit == "pad":
            whole = (max(h, round(w * height / width)), max(w, round(h * width / height)))
        else:
            covering = fitted_size(shot, video)
            whole = (round(h * height / covering[0]), round(w * width / covering[1]))
        return cls(shot, video, (h - whole[0]) // 2, (w - whole[1]) // 2, *whole)

    def color(self, key: KeyPicture, paper: tuple[int, int, int]) -> Tensor:
        """A painted picture as a video frame `[3, H, W]` in -1..1, laid on `paper` where it is clear."""
        return color_frame(torch.from_numpy(self._padded(on_paper(key.picture, paper))), self.video)

    def sketch(self, sketch: SketchPicture) -> Tensor:
        """A sketch as a video frame `[3, H, W]` in -1..1, light on dark."""
        gray = self._padded(np.asarray(255 - sketch.lines.ink, np.uint8))
        return sketch_frame(torch.from_numpy(np.repeat(gray[..., None], 3, -1)), self.video)

    def mask(self, free: Pixels, *, is_stretched: bool) -> Tensor:
        """Where to follow the sketch, `[H, W]` 0..1, from the matte of what is left to the engine."""
        return region_mask(torch.from_numpy(self._padded(free)), self.video, is_stretched=is_stretched)

    def picture(self, frame: Pixels) -> Pixels:
        """A frame of the video, RGB `[H, W, 3]`, as a picture of the shot, RGBA `[h, w, 4]`, opaque.

        What the video does not show goes on as its edge is.
        """
        size = (self.width, self.height)
        is_larger = self.width > frame.shape[1]
        scaled = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC if is_larger else cv2.INTER_AREA)
        h, w = self.shot
        inner = scaled[max(0, -self.top) :, max(0, -self.left) :][:h, :w]
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = h - top - inner.shape[0], w - left - inner.shape[1]
        whole = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE)
        opaque = np.full((h, w, 4), 255, np.uint8)
        opaque[..., :3] = whole
        return opaque

    def _padded(self, picture: Pixels) -> Pixels:
        h, w = self.shot
        above, before = max(0, -self.top), max(0, -self.left)
        below, behind = max(0, self.height - h - above), max(0, self.width - w - before)
        padded = cv2.copyMakeBorder(picture, above, below, before, behind, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)


def on_paper(picture: Pixels, paper: tuple[int, int, int]) -> Pixels:
    """RGBA `[h, w, 4]` laid on one color, RGB `[h, w, 3]`."""
    alpha = picture[..., 3:].astype(np.int32)
    mixed = picture[..., :3] * alpha + np.array(paper, np.int32) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def as_frame(picture: Pixels) -> Tensor:
    """A frame the video had before, RGB `[H, W, 3]`, as one it is drawn after, `[3, H, W]` in -1..1."""
    return color_frame(torch.from_numpy(picture), picture.shape[:2])


def as_pixels(video: Tensor) -> Pixels:
    """A video `[1, 3, F, H, W]` in -1..1 as RGB `[F, H, W, 3]`, rounded down as published."""
    levels = ((video[0].float() + 1) * 127.5).clamp(0, 255).to(torch.uint8)
    return levels.permute(1, 2, 3, 0).cpu().numpy()
