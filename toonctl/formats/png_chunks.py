"""The chunks of a PNG file: the ones a reader must know, checked; the ones a writer puts in.

Chunks are length, type, data, CRC-32, in the order of the PNG specification (third edition, chapters 5 and
11).
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from toonctl.core.art import Size
from toonctl.core.errors import ArtError
from toonctl.formats.art_file import SAVE_AGAIN, check_size
from toonctl.formats.icc import ColorProfile, read_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6

_DEPTHS = {GRAY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GRAY_ALPHA: (8, 16), RGBA: (8, 16)}
_MODES = {GRAY: "gray", RGB: "RGB", PALETTE: "palette", GRAY_ALPHA: "gray+alpha", RGBA: "RGBA"}
_KEPT = (b"PLTE", b"tRNS", b"iCCP")
_LONGEST_KEPT = 16 * 2**20
_KEYWORD = b"toonctl"


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What a PNG says about itself. `palette` and `transparency` are the contents of PLTE and tRNS.

    `packed` is the compressed picture, empty when only headers were read.
    """

    size: Size
    depth: int
    color_type: int
    palette: bytes
    transparency: bytes
    profile: ColorProfile | None
    has_bad_profile: bool
    is_interlaced: bool
    packed: bytes

    @property
    def mode(self) -> str:
        """`gray`, `gray+alpha`, `RGB`, `RGBA` or `palette`."""
        return _MODES[self.color_type]


def read_header(file: BinaryIO, path: Path, *, is_checked: bool) -> PngHeader:
    """The header of an open PNG, whose chunks all have been walked to the end.

    With `is_checked`, picture data is read along and every checksum tested. Raises: ArtError when the file is
    no PNG, damaged, cut off, or declares a size beyond the limits.
    """
    if file.read(8) != SIGNATURE:
        raise ArtError(f"`{path.name}` is not a PNG", str(path), SAVE_AGAIN)
    size, depth, color_type, is_interlaced = (0, 0), 0, -1, False
    kept: dict[bytes, bytes] = {}
    packed: list[bytes] = []
    for kind, data in _walk(file, path, is_checked=is_checked):
        if color_type < 0:
            size, depth, color_type, is_interlaced = _parse_ihdr(kind, data, path)
            check_size(size, path)
        elif kind == b"IEND":
            break
        elif kind == b"IDAT":
            packed.append(data)
        elif kind in _KEPT and not packed:
            kept.setdefault(kind, data)
    if not packed or (color_type == PALETTE and not kept.get(b"PLTE")):
        raise _damaged(path)
    profile = (
        _parse_iccp(kept[b"iCCP"], is_gray=color_type in (GRAY, GRAY_ALPHA)) if b"iCCP" in kept else None
    )
    return PngHeader(
        size,
        depth,
        color_type,
        kept.get(b"PLTE", b""),
        kept.get(b"tRNS", b""),
        profile,
        b"iCCP" in kept and profile is None,
        is_interlaced,
        b"".join(packed),
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk as it stands in the file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def stamp_chunk(text: str) -> bytes:
    """The iTXt chunk `toonctl` with `text`."""
    return chunk(b"iTXt", _KEYWORD + b"\0\0\0\0\0" + text.encode())


def find_stamp(file: BinaryIO) -> str | None:
    """The text of the iTXt chunk `toonctl` before the picture data; None when there is none, or no PNG."""
    if file.read(8) != SIGNATURE:
        return None
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"IDAT", b"IEND"):
            return None
        if kind == b"iTXt" and length <= _LONGEST_KEPT:
            data = file.read(length)
            keyword, _, rest = data.partition(b"\0")
            if keyword == _KEYWORD and rest[:1] == b"\0":  # not compressed: we never do
                return rest[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
            length = 0
        file.seek(length + 4, 1)
    return None


def _walk(file: BinaryIO, path: Path, *, is_checked: bool) -> Iterator[tuple[bytes, bytes]]:
    """Every chunk, with its data where it is small or `is_checked`; the data of others is skipped."""
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise _cut_off(path)
        length, kind = struct.unpack(">I4s", head)
        if length > 2**31 - 1 or not kind.isalpha():
            raise _damaged(path)
        is_wanted = kind in (b"IHDR", *_KEPT)
        if is_wanted and length > _LONGEST_KEPT:
            raise _damaged(path)
        if is_checked or is_wanted:
            data = file.read(length)
            crc = file.read(4)
            if len(data) < length or len(crc) < 4:
                raise _cut_off(path)
            # Upper case marks the chunks a picture cannot do without.
            if kind[:1].isupper() and struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))) != crc:
                raise _damaged(path)
            yield kind, data
        else:
            file.seek(length, 1)
            if len(file.read(4)) < 4:
                raise _cut_off(path)
            yield kind, b""


def _parse_ihdr(kind: bytes, data: bytes, path: Path) -> tuple[Size, int, int, bool]:
    if kind != b"IHDR" or len(data) != 13:
        raise _damaged(path)
    width, height, depth, color_type, method, filtering, interlace = struct.unpack(">IIBBBBB", data)
    if depth not in _DEPTHS.get(color_type, ()) or method or filtering or interlace > 1:
        raise _damaged(path)
    return (width, height), depth, color_type, interlace == 1


def _parse_iccp(data: bytes, *, is_gray: bool) -> ColorProfile | None:
    _, _, packed = data.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], _LONGEST_KEPT)
    except zlib.error:
        return None
    return read_profile(profile, is_gray=is_gray) if unpacker.eof else None


def _cut_off(path: Path) -> ArtError:
    return ArtError(f"`{path.name}` is cut off before its end", str(path), "copy or save it again")


def _damaged(path: Path) -> ArtError:
    return ArtError(f"`{path.name}` is damaged", str(path), "copy or save it again")
