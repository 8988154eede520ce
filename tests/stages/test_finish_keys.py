"""Keys and new drawings on disk: pixels, parts and what is remembered of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from artkit import difference, walk
from toonctl.core.types import CelPixels, ColorModel, FellBack, PaintPart, Role
from toonctl.formats.png import read_picture
from toonctl.stages.finish import FinishJob, FinishOptions
from toonctl.stages.finish_keys import NewDrawing, finish_key, finish_new
from toonctl.stages.notes import read_note
from toonctl.stages.tree import OutputTree

KEY = "ab" * 32
DRAWING = walk(1)[0]
LINE = np.dstack([np.full((*DRAWING.line.shape, 3), 20, np.uint8), DRAWING.line])
FELL = (FellBack("region", "carried by flow", (1, 2, 3, 4)),)


@pytest.fixture
def job(tmp_path: Path) -> FinishJob:
    nothing = np.zeros((1, 4), np.uint8)
    paint = PaintPart(Role.PAINT, "normal", False, DRAWING.paint)
    return FinishJob(
        tree=OutputTree.of(tmp_path, None, "cut"),
        job_key=KEY,
        layer="A",
        load=lambda: CelPixels(LINE, None, (paint,)),
        size=(160, 96),
        model=ColorModel(nothing, nothing, nothing, nothing),
        options=FinishOptions(
            is_split=True, is_kept_apart=False, is_rgba=False, is_line_binary=False, trace_fill="darker"
        ),
        frames=(3, 4),
    )


def test_a_key_is_delivered_as_it_came_with_its_parts(job: FinishJob) -> None:
    note = finish_key(job, "3")
    assert note.parts == ("paint", "line")
    assert difference(read_picture(job.tree.cel("A", "3", "paint")), DRAWING.paint) == 0
    assert difference(read_picture(job.tree.cel("A", "3", "line")), LINE) == 0
    frames = [read_picture(job.tree.frame("A", number)) for number in (3, 4)]
    assert (frames[0] == frames[1]).all()
    assert (frames[0][DRAWING.line == 255, :3] == 20).all()


def test_a_new_drawing_remembers_where_it_fell_back(job: FinishJob) -> None:
    drawn = NewDrawing("3a", DRAWING.painted, None, None, FELL, {1: 2, 4: 1})
    finish_new(job, drawn)
    assert difference(read_picture(job.tree.cel("A", "3a")), DRAWING.painted) == 0
    note = read_note(job.tree, "A", "3a", job_key=KEY)
    assert note is not None
    assert (note.fell_back, note.parts, note.n_regions) == (FELL, ("paint",), 3)
    assert note.color_regions == {1: 2, 4: 1}


def test_binary_lines_are_hard_in_keys_and_new_drawings(job: FinishJob) -> None:
    hard = replace(job, options=replace(job.options, is_line_binary=True))
    finish_key(hard, "3")
    assert set(np.unique(read_picture(job.tree.frame("A", 3))[..., 3])) == {0, 255}
    finish_new(replace(hard, frames=(5,)), NewDrawing("3a", DRAWING.painted, DRAWING.paint, LINE))
    assert set(np.unique(read_picture(job.tree.frame("A", 5))[..., 3])) == {0, 255}
