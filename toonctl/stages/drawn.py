"""What reading the drawings of a shot gives, wherever they lie, and what the shot file says about time."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from toonctl.core.art import Cel, Layer, Role
from toonctl.core.errors import ArtError
from toonctl.core.names import name_fault
from toonctl.core.timesheet import MAX_FRAMES, Timesheet, format_frames
from toonctl.formats.psd_tree import PsdDocument, PsdNode
from toonctl.stages.exposures import Exposures, frame_range, sheet_exposures, track_key
from toonctl.stages.findings import Findings
from toonctl.stages.sequence import NumberedFiles

_NAMED_FILES = 12


@dataclass(frozen=True, slots=True)
class DrawnShot:
    """The planes of a shot bottom to top; `exposures` are keyed by the names of its cel layers."""

    layers: tuple[Layer, ...]
    exposures: Exposures

    @property
    def cel_layers(self) -> tuple[Layer, ...]:
        """The layers that are drawn, bottom to top."""
        return tuple(layer for layer in self.layers if layer.role is Role.CEL)

    def cel_layer(self, name: str) -> Layer | None:
        """The cel layer that goes by `name`, None when there is none."""
        return next((la for la in self.cel_layers if track_key(la.name) == track_key(name)), None)


@dataclass(frozen=True, slots=True)
class ShotFrames:
    """The numbering and the range of `[shot]`, and the exposure sheet if there is one."""

    first_frame: int
    frames: str | None
    sheet: Timesheet | None

    def from_sheet(self, findings: Findings) -> Exposures | None:
        """What the sheet shows; None without a sheet."""
        if self.sheet is None:
            return None
        return sheet_exposures(
            self.sheet, first_frame=self.first_frame, frames=self.frames, findings=findings
        )

    def from_numbers(self, found: NumberedFiles, findings: Findings) -> Exposures:
        """Every numbered file as one frame, in a track called ``.

        Numbers are frame numbers, unless `[shot] first_frame` counts otherwise. Raises: ArtError when the
        numbers lie too far apart, or none is a plain number.
        """
        if not found.numbers:
            raise ArtError(
                f"no file of `{found.pattern}` has a plain number",
                hint="frames are numbered; drawings such as `2a` need a sheet that shows them",
            )
        first, last = found.numbers[0], found.numbers[-1]
        if last - first >= MAX_FRAMES:
            what = f"`{found.pattern}` counts from {first} to {last}, {MAX_FRAMES:,} frames are allowed"
            raise ArtError(what, hint="move files that are no frames to another folder")
        shift = 0 if self.first_frame == 1 else self.first_frame - first
        chosen = range(first + shift, last + shift + 1)
        if self.frames is not None:
            chosen = frame_range(self.frames, findings)
        return Exposures(chosen.start, len(chosen), {"": tuple(str(frame - shift) for frame in chosen)}, {})


def report_missing(found: NumberedFiles, drawings: Iterable[str], findings: Findings) -> None:
    """Notes the drawings that have no file, all in one sentence."""
    lacking = [name for name in dict.fromkeys(drawings) if name not in found.files]
    if not lacking:
        return
    numbers = format_frames(int(name) for name in lacking if name.lstrip("-").isdecimal())
    others = [name for name in lacking if not name.lstrip("-").isdecimal()]
    names = ", ".join(f"`{found.file_name(name)}`" for name in lacking[:_NAMED_FILES])
    files = f"{names}{' ...' if len(lacking) > _NAMED_FILES else ''}"
    folder = next(iter(found.files.values())).parent
    findings.art_problem(
        f"`{found.pattern}` has no {', '.join(filter(None, [numbers, *others]))}: {files}",
        folder,
        "add the pictures, or leave their frames out with `[shot] frames`",
    )


def psd_cel(layer: str, name: str, node: PsdNode, *, document: PsdDocument, findings: Findings) -> Cel:
    """A drawing in a PSD; its digest is that of the file and of its place in it."""
    place = f"{findings.digest(document.path)}:{'/'.join(map(str, node.path))}"
    return Cel(layer, name, document.path, hashlib.sha256(place.encode()).hexdigest(), node.path)


def named(names: Iterable[str]) -> str:
    """Names for a message: `` `A`, `B` ``, or `none`."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def check_layer_names(layers: Iterable[Layer], findings: Findings) -> None:
    """Notes the layers and drawings whose names no file can have."""
    for layer in layers:
        for what, name in (("layer", layer.name), *(("drawing", name) for name in layer.cels)):
            fault = name_fault(name)
            if fault is not None:
                shown = name.encode("ascii", "backslashreplace").decode()[:60]
                hint = "rename it in the drawing program: files are named by it"
                findings.spec_problem(f"the {what} name `{shown}` {fault}", "art.psd", hint)
