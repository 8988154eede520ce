"""Raster kinds besides PNG that artists hand over: TIFF, TGA, JPEG, WebP, BMP; read only."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toonctl.core.errors import ArtError
from toonctl.core.types import Pixels, Size
from toonctl.formats.art_file import SAVE_AGAIN, check_size, read_bytes
from toonctl.formats.color_profile import read_profile, to_srgb

if TYPE_CHECKING:
    from PIL.Image import Image

_KINDS = ("TIFF", "TGA", "JPEG", "WEBP", "BMP")
_GRAY_16 = ("I;16", "I;16B", "I;16L")
_READABLE = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr", *_GRAY_16)
_SAVE_AS_PNG = "save it as PNG, RGB, 8 or 16 bit"


@dataclass(frozen=True, slots=True)
class RasterFacts:
    """What a raster file says of itself."""

    size: Size
    depth: int
    mode: str
    icc_name: str | None


def probe_raster(path: Path) -> RasterFacts:
    """What the file is. Raises: ArtError when it cannot be used."""
    with pillow_picture(read_bytes(path), path, _KINDS) as image:
        profile = read_profile(image.info.get("icc_profile") or b"", is_gray=image.mode in ("1", "L", "LA"))
        return RasterFacts(
            image.size, 16 if image.mode in _GRAY_16 else 8, image.mode, profile.name if profile else None
        )


def read_raster(data: bytes, path: Path) -> Pixels:
    """The picture in `data` as sRGB, straight alpha, `[H, W, 4]`. Raises: ArtError when it cannot be used."""
    with pillow_picture(data, path, _KINDS) as image:
        profile = read_profile(image.info.get("icc_profile") or b"", is_gray=image.mode in ("1", "L", "LA"))
        if image.mode in _GRAY_16:
            import cv2

            levels = cv2.convertScaleAbs(np.asarray(image).astype(np.uint16), alpha=1 / 257)
            rgba = np.asarray(cv2.cvtColor(levels, cv2.COLOR_GRAY2RGBA), np.uint8)
        else:
            rgba = np.array(image.convert("RGBA"), np.uint8)
    return to_srgb(rgba, profile) if profile else rgba


@contextmanager
def pillow_picture(data: bytes, path: Path, kinds: tuple[str, ...]) -> Generator["Image"]:
    """The picture in `data`, opened by Pillow and not decoded before the caller asks for pixels.

    Raises: ArtError, also for what goes wrong while the caller decodes.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size limit is lower than ours; the rest is chatter
            with Image.open(BytesIO(data), formats=kinds) as image:
                check_size(image.size, path)
                if image.mode not in _READABLE:
                    raise ArtError(f"`{path.name}` is a {image.mode} picture", str(path), _SAVE_AS_PNG)
                yield image
    except ArtError:
        raise
    except UnidentifiedImageError as error:
        raise ArtError(f"`{path.name}` is not a picture that can be read", str(path), _SAVE_AS_PNG) from error
    except Image.DecompressionBombError as error:
        raise ArtError(
            f"`{path.name}` has far too many pixels", str(path), "scale it down or split it"
        ) from error
    except Exception as error:  # Pillow's plug-ins leak whatever the bytes provoke
        raise ArtError(f"`{path.name}` is damaged", str(path), SAVE_AGAIN) from error
