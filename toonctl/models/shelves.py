"""Where published weights may lie: rows of the registry, the folders searched, what is wanting there."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json import loads
from pathlib import Path

from toonctl.core.errors import CheckpointError
from toonctl.models.licences import Licence

LOCK = ".toonctl-lock.json"
"""Beside fetched weights: commit, bytes and SHA-256 of what was got."""

UNPINNED = "unpinned"
"""The commit of a row that nobody has pinned."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a repository, or with `*` all that fit; `about_bytes` is rounded, `bytes` exact.

    `sha256` may be the first digits alone, where a file's name carries no more.
    """

    path: str
    bytes: int | None = None
    about_bytes: int | None = None
    sha256: str | None = None
    is_optional: bool = False

    @property
    def is_pattern(self) -> bool:
        return "*" in self.path

    def fits(self, path: str) -> bool:
        """Whether a path of the repository is this file, or one of these."""
        pieces = re.split(r"(\*\*/|\*)", self.path)
        patterns = {"**/": "(?:.*/)?", "*": "[^/]*"}
        return (
            re.fullmatch("".join(patterns.get(piece) or re.escape(piece) for piece in pieces), path)
            is not None
        )

    def within(self, folder: Path) -> list[Path]:
        """The files of `folder` that this names."""
        if self.is_pattern:
            found = (path for path in folder.glob(self.path) if path.is_file())
            return sorted(path for path in found if not path.name.startswith("."))  # ours, or half a file
        path = folder / self.path
        return [path] if path.is_file() else []


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the registry: weights of a `role` of an `engine`, from a repository or from addresses.

    `commit` is 40 digits or `unpinned`; `seen` the first digits of one that was looked at; `revision` a
    branch or change that is not the main one. `gives` is what the engine gets, the whole folder when empty.
    An `is_optional` row is one that the engine can do without.
    """

    id: str
    engine: str
    role: str
    licence: Licence
    files: tuple[PublishedFile, ...]
    repo: str = ""
    url: str = ""
    commit: str = UNPINNED
    revision: str = "main"
    seen: str = ""
    gives: str = ""
    note: str = ""
    is_optional: bool = False
    origin: str = "registry.toml"

    def __post_init__(self) -> None:
        if self.commit != UNPINNED and not _COMMIT.fullmatch(self.commit):
            raise ValueError(f"`commit` of `{self.id}` is neither 40 hexadecimal digits nor `unpinned`")
        if self.repo and self.url:
            raise ValueError(f"`{self.id}` has both `repo` and `url`")
        if self.repo and self.repo.count("/") != 1:
            raise ValueError(f"`repo` of `{self.id}` is not `owner/name`")
        if not self.files:
            raise ValueError(f"`{self.id}` names no files")
        if faulty := [file.path for file in self.files if _leaves(file.path)] + [self.gives] * _leaves(
            self.gives
        ):
            raise ValueError(f"`{faulty[0]}` of `{self.id}` leads out of its folder")

    @property
    def is_pinned(self) -> bool:
        """Whether the registry itself says which bytes are meant: by commit, or each file by its digest."""
        return self.commit != UNPINNED or all(file.sha256 for file in self.files)

    @property
    def home(self) -> str:
        """Repository or address, for people."""
        return self.repo or self.url or "no known address"

    @property
    def shelf(self) -> str:
        """The folder's name below a root, without what follows `@`."""
        return self.repo.replace("/", "--") if self.repo else self.id

    @property
    def n_bytes(self) -> int | None:
        """Bytes of all files as far as they are known, None when nothing is."""
        known = [size for file in self.files if (size := file.bytes or file.about_bytes) is not None]
        return sum(known) if known else None

    @property
    def is_exact(self) -> bool:
        return all(file.bytes is not None for file in self.files)

    def path_in(self, folder: Path) -> Path:
        """What the engine is given, in the folder where all files are."""
        if "*" in self.gives:
            return next(iter(PublishedFile(self.gives).within(folder)), folder)
        return folder / self.gives


def roots() -> tuple[Path, ...]:
    """The folders of weights, in the order they are searched; the user's own last."""
    named = [part for part in os.environ.get("TOONCTL_MODELS", "").split(os.pathsep) if part]
    return (*(Path(part).expanduser() for part in named), _own_folder())


def places(entry: Entry) -> Iterator[tuple[str, Path]]:
    """Every folder there is where the files of `entry` may lie, with how it is called, in order."""
    commit8 = entry.commit[:8] if entry.commit != UNPINNED else "*"
    names = [entry.shelf]
    if entry.repo:
        names = [f"{entry.shelf}@{commit8}", entry.shelf, entry.repo.partition("/")[2], entry.repo]
    for root in roots():
        for name in names:
            found = root.glob(name) if "*" in name else iter([root / name])
            yield from ((f"folder {root}", path) for path in sorted(found) if path.is_dir())
        if not entry.repo and root.is_dir():
            yield f"folder {root}", root  # files of measures may lie there one by one
    if entry.repo and (snapshot := _hub_snapshot(entry)) is not None:
        yield "hub cache", snapshot


def gaps(entry: Entry, folder: Path) -> list[str]:
    """What is wanting of `entry` in `folder`, for people; empty when every file is there in its size."""
    faults: list[str] = []
    locked = read_lock(folder).get("files", {})
    for file in entry.files:
        found = file.within(folder)
        if not found and not file.is_optional:
            faults.append(f"`{file.path}` is absent")
        for path in found:
            name = path.relative_to(folder).as_posix()
            wanted = file.bytes if file.bytes is not None else locked.get(name, {}).get("bytes")
            if wanted is not None and path.stat().st_size != wanted:
                faults.append(f"`{name}` is {path.stat().st_size} bytes, not {wanted}")
        here = {path.relative_to(folder).as_posix() for path in found}
        faults += [f"`{name}` is absent" for name in locked if file.fits(name) and name not in here]
    return faults + _missing_shards(entry.path_in(folder))


def read_lock(folder: Path) -> dict[str, dict[str, dict[str, int]]]:
    """What the lock file beside fetched weights says, empty without one. Raises: CheckpointError."""
    path = folder / LOCK
    if not path.is_file():
        return {}
    try:
        return loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the lock file of fetched weights is broken: {error}", str(path)) from error


def given_path(engine: str, role: str, text: str) -> Path:
    """The file or folder a user named. Raises: CheckpointError when it is not there."""
    path = Path(text).expanduser()
    if path.exists():
        return path
    what = f"the weights `{role}` of `{engine}` are not where they are said to be"
    raise CheckpointError(
        what, str(path), f"fix `[engine]` weights.{role}, or leave it out to use registered ones"
    )


def searched() -> str:
    """The places that are searched, for a message."""
    return ", ".join([*map(str, roots()), str(_hub_cache())])


def size_text(n_bytes: int | None, *, is_exact: bool = True) -> str:
    """`10.5 GB`, `about 178 MB`, `size not known`."""
    if n_bytes is None:
        return "size not known"
    about = "" if is_exact else "about "
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= scale:
            return f"{about}{n_bytes / scale:.3g} {unit}"
    return f"{about}{n_bytes} bytes"


def _missing_shards(path: Path) -> list[str]:
    """Shards that an index file names and that are not beside it."""
    shards: set[str] = set()
    for index in sorted(path.glob("*.safetensors.index.json")) if path.is_dir() else ():
        try:
            shards |= set(loads(index.read_text("utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError):
            return [f"`{index.name}` is no index"]
    return [f"`{name}` is absent" for name in sorted(shards) if not (path / name).is_file()]


def _hub_cache() -> Path:
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def _hub_snapshot(entry: Entry) -> Path | None:
    folder = _hub_cache() / f"models--{entry.shelf}"
    commit = entry.commit
    if commit == UNPINNED:
        try:
            commit = (folder / "refs" / entry.revision).read_text("ascii").strip()
        except OSError:
            return None
    snapshot = folder / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None


def _own_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("toonctl") / "models"


def _leaves(path: str) -> bool:
    return path.startswith(("/", "~")) or "\\" in path or ".." in path.split("/")
