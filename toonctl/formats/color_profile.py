"""Pixels taken from an embedded ICC profile to sRGB.

A profile that calls itself sRGB is taken at its word: those of scanners and drawing programs differ from each
other by rounding only, and flats must come through untouched.
"""

from functools import lru_cache

import numpy as np

from toonctl.core.types import Pixels
from toonctl.formats.icc import ColorProfile, srgb_transform


def to_srgb(rgba: Pixels, profile: ColorProfile) -> Pixels:
    """`rgba` (straight alpha `[H, W, 4]`) with its colors taken from `profile` to sRGB; alpha stays."""
    if profile.is_srgb:
        return rgba
    if profile.mode == "L":
        table = _gray_table(profile.data)
        return np.dstack((table[rgba[..., 0]], rgba[..., 3:]))
    from PIL import Image, ImageCms

    image = ImageCms.applyTransform(
        Image.fromarray(np.ascontiguousarray(rgba)), srgb_transform(profile.data, "RGBA")
    )
    converted = np.array(image, np.uint8)
    converted[..., 3] = rgba[..., 3]
    return converted


def gray_to_srgb(profile: ColorProfile) -> Pixels:
    """What each of the 256 gray levels becomes, `[256]`."""
    if profile.is_srgb:
        return np.arange(256, dtype=np.uint8)
    if profile.mode == "L":
        return _gray_table(profile.data)[:, 1].copy()
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 4, axis=2)
    return to_srgb(levels, profile)[0, :, 1].copy()


@lru_cache(maxsize=8)
def _gray_table(data: bytes) -> Pixels:
    """The sRGB color of each gray level, `[256, 3]`."""
    from PIL import Image, ImageCms

    levels = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    return np.array(ImageCms.applyTransform(levels, srgb_transform(data, "L")), np.uint8)[0]
