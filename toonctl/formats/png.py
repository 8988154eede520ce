"""PNG: read as RGBA or as line coverage, written once and stamped many times.

`read_picture` and `read_line` also take the other raster kinds of `formats/raster.py`, told
apart by content. OpenCV decodes what it decodes well; palettes go through Pillow, which leaves them indexed:
1920x1080 line art as gray 7 ms (Pillow 10), as 16 colors 4 ms (OpenCV 8), as RGBA 26 ms (Pillow 39). Pillow
also reads 16-bit RGBA as 8 bit in silence.
"""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import ArtError
from toonctl.core.types import Pixels
from toonctl.formats.art_file import read_bytes
from toonctl.formats.color_profile import gray_to_srgb, to_srgb
from toonctl.formats.png_chunks import GRAY, PALETTE, SIGNATURE, PngHeader, find_stamp, read_header
from toonctl.formats.png_writer import EncodedPng, encode_png, index_or_rgba
from toonctl.formats.probe import pillow_picture
from toonctl.formats.raster import read_raster

__all__ = [
    "EncodedPng",
    "encode_png",
    "index_or_rgba",
    "line_coverage",
    "read_line",
    "read_picture",
    "read_stamp",
]

AnyDepth = NDArray[np.uint8] | NDArray[np.uint16]


def read_picture(path: Path) -> Pixels:
    """The picture as sRGB, straight alpha, `[H, W, 4]`; 16 bits are rounded to 8.

    Raises: ArtError when it is missing, damaged, too big or of a kind that cannot be read.
    """
    data = read_bytes(path)
    if not _is_png(data, path):
        return read_raster(data, path)
    header = read_header(BytesIO(data), path, is_checked=True)
    if header.color_type == PALETTE:
        colors = np.ascontiguousarray(_palette(header)).view(np.uint32)[:, 0]
        return colors[_decode_index(data, header, path)].view(np.uint8).reshape(*header.size[::-1], 4)
    rgba = _as_rgba(_decode(data, path), header)
    return to_srgb(rgba, header.profile) if header.profile else rgba


def read_line(path: Path) -> Pixels:
    """Coverage of ink `[H, W]`, 0 paper to 255 full line: the darkness of the darkest channel over white.

    Raises: ArtError as `read_picture`.
    """
    import cv2

    data = read_bytes(path)
    if not _is_png(data, path):
        return line_coverage(read_raster(data, path))
    header = read_header(BytesIO(data), path, is_checked=True)
    if header.color_type == PALETTE:
        return cv2.LUT(_decode_index(data, header, path), line_coverage(_palette(header)[None])[0]).astype(
            np.uint8, copy=False
        )
    if header.color_type == GRAY and not header.transparency:
        levels = _to_8_bit(_decode(data, path))
        if header.profile and not header.profile.is_srgb:
            return cv2.LUT(levels, 255 - gray_to_srgb(header.profile)).astype(np.uint8, copy=False)
        return cast(Pixels, cv2.bitwise_not(levels))
    rgba = _as_rgba(_decode(data, path), header)
    return line_coverage(to_srgb(rgba, header.profile) if header.profile else rgba)


def line_coverage(rgba: Pixels) -> Pixels:
    """The ink in a picture `[H, W, 4]` as `read_line` gives it."""
    import cv2

    red, green, blue, alpha = cv2.split(rgba)
    darkness = cv2.bitwise_not(cv2.min(cv2.min(red, green), blue))
    if alpha.size and int(alpha.min()) == 255:
        return cast(Pixels, darkness)
    return cast(Pixels, cv2.multiply(darkness, alpha, scale=1 / 255))


def read_stamp(path: Path) -> str | None:
    """The text stamped into a PNG (iTXt `toonctl`), from before its picture data; None when there is none.

    Raises: OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        return find_stamp(file)


def _is_png(data: bytes, path: Path) -> bool:
    return data.startswith(SIGNATURE) or path.suffix.lower() == ".png"


def _decode(data: bytes, path: Path) -> AnyDepth:
    """`[H, W]`, or `[H, W, 3 | 4]` in OpenCV's channel order."""
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _damaged(path)
    return cast(AnyDepth, pixels)


def _decode_index(data: bytes, header: PngHeader, path: Path) -> Pixels:
    """The palette index of every pixel, `[H, W]`."""
    width, height = header.size
    per_byte = 8 // header.depth
    n_row = 1 + -(-width // per_byte)
    if not header.is_interlaced:
        try:
            unpacked = zlib.decompressobj().decompress(header.packed, n_row * height)
        except zlib.error as error:
            raise _damaged(path) from error
        if len(unpacked) < n_row * height:
            raise _damaged(path)
        rows = np.frombuffer(unpacked, np.uint8).reshape(height, n_row)
        if not rows[:, 0].any():  # as palettes are best written: no filter on any row
            return _unpack_index(rows[:, 1:], header.depth)[:, :width]
    with pillow_picture(data, path, ("PNG",)) as image:
        return np.asarray(image, np.uint8)


def _unpack_index(rows: Pixels, depth: int) -> Pixels:
    if depth == 8:
        return rows
    index = np.empty((rows.shape[0], rows.shape[1] * (8 // depth)), np.uint8)
    for place, shift in enumerate(range(8 - depth, -1, -depth)):
        index[:, place :: 8 // depth] = (rows >> shift) & (2**depth - 1)
    return index


def _as_rgba(pixels: AnyDepth, header: PngHeader) -> Pixels:
    import cv2

    if pixels.ndim == 3:
        order = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGBA
        return cast(Pixels, cv2.cvtColor(_to_8_bit(pixels), order))
    rgba = cast(Pixels, cv2.cvtColor(_to_8_bit(pixels), cv2.COLOR_GRAY2RGBA))
    if len(header.transparency) >= 2:  # OpenCV does not know the transparent level of gray pictures
        level = struct.unpack(">H", header.transparency[:2])[0]
        if header.depth < 8:
            level = level * 255 // (2**header.depth - 1)
        rgba[pixels == level] = 0
    return rgba


def _to_8_bit(pixels: AnyDepth) -> Pixels:
    import cv2

    return cast(Pixels, pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=1 / 257))


def _palette(header: PngHeader) -> Pixels:
    """All 256 colors, `[256, 4]`; an index that the file does not define is opaque black."""
    colors = np.zeros((256, 4), np.uint8)
    colors[:, 3] = 255
    rgb = np.frombuffer(header.palette[: len(header.palette) // 3 * 3], np.uint8).reshape(-1, 3)[:256]
    colors[: len(rgb), :3] = rgb
    alpha = np.frombuffer(header.transparency[:256], np.uint8)
    colors[: len(alpha), 3] = alpha
    return to_srgb(colors[None], header.profile)[0] if header.profile else colors


def _damaged(path: Path) -> ArtError:
    return ArtError(f"`{path.name}` is damaged", str(path), "copy or save it again")
