"""PNG files compressed once and stamped many times: the frames of a held drawing differ by one chunk.

Measured at 1920x1080 on one core, cel art; time and size of the whole file, and OpenCV's time to read it:

    palette, 2 colors       zlib-ng level 1       2 ms    15 kB      level 6:  2 ms,   8 kB
    RGBA, figure on ground  zlib-ng level 3       5 ms   171 kB      level 6: 10 ms, 161 kB   read in  6 ms
                            zlib, Sub, run lengths                  17 ms, 171 kB   read in 22 ms
    RGBA, figure fills the  zlib-ng level 3      15 ms   713 kB      level 6: 21 ms, 687 kB   read in 10 ms
    picture
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from zlib_ng import zlib_ng

from toonctl.core.types import Pixels
from toonctl.formats.png_chunks import PALETTE, RGBA, SIGNATURE, chunk, stamp_chunk

_MAX_COLORS = 256
_SRGB = chunk(b"sRGB", b"\0") + chunk(b"gAMA", struct.pack(">I", 45_455))
_NO_FILTER = 0


@dataclass(frozen=True, slots=True)
class EncodedPng:
    """A compressed picture that lacks nothing but its stamp."""

    head: bytes
    tail: bytes

    def to_bytes(self, text: str) -> bytes:
        """The whole file, with `text` in the iTXt chunk `toonctl` before the picture data."""
        return self.head + stamp_chunk(text) + self.tail


def encode_png(pixels: Pixels, colors: Pixels | None = None, *, level: int = 1) -> EncodedPng:
    """`pixels` RGBA `[H, W, 4]`, or indices `[H, W]` into `colors` RGBA `[K, 4]`, compressed.

    Fully transparent pixels are written with RGB 0. `level` 1 is quick, 9 small. Raises: ValueError
    for arrays of another shape or more than 256 colors.
    """
    if colors is not None:
        return _encode_palette(pixels, colors, level)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(f"expected uint8 [H, W, 4], got {pixels.dtype} {pixels.shape}")
    height, width = pixels.shape[:2]
    rows = np.empty((height, 1 + width * 4), np.uint8)
    rows[:, 0] = _NO_FILTER
    rows[:, 1:] = _without_hidden_color(pixels).reshape(height, width * 4)
    return _assemble((width, height, 8, RGBA), b"", _packed(rows, level))


def _without_hidden_color(pixels: Pixels) -> Pixels:
    """The same picture with RGB 0 where it is fully transparent; itself when that holds already."""
    words = np.ascontiguousarray(pixels).view("<u4")[..., 0]
    alpha_one = np.uint32(1 << 24)
    if not ((words - np.uint32(1)) < alpha_one - np.uint32(1)).any():  # zero wraps round to the highest word
        return words.view(np.uint8)
    return np.where(words < alpha_one, np.uint32(0), words).astype("<u4", copy=False).view(np.uint8)


def index_or_rgba(pixels: Pixels) -> tuple[Pixels, Pixels] | None:
    """Indices `[H, W]` and colors `[K, 4]` that give `pixels` `[H, W, 4]` exactly; None beyond 256 colors.

    All fully transparent pixels count as one color, 0 0 0 0. Colors are sorted, so equal pictures give equal
    bytes.
    """
    words = np.ascontiguousarray(pixels).view(np.uint32).reshape(-1)
    if not words.size:
        return None
    # Cel art is long runs: compare neighbors first, sort only where a run begins.
    starts = np.concatenate(([0], np.flatnonzero(words[1:] != words[:-1]) + 1))
    firsts = words[starts]
    firsts[firsts.view(np.uint8)[3::4] == 0] = 0
    if len(np.unique(firsts[:: max(1, len(firsts) // 2048)])) > _MAX_COLORS:
        return None
    values, index = np.unique(firsts, return_inverse=True)
    if len(values) > _MAX_COLORS:
        return None
    lengths = np.diff(starts, append=words.size)
    return (
        np.repeat(index.astype(np.uint8), lengths).reshape(pixels.shape[:2]),
        values.view(np.uint8).reshape(-1, 4),
    )


def _encode_palette(index: Pixels, colors: Pixels, level: int) -> EncodedPng:
    n_colors = len(colors)
    if (
        index.ndim != 2
        or index.dtype != np.uint8
        or colors.ndim != 2
        or colors.shape[1] != 4
        or not index.size
    ):
        raise ValueError(
            f"expected uint8 [H, W] and [K, 4], got {index.dtype} {index.shape} and {colors.shape}"
        )
    if not 0 < n_colors <= _MAX_COLORS or int(index.max()) >= n_colors:
        raise ValueError(f"indices up to {int(index.max())} do not fit {n_colors} colors")
    height, width = index.shape
    depth = next(bits for bits in (1, 2, 4, 8) if n_colors <= 2**bits)
    per_byte = 8 // depth
    n_bytes = -(-width // per_byte)
    if n_bytes * per_byte != width:
        index = np.pad(index, ((0, 0), (0, n_bytes * per_byte - width)))
    rows = np.zeros((height, 1 + n_bytes), np.uint8)
    for place in range(per_byte):
        rows[:, 1:] |= index[:, place::per_byte] << (8 - depth * (place + 1))
    transparent = colors[:, 3] == 0
    rgb = np.where(transparent[:, None], 0, colors[:, :3]).astype(np.uint8)
    tables = chunk(b"PLTE", rgb.tobytes())
    soft = np.flatnonzero(colors[:, 3] < 255)
    if len(soft):
        tables += chunk(b"tRNS", colors[: soft[-1] + 1, 3].tobytes())
    return _assemble((width, height, depth, PALETTE), tables, _packed(rows, level))


def _packed(rows: NDArray[np.uint8], level: int) -> bytes:
    return zlib_ng.compress(rows, level)  # pyright: ignore[reportUnknownMemberType]  # its stub leaves the data untyped


def _assemble(header: tuple[int, int, int, int], tables: bytes, packed: bytes) -> EncodedPng:
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    return EncodedPng(SIGNATURE + start + _SRGB + tables, chunk(b"IDAT", packed) + chunk(b"IEND", b""))
