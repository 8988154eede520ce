"""What a picture file says of itself, whatever its kind, by its headers and without numpy."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from toonctl.core.art import Size
from toonctl.core.errors import ArtError
from toonctl.formats.art_file import SAVE_AGAIN, check_size, open_art, read_bytes
from toonctl.formats.icc import read_profile
from toonctl.formats.png_chunks import SIGNATURE, read_header

if TYPE_CHECKING:
    from PIL.Image import Image

RASTER_KINDS = ("TIFF", "TGA", "JPEG", "WEBP", "BMP")
"""Those besides PNG that can be read, as Pillow calls them."""

GRAY_16 = ("I;16", "I;16B", "I;16L")
"""Pillow's modes of gray with 16 bits."""

_READABLE = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr", *GRAY_16)
_SAVE_AS_PNG = "save it as PNG, RGB, 8 or 16 bit"


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a picture file says of itself: bits per channel in `depth`, `mode` such as `RGBA` or `palette`.

    `icc_name` names the embedded profile; `has_bad_profile` says that one is there but cannot be used, and
    that the pixels are taken as sRGB.
    """

    size: Size
    depth: int
    mode: str
    icc_name: str | None
    has_bad_profile: bool = False


def probe_png(path: Path) -> PictureInfo:
    """What the PNG at `path` is, from its headers alone.

    Raises: ArtError when it is missing, no PNG, cut off, without pixels or over 100 million pixels.
    """
    with open_art(path) as file:
        header = read_header(file, path, is_checked=False)
    name = header.profile.name if header.profile else None
    return PictureInfo(header.size, header.depth, header.mode, name, header.has_bad_profile)


def probe_picture(path: Path) -> PictureInfo:
    """`probe_png` for every raster kind that can be read. Raises: ArtError likewise."""
    with open_art(path) as file:
        is_png = file.read(8) == SIGNATURE
    if is_png or path.suffix.lower() == ".png":
        return probe_png(path)
    with pillow_picture(read_bytes(path), path, RASTER_KINDS) as image:
        profile = read_profile(image.info.get("icc_profile") or b"", is_gray=image.mode in ("1", "L", "LA"))
        depth = 16 if image.mode in GRAY_16 else 8
        return PictureInfo(image.size, depth, image.mode, profile.name if profile else None)


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
