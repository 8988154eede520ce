"""The packed channels of a PSD, unpacked to 8 bit, and whether they are all there.

psd-tools replaces what it cannot decode by black and clips short rows in silence; here both are errors.
"""

import logging
import struct
import warnings
import zlib
from collections.abc import Mapping
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from psd_tools.compression import PSDDecompressionWarning
from psd_tools.constants import ChannelID, ColorMode, Compression
from psd_tools.psd import PSD
from psd_tools.psd.layer_and_mask import ChannelData

from toonctl.core.types import Pixels, Size
from toonctl.formats.compositing import Mask

# What psd-tools would log about a broken file reaches people as an ArtError.
logging.getLogger("psd_tools").setLevel(logging.CRITICAL)


def layer_pixels(layer: Any, mode: ColorMode) -> Pixels:
    """The pixels of one layer within its own box, RGBA `[h, w, 4]`. Raises: ValueError when damaged."""
    size = (layer.width, layer.height)
    planes = _planes(layer)
    if not any(number >= 0 for number in planes):  # a type layer or the like, never drawn by its program
        return np.zeros((*size[::-1], 4), np.uint8)
    alpha = _plane(layer, planes, ChannelID.TRANSPARENCY_MASK, size)
    if alpha is None:
        alpha = np.full(size[::-1], 255, np.uint8)
    ids = (0, 0, 0) if mode is ColorMode.GRAYSCALE else (0, 1, 2)
    colors: dict[int, Pixels] = {}
    for number in set(ids):
        plane = _plane(layer, planes, number, size)
        colors[number] = plane if plane is not None else np.zeros(size[::-1], np.uint8)
    return cast(Pixels, cv2.merge((*(colors[number] for number in ids), alpha)))


def layer_mask(layer: Any) -> Mask | None:
    """The layer's pixel mask, None when it has none or it is switched off.

    Raises: ValueError when damaged.
    """
    mask = layer.mask
    if mask is None or mask.disabled:
        return None
    is_real = mask.has_real()
    size = (mask.width, mask.height)
    number = ChannelID.REAL_USER_LAYER_MASK if is_real else ChannelID.USER_LAYER_MASK
    coverage = _plane(layer, _planes(layer), number, size) if min(size) > 0 else None
    outside = int(mask.background_color)
    if coverage is None:
        coverage = np.zeros((0, 0), np.uint8)
    density = mask.parameters.user_mask_density if mask.parameters else None
    if density is not None and density < 255:
        coverage = (255 - (255 - coverage.astype(np.uint16)) * density // 255).astype(np.uint8)
        outside = 255 - (255 - outside) * density // 255
    return Mask(coverage, int(mask.left), int(mask.top), outside)


def check_merged(record: PSD) -> None:
    """Passes when the merged picture, the last part of a PSD, is whole.

    Raises: ValueError when it is cut off.
    """
    header, image = record.header, record.image_data
    n_rows, row = header.height * header.channels, (header.width * header.depth + 7) // 8
    if image.compression == Compression.RAW:
        is_whole = len(image.data) >= n_rows * row
    elif image.compression == Compression.RLE:
        is_whole = _rle_length(image.data, n_rows, header.version) <= len(image.data)
    else:
        is_whole = _is_whole_zip(image.data, n_rows * row)
    if not is_whole:
        raise ValueError("the merged picture is cut off")


def _planes(layer: Any) -> dict[int, ChannelData]:
    pairs = zip(layer._record.channel_info, layer._channels, strict=False)
    return {int(info.id): data for info, data in pairs if len(data.data)}


def _plane(layer: Any, planes: Mapping[int, ChannelData], number: int, size: Size) -> Pixels | None:
    """One channel at 8 bit, `[h, w]`; None when the layer lacks it."""
    data = planes.get(number)
    if data is None:
        return None
    width, height = size
    depth, version = int(layer._psd.depth), int(layer._psd.version)
    if data.compression == Compression.RLE and _rle_length(data.data, height, version) > len(data.data):
        raise ValueError("a layer is cut off")
    with warnings.catch_warnings():
        warnings.simplefilter("error", PSDDecompressionWarning)
        packed = data.get_data(width, height, depth, version)
    return _to_8_bit(packed, depth).reshape(height, width)


def _to_8_bit(data: bytes, depth: int) -> Pixels:
    if depth == 8:
        return np.frombuffer(data, np.uint8)
    if depth == 16:
        words: NDArray[np.uint16] = np.frombuffer(data, ">u2").astype(np.uint16)
        return cast(Pixels, cv2.convertScaleAbs(words, alpha=1 / 257))
    values = np.nan_to_num(np.frombuffer(data, ">f4").astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _rle_length(data: bytes, n_rows: int, version: int) -> int:
    """How many bytes the table of row lengths at the start of `data` asks for, itself included."""
    kind = ">u2" if version == 1 else ">u4"
    n_table = n_rows * np.dtype(kind).itemsize
    if len(data) < n_table:
        return n_table
    return n_table + int(np.frombuffer(data, kind, n_rows).sum(dtype=np.int64))


def _is_whole_zip(data: bytes, n_bytes: int) -> bool:
    unpacker = zlib.decompressobj()
    piece, left = unpacker.decompress(data, 2**20), n_bytes
    while piece and left > 0:  # in pieces: only the length matters
        left -= len(piece)
        piece = unpacker.decompress(unpacker.unconsumed_tail, 2**20)
    return left <= 0


def peek_header(head: bytes) -> tuple[Size, int, int, int]:
    """Size, depth, color mode and channel count from the first 26 bytes.

    Raises: ValueError when not a PSD.
    """
    if len(head) < 26:
        raise ValueError("too short")
    signature, version, n_channels, height, width, depth, mode = struct.unpack(">4sH6xHIIHH", head[:26])
    if signature != b"8BPS" or version not in (1, 2):
        raise ValueError("no PSD signature")
    return (width, height), depth, mode, n_channels
