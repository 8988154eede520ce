"""The exposure sheet of a delivery, in the forms that sheet and drawing programs read."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from toonctl.core.art import Art
from toonctl.core.files import write_whole
from toonctl.core.timesheet import SheetNote, Timesheet
from toonctl.formats.csvsheet import csv_text, read_csv
from toonctl.formats.otio import otio_text
from toonctl.formats.xdts import read_xdts, xdts_text
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree


def sheet_of(art: Art, source: Path | None, *, name: str, skipped_frames: int = 0) -> Timesheet:
    """The sheet of the art's cel layers; dialogue, camera, cut and scene are those of the `source` sheet.

    The shot starts `skipped_frames` into its source. Raises: SpecError when the source cannot be read.
    """
    timeline = Timeline.of(art)
    marks = {layer: found for layer in timeline.layers if (found := art.marks.get(layer))}
    sheet = Timesheet(name, art.n_frames, timeline.exposures, marks)
    if source is None:
        return sheet
    given = read_csv(source) if source.suffix.lower() == ".csv" else read_xdts(source)
    span = range(skipped_frames, skipped_frames + art.n_frames)
    dialogue, camera = (_within(notes, span) for notes in (given.dialogue, given.camera))
    return replace(sheet, cut=given.cut, scene=given.scene, dialogue=dialogue, camera=camera)


def _within(notes: Sequence[SheetNote], span: range) -> tuple[SheetNote, ...]:
    """The notes as far as they lie in `span`, counted from its start."""
    cut = [(note, max(note.index, span.start), min(note.index + note.n_frames, span.stop)) for note in notes]
    return tuple(
        replace(note, index=start - span.start, n_frames=stop - start)
        for note, start, stop in cut
        if start < stop
    )


def write_sheets(
    tree: OutputTree, sheet: Timesheet, kinds: Sequence[str], *, rate: Fraction, first_frame: int
) -> tuple[Path, ...]:
    """The files that hold the sheet as `xdts`, `csv` or `otio`.

    Raises: EngineError when OTIO is asked for and not installed; SpecError for a drawing that a form cannot
    name; DeliveryError when the disk refuses.
    """
    written: list[Path] = []
    for kind in kinds:
        if kind == "otio":
            pictures = {layer: f"../{tree.frame_pattern(layer)}" for layer in (*sheet.exposures, COMP)}
            text = otio_text(sheet, rate=rate, first_frame=first_frame, pictures=pictures)
        else:
            text = xdts_text(sheet) if kind == "xdts" else csv_text(sheet)
        path = tree.sheet(kind)
        write_whole(path, text.encode())
        written.append(path)
    return tuple(written)
