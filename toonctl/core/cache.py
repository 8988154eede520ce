"""The cache folder, and bytes kept in it that can be made again at some cost."""

import logging
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"TCc1"
_LOOK_AGAIN = 32
"""Entries a process adds before it weighs the shelf again."""

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """The folder that `TOONCTL_CACHE` names, else the user's own; not made."""
    from platformdirs import user_cache_path

    named = os.environ.get("TOONCTL_CACHE")
    return Path(named).expanduser() if named else user_cache_path("toonctl")


@dataclass(slots=True)
class Shelf:
    """Bytes by name in the folder `name` of the cache, about `limit` in all; the longest unused go first.

    Entries are whole or absent and checked when they are read, so any number of processes may share a shelf.
    A folder that takes no file costs the memory, not the run.
    """

    name: str
    limit: int
    _n_added: int = 0

    def get(self, name: str) -> bytes | None:
        """What was kept under `name`, None when nothing is; a damaged entry is removed and logged."""
        path = self._path(name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        payload = memoryview(data)[_HEAD.size :]
        is_whole = len(data) >= _HEAD.size and _HEAD.unpack_from(data) == _head(payload)
        if not is_whole:
            self.drop(name)
            return None
        with suppress(OSError):  # a shared cache may be read-only
            os.utime(path)
        return bytes(payload)

    def put(self, name: str, data: bytes) -> None:
        """Keeps `data` under `name`, unless it would fill much of the shelf."""
        if len(data) > self.limit // 8:
            return
        path = self._path(name)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:  # not synced: a torn entry is found by its checksum
                    file.write(_HEAD.pack(*_head(data)))
                    file.write(data)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            if self._n_added % _LOOK_AGAIN == 0:
                self._make_room()
            self._n_added += 1

    def drop(self, name: str) -> None:
        """Removes an entry that turned out to be useless, and logs it."""
        path = self._path(name)
        _log.warning("the cached `%s` was damaged and is made again", path)
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return cache_folder() / self.name / name

    def _make_room(self) -> None:
        """Brings the shelf down to nine tenths of its limit when it is over it."""
        found: list[tuple[int, int, Path]] = []
        for path in (cache_folder() / self.name).iterdir():
            with suppress(OSError):  # another process may have removed it
                facts = path.stat()
                found.append((facts.st_mtime_ns, facts.st_size, path))
        excess = sum(size for _, size, _ in found) - self.limit
        if excess <= 0:
            return
        excess += self.limit // 10
        for _, size, path in sorted(found):
            if excess <= 0:
                break
            with suppress(OSError):
                path.unlink()
            excess -= size


def _head(payload: bytes | memoryview) -> tuple[bytes, int, int]:
    return _MAGIC, zlib.crc32(payload), len(payload)
