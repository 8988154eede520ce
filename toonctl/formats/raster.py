"""Raster kinds besides PNG that artists hand over: TIFF, TGA, JPEG, WebP, BMP; read only."""

from pathlib import Path

import numpy as np

from toonctl.core.types import Pixels
from toonctl.formats.color_profile import to_srgb
from toonctl.formats.icc import read_profile
from toonctl.formats.probe import GRAY_16, RASTER_KINDS, pillow_picture


def read_raster(data: bytes, path: Path) -> Pixels:
    """The picture in `data` as sRGB, straight alpha, `[H, W, 4]`. Raises: ArtError when it cannot be used."""
    with pillow_picture(data, path, RASTER_KINDS) as image:
        profile = read_profile(image.info.get("icc_profile") or b"", is_gray=image.mode in ("1", "L", "LA"))
        if image.mode in GRAY_16:
            import cv2

            levels = cv2.convertScaleAbs(np.asarray(image).astype(np.uint16), alpha=1 / 257)
            rgba = np.asarray(cv2.cvtColor(levels, cv2.COLOR_GRAY2RGBA), np.uint8)
        else:
            rgba = np.array(image.convert("RGBA"), np.uint8)
    return to_srgb(rgba, profile) if profile else rgba
