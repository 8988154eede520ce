"""How well, how fast and in how much memory `toonctl colorize-long` colors: a table, and a line per shot.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.colorize --json bench.json

runs the real command on every cartoon-dev clip (`--data DIR`) and on the generated shots A1, C3, B2 and D4,
each as a process of its own on a shot file with one painted reference, and the DIS flow peer on the same
drawings. Movies and preview are off, all else is as it comes. What is measured how stands in `measures.py`.
About 40 minutes on two cores; `--quick` takes some minutes and says little about long shots. `--only A1
duo_cross` takes these shots.

- consecutive drawings: two-frame shots cut from the short clips, colored from the first drawing
- more references: the hard shots again, with a reference every `--references-every` frames (50; 0 leaves it
  out)
- open lines: A1 and C3 again with 20 gaps of 4 px in every drawing; the loss is against the clean shot
- fps: frames by wall seconds of the whole command, start of Python and all files included. The peer's is one
  process reading lines and painting, without writing
- memory: of all processes of the command together, sampled, pages that they share counted once (PSS), in the
  row of memory also as often as they are shared; `--long` adds 1000 frames in 1080p
- same bytes: frames, cels and lists of two runs of the same shot, in different folders

`--reference best` takes the frame that shows most colors instead of frame 1. `--keep DIR` keeps shots and
results. Ends with 1 when a run failed (it stands in its rows), with 2 when the clips are missing.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from toonctl import __version__

from .clips import DATA, load_clips
from .command import Ran, RunFailed, colorize, write_shot
from .flow_peer import FlowPeer
from .measures import ShotMeasurer
from .puppets import SHOTS, SIZE_540, SIZE_1080, PuppetShot, open_lines, render
from .rows import Case, Outcome, as_json, main_rows, row_lines, share, shot_lines
from .stored import MissingArt, StoredShot, add_options, bench_folder, read_opaque

_OURS, _PEER = "toonctl", "dis_flow"
_OPENED = ("A1", "C3")
_LEAST_COLOR_PX = 20


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many frames each kind of shot gets, and how many pairs a clip gives."""

    long: int
    short: int
    hd: int
    rerun: int
    pairs: int


FULL = Lengths(long=300, short=1000, hd=100, rerun=48, pairs=3)
QUICK = Lengths(long=60, short=12, hd=16, rerun=12, pairs=1)


class Bench:
    """The runs of one benchmark, in a folder of its own."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.lengths = QUICK if options.quick else FULL
        clips = load_clips(options.data)
        known = {shot.name for shot in (*clips, *SHOTS)}
        unknown = sorted(set(options.only or ()) - known)
        if unknown:
            raise MissingArt(f"no shot is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        self.clips = tuple(clip for clip in clips if self._is_wanted(clip.name))
        self.puppets = tuple(shot for shot in SHOTS if self._is_wanted(shot.name))

    def outcomes(self) -> Iterator[Outcome]:
        """Every run with its figures, as they come in."""
        shots = [clip.excerpt(0, min(clip.n_frames, self._length(clip))) for clip in self.clips]
        for shot in shots:
            if shot.kind == "short":
                yield from (self._run(case) for case in self._pairs(shot))
        shots += [self._rendered(shot, n_frames=self.lengths.long) for shot in self.puppets]
        for shot in shots:
            yield self._run(Case("whole", shot, (self._reference(shot),)))
        step = self.options.references_every
        for shot in shots:
            if shot.kind == "hard" and 0 < step < shot.n_frames:
                yield self._run(Case("more_references", shot, tuple(range(0, shot.n_frames, step))))
        for shot in self.puppets:
            if shot.name in _OPENED:
                opened = self._rendered(open_lines(shot), n_frames=self.lengths.long)
                yield self._run(Case("open", opened, (self._reference(opened),)))
        if self.puppets:
            hd = replace(self.puppets[0], name=f"{self.puppets[0].name}-1080")
            yield self._run(Case("hd", self._rendered(hd, n_frames=self.lengths.hd, is_hd=True), (0,)))
            if self.options.long:
                long = replace(hd, name=f"{hd.name}-long")
                yield self._run(Case("long", self._rendered(long, n_frames=1000, is_hd=True), (0,)))
        if shots:
            yield self._rerun(shots[-len(self.puppets) or -1])

    def _is_wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def _length(self, clip: StoredShot) -> int:
        return self.lengths.short if clip.kind == "short" else self.lengths.long

    def _pairs(self, clip: StoredShot) -> Iterator[Case]:
        """Two-frame shots at even steps through a clip."""
        for k in range(self.lengths.pairs):
            start = round((k + 0.5) * (clip.n_frames - 2) / self.lengths.pairs)
            yield Case("pair", replace(clip.excerpt(start, 2), name=f"{clip.name}-{start + 1}"), (0,))

    def _rendered(self, shot: PuppetShot, *, n_frames: int, is_hd: bool = False) -> StoredShot:
        say(f"drawing {n_frames} frames of {shot.name}")
        size = SIZE_1080 if is_hd else SIZE_540
        return render(shot, self.folder / "shots" / shot.name, n_frames=n_frames, size=size)

    def _reference(self, shot: StoredShot) -> int:
        """The 0-based frame that is given painted."""
        if self.options.reference == "first":
            return 0
        counts = [_n_colors(shot, index) for index in range(shot.n_frames)]
        return int(np.argmax(counts))

    def _run(self, case: Case) -> Outcome:
        home = self._home(case)
        try:
            ran = self._color(case, home / "out")
            outcome = self._measured(case, ran) if case.part != "long" else _timed(case, ran)
        except (RunFailed, MissingArt) as error:
            outcome = Outcome(case, error=str(error))
        return self._finished(outcome, home)

    def _rerun(self, shot: StoredShot) -> Outcome:
        """Whether two runs of the first frames of `shot` write the same bytes."""
        case = Case("rerun", shot.excerpt(0, min(shot.n_frames, self.lengths.rerun)), (0,))
        home = self._home(case)
        try:
            first, second = self._color(case, home / "out"), self._color(case, home / "again")
            is_same = first.digests() == second.digests()
            outcome = replace(_timed(case, first), is_repeatable=is_same)
            if not is_same:
                outcome = replace(outcome, error="two runs wrote different bytes")
        except RunFailed as error:
            outcome = Outcome(case, error=str(error))
        return self._finished(outcome, home)

    def _finished(self, outcome: Outcome, home: Path) -> Outcome:
        _tell(outcome)
        if not self.options.keep:
            shutil.rmtree(home)
        return outcome

    def _home(self, case: Case) -> Path:
        home = self.folder / "runs" / f"{case.part}-{case.shot.name}"
        home.mkdir(parents=True)
        return home

    def _color(self, case: Case, out: Path) -> Ran:
        shot_file = write_shot(case.shot, case.references, out.parent)
        return colorize(shot_file, case.shot, out=out, limit_s=self.options.limit)

    def _measured(self, case: Case, ran: Ran) -> Outcome:
        """The pictures of a run and of the peer, measured side by side."""
        measurer = ShotMeasurer(case.shot, case.references, (_OURS, _PEER))
        peer, doubts, peer_s = FlowPeer(case.shot, case.references).frames(), ran.doubts(), 0.0
        for index in range(case.shot.n_frames):
            begun = time.perf_counter()
            flow = next(peer)
            peer_s += time.perf_counter() - begun
            pictures = {_OURS: read_opaque(ran.frame(index)), _PEER: flow}
            measurer.take(index, pictures, {_OURS: doubts.get(index, frozenset())})
        ours, theirs = measurer.result(_OURS), measurer.result(_PEER)
        return replace(_timed(case, ran), ours=ours, peer=theirs, peer_wall_s=peer_s)


def _timed(case: Case, ran: Ran) -> Outcome:
    return Outcome(
        case,
        wall_s=ran.wall_s,
        first_frame_s=ran.first_frame_s,
        peak_bytes=ran.peak_bytes,
        pss_bytes=ran.pss_bytes,
    )


def _n_colors(shot: StoredShot, index: int) -> int:
    """The number of colors that show on at least 20 clear pixels of a frame."""
    truth = shot.truth(index)[shot.coverage(index) == 0].astype(np.uint32)
    counts = np.unique(truth[:, 0] << 16 | truth[:, 1] << 8 | truth[:, 2], return_counts=True)[1]
    return int((counts >= _LEAST_COLOR_PX).sum())


def _tell(outcome: Outcome) -> None:
    """A line on a finished run."""
    head = f"{outcome.case.part} {outcome.case.title}"
    if outcome.error:
        say(f"{head}: FAILED: {outcome.error}")
        return
    quality = ""
    if outcome.ours and outcome.peer:
        flow = share(outcome.peer.foreground)
        quality = (
            f"fg {share(outcome.ours.foreground)} (flow {flow}), regions {share(outcome.ours.regions)}, "
        )
    say(f"{head}: {quality}{outcome.fps:.1f} fps, {outcome.pss_bytes / 1e6:.0f} MB")


def say(text: str) -> None:
    """A line of progress on stderr."""
    sys.stderr.write(text + "\n")


def report(outcomes: Sequence[Outcome], options: argparse.Namespace) -> str:
    """Both tables with a line on how they came about."""
    lengths = QUICK if options.quick else FULL
    about = (
        f"toonctl {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores; "
        f"long shots of {lengths.long} frames, reference: {options.reference}"
    )
    return "\n".join([about, "", *row_lines(main_rows(outcomes)), "", *shot_lines(outcomes), ""])


def write_json(path: Path, outcomes: Sequence[Outcome]) -> None:
    """The rows and every run's figures."""
    content = {
        "schema": 1,
        "toonctl": __version__,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "rows": [asdict(row) for row in main_rows(outcomes)],
        "runs": [as_json(outcome) for outcome in outcomes],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.colorize", description="Measure `toonctl colorize-long` beside DIS flow."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    parser.add_argument("--long", action="store_true", help="also 1000 frames in 1080p, for the memory row")
    parser.add_argument("--reference", choices=("first", "best"), default="first", help="the painted frame")
    parser.add_argument("--references-every", type=int, default=50, metavar="N", help="for the row of many")
    add_options(parser, limit_s=3600)
    return parser.parse_args()


def main() -> int:
    """The tables on stdout; 1 when a run failed, 2 when there is nothing to run on."""
    options = _options()
    try:
        with bench_folder(options.keep) as folder:
            outcomes = list(Bench(options, folder).outcomes())
    except MissingArt as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(report(outcomes, options))
    if options.json:
        write_json(options.json, outcomes)
    return 1 if any(outcome.error for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
