"""Files from the network, for `models fetch` alone: what a repository holds, and one file after the other.

Speaks plain HTTP: the model hub's listing, or a folder of addresses. A file that was begun goes on where it
stopped when its digest is known beforehand; otherwise it begins again.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from toonctl import __version__
from toonctl.core.errors import CheckpointError, DeliveryError

_TIMEOUT_S = 60.0
_PIECE = 1 << 20
_NO_HEAD = (403, 405, 501)
_TOO_FAR = 416  # the file begun is whole already, or longer than the one there


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository: its path there, its address, bytes and SHA-256 where these are known."""

    path: str
    url: str
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of a repository at one commit."""

    commit: str
    files: tuple[RemoteFile, ...]


class Unreachable(CheckpointError):
    """The network, or the host asked, does not answer."""


def list_repository(repo: str, revision: str) -> Listing:
    """The files of a repository of the model hub at a branch, change or commit.

    `HF_ENDPOINT` names another hub, `HF_TOKEN` is shown to it. Raises: CheckpointError.
    """
    endpoint = _endpoint()
    url = f"{endpoint}/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true"
    with _open(Request(url)) as answer:
        try:
            document: dict[str, Any] = json.load(answer)
            commit = str(document["sha"])
            files = tuple(_remote(endpoint, repo, commit, each) for each in document["siblings"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"the hub's list of `{repo}` cannot be read: {error}", url) from error
    return Listing(commit, files)


def bytes_at(url: str) -> int | None:
    """The length of what an address holds, None when the host does not tell. Raises: CheckpointError."""
    try:
        with _open(Request(url, method="HEAD")) as answer:
            return _length(answer)
    except CheckpointError as error:
        if isinstance(error.__cause__, HTTPError) and error.__cause__.code in _NO_HEAD:
            return None
        raise


def download(file: RemoteFile, part: Path, tell: Callable[[int], object]) -> None:
    """The file's bytes in `part`; `tell` is given how many there are after each piece, and may raise.

    Raises: CheckpointError when the host fails or its answer breaks off; DeliveryError when the disk fails.
    """
    begun = part.stat().st_size if file.sha256 and part.is_file() else 0
    if begun and begun == file.bytes:
        tell(begun)
        return
    request = Request(file.url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        with _open(request) as answer:
            goes_on = getattr(answer, "status", None) == 206
            _copy(answer, part, begun if goes_on else 0, tell)
    except CheckpointError as error:
        if begun and isinstance(error.__cause__, HTTPError) and error.__cause__.code == _TOO_FAR:
            part.unlink()
            download(file, part, tell)
            return
        raise


def _copy(answer: IO[bytes], part: Path, begun: int, tell: Callable[[int], object]) -> None:
    length = _length(answer)
    done = begun
    try:
        with part.open("ab" if begun else "wb") as file:
            while piece := _read(answer, part.name):
                file.write(piece)
                done += len(piece)
                tell(done)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        what = f"cannot write `{part.name}`: {error.strerror or error}"
        raise DeliveryError(what, str(part), "free space or fix the folder, then fetch again") from error
    if length is not None and done - begun != length:
        what = f"the answer broke off after {done - begun} of {length} bytes"
        raise Unreachable(what, part.name, "fetch again; it goes on where it stopped")


def _read(answer: IO[bytes], name: str) -> bytes:
    try:
        return answer.read(_PIECE)
    except OSError as error:  # of the connection, not of the disk
        raise Unreachable(f"the connection broke: {error}", name, "fetch again") from error


def _open(request: Request) -> IO[bytes]:
    url = request.full_url
    token = os.environ.get("HF_TOKEN")
    request.add_header("User-Agent", f"toonctl/{__version__}")
    if token and url.startswith(f"{_endpoint()}/"):
        # Not repeated to the storage that the hub sends us on to.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        return urlopen(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        hints = {
            401: "the publisher asks who you are: accept the terms there, and name a token in `HF_TOKEN`",
            403: "the publisher asks who you are: accept the terms there, and name a token in `HF_TOKEN`",
            404: "the publisher has moved or removed it: correct the row, or place the files by hand",
        }
        hint = hints.get(error.code, "try again later")
        raise CheckpointError(f"the host answers {error.code} {error.reason}", url, hint) from error
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        hint = "fetch on a host with network, into a folder of `TOONCTL_MODELS` that this one sees"
        raise Unreachable(f"the host cannot be reached: {reason}", url, hint) from error


def _endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _remote(endpoint: str, repo: str, commit: str, each: dict[str, Any]) -> RemoteFile:
    path, large = str(each["rfilename"]), each.get("lfs") or {}
    url = f"{endpoint}/{repo}/resolve/{commit}/{quote(path)}"
    return RemoteFile(path, url, large.get("size", each.get("size")), large.get("sha256"))


def _length(answer: Any) -> int | None:
    with suppress(TypeError, ValueError):
        return int(answer.headers["Content-Length"])
    return None
