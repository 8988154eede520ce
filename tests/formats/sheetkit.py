"""Timesheets for the tests of the sheet formats: the sample shot's, and any other."""

import json
from pathlib import Path

from hypothesis import strategies as st

from toonctl.core.timesheet import SheetNote, Timesheet

DATA = Path(__file__).with_name("data")

EXPOSURE: dict[str, tuple[str | None, ...]] = {
    layer: tuple(shown)
    for layer, shown in json.loads((DATA / "cut012.exposure.json").read_text(encoding="utf-8")).items()
    if layer != "duration"
}
"""What every reader must get from the sample sheets."""

NAMES = st.text("ABx12a線 ○_-.,\"'", min_size=1, max_size=4).filter(
    lambda name: name.strip() == name and name not in (".", "..", "○", "×", "●")
)
WORDS = st.text("PAN 台詞\"',", min_size=1, max_size=6)


@st.composite
def shown(draw: st.DrawFn, n_frames: int) -> tuple[tuple[str | None, ...], dict[int, str]]:
    """A layer's drawings and its marks, which stand on held frames only."""
    drawings = draw(st.lists(st.none() | NAMES, min_size=n_frames, max_size=n_frames))
    is_held = draw(st.lists(st.booleans(), min_size=n_frames, max_size=n_frames))
    for index in range(1, n_frames):
        if is_held[index]:
            drawings[index] = drawings[index - 1]
    held = [i for i in range(n_frames) if drawings[i] == (drawings[i - 1] if i else None)]
    marked = draw(st.lists(st.sampled_from(held), unique=True)) if held else []
    return tuple(drawings), {index: draw(st.sampled_from(["tick_1", "tick_2"])) for index in sorted(marked)}


@st.composite
def notes(draw: st.DrawFn, n_frames: int) -> tuple[SheetNote, ...]:
    """Dialogue or camera moves, track by track, none over another of its track."""
    found: list[SheetNote] = []
    for track in draw(st.lists(NAMES, max_size=2, unique=True)):
        cuts = sorted(draw(st.sets(st.integers(0, n_frames), min_size=2, max_size=6)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False):
            values = tuple(draw(st.lists(WORDS, min_size=1, max_size=2)))
            found.append(SheetNote(track, start, end - start, values))
    return tuple(found)


@st.composite
def sheets(draw: st.DrawFn) -> Timesheet:
    """Any sheet that can be written."""
    n_frames = draw(st.integers(1, 30))
    layers = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    columns = {layer: draw(shown(n_frames)) for layer in layers}
    return Timesheet(
        draw(NAMES),
        n_frames,
        {layer: drawings for layer, (drawings, _) in columns.items()},
        {layer: marks for layer, (_, marks) in columns.items() if marks},
        cut=draw(st.from_regex("[0-9]{1,4}", fullmatch=True)),
        scene=draw(st.from_regex("[0-9]{1,4}", fullmatch=True)),
        dialogue=draw(notes(n_frames)),
        camera=draw(notes(n_frames)),
    )
