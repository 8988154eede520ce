"""From the shot file to the art it names: every file found, probed and hashed, nothing decoded."""

from pathlib import Path

from toonctl.core.names import name_fault
from toonctl.core.timesheet import Timesheet
from toonctl.core.types import Art, Layer, LayerRole
from toonctl.spec.shot import ColorizeLongSpec
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.cel_pixels import load_cel
from toonctl.stages.drawn import DrawnShot, ShotFrames
from toonctl.stages.exposures import read_timesheet, written_timesheet
from toonctl.stages.findings import Findings
from toonctl.stages.psd_layers import read_layers
from toonctl.stages.read_psd_art import read_psd_art
from toonctl.stages.read_sequence import read_sequence
from toonctl.stages.references import (
    FoundReferences,
    ReferenceFiles,
    add_stills,
    background_layer,
    read_reference,
)
from toonctl.stages.roles import RolePatterns

__all__ = ["ReadOptions", "layer_roles", "load_cel", "read_art", "read_options"]


def read_art(spec: ColorizeLongSpec, *, folder: Path) -> Art:
    """The art of a shot whose file lies in `folder`.

    Raises: SpecError for a faulty sheet, or a frame, layer or drawing that is asked for and not there;
    ArtError for pictures that are missing, broken or of different sizes. Either lists all problems of the
    shot.
    """
    findings = Findings(folder)
    options = read_options(spec)
    sheet: Timesheet | None = None
    with findings.gather():
        sheet = _sheet(spec, findings)
    shot: DrawnShot | None = None
    if sheet is not None or (spec.art.sheet is None and spec.art.exposure is None):
        with findings.gather():
            shot = _drawn(spec, ShotFrames(spec.shot.first_frame, spec.shot.frames, sheet), options, findings)
    background: Layer | None = None
    if spec.art.background is not None:
        with findings.gather():
            background = background_layer(spec.art.background, findings)
    found: list[FoundReferences] = []
    if shot is not None:
        for files in _references(spec):
            with findings.gather():
                found.append(read_reference(files, shot, options=options, findings=findings))
    layers = add_stills(shot.layers, [table.stack for table in found], background) if shot else ()
    _check_names(layers, findings)
    findings.check()
    if shot is None or findings.size is None:
        raise ValueError("no problem was noted, yet there is no art")
    return Art(
        size=findings.size,
        n_frames=shot.exposures.n_frames,
        first_frame=shot.exposures.first_frame,
        layers=layers,
        exposures=shot.exposures.tracks,
        marks=shot.exposures.marks,
        references=tuple(reference for table in found for reference in table.references),
        inputs=findings.inputs,
        warnings=findings.warnings,
    )


def read_options(spec: ColorizeLongSpec) -> ReadOptions:
    """`[psd]` of the shot file, as `load_cel` wants it."""
    roles = {str(role): patterns for role, patterns in spec.psd.roles.items()}
    return ReadOptions(roles, applies_corrections=spec.psd.corrections == "apply")


def layer_roles(path: Path, overrides: RolePatterns) -> tuple[LayerRole, ...]:
    """The role of every layer of the PSD at `path`, bottom to top.

    Raises: ArtError when it cannot be read.
    """
    findings = Findings(path.parent)
    document = findings.psd(path)
    read_layers(document, options=ReadOptions(overrides), sheet={}, is_line_art=True, findings=findings)
    return findings.inputs[0].layers


def _sheet(spec: ColorizeLongSpec, findings: Findings) -> Timesheet | None:
    if spec.art.sheet is not None:
        return read_timesheet(findings.folder / spec.art.sheet, findings)
    return written_timesheet(spec.art.exposure) if spec.art.exposure is not None else None


def _drawn(
    spec: ColorizeLongSpec, frames: ShotFrames, options: ReadOptions, findings: Findings
) -> DrawnShot | None:
    if spec.art.line is not None:
        return read_sequence(spec.art.line, spec.art.layer, frames=frames, findings=findings)
    if spec.art.psd is not None:
        return read_psd_art(spec.art.psd, frames=frames, options=options, findings=findings)
    return None


def _references(spec: ColorizeLongSpec) -> list[ReferenceFiles]:
    return [
        ReferenceFiles(
            f"reference[{number}]",
            table.frame,
            table.image,
            table.line,
            table.layer or (spec.art.layer if spec.art.line is not None else None),
            table.psd,
            table.drawings,
        )
        for number, table in enumerate(spec.references, 1)
    ]


def _check_names(layers: tuple[Layer, ...], findings: Findings) -> None:
    for layer in layers:
        for what, name in (("layer", layer.name), *(("drawing", name) for name in layer.cels)):
            fault = name_fault(name)
            if fault is not None:
                shown = name.encode("ascii", "backslashreplace").decode()[:60]
                hint = "rename it in the drawing program: files are named by it"
                findings.spec_problem(f"the {what} name `{shown}` {fault}", "art.psd", hint)
