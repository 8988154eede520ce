"""An exclusive lock file per set of frames, so that two processes never color the same frames at once."""

import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toonctl.core.errors import DeliveryError
from toonctl.core.reporter import Reporter
from toonctl.stages.tree import OutputTree

_EMPTY_IS_NEW_S = 60.0  # a lock without content is one being written, or the trace of a crash


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock; `birth` is its start time in the kernel's ticks, None where unknown."""

    host: str
    pid: int
    time: str
    birth: int | None = None

    def is_gone(self) -> bool:
        """Whether the process is surely no more; False where nothing can be known, as of another host."""
        if self.host != socket.gethostname() or sys.platform == "win32":  # there, asking would end it
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False  # alive, somebody else's
        return self.birth is not None and _birth(self.pid) != self.birth  # the number was given out anew


class LockHeld(DeliveryError):
    """Another process holds the lock, or may."""


@contextmanager
def frame_lock(
    tree: OutputTree, frames: Sequence[int], *, break_lock: bool, report: Reporter
) -> Generator[None]:
    """Hold the lock of these frames while the block runs.

    A lock left by a dead process of this host is broken with a notice, any other only with `break_lock`.
    Raises: LockHeld; DeliveryError when `state/` cannot be written.
    """
    work = f"these frames of `{tree.shot}` are"
    with exclusive(_lock_path(tree, frames), work, break_lock=break_lock, report=report):
        yield


@contextmanager
def exclusive(path: Path, work: str, *, break_lock: bool, report: Reporter) -> Generator[None]:
    """Hold the lock file `path` while the block runs; `work` (`these frames are`) is what it guards.

    Broken and refused like that of `frame_lock`. Raises: LockHeld, DeliveryError.
    """
    mine = json.dumps(_myself())
    if not _take(path, mine):
        text = _text(path)
        holder = _parse(text)
        if not break_lock and not _is_stale(path, holder):
            raise _held(work, path, holder)
        report.notice(f"breaking the lock of {_named(holder)}")
        _break(path, text)
        if not _take(path, mine):
            raise _held(work, path, _parse(_text(path)))
    try:
        yield
    finally:
        if _text(path) == mine:  # not when somebody broke it and holds it now
            path.unlink(missing_ok=True)


def _lock_path(tree: OutputTree, frames: Sequence[int]) -> Path:
    digest = hashlib.sha256(",".join(map(str, frames)).encode()).hexdigest()[:8]
    return tree.state / "locks" / f"{frames[0]}-{frames[-1]}.{digest}.lock"


def _take(path: Path, content: str) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.parent.is_dir():
            return False
        with suppress(OSError):
            path.unlink()  # an empty lock would keep others waiting
        raise DeliveryError(
            f"cannot write `{path.name}`: {error.strerror or error}",
            str(path),
            "free space or fix the permissions of the folder",
        ) from error
    return True


def _break(path: Path, text: str) -> None:
    # Another process may break the same lock and take it in between; its new lock must survive.
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _text(aside) != text and not path.exists():
        aside.rename(path)
    else:
        aside.unlink(missing_ok=True)


def _is_stale(path: Path, holder: Holder | None) -> bool:
    if holder is not None:
        return holder.is_gone()
    try:
        # Either way: the clock of the host that wrote it may be ahead of ours.
        return abs(time.time() - path.stat().st_mtime) > _EMPTY_IS_NEW_S
    except OSError:
        return True


def _held(work: str, path: Path, holder: Holder | None) -> LockHeld:
    return LockHeld(
        f"{work} being worked on by {_named(holder)}",
        str(path),
        "wait for it; `--break-lock` when that process is surely gone",
    )


def _named(holder: Holder | None) -> str:
    if holder is None:
        return "an unknown process"
    return f"process {holder.pid} on {holder.host} since {holder.time}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _parse(text: str) -> Holder | None:
    try:
        data: Any = json.loads(text)
        return Holder(str(data["host"]), int(data["pid"]), str(data["time"]), data.get("birth"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _myself() -> dict[str, object]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "time": now, "birth": _birth(pid)}


def _birth(pid: int) -> int | None:
    try:
        # Linux; the command name in brackets may hold spaces, so count from behind it.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return int(fields.split()[19])
    except (OSError, ValueError, IndexError):
        return None
