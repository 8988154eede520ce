"""Picture files before they are decoded: opened, weighed, refused with a remedy when they cannot be used."""

from collections.abc import Generator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from toonctl.core.art import Size
from toonctl.core.errors import ArtError

MAX_PIXELS = 100_000_000
MAX_BYTES = 768 * 2**20  # decoding holds the file and its pixels at once, and a host gives us 1 GiB

SAVE_AGAIN = "open it in the program that made it and save it again"


@contextmanager
def open_art(path: Path) -> Generator[BinaryIO]:
    """The file, open for reading. Raises: ArtError when it is missing, empty, too big or cannot be read."""
    try:
        with path.open("rb") as file:
            n_bytes = file.seek(0, 2)
            file.seek(0)
            if n_bytes == 0:
                raise ArtError(f"`{path.name}` is empty", str(path), SAVE_AGAIN)
            if n_bytes > MAX_BYTES:
                what = f"`{path.name}` has {n_bytes >> 20} MiB, {MAX_BYTES >> 20} are allowed"
                raise ArtError(what, str(path), "split it into smaller files")
            yield file
    except OSError as error:
        raise missing(path, error) from error


def read_bytes(path: Path) -> bytes:
    """All bytes of the file. Raises: ArtError as `open_art`."""
    with open_art(path) as file:
        return file.read()


def missing(path: Path, error: OSError) -> ArtError:
    """What to tell about a file that the system does not hand out, with the nearest name in its folder."""
    if not isinstance(error, FileNotFoundError):
        what = f"`{path.name}` cannot be read: {error.strerror or error}"
        return ArtError(what, str(path), "check the path and its permissions")
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ArtError(f"the folder of `{path.name}` does not exist", str(path), "check the path")
    close = get_close_matches(path.name, names, n=1)
    hint = f"did you mean `{close[0]}`?" if close else "check the path: it starts at the shot file"
    return ArtError(f"`{path.name}` does not exist", str(path), hint)


def check_size(size: Size, path: Path, what: str | None = None) -> None:
    """Passes when a picture (or the part of it called `what`) is worth decoding.

    Raises: ArtError when it has no pixels or more than 100 million.
    """
    width, height = size
    name = f"{what} of `{path.name}`" if what else f"`{path.name}`"
    if width < 1 or height < 1:
        raise ArtError(f"{name} has no pixels ({width} x {height})", str(path), SAVE_AGAIN)
    if width * height > MAX_PIXELS:
        n_mega = round(width * height / 1e6)
        raise ArtError(
            f"{name} has {n_mega} million pixels ({width} x {height}), {MAX_PIXELS // 1_000_000} are allowed",
            str(path),
            "scale it down or split it",
        )
