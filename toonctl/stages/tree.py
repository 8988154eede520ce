"""Where every file of a shot's output lies (production.md, chapter 3)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toonctl.core.errors import Problem, SpecError
from toonctl.core.names import name_fault

COMP = "comp"
"""The name under which the composite of all layers is written."""

_EXTENSIONS = {"ffv1": "mkv", "h264": "mp4"}
_NUMBERED = re.compile(r"0*(\d+)([a-z]{0,2})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OutputTree:
    """The paths of one shot below `root` (`out/cut012`); nothing is created by asking."""

    root: Path
    shot: str

    @classmethod
    def of(cls, shot_folder: Path, out: Path | None, shot: str) -> Self:
        """The tree in `out/<shot>`, or in `out/<shot>` beside the shot file when `out` is None.

        Raises: SpecError when the name is not one path component.
        """
        return cls((out if out is not None else shot_folder / "out") / component(shot, "shot"), shot)

    def frame(self, layer: str, frame: int) -> Path:
        """The picture of `layer` (or `comp`) at a frame, as numbered for people."""
        name = component(layer, "layer")
        return self.root / "frames" / name / f"{self.shot}.{name}.{frame:04d}.png"

    def frame_pattern(self, layer: str) -> str:
        """The frames of `layer` for people and programs: `frames/A/cut012.A.####.png`."""
        return f"frames/{layer}/{self.shot}.{layer}.####.png"

    def cel(self, layer: str, drawing: str, part: str | None = None) -> Path:
        """A drawing's picture: `cels/A/A0001.png`, or of one part: `cels/A/A_line0001.png`."""
        name = component(layer, "layer")
        kind = f"_{part}" if part else ""
        return self.root / "cels" / name / f"{name}{kind}{token(drawing)}.png"

    def part(self, layer: str, drawing: str, part: str) -> Path:
        """Where a part waits for the layered PSD when the parts are not delivered themselves."""
        return self.state / "parts" / component(layer, "layer") / f"{token(drawing)}.{part}.png"

    def note(self, layer: str, drawing: str) -> Path:
        """What is remembered of a finished drawing."""
        return self.state / "drawings" / component(layer, "layer") / f"{token(drawing)}.json"

    def palette_note(self, layer: str) -> Path:
        """The color model of `layer`, for the delivery."""
        return self.state / "palettes" / f"{component(layer, 'layer')}.json"

    def still(self, layer: str) -> Path:
        """The picture of a background or book layer, for composites and the layered PSD."""
        return self.state / "stills" / f"{component(layer, 'layer')}.png"

    def movie(self, layer: str, profile: str) -> Path:
        """`movies/cut012.comp.prores4444.mov`."""
        name = f"{self.shot}.{component(layer, 'layer')}.{profile}.{_EXTENSIONS.get(profile, 'mov')}"
        return self.root / "movies" / name

    def sheet(self, extension: str) -> Path:
        """The exposure sheet as `xdts`, `csv` or `otio`."""
        return self.root / "sheet" / f"{self.shot}.{extension}"

    @property
    def psd(self) -> Path:
        return self.root / "psd" / f"{self.shot}.layered.psd"

    def picture_psd(self, frame: int) -> Path:
        """All layers as they stand at a frame: `psd/cup.0001.psd`."""
        return self.psd.parent / f"{self.shot}.{frame:04d}.psd"

    def exr(self, frame: int) -> Path:
        """The composite and its layers at a frame: `exr/cut012.0001.exr`."""
        return self.root / "exr" / f"{self.shot}.{frame:04d}.exr"

    @property
    def palette(self) -> Path:
        return self.root / "palette.json"

    @property
    def doubts(self) -> Path:
        return self.root / "doubts.json"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def chunks(self) -> Path:
        return self.state / "chunks"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def preview(self) -> Path:
        return self.root / "preview" / "index.html"

    @property
    def contact(self) -> Path:
        return self.root / "preview" / "contact.png"

    def relative(self, path: Path) -> str:
        """`path` as the manifest names it: from the shot's output folder, POSIX form."""
        return path.relative_to(self.root).as_posix()


def component(name: str, what: str) -> str:
    """`name` itself, fit to be a folder or part of a file name. Raises: SpecError when it is not."""
    fault = name_fault(name)
    if fault is not None:
        raise SpecError(
            f"the {what} name `{name.encode('ascii', 'backslashreplace').decode()[:60]}` {fault}",
            hint="use a plain name: it becomes part of file names",
        )
    return name


def token(drawing: str) -> str:
    """How a drawing is named in files: `12a` gives `0012a`, other names keep their text after a dash."""
    numbered = _NUMBERED.fullmatch(drawing)
    if numbered:
        return f"{int(numbered[1]):04d}{numbered[2]}"
    return f"-{component(drawing, 'drawing')}"


def check_names(drawings: Mapping[str, Iterable[str]]) -> None:
    """Passes when every layer and drawing gets files of its own.

    Raises: SpecError listing names that differ only by case or padding, and a layer called `comp`.
    """
    problems: list[Problem] = []
    layers: dict[str, str] = {COMP: COMP}
    for layer, names in drawings.items():
        other = layers.setdefault(component(layer, "layer").casefold(), layer)
        if other != layer or layer.casefold() == COMP:
            clash = "the composite" if other == COMP else f"layer `{other}`"
            problems.append(
                Problem(f"layer `{layer}` and {clash} would share their files", hint="rename the layer")
            )
        tokens: dict[str, str] = {}
        for drawing in names:
            first = tokens.setdefault(token(drawing).casefold(), drawing)
            if first != drawing:
                what = f"drawings `{first}` and `{drawing}` of layer `{layer}` would share their files"
                problems.append(Problem(what, hint="give one of them another number"))
    if problems:
        raise SpecError.listing(problems)
