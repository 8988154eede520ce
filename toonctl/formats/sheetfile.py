"""What the sheet readers share: a file's bytes, refused when too many, and the list of its faults."""

from collections.abc import Iterable
from pathlib import Path

from toonctl.core.errors import Problem, SpecError
from toonctl.core.names import name_fault
from toonctl.core.timesheet import MAX_FRAMES

MAX_SHEET_BYTES = 20_000_000

_MAX_LAYERS = 1_000
# Layers times frames: bounds what a small file with a long duration blows up to.
_MAX_CELLS = 20_000_000
_MAX_LISTED = 200


class Faults:
    """Collects everything wrong with one sheet file; a hostile file cannot make the list endless."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = ""
        self._problems: list[Problem] = []

    def inside(self, place: str) -> "Faults":
        """The same list, for a part of the sheet: `place` (`table 1`) stands before what is noted."""
        part = Faults(self._path)
        part._place = f"{self._place}, {place}" if self._place else place
        part._problems = self._problems
        return part

    def add(self, what: str, *, line: int | None = None, hint: str | None = None) -> None:
        """Notes `what`, on 1-based `line` of the file."""
        if len(self._problems) > _MAX_LISTED:
            return
        if len(self._problems) == _MAX_LISTED:
            what, hint = "and more of the kind", None
        elif self._place:
            what = f"{self._place}: {what}"
        where = str(self._path) if line is None else f"{self._path}:{line}"
        self._problems.append(Problem(what, where, hint))

    def check(self) -> None:
        """Raises: SpecError listing what was noted, if anything was."""
        if self._problems:
            raise SpecError.listing(self._problems)


def read_sheet_bytes(path: Path) -> bytes:
    """The whole file. Raises: SpecError when it is no readable file or over 20 MB."""
    try:
        if not path.is_file():
            raise SpecError(f"there is no sheet `{path.name}`", str(path), "check the path of the sheet")
        with path.open("rb") as file:
            data = file.read(MAX_SHEET_BYTES + 1)
    except OSError as error:
        what = f"cannot read the sheet `{path.name}`: {error.strerror or error}"
        raise SpecError(what, str(path), "check the permissions of the file") from error
    if len(data) > MAX_SHEET_BYTES:
        what = f"the sheet `{path.name}` is over {MAX_SHEET_BYTES // 1_000_000} MB"
        raise SpecError(what, str(path), "export the sheet of this shot alone")
    return data


def is_of_size(n_layers: int, n_frames: int, faults: Faults) -> bool:
    """Whether a sheet is small enough to read on; notes it when it is not."""
    is_small = n_layers <= _MAX_LAYERS and n_frames <= MAX_FRAMES and n_layers * n_frames <= _MAX_CELLS
    if not is_small:
        faults.add(f"{n_layers:,} layers of {n_frames:,} frames are too many for one sheet")
    return is_small


def check_drawings(drawings: Iterable[str | None], faults: Faults) -> None:
    """Notes every drawing, named once, whose name cannot be a file's."""
    for name in dict.fromkeys(drawings):
        fault = name_fault(name) if name is not None else None
        if fault:
            readable = str(name)[:60].encode("utf-8", "replace").decode()
            faults.add(f"the drawing `{readable}` {fault}", hint="rename the drawing")
