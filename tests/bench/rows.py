"""The tables of the coloring benchmark: targets of cel-engine.md chapter 6 beside what was reached."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from .measures import Measures
from .stored import StoredShot

Part = Literal["pair", "whole", "more_references", "open", "hd", "long", "rerun"]
"""What a run is for: a drawing from the one before, a whole shot, more references, and so on."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run to make: a shot with painted references at 0-based frames."""

    part: Part
    shot: StoredShot
    references: tuple[int, ...]

    @property
    def title(self) -> str:
        n = len(self.references)
        return self.shot.name if n == 1 else f"{self.shot.name}, {n} references"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case. `error` says why there is nothing; `is_repeatable` is set by a rerun only."""

    case: Case
    error: str | None = None
    wall_s: float = 0.0
    first_frame_s: float = 0.0
    peak_bytes: int = 0
    pss_bytes: int = 0
    ours: Measures | None = None
    peer: Measures | None = None
    peer_wall_s: float = 0.0
    is_repeatable: bool | None = None

    @property
    def fps(self) -> float:
        return self.case.shot.n_frames / self.wall_s if self.wall_s else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the main table."""

    what: str
    first_version: str
    release: str
    reached: str
    peer: str


Get = Callable[[Measures], float | None]
_NOTHING = "-"


def main_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """The rows of the main table; a failed run stands in every row it belongs to."""
    pairs, shots = _of(outcomes, "pair"), _of(outcomes, "whole")
    singles = [o for o in shots if o.case.shot.kind == "single"]
    hard = [o for o in shots if o.case.shot.kind == "hard"]
    long = singles + hard
    more = _of(outcomes, "more_references")
    every = [outcome for outcome in (*pairs, *shots, *more) if outcome.case.shot.size[1] <= 540]
    return [
        _quality("consecutive drawings (gap 1): foreground right", ".97", ".99", pairs, _fg, names=False),
        _quality("one figure, one reference: foreground right", ".96", ".985", singles, _fg),
        _quality("one figure: worst 50 frames", ".92", ".96", singles, lambda m: m.worst),
        _quality("one figure: regions right", ".88", ".95", singles, lambda m: m.regions),
        _quality("two figures or fast, one reference: foreground right", ".80", ".92", hard, _fg),
        _quality("same with more references", ".90", ".97", more, _fg),
        _quality("drift: frames 250-300 minus 2-50", "> -.04", "> -.015", long, lambda m: m.drift),
        _quality("flicker: region tracks changing color", "< .02", "< .003", long, lambda m: m.flicker),
        _open_row(outcomes),
        _doubts_row("low-confidence list", shots),
        _doubts_row("the same, long shots alone", long),
        _outside_row(every),
        _speed_row("1080p, files included, fps", "5", "10", _of(outcomes, "hd")),
        _speed_row("540p, files included, fps", "10", "20", [o for o in long if o.case.shot.n_frames >= 60]),
        _plain_row(
            "memory, 1000 frames 1080p",
            "< 1.5 GB",
            "< 1 GB",
            _of(outcomes, "long"),
            lambda o: f"{o.pss_bytes / 1e9:.2f} GB ({o.peak_bytes / 1e9:.2f} GB with shared pages for each)",
        ),
        _plain_row(
            "start to first frame written, 540p", "4 s", "2.5 s", long, lambda o: f"{o.first_frame_s:.1f} s"
        ),
        _plain_row(
            "same bytes on rerun",
            "yes",
            "yes",
            _of(outcomes, "rerun"),
            lambda o: "yes" if o.is_repeatable else "no",
        ),
    ]


def shot_lines(outcomes: Iterable[Outcome]) -> list[str]:
    """The table with a line per shot."""
    head = (
        "shot | frames | fg right | worst 50 | 2-30 / 31-100 / 101-300 | regions | reachable fg | drift "
        "| flicker (tracks) | wrong listed / listed | off palette px | fps | first frame | peak "
        "| DIS flow fg | its ranges | its regions"
    )
    lines = [f"| {head} |", "|" + "---|" * 17]
    for outcome in outcomes:
        if outcome.case.part in ("pair", "rerun"):
            continue
        cells = [outcome.case.title, str(outcome.case.shot.n_frames)]
        if outcome.error:
            lines.append(f"| {' | '.join(cells)} | failed: {_cell(outcome.error)} |" + " |" * 14)
            continue
        cells += [*_measured(outcome.ours), f"{outcome.fps:.1f}", f"{outcome.first_frame_s:.1f} s"]
        cells += [f"{outcome.pss_bytes / 1e6:.0f} MB", *_peer_cells(outcome.peer)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def row_lines(rows: Iterable[Row]) -> list[str]:
    """The main table."""
    lines = ["| what | first version | release | reached | DIS flow peer |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.first_version} | {r.release} | {r.reached} | {r.peer} |" for r in rows]
    return lines


def as_json(outcome: Outcome) -> dict[str, object]:
    """An outcome for the JSON file."""
    shot = outcome.case.shot
    return {
        "part": outcome.case.part,
        "shot": shot.name,
        "kind": shot.kind,
        "size": shot.size,
        "frames": shot.n_frames,
        "references": [index + 1 for index in outcome.case.references],
        "error": outcome.error,
        "wall_s": outcome.wall_s,
        "fps": outcome.fps,
        "first_frame_s": outcome.first_frame_s,
        "peak_bytes": outcome.peak_bytes,
        "pss_bytes": outcome.pss_bytes,
        "toonctl": asdict(outcome.ours) if outcome.ours else None,
        "dis_flow": asdict(outcome.peer) if outcome.peer else None,
        "dis_flow_wall_s": outcome.peer_wall_s,
        "is_repeatable": outcome.is_repeatable,
    }


def share(value: float | None) -> str:
    """A share as the study writes it: .987; a dash for None."""
    if value is None:
        return _NOTHING
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def _quality(
    what: str, first: str, release: str, outcomes: Sequence[Outcome], get: Get, *, names: bool = True
) -> Row:
    """A row of the mean over shots, each shot's own figure after it."""
    sides = [_side(outcomes, lambda o: o.ours, get, names), _side(outcomes, lambda o: o.peer, get, names)]
    return Row(what, first, release, sides[0] + _failures(outcomes), sides[1])


def _side(
    outcomes: Iterable[Outcome], pick: Callable[[Outcome], Measures | None], get: Get, has_names: bool
) -> str:
    found: list[tuple[str, float]] = []
    for outcome in outcomes:
        measured = pick(outcome)
        value = get(measured) if measured else None
        if value is not None:
            found.append((outcome.case.shot.name, value))
    if not found:
        return _NOTHING
    mean = share(sum(value for _, value in found) / len(found))
    if not has_names:
        return f"{mean} ({len(found)} pairs)"
    return mean if len(found) == 1 else mean + " (" + ", ".join(f"{n} {share(v)}" for n, v in found) + ")"


def _open_row(outcomes: Sequence[Outcome]) -> Row:
    whole = {o.case.shot.name: o for o in _of(outcomes, "whole")}
    losses: list[tuple[str, float, float]] = []
    opened = _of(outcomes, "open")
    for outcome in opened:
        clean = whole.get(outcome.case.shot.name.removesuffix("-open"))
        pairs = [(clean.ours, outcome.ours), (clean.peer, outcome.peer)] if clean else []
        loss = [
            a.foreground - b.foreground
            for a, b in pairs
            if a and b and a.foreground is not None and b.foreground is not None
        ]
        if len(loss) == 2:
            losses.append((outcome.case.shot.name, loss[0], loss[1]))

    def cell(side: int) -> str:
        return ", ".join(f"{loss[0]} {share(float(loss[side]))}" for loss in losses) or _NOTHING

    return Row(
        "open lines (20 gaps of 4 px): loss of foreground right",
        "< .02",
        "< .01",
        cell(1) + _failures(opened),
        cell(2),
    )


def _doubts_row(what: str, outcomes: Sequence[Outcome]) -> Row:
    found = [o.ours for o in outcomes if o.ours]
    n_wrong = sum(m.n_wrong for m in found)
    hit = sum((m.wrong_listed or 0) * m.n_wrong for m in found)
    reached = _NOTHING
    if n_wrong:
        # A shot in which nothing is wrong has a list as well, if only an empty one.
        length = sum(m.listed or 0 for m in found) / len(found)
        reached = f"{hit / n_wrong:.0%} / {length:.1%}"
    return Row(
        f"{what}: share of wrong regions on it / its share of a shot's regions, mean",
        "80 % / 15 %",
        "90 % / 8 %",
        reached + _failures(outcomes),
        _NOTHING,
    )


def _outside_row(outcomes: Sequence[Outcome]) -> Row:
    done = [o.ours.outside_px for o in outcomes if o.ours]
    reached = f"{sum(done)} px in {len(done)} runs" if done else _NOTHING
    return Row("colors outside the palette", "0", "0", reached + _failures(outcomes), _NOTHING)


def _speed_row(what: str, first: str, release: str, outcomes: Sequence[Outcome]) -> Row:
    fps = [o.fps for o in outcomes if o.wall_s]
    peer = [o.case.shot.n_frames / o.peer_wall_s for o in outcomes if o.peer_wall_s]
    cells = [f"{sum(side) / len(side):.1f}" if side else _NOTHING for side in (fps, peer)]
    return Row(what, first, release, cells[0] + _failures(outcomes), cells[1])


def _plain_row(
    what: str, first: str, release: str, outcomes: Sequence[Outcome], show: Callable[[Outcome], str]
) -> Row:
    done = [o for o in outcomes if not o.error]
    reached = ", ".join(f"{o.case.shot.name} {show(o)}" for o in done) or _NOTHING
    return Row(what, first, release, reached + _failures(outcomes), _NOTHING)


def _failures(outcomes: Iterable[Outcome]) -> str:
    failed = [f" **{o.case.title} failed**: {_cell(o.error)}" for o in outcomes if o.error]
    return ";".join(failed)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:160]


def _measured(m: Measures | None) -> list[str]:
    if m is None:
        return [_NOTHING] * 9
    flicker = f"{share(m.flicker)} ({m.n_tracks})" if m.flicker is not None else _NOTHING
    doubts = f"{share(m.wrong_listed)} / {share(m.listed)}"
    ranges = " / ".join(share(value) for value in m.ranges)
    cells = [share(m.foreground), share(m.worst), ranges, share(m.regions), share(m.reachable)]
    return [*cells, share(m.drift), flicker, doubts, str(m.outside_px)]


def _peer_cells(m: Measures | None) -> list[str]:
    if m is None:
        return [_NOTHING] * 3
    return [share(m.foreground), " / ".join(share(value) for value in m.ranges), share(m.regions)]


def _of(outcomes: Iterable[Outcome], part: Part) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.case.part == part]


def _fg(measured: Measures) -> float | None:
    return measured.foreground
