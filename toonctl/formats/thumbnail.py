"""Small pictures for screens: shrunk without dark fringes, encoded small, fit to stand inside a page."""

from base64 import b64encode
from io import BytesIO

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
    # Averaged premultiplied, or soft edges would take on the black of transparent pixels; 5 ms at 1920x1080.
    whole = Image.frombuffer("RGBa", (width, height), _premultiplied(rgba), "raw", "RGBa", 0, 1)
    return np.asarray(whole.resize(size, Image.Resampling.BOX, reducing_gap=1.0).convert("RGBA"))


def _premultiplied(rgba: Pixels) -> Pixels:
    """The picture `[H, W, 4]` with its colors times alpha, to the byte as Pillow does it: where alpha is
    neither 0 nor 255 alone, which on cels is a thirtieth of the pixels."""
    rgba = np.ascontiguousarray(rgba)
    words = rgba.view("<u4")[..., 0]
    least = np.uint32(1 << 24)
    soft = np.flatnonzero((words - least) < np.uint32(254 << 24))
    is_hidden = words < least
    if not soft.size and not words[is_hidden].any():
        return rgba
    flat = np.where(is_hidden, np.uint32(0), words).reshape(-1)
    mixed = flat[soft].view(np.uint8).reshape(-1, 4)
    scaled = mixed[:, :3].astype(np.uint32) * mixed[:, 3:] + 128
    mixed[:, :3] = (scaled + (scaled >> 8)) >> 8
    flat[soft] = mixed.view("<u4")[:, 0]
    return flat.view(np.uint8).reshape(rgba.shape)


def thumbnail(rgba: Pixels, *, n_colors: int | None = 256) -> bytes:
    """The picture as a small file: a palette PNG of at most `n_colors`, or WebP for a painted one (None)."""
    image = Image.fromarray(rgba)
    file = BytesIO()
    if n_colors is None or image.getcolors(_MANY_COLORS) is None:
        image.save(file, "WEBP", quality=82, method=2)
    else:
        # An octree keeps large flats as they are; lossy WebP was 5-20 levels off on small ones, and slower.
        image.quantize(n_colors, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "PNG")
    return file.getvalue()


def data_uri(file: bytes) -> str:
    """A picture file as text that stands for its address."""
    kind = "png" if file.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{b64encode(file).decode()}"
