"""The art of `colorize-long`: line drawings, the painted references, and what lies behind and before them."""

from toonctl.core.art import Art, Layer
from toonctl.core.timesheet import Timesheet
from toonctl.spec.colorize_long import ColorizeLongSpec
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.drawn import DrawnShot, ShotFrames, check_layer_names
from toonctl.stages.exposures import read_timesheet, written_timesheet
from toonctl.stages.findings import Findings
from toonctl.stages.read_psd_art import read_psd_art
from toonctl.stages.read_sequence import read_sequence
from toonctl.stages.references import (
    FoundReferences,
    ReferenceFiles,
    add_stills,
    background_layer,
    read_reference,
)


def read_line_art(spec: ColorizeLongSpec, *, options: ReadOptions, findings: Findings) -> Art:
    """The art of a shot to be colored. Raises: SpecError or ArtError listing all problems of the shot."""
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
    check_layer_names(layers, findings)
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
