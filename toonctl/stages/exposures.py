"""When each drawing is shown: from an exposure sheet, from the shot file, or from the numbers of files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from toonctl.core.timesheet import Timesheet, format_frames, parse_exposure, parse_frames
from toonctl.formats.csvsheet import read_csv
from toonctl.formats.xdts import read_xdts
from toonctl.stages.findings import Findings
from toonctl.stages.roles import cel_name, drawing_name, normal_name


@dataclass(frozen=True, slots=True)
class Exposures:
    """What the tracks of a shot show from `first_frame` on; drawings by the names they have everywhere.

    `tracks` and `marks` are keyed by the layer's name as the sheet writes it.
    """

    first_frame: int
    n_frames: int
    tracks: Mapping[str, tuple[str | None, ...]]
    marks: Mapping[str, Mapping[int, str]]

    @property
    def drawings(self) -> dict[str, frozenset[str]]:
        """The drawings that each track shows, by the track's normal name."""
        return {
            track_key(track): frozenset(name for name in shown if name is not None)
            for track, shown in self.tracks.items()
        }

    def track_of(self, layer: str) -> str | None:
        """The track of a layer, None when the sheet has none."""
        return next((track for track in self.tracks if track_key(track) == track_key(layer)), None)


def track_key(name: str) -> str:
    """What tracks and cels are matched by: `a`, `Aセル` and `cel A` are one."""
    return normal_name(cel_name(name))


def sheet_exposures(
    sheet: Timesheet, *, first_frame: int, frames: str | None, findings: Findings
) -> Exposures:
    """What `sheet` shows in the `frames` of the shot, all when None; its frame 0 is `first_frame`.

    Raises: SpecError when `frames` cannot be read; `findings` gets those that the sheet does not have.
    """
    tracks = {track: _named(shown) for track, shown in sheet.exposures.items()}
    whole = Exposures(first_frame, sheet.n_frames, tracks, sheet.marks)
    return whole if frames is None else cut_exposures(whole, frames, findings)


def cut_exposures(whole: Exposures, frames: str, findings: Findings) -> Exposures:
    """The `frames` of the shot out of `whole`; `findings` gets those that it does not have.

    Raises: SpecError when `frames` cannot be read.
    """
    there = range(whole.first_frame, whole.first_frame + whole.n_frames)
    chosen = frame_range(frames, findings)
    if chosen[0] not in there or chosen[-1] not in there:
        span = f"{there[0]}-{there[-1]}" if there else "none"
        findings.spec_problem(f"frames {frames} are not all in the sheet, which has {span}", "shot.frames")
        chosen = there
    start = chosen.start - whole.first_frame
    stop = start + len(chosen)
    return Exposures(
        chosen.start,
        len(chosen),
        {track: shown[start:stop] for track, shown in whole.tracks.items()},
        {
            track: {index - start: mark for index, mark in marks.items() if start <= index < stop}
            for track, marks in whole.marks.items()
        },
    )


def read_timesheet(path: Path, findings: Findings) -> Timesheet:
    """The exposure sheet at `path`, which is recorded. Raises: SpecError listing every fault of it."""
    sheet = read_csv(path) if path.suffix.lower() == ".csv" else read_xdts(path)
    findings.file(path)
    return sheet


def written_timesheet(exposure: Mapping[str, str]) -> Timesheet:
    """The sheet that `[art] exposure` spells out; shorter layers show nothing in the end.

    Raises: SpecError.
    """
    shown = {layer: parse_exposure(text) for layer, text in exposure.items()}
    n_frames = max(map(len, shown.values()), default=0)
    return Timesheet(
        "exposure",
        n_frames,
        {layer: names + (None,) * (n_frames - len(names)) for layer, names in shown.items()},
    )


def marked_timesheet(exposure: Mapping[str, str]) -> Timesheet:
    """The sheet that `[art] exposure` spells out, `+x2` being an inbetween mark held for two frames.

    Raises: SpecError.
    """
    marks: dict[str, dict[int, str]] = {}
    plain: dict[str, str] = {}
    for layer, text in exposure.items():
        words: list[str] = []
        index, before = 0, "-"
        for word in text.split():
            name, held = before, word[1:]
            if word.startswith("+"):
                marks.setdefault(layer, {})[index] = "tick_1"
            else:
                name, held = _split_word(word)
                before = name
            words.append(f"{name}{held or 'x1'}")
            index += len(parse_exposure(words[-1]))
        plain[layer] = " ".join(words)
    return replace(written_timesheet(plain), marks=marks)


def _split_word(word: str) -> tuple[str, str]:
    """Drawing and hold of `2x6`; the last `x` counts."""
    head, _, tail = word.rpartition("x")
    return (head, f"x{tail}") if head and tail.isdecimal() else (word, "")


def frame_range(frames: str, findings: Findings) -> range:
    """`[shot] frames` as one unbroken range. Raises: SpecError when it cannot be read."""
    numbers = parse_frames(frames)
    if len(numbers) != numbers[-1] - numbers[0] + 1:
        findings.spec_problem(
            f"`{format_frames(numbers)}` has gaps",
            "shot.frames",
            "give first and last frame, as in `1-48`; held drawings go into a sheet or `[art] exposure`",
        )
    return range(numbers[0], numbers[-1] + 1)


def _named(shown: tuple[str | None, ...]) -> tuple[str | None, ...]:
    return tuple(None if name is None else drawing_name(name) for name in shown)
