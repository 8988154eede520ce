"""Pictures as ToonComposer wants them: fitted, normalized, sketches turned to light lines on dark.

Letters: h w size of a picture, H W size of the video. Pictures are 8-bit `[h, w, C]`, results float
`[C, H, W]`.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from einops import rearrange
from torch import Tensor

_CLIP_SIDE = 224
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

Size = tuple[int, int]
"""Height and width in pixels."""


def color_frame(picture: Tensor, size: Size) -> Tensor:
    """A painted picture `[h, w, 3]` as a video frame `[3, H, W]` in -1..1."""
    return fit(_channels_first(picture) / 127.5 - 1, size)


def sketch_frame(picture: Tensor, size: Size) -> Tensor:
    """A sketch `[h, w, 3]`, dark on light, as a video frame `[3, H, W]` in -1..1, light on dark."""
    return -color_frame(picture[..., :3], size)


def region_mask(matte: Tensor, size: Size, *, is_stretched: bool = False) -> Tensor:
    """Where to follow the sketch: `[H, W]`, 1 follow, 0 free, from a matte `[h, w]` 8-bit, 255 where free.

    Cropped like its sketch, so that both stay aligned. `is_stretched` distorts it to the video's shape
    instead, as the published demo does.
    """
    values = matte.float()[None] / 255
    if is_stretched:
        return 1 - F.interpolate(values[None], size, mode="nearest")[0, 0]
    return 1 - fit(values, size, mode="nearest")[0]


def painted_matte(layer: Tensor) -> Tensor:
    """The matte `[h, w]` of a painted layer `[h, w, 4]`: the largest of its channels, as in the demo."""
    return layer.amax(-1)


def fit(planes: Tensor, size: Size, *, mode: str = "bilinear") -> Tensor:
    """Planes `[C, h, w]` scaled to cover `[C, H, W]`, the overhang cut evenly; no antialiasing."""
    height, width = planes.shape[-2:]
    scaled = fitted_size((height, width), size)
    planes = F.interpolate(planes[None], scaled, mode=mode)[0]
    top, left = ((have - want) // 2 for have, want in zip(scaled, size, strict=True))
    return planes[:, top : top + size[0], left : left + size[1]]


def fitted_size(picture: Size, video: Size) -> Size:
    """Size of a picture scaled to cover the video, its longer overhang rounded down, never below the video's.

    The published code rounds down in floating point and so misses the video's size by a row now and then.
    """
    (h, w), (height, width) = picture, video
    if h / w < height / width:
        return height, max(width, int(w * (height / h)))
    return max(height, int(h * (width / w))), width


def clip_pixels(frame: Tensor) -> Tensor:
    """CLIP's input `[B, 3, 224, 224]` from a frame `[B, 3, H, W]` in -1..1: squashed to a square, normalized.

    Bicubic without antialiasing, on the whole frame: not the scaled and cropped picture CLIP usually sees.
    """
    square = F.interpolate(frame.float(), (_CLIP_SIDE, _CLIP_SIDE), mode="bicubic", align_corners=False)
    mean = torch.tensor(_CLIP_MEAN, device=frame.device)[:, None, None]
    std = torch.tensor(_CLIP_STD, device=frame.device)[:, None, None]
    return (square * 0.5 + 0.5 - mean) / std


def _channels_first(picture: Tensor) -> Tensor:
    if picture.ndim != 3 or picture.shape[-1] != 3:
        raise ValueError(f"a picture of three channels is wanted, not {tuple(picture.shape)}")
    return rearrange(picture.float(), "h w c -> c h w")
