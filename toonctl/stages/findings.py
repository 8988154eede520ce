"""What reading the art of a shot turns up: files with their digests, warnings, and every problem at once."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from os.path import relpath
from pathlib import Path

from toonctl.core.art import InputFile, LayerRole, Size, Warned
from toonctl.core.errors import ArtError, Problem, SpecError
from toonctl.core.files import digest_file
from toonctl.formats.probe import PictureInfo, probe_picture
from toonctl.formats.psd_cache import recall_psd
from toonctl.formats.psd_tree import PsdDocument

_MAX_PROBLEMS = 200


class Code(StrEnum):
    """The warnings that art can give; the codes never change their meaning."""

    DUPLICATE_NAME = "W101"
    NO_LINE = "W102"
    CORRECTION_SKIPPED = "W103"
    CLIPPED_32_BIT = "W104"
    NOT_RASTER = "W105"
    BAD_PROFILE = "W106"
    UNKNOWN_LAYER = "W107"
    NOT_IN_SHEET = "W108"
    NOT_IN_EVERY_KEY = "W109"
    BEFORE_FIRST_KEY = "W110"
    STILL_DIFFERS = "W111"
    OTHER_ORDER = "W112"
    HIDES_ALL = "W113"
    NO_WAY = "W114"


class Findings:
    """Collects while the art is read; `folder` is where the paths of the shot file start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._inputs: dict[Path, InputFile] = {}
        self._warnings: dict[Warned, None] = {}
        self._art: list[Problem] = []
        self._spec: list[Problem] = []
        self._size: tuple[Size, Path] | None = None

    @property
    def inputs(self) -> tuple[InputFile, ...]:
        """The files read so far, in order."""
        return tuple(self._inputs.values())

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """The warnings so far, each once."""
        return tuple(self._warnings)

    @property
    def size(self) -> Size | None:
        """The size of the first picture of the canvas."""
        return self._size[0] if self._size else None

    @property
    def has_problems(self) -> bool:
        """Whether `check` would refuse what was read so far."""
        return bool(self._spec or self._art)

    def warn(self, code: Code, text: str) -> None:
        """Notes that something is odd but usable."""
        self._warnings[Warned(code.value, text)] = None

    def art_problem(self, what: str, path: Path, hint: str | None = None) -> None:
        """Notes a picture that is missing or cannot be used."""
        self._art.append(Problem(what, str(path), hint))

    def spec_problem(self, what: str, key: str, hint: str | None = None) -> None:
        """Notes a `key` of the shot file, or a sheet, that asks for what the art does not have."""
        self._spec.append(Problem(what, key, hint))

    @contextmanager
    def gather(self) -> Generator[None]:
        """Notes the problems that the block raises and goes on after it."""
        try:
            yield
        except ArtError as error:
            self._art += error.problems
        except SpecError as error:
            self._spec += error.problems

    def check(self) -> None:
        """Raises: SpecError or ArtError listing every problem noted, the shot file's first."""
        problems = [*self._spec, *self._art]
        if len(problems) > _MAX_PROBLEMS:
            rest = f"and {len(problems) - _MAX_PROBLEMS} more problems of the kind"
            problems = [*problems[:_MAX_PROBLEMS], Problem(rest)]
        if problems:
            raise (SpecError if self._spec else ArtError).listing(problems)

    def file(self, path: Path) -> str:
        """The SHA-256 of a file that is not a picture, which is recorded."""
        return self._record(path, None).sha256

    def picture(self, path: Path) -> PictureInfo:
        """What the picture at `path` is; its record is kept. Raises: ArtError when it cannot be used."""
        info = probe_picture(path)
        name = info.icc_name if not info.has_bad_profile else None
        self._record(path, InputFile("", "", 0, info.size, info.depth, name or "sRGB (assumed)"))
        if info.has_bad_profile:
            self._warn_profile(path)
        return info

    def psd(self, path: Path) -> PsdDocument:
        """The opened PSD at `path`; its record is kept. Raises: ArtError when it cannot be used."""
        document = recall_psd(path)
        icc = document.icc_name or "sRGB (assumed)"
        self._record(path, InputFile("", document.digest, 0, document.size, document.depth, icc))
        if document.has_bad_profile:
            self._warn_profile(path)
        if document.depth == 32:
            self.warn(Code.CLIPPED_32_BIT, f"`{path.name}` has 32 bits a channel: values are clipped to 0..1")
        return document

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file recorded before."""
        return self._inputs[path].sha256

    def layers(self, path: Path, roles: tuple[LayerRole, ...]) -> None:
        """Adds the roles of its layers to the record of a PSD."""
        self._inputs[path] = replace(self._inputs[path], layers=roles)

    def expect_size(self, path: Path, size: Size) -> None:
        """Notes a picture that is not of the size of the first one seen."""
        if self._size is None:
            self._size = (size, path)
        elif size != self._size[0]:
            (width, height), first = self._size
            self.art_problem(
                f"`{path.name}` is {size[0]} x {size[1]}, `{first.name}` is {width} x {height}",
                path,
                "all pictures of a shot must be of one size",
            )

    def shown(self, path: Path) -> str:
        """`path` as the manifest names it: from the shot file's folder, POSIX form."""
        try:
            return Path(relpath(path, self.folder)).as_posix()
        except ValueError:  # another drive
            return path.name

    def _record(self, path: Path, facts: InputFile | None) -> InputFile:
        known = self._inputs.get(path)
        if known is None:
            base = facts or InputFile("", "", 0)
            sha256 = base.sha256 or digest_file(path)
            known = replace(base, path=self.shown(path), sha256=sha256, n_bytes=path.stat().st_size)
            self._inputs[path] = known
        return known

    def _warn_profile(self, path: Path) -> None:
        self.warn(Code.BAD_PROFILE, f"`{path.name}` has a color profile that cannot be used: sRGB is assumed")
