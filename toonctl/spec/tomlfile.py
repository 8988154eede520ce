"""A TOML file from disk: its values, where each key stands, and its digest; or what is wrong with it."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from toonctl.core.errors import SpecError, UsageError
from toonctl.spec.keylines import KeyLines, KeyPath, key_lines

MAX_BYTES = 20_000_000

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY_PART = re.compile(r'\[(\d+)\]|\.?(?:([A-Za-z0-9_-]+)|"([^"]*)")')
_KEY_TEXT = re.compile(rf"(?!\.|\[)(?:{_KEY_PART.pattern})+")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class TomlFile:
    """`values` as tomllib gives them; `lines` finds the line of a key; `text` is the file itself."""

    path: Path
    values: dict[str, object]
    lines: KeyLines
    text: str
    sha256: str

    def where(self, path: KeyPath) -> str:
        """The place of a key for a message: `shot.toml:14: engine.matcher`."""
        place = f"{self.path.name}:{self.lines.line_of(path)}"
        return f"{place}: {key_text(path)}" if path else place


def key_text(path: KeyPath) -> str:
    """`reference[2].frame`: a key path for people, elements counted from 1."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if _BARE.fullmatch(part) else f'"{part}"'
            text += f".{name}" if text else name
    return text


def key_path(text: str) -> KeyPath | None:
    """The key path that `key_text` wrote so; None for text that is something else."""
    if not _KEY_TEXT.fullmatch(text):
        return None
    path: list[str | int] = []
    for number, bare, quoted in _KEY_PART.findall(text):
        path.append(int(number) - 1 if number else bare or quoted)
    return tuple(path)


def read_toml(path: Path) -> TomlFile:
    """The parsed file.

    Raises: UsageError when `path` is missing, a folder or unreadable; SpecError when it is over 20 MB, not
    UTF-8 or not TOML, with line and column.
    """
    if path.is_dir():
        raise UsageError(
            f"`{path}` is a folder", hint=f"name the shot file in it, such as `{path}/shot.toml`"
        )
    if not path.is_file():
        raise UsageError(f"there is no file `{path}`", hint="`toonctl init` writes a first shot file")
    try:
        n_bytes = path.stat().st_size
        if n_bytes > MAX_BYTES:
            raise SpecError(
                f"the file has {n_bytes / 1e6:.0f} MB, {MAX_BYTES // 1_000_000} MB are allowed",
                str(path),
                "a shot file names pictures, it does not hold them",
            )
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read `{path}`: {error.strerror or error}", hint="fix its permissions"
        ) from error
    text = _decode(data, path)
    try:
        values = tomllib.loads(text)
        lines = key_lines(text)
    except RecursionError as error:
        raise SpecError("arrays or tables are nested too deeply", path.name, "flatten them") from error
    except ValueError as error:
        raise _syntax_error(error, text, path) from error
    return TomlFile(path, values, lines, text, hashlib.sha256(data).hexdigest())


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")  # some Windows editors put a byte-order mark first
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(
            f"the file is not UTF-8 (byte 0x{data[error.start]:02x})",
            f"{path.name}:{line}",
            "save it again with the encoding UTF-8",
        ) from error


def _syntax_error(error: ValueError, text: str, path: Path) -> SpecError:
    said = str(error)
    match = _PLACE.search(said)
    line, column = text.count("\n") + 1, 1
    if match:
        said = said[: match.start()]
        if match[1]:
            line, column = int(match[1]), int(match[2])
    return SpecError(
        f"this is not TOML: {said[:1].lower()}{said[1:]}",
        f"{path.name}:{line}:{column}",
        'text stands in quotes (`name = "walk"`), tables in brackets (`[shot]`)',
    )
