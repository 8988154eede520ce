"""Embedded ICC profiles: what they are called, and the way from them to sRGB."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

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


@lru_cache(maxsize=8)
def srgb_transform(data: bytes, mode: str) -> "ImageCmsTransform":
    """The way for pixels of `mode` from the profile in `data` to sRGB. Raises: PyCMSError when broken."""
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
def _parse(data: bytes) -> ColorProfile | None:
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        # Pillow types `profile` as what it may be opened from.
        mode = _SPACES.get(str(cast(Any, profile).profile.xcolor_space))
        name = (ImageCms.getProfileDescription(profile) or "").strip()
        if mode is None:
            return None
        srgb_transform(data, "RGBA" if mode == "RGB" else "L")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return ColorProfile(name or "unnamed profile", data, mode)
