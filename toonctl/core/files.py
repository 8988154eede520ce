"""Files that are either whole or absent: temporary name in the same folder, fsync, rename."""

import hashlib
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from toonctl.core.errors import DeliveryError

_STALE_S = 24 * 3600


@contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """A temporary path to write to; it becomes `path` when the block ends well and vanishes otherwise.

    Raises: DeliveryError when the folder cannot be made or written (full, read-only, no permission).
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise DeliveryError(
            f"cannot write `{path.name}`: {error.strerror or error}",
            str(path),
            "free space or fix the permissions of the folder, then run again with `--resume`",
        ) from error
    finally:
        with suppress(OSError):  # a parent that is a file, a name that is too long: already reported
            part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """`path` holding exactly `data`. Raises: DeliveryError as `whole_file`."""
    with whole_file(path) as part:
        part.write_bytes(data)


def sweep_stale(folder: Path) -> int:
    """The number of temporary files older than a day that were removed below `folder`."""
    swept = 0
    for part in folder.rglob(".*.part"):
        if part.is_file() and time.time() - part.stat().st_mtime > _STALE_S:
            part.unlink(missing_ok=True)
            swept += 1
    return swept


def digest_file(path: Path) -> str:
    """SHA-256 of the file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
