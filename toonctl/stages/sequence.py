"""Numbered files: `line/walk.####.png` and what lies behind it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from toonctl.core.errors import ArtError, Problem
from toonctl.stages.roles import drawing_name

_NUMBER = re.compile(r"#+|%0?\d*d")


@dataclass(frozen=True, slots=True)
class NumberedFiles:
    """The files of a pattern by drawing name (`12`, `12a`), ascending."""

    pattern: str
    files: Mapping[str, Path]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The plain numbers among them, ascending."""
        return tuple(int(name) for name in self.files if name.isdecimal())

    def file_name(self, name: str) -> str:
        """What the file of a drawing is, or would be, called."""
        if name in self.files:
            return self.files[name].name
        whole = PurePath(self.pattern).name
        found = _NUMBER.search(whole)
        if found is None:
            return whole
        n_digits = len(found[0]) if found[0].startswith("#") else int(found[0].strip("%d") or "1")
        return f"{whole[: found.start()]}{name.zfill(n_digits)}{whole[found.end() :]}"


def is_pattern(path: str) -> bool:
    """Whether the file name of `path` holds a number written as `####` or `%04d`."""
    return _NUMBER.search(PurePath(path).name) is not None


def find_numbered(pattern: str, folder: Path) -> NumberedFiles:
    """The files below `folder` that fit `pattern`, whatever their padding.

    Raises: ArtError when the folder is missing, no file fits, or two files have the same number.
    """
    place = (folder / pattern).parent
    name = PurePath(pattern).name
    found = _NUMBER.search(name)
    if found is None:
        raise ArtError(f"`{pattern}` has no number", str(place), "write the number as `####`")
    head, tail = re.escape(name[: found.start()]), re.escape(name[found.end() :])
    fits = re.compile(head + r"(\d{1,9}[a-z]?)" + tail, re.IGNORECASE)
    try:
        names = sorted(entry.name for entry in place.iterdir())
    except OSError as error:
        what = f"the folder of `{pattern}` cannot be read: {error.strerror or error}"
        raise ArtError(what, str(place), "check `[art]` of the shot file") from error
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for match in filter(None, map(fits.fullmatch, names)):
        drawing = drawing_name(match[1])
        if drawing in files:
            what = f"`{files[drawing].name}` and `{match[0]}` have the same number"
            problems.append(Problem(what, str(place), "remove one of them"))
        files.setdefault(drawing, place / match[0])
    if problems:
        raise ArtError.listing(problems)
    if not files:
        some = ", ".join(f"`{n}`" for n in names[:3])
        hint = (
            f"the folder holds {some}{' ...' if len(names) > 3 else ''}" if names else "the folder is empty"
        )
        raise ArtError(f"no file fits `{pattern}`", str(place), hint)
    return NumberedFiles(pattern, dict(sorted(files.items(), key=lambda item: _order(item[0]))))


def _order(drawing: str) -> tuple[int, str]:
    digits = drawing.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(digits), drawing
