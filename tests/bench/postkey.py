"""How well `toonctl postkey` makes a colored shot of a reference and sketches: one table, a line per shot.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.postkey --json bench.json

gives the first frame of a shot painted and the line drawing of every `--every`-th frame (6) as a sketch, runs
the real command, and judges every frame against the truth as `tests.bench.inbetween` does: frames that had a
sketch, and frames between, each by themselves. `--peers DIR` as in `tests.bench.inbetween`.

Beside it, in the same run: sketches colored by DIS flow from one to the next, and between them the middle
frame by DIS flow, winner takes all, and by RIFE; they are judged on middle frames only, as `between`.
`--rough` breaks the sketches by 20 gaps each.

Ends with 1 when a run failed (it stands in its row), with 2 when the clips are missing.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from toonctl import __version__
from toonctl.core.types import Pixels

from .clips import DATA, load_clips
from .command import Order, RunFailed, run
from .flow_peer import FlowPeer
from .inbetween_judge import Judge, Judged
from .inbetween_peers import Peer, peers
from .puppets import SHOTS, SIZE_540, punched, render
from .rows import share
from .stored import MissingArt, StoredShot, add_options, bench_folder, read_opaque, save

_OURS = "toonctl"
_QUICK = ("squirrel_juggle", "chicken_strut", "A1")
_WANTED_PEERS = ("dis_wta", "rife", "rife_new")

Judgments = dict[str, list[Judged]]


@dataclass(slots=True)
class Outcome:
    """One shot: judgments by contestant, of frames with a sketch, of the middles, and of all between."""

    name: str
    n_frames: int
    every: int
    keys: Judgments = field(default_factory=dict[str, list[Judged]])
    middles: Judgments = field(default_factory=dict[str, list[Judged]])
    between: list[Judged] = field(default_factory=list[Judged])
    ms: float | None = None
    error: str | None = None


class Bench:
    """The runs of one benchmark, in a folder of its own."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        clips = [clip for clip in load_clips(options.data) if clip.kind == "short"]
        known = {shot.name for shot in (*clips, *SHOTS)}
        wanted = set(options.only or (_QUICK if options.quick else known))
        if unknown := sorted(wanted - known):
            raise MissingArt(f"no shot is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        self.clips = [clip for clip in clips if clip.name in wanted]
        self.puppets = [shot for shot in SHOTS if shot.name in wanted]
        self.peers = [peer for peer in peers(options.peers) if peer.name in _WANTED_PEERS]
        self.n_frames = options.every * (2 if options.quick else 4) + 1

    def outcomes(self) -> Iterator[Outcome]:
        """Every shot with its figures, as they come in."""
        for clip in self.clips:
            yield self._compared(clip.excerpt(0, min(clip.n_frames, self.n_frames)))
        for shot in self.puppets:
            folder = self.folder / "shots" / shot.name
            yield self._compared(render(shot, folder, n_frames=self.n_frames, size=SIZE_540))

    def _compared(self, shot: StoredShot) -> Outcome:
        every = self.options.every
        keys = list(range(0, shot.n_frames, every))
        shot = shot.excerpt(0, keys[-1] + 1)
        outcome = Outcome(shot.name, shot.n_frames, every)
        home = self.folder / shot.name
        colored = self._colored_by_flow(shot, keys, home)
        judges = {index: _judge(shot, index, every) for index in range(1, shot.n_frames)}
        outcome.keys["dis_wta"] = [judges[key].judge(colored[key]) for key in keys[1:]]
        for peer in self.peers:
            outcome.middles[peer.name] = [
                judges[first + every // 2].judge(peer.middle(colored[first], colored[first + every]))
                for first in keys[:-1]
            ]
        try:
            self._ours(outcome, judges, self._write_shot(shot, keys, home), home)
        except (RunFailed, MissingArt) as error:
            outcome.error = str(error)
        _say(f"{shot.name}: {outcome.error or 'done'}")
        return outcome

    def _ours(self, outcome: Outcome, judges: Mapping[int, Judge], shot_file: Path, home: Path) -> None:
        order = Order("postkey", shot_file, outcome.name, outcome.n_frames)
        ran = run(order, out=home / "out", limit_s=self.options.limit)
        outcome.ms = ran.wall_s * 1000 / (outcome.n_frames - 1)
        for index, judge in judges.items():
            judged = judge.judge(read_opaque(ran.frame(index)))
            if index % outcome.every == 0:
                outcome.keys.setdefault(_OURS, []).append(judged)
                continue
            outcome.between.append(judged)
            if index % outcome.every == outcome.every // 2:
                outcome.middles.setdefault(_OURS, []).append(judged)

    def _colored_by_flow(self, shot: StoredShot, keys: Sequence[int], home: Path) -> dict[int, Pixels]:
        """The sketches as the peer paints them, lines on top, by frame."""
        folder = home / "stepped"
        for place, index in enumerate(keys):
            save(folder / "line" / f"{place + 1:04d}.png", np.asarray(255 - shot.coverage(index), np.uint8))
            save(folder / "color" / f"{place + 1:04d}.png", shot.painted(index))
        stepped = StoredShot(
            shot.name, folder, shot.size, shot.fps, len(keys), shot.kind, lines_drawn=shot.lines_drawn
        )
        painted = FlowPeer(stepped, (0,)).frames()
        return {index: _under(shot.coverage(index), next(painted)) for index in keys}

    def _write_shot(self, shot: StoredShot, keys: Sequence[int], home: Path) -> Path:
        content = ["[shot]", f'name = "{shot.name}"', f'rate = "{shot.fps}"', f'frames = "1-{shot.n_frames}"']
        content += ["[[reference]]", "frame = 1", 'image = "color.0001.png"']
        save(home / "color.0001.png", shot.painted(0))
        for index in keys[1:]:
            ink = shot.coverage(index)
            if self.options.rough:
                ink = punched(ink, np.random.default_rng([7, index]))
            save(home / f"sketch.{index + 1:04d}.png", np.asarray(255 - ink, np.uint8))
            content += ["[[sketch]]", f"frame = {index + 1}", f'image = "sketch.{index + 1:04d}.png"']
        path = home / "shot.toml"
        path.write_text("\n".join(content) + "\n", encoding="utf-8")
        return path


def _judge(shot: StoredShot, index: int, every: int) -> Judge:
    """The judge of a frame; its colors are those of the first frame and of the keys around it."""
    around = (0, index // every * every, min(shot.n_frames - 1, -(-index // every) * every))
    return Judge(shot.painted(index), shot.coverage(index), [shot.painted(i) for i in around])


def _under(coverage: Pixels, color: Pixels) -> Pixels:
    """Black lines over color."""
    paper = (255 - coverage).astype(np.uint16)[..., None]
    return ((color * paper + 127) // 255).astype(np.uint8)


def report(outcomes: Sequence[Outcome], contestants: Sequence[Peer], options: argparse.Namespace) -> str:
    """Both tables with a line on how they came about."""
    names = {_OURS: _OURS} | {peer.name: f"DIS colors + {peer.title}" for peer in contestants}
    failed = ", ".join(o.name for o in outcomes if o.error)
    about = (
        f"toonctl {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores; "
        f"{len(outcomes)} shots, a sketch every {options.every} frames{', broken' if options.rough else ''}"
    )
    lines = [about + (f"; **failed**: {failed}" if failed else ""), ""]
    lines += [f"| what | {' | '.join(names.values())} |", "|" + "---|" * (len(names) + 1)]

    def add(what: str, cells: Mapping[str, str]) -> None:
        lines.append(f"| {what} | " + " | ".join(cells.get(name, "-") for name in names) + " |")

    add("with a sketch: chamfer / off-palette / SSIM / wrong color", _cells(outcomes, "keys"))
    add("middle frames: the same", _cells(outcomes, "middles"))
    add("all frames between: the same", {_OURS: _four([j for o in outcomes for j in o.between])})
    ms = [o.ms for o in outcomes if o.ms is not None]
    add("ms per frame, files and start included", {_OURS: f"{np.mean(ms):.0f}"} if ms else {})
    lines += ["", f"| shot | frames | {' | '.join(f'middle: {title}' for title in names.values())} | ms |"]
    lines.append("|" + "---|" * (len(names) + 3))
    for outcome in outcomes:
        cells = [_four(outcome.middles.get(name, [])) for name in names]
        if outcome.error:
            cells[0] = "failed: " + " ".join(outcome.error.replace("|", "/").split())[:160]
        ms_cell = "-" if outcome.ms is None else f"{outcome.ms:.0f}"
        lines.append(f"| {outcome.name} | {outcome.n_frames} | {' | '.join(cells)} | {ms_cell} |")
    return "\n".join([*lines, ""])


def _cells(outcomes: Sequence[Outcome], part: str) -> dict[str, str]:
    found: Judgments = {}
    for outcome in outcomes:
        judgments: Judgments = getattr(outcome, part)
        for name, judged in judgments.items():
            found.setdefault(name, []).extend(judged)
    return {name: _four(judged) for name, judged in found.items()}


def _four(judged: Sequence[Judged]) -> str:
    """Means: chamfer / off-palette / SSIM / wrong color."""
    if not judged:
        return "-"
    wrong = [each.wrong for each in judged if each.wrong is not None]
    cells = [float(np.mean([getattr(each, name) for each in judged])) for name in ("off_palette", "ssim")]
    shares = " / ".join(share(cell) for cell in cells)
    return (
        f"{np.mean([each.chamfer for each in judged]):.2f} / {shares} / "
        f"{share(float(np.mean(wrong)) if wrong else None)}"
    )


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.postkey", description="Measure `toonctl postkey` beside flow and RIFE."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="the folder with RIFE's wheels")
    parser.add_argument("--quick", action="store_true", help="3 shots of three keys")
    parser.add_argument("--every", type=int, default=6, metavar="N", help="frames from sketch to sketch")
    parser.add_argument("--rough", action="store_true", help="sketches with gaps")
    add_options(parser, limit_s=900)
    return parser.parse_args()


def main() -> int:
    """The tables on stdout; 1 when a run failed, 2 when there is nothing to run on."""
    options = _options()
    try:
        with bench_folder(options.keep) as folder:
            bench = Bench(options, folder)
            outcomes = list(bench.outcomes())
    except MissingArt as error:
        _say(f"error: {error}")
        return 2
    sys.stdout.write(report(outcomes, bench.peers, options))
    if options.json:
        content = {"schema": 1, "toonctl": __version__, "shots": [asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 1 if any(outcome.error for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
