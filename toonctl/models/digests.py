"""SHA-256 of weights files, which are large: reckoned once, remembered by size, time and inode.

What was reckoned is written beside the weights when that folder allows it, else into the cache folder.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from toonctl.core.cache import cache_folder
from toonctl.core.errors import DeliveryError
from toonctl.core.files import digest_file, write_whole

MEMORY = ".toonctl-verified.json"


def digest(path: Path, *, is_anew: bool = False) -> str:
    """SHA-256 of a file, hex; of a folder, that of the list of its files' names and digests.

    A file that has not changed since it was last read is not read again unless `is_anew`. Raises: OSError.
    """
    if not path.is_dir():
        return _file_digest(path, is_anew=is_anew)
    lines = [
        f"{_file_digest(file, is_anew=is_anew)}  {file.relative_to(path).as_posix()}"
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def remember(path: Path, sha256: str) -> None:
    """Notes the SHA-256 of a file as it stands, so that `digest` need not read it."""
    record = {"stat": _mark(path), "sha256": sha256}
    beside = os.access(path.parent, os.W_OK)
    memory, key = (path.parent / MEMORY, path.name) if beside else (_cache_file(), str(path.absolute()))
    # Without memory the digest is only reckoned again: a full or read-only disk must not end a job here.
    with suppress(DeliveryError):
        write_whole(memory, json.dumps({**_read(memory), key: record}, indent=1).encode())


def _file_digest(path: Path, *, is_anew: bool) -> str:
    mark = _mark(path)
    for memory, key in ((path.parent / MEMORY, path.name), (_cache_file(), str(path.absolute()))):
        known = _read(memory).get(key)
        if not is_anew and isinstance(known, dict) and known.get("stat") == mark:
            return str(known["sha256"])
    sha256 = digest_file(path)
    remember(path, sha256)
    return sha256


def _mark(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _read(memory: Path) -> dict[str, dict[str, object]]:
    try:
        document = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _cache_file() -> Path:
    return cache_folder() / "verified.json"
