"""Weights from their publishers into a folder of models: whole files, checked, locked to what was got."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from toonctl.core.errors import CheckpointError, DeliveryError, Stopped
from toonctl.core.files import digest_file, write_whole
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.models.digests import digest, remember
from toonctl.models.shelves import LOCK, UNPINNED, Entry, PublishedFile, gaps, read_lock, size_text
from toonctl.pipelines._web import RemoteFile, Unreachable, bytes_at, download, list_repository
from toonctl.stages.lock import exclusive

_HARMLESS = (".json", ".txt", ".model", ".safetensors", ".jinja")
"""Endings a pattern may fetch; pickles and code come only when a row names them."""


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """What one row needs from the network, and the folder it goes to.

    `commit` is empty for files without a repository. `note` says when the network could not be asked.
    """

    entry: Entry
    folder: Path
    commit: str
    files: tuple[RemoteFile, ...]
    note: str = ""

    @property
    def missing(self) -> tuple[RemoteFile, ...]:
        """The files that are not there in their size."""
        return tuple(file for file in self.files if not _is_there(self.folder / file.path, file))


def plan_fetch(entry: Entry, root: Path) -> FetchPlan:
    """The files of a row as the publisher has them now, or had them at the commit that is pinned or locked.

    Raises: CheckpointError when the host fails, holds none of a file's names, or the row has no address.
    """
    if entry.url:
        files = tuple(_from_address(entry.url.rstrip("/") + "/", file) for file in entry.files)
        return FetchPlan(entry, root / entry.shelf, "", files)
    if not entry.repo:
        raise CheckpointError(f"`{entry.id}` has no address to fetch from", entry.origin, entry.note or None)
    revision = _locked_commit(entry, root) or (entry.revision if entry.commit == UNPINNED else entry.commit)
    listing = list_repository(entry.repo, revision)
    chosen: dict[str, RemoteFile] = {}
    for wanted in entry.files:
        fitting = [
            file for file in listing.files if wanted.fits(file.path) and _is_allowed(wanted, file.path)
        ]
        if not fitting and not wanted.is_optional:
            what = f"`{entry.repo}` holds no `{wanted.path}` at {listing.commit[:8]}"
            raise CheckpointError(what, entry.origin, "correct the row, or pin the commit that has it")
        chosen |= {file.path: _with_digest(file, wanted) for file in fitting}
    terms = [file for file in listing.files if file.path.startswith(("LICENSE", "LICENCE", "NOTICE"))]
    chosen |= {file.path: file for file in terms if "/" not in file.path}
    folder = root / f"{entry.shelf}@{listing.commit[:8]}"
    return FetchPlan(entry, folder, listing.commit, tuple(chosen.values()))


def registered_plan(entry: Entry, root: Path, why: Unreachable) -> FetchPlan:
    """The files as the registry has them, for a plan without network."""
    files = tuple(RemoteFile(f.path, "", f.bytes or f.about_bytes, f.sha256) for f in entry.files)
    commit = "" if entry.commit == UNPINNED else entry.commit
    folder = root / (f"{entry.shelf}@{commit[:8] or 'COMMIT'}" if entry.repo else entry.shelf)
    return FetchPlan(
        entry, folder, commit, files, f"sizes as registered, some rounded; {why.problems[0].what}"
    )


def fetch_files(plans: Sequence[FetchPlan], root: Path, *, report: Reporter, stop: StopFlag) -> None:
    """The files of all plans on disk, read-only, with lock files beside them.

    Each appears under its name when it is whole and its digest right. Raises: CheckpointError when a host
    fails or a file is not the one published; DeliveryError; Stopped after a signal.
    """
    todo = [(plan, file) for plan in plans for file in plan.missing]
    needed = sum(file.bytes or 0 for _, file in todo)
    _refuse_too_little_space(root, needed)
    report.start(_megabytes(needed), f"fetch {plans[0].entry.engine}")
    with exclusive(
        root / ".toonctl-fetch.lock", f"the models in `{root}` are", break_lock=False, report=report
    ):
        done = 0
        for plan in plans:
            _write_lock(plan)  # first, so that a fetch that is cut short is not taken for a whole one
        for plan, file in todo:
            done += _fetch(plan, file, done, report=report, stop=stop)
        for plan in plans:
            _write_lock(plan)
            if faults := gaps(plan.entry, plan.folder):
                what = f"`{plan.entry.id}` was fetched and is not whole: {', '.join(faults[:3])}"
                raise CheckpointError(what, str(plan.folder), "fetch again")


def _fetch(plan: FetchPlan, file: RemoteFile, before: int, *, report: Reporter, stop: StopFlag) -> int:
    """One file on disk; `before` bytes of others came first. Gives its bytes."""
    target = plan.folder / file.path
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeliveryError(f"cannot make `{target.parent}`: {error.strerror or error}", str(part)) from error

    def tell(n_bytes: int) -> None:
        done = _megabytes(before + n_bytes)
        report.step(done=done, frame=done, layer="", note=file.path)
        if stop.is_set():
            raise Stopped(f"stopped by {stop.asked_by}", hint="fetch again; what is whole is kept")

    download(file, part, tell)
    size = part.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise _not_as_published(file, part, f"is {size} bytes, not {file.bytes}")
    sha256 = digest_file(part)
    if not sha256.startswith((file.sha256 or "").lower()):
        raise _not_as_published(file, part, f"has the SHA-256 {sha256}, not {file.sha256}")
    part.replace(target)
    target.chmod(0o444)
    remember(target, sha256)
    return size


def _not_as_published(file: RemoteFile, part: Path, fault: str) -> CheckpointError:
    part.unlink()
    what = f"`{file.path}` {fault}; it was thrown away"
    return CheckpointError(what, file.url, "fetch again; if it stays so, its publisher has changed it")


def _write_lock(plan: FetchPlan) -> None:
    """What is got, beside it, with digests of what is there; the rows of a repository share a lock file."""
    old = read_lock(plan.folder)
    files: dict[str, object] = dict(old.get("files", {}))
    missing = plan.missing
    for file in plan.files:
        path, size, sha256 = plan.folder / file.path, file.bytes, file.sha256
        if file not in missing:
            size, sha256 = path.stat().st_size, digest(path)
        files[file.path] = {"bytes": size, "sha256": sha256}
    document = {
        "repo": plan.entry.repo,
        "url": plan.entry.url,
        "revision": plan.entry.revision,
        "commit": plan.commit,
        "fetched": datetime.now(UTC).strftime("%Y-%m-%d"),
        "files": dict(sorted(files.items())),
    }
    write_whole(plan.folder / LOCK, (json.dumps(document, indent=1) + "\n").encode())


def _locked_commit(entry: Entry, root: Path) -> str | None:
    """The commit an earlier fetch of an unpinned repository got, so that all its rows come from one."""
    if entry.commit != UNPINNED:
        return None
    for folder in sorted(root.glob(f"{entry.shelf}@*")):
        lock = read_lock(folder)
        if lock.get("repo") == entry.repo and lock.get("revision") == entry.revision:
            return str(lock["commit"])
    return None


def _from_address(base: str, file: PublishedFile) -> RemoteFile:
    url = base + file.path
    return RemoteFile(file.path, url, file.bytes if file.bytes is not None else bytes_at(url), file.sha256)


def _with_digest(file: RemoteFile, wanted: PublishedFile) -> RemoteFile:
    """The hub's file with what the row knows of it, which counts more."""
    size = wanted.bytes if wanted.bytes is not None else file.bytes
    return RemoteFile(file.path, file.url, size, wanted.sha256 or file.sha256)


def _is_allowed(wanted: PublishedFile, path: str) -> bool:
    return not wanted.is_pattern or PurePosixPath(path).suffix in _HARMLESS or wanted.path.endswith(path)


def _is_there(path: Path, file: RemoteFile) -> bool:
    try:
        return file.bytes is None or path.stat().st_size == file.bytes if path.is_file() else False
    except OSError:
        return False


def _refuse_too_little_space(root: Path, needed: int) -> None:
    there = next(path for path in (root, *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        what = f"{size_text(needed)} are to be fetched and {size_text(free)} are free"
        raise DeliveryError(what, str(root), "free space, or name another folder with `--root`")


def _megabytes(n_bytes: int) -> int:
    return max(1, round(n_bytes / 1e6))


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK)
