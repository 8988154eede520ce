"""Embedded ICC profiles: what they are called, and pixels taken from them to sRGB.

A profile that calls itself sRGB is taken at its word: those of scanners and drawing programs differ from each
other by rounding only, and flats must come through untouched.
"""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from toonctl.core.types import Pixels

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

_SPACES = {"RGB ": "RGB", "RGB": "RGB", "GRAY": "L"}


@dataclass(frozen=True, slots=True)
class ColorProfile:
    """An ICC profile: its name for people, and the Pillow `mode` (`RGB`, `L`) of the pixels it is for."""

    name: str
    data: bytes
    mode: str

    @property
    def is_srgb(self) -> bool:
        """Whether pixels need no conversion."""
        return "srgb" in self.name.casefold()


def read_profile(data: bytes, *, is_gray: bool) -> ColorProfile | None:
    """The profile in `data`, None when it is broken or not for RGB (or gray) pixels."""
    profile = _parse(data)
    if profile is None or profile.mode not in (("L", "RGB") if is_gray else ("RGB",)):
        return None
    return profile


def to_srgb(rgba: Pixels, profile: ColorProfile) -> Pixels:
    """`rgba` (straight alpha `[H, W, 4]`) with its colors taken from `profile` to sRGB; alpha stays."""
    if profile.is_srgb:
        return rgba
    if profile.mode == "L":
        table = _gray_table(profile.data)
        return np.dstack((table[rgba[..., 0]], rgba[..., 3:]))
    from PIL import Image, ImageCms

    image = ImageCms.applyTransform(
        Image.fromarray(np.ascontiguousarray(rgba)), _transform(profile.data, "RGBA")
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
def _parse(data: bytes) -> ColorProfile | None:
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        # Pillow types `profile` as what it may be opened from.
        mode = _SPACES.get(str(cast(Any, profile).profile.xcolor_space))
        name = (ImageCms.getProfileDescription(profile) or "").strip()
        if mode is None:
            return None
        _transform(data, "RGBA" if mode == "RGB" else "L")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return ColorProfile(name or "unnamed profile", data, mode)


@lru_cache(maxsize=8)
def _transform(data: bytes, mode: str) -> "ImageCmsTransform":
    from PIL import ImageCms

    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(data)),
        cast(Any, ImageCms).createProfile("sRGB"),
        mode,
        "RGB" if mode == "L" else mode,
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


@lru_cache(maxsize=8)
def _gray_table(data: bytes) -> Pixels:
    """The sRGB color of each gray level, `[256, 3]`."""
    from PIL import Image, ImageCms

    levels = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    return np.array(ImageCms.applyTransform(levels, _transform(data, "L")), np.uint8)[0]
