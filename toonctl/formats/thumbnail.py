"""Small pictures for screens: shrunk without dark fringes, encoded small, fit to stand inside a page."""

from base64 import b64encode
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from toonctl.core.types import Pixels, Size

_MANY_COLORS = 16_384  # a painted background, which a palette would band


def fit(size: Size, longest_px: int) -> Size:
    """`size` scaled down, not up, so that its longer side is `longest_px`."""
    scale = min(1.0, longest_px / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrink(rgba: Pixels, size: Size) -> Pixels:
    """The picture averaged down to `size` (width, height), RGBA straight alpha `[H, W, 4]`."""
    height, width = rgba.shape[:2]
    if (width, height) == size:
        return rgba
    part = cv2.inRange(rgba[..., 3], 1, 254) > 0
    if part.any():  # averaged premultiplied, or soft edges would take on the black of transparent pixels
        rgba = rgba.copy()
        soft = rgba[part].astype(np.uint16)
        soft[:, :3] = (soft[:, :3] * soft[:, 3:] + 127) // 255
        rgba[part] = soft
    small = np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), np.uint16)
    coverage = np.maximum(small[..., 3:], 1)
    colors = np.minimum((small[..., :3] * 255 + coverage // 2) // coverage, 255)
    return np.concatenate((colors, small[..., 3:]), axis=2).astype(np.uint8)


def thumbnail(rgba: Pixels, *, n_colors: int = 256) -> bytes:
    """The picture as a small file: palette PNG of at most `n_colors`, or WebP when it is painted."""
    image = Image.fromarray(rgba)
    file = BytesIO()
    if len(np.unique(rgba.reshape(-1, 4).view(np.uint32))) > _MANY_COLORS:
        image.save(file, "WEBP", quality=82, method=2)
    else:
        # An octree keeps large flats as they are; lossy WebP was 5-20 levels off on small ones, and slower.
        image.quantize(n_colors, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "PNG")
    return file.getvalue()


def data_uri(file: bytes) -> str:
    """A picture file as text that stands for its address."""
    kind = "png" if file.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{b64encode(file).decode()}"
