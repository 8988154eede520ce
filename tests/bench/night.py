"""A night on a farm that falls over again and again: small shots, `toonctl batch`, and random kills.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.night --json night.json

draws `--shots` generated shots (50) with `toonctl batch --resume`, `--jobs` at a time, as cron would: the
batch is started again until it ends with 0. Meanwhile, every `--every` seconds on average, the batch or one
of the processes below it gets SIGKILL or SIGTERM, as chance will have it, `--kills` times in all.

Reported: what was delivered, frames that were written more than once (seen by their inode), pictures that
cannot be read, temporary files left over, and frames whose pixels differ from the same frame of another shot
with the same drawings. Ends with 1 when anything is missing, broken or differs.
"""

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from toonctl import __version__

from .stored import bench_folder, save

SIZE = (96, 54)
_KINDS = 5
_ROOT = Path(__file__).parents[2]
_LOOK_S = 0.1
_MOST_STARTS = 400


@dataclass(slots=True)
class Night:
    """The figures of one night."""

    shots: int
    frames: int
    kills: dict[str, int] = field(default_factory=dict[str, int])
    exits: dict[str, int] = field(default_factory=dict[str, int])
    starts: int = 0
    wall_s: float = 0.0
    delivered: int = 0
    written_twice: int = 0
    unreadable: int = 0
    leftovers: int = 0
    differing: int = 0

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, broken or written twice."""
        faults = self.unreadable + self.leftovers + self.differing + self.written_twice
        return self.delivered == self.shots and not faults


def draw_shot(folder: Path, number: int, n_frames: int) -> Path:
    """A shot file in `folder`; shots whose numbers agree modulo 5 have the same drawings."""
    name = f"n{number:03d}"
    for frame in range(n_frames):
        line, color = _picture(number % _KINDS, frame)
        save(folder / f"line/{name}.{frame + 1:04d}.png", line)
        if not frame:
            save(folder / f"color/{name}.0001.png", color)
    path = folder / f"{name}.toml"
    path.write_text(
        f'[shot]\nname = "{name}"\nrate = "24"\n[art]\nline = "line/{name}.####.png"\n'
        f'[[reference]]\nframe = 1\nimage = "color/{name}.0001.png"\n'
        '[output]\nmovies = ["ffv1"]\npreview = false\n',
        encoding="utf-8",
    )
    return path


def _picture(kind: int, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """A ball and a box, black lines on white and painted."""
    line = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    color = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    at, corner = (20 + 4 * kind + 3 * frame, 26), (58, 12 + 2 * kind)
    cv2.circle(color, at, 13, (200, 80 + 30 * kind, 60), -1)
    cv2.rectangle(color, corner, (88, 46), (40, 60 + 20 * kind, 190), -1)
    for page in (line, color):
        cv2.circle(page, at, 13, (0, 0, 0), 2)
        cv2.rectangle(page, corner, (88, 46), (0, 0, 0), 2)
    return line, color


class Watch(threading.Thread):
    """Counts the frames that were replaced after they had stood under their final name."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.replaced: set[Path] = set()
        self._seen: dict[Path, tuple[int, int]] = {}
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(_LOOK_S):
            self.look()

    def look(self) -> None:
        """One round over all frames there are."""
        for path in self.folder.glob("out/*/frames/*/*.png"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            known = self._seen.setdefault(path, (stat.st_ino, stat.st_mtime_ns))
            if known != (stat.st_ino, stat.st_mtime_ns):
                self.replaced.add(path)

    def end(self) -> None:
        """Stops after a last look."""
        self._done.set()
        self.join()
        self.look()


def below(pid: int) -> list[int]:
    """All processes started by `pid`, directly or not."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            try:
                children = [int(text) for text in task.read_text().split()]
            except OSError:
                continue  # it has just ended
            found += children
            waiting += children
    return found


def pass_night(folder: Path, options: argparse.Namespace) -> Night:
    """Draws the shots under fire."""
    files = [draw_shot(folder, number, options.frames) for number in range(options.shots)]
    night = Night(options.shots, options.frames)
    chance = random.Random(options.seed)
    kills: Counter[str] = Counter()
    exits: Counter[str] = Counter()
    watch = Watch(folder)
    watch.start()
    begun = time.monotonic()
    code = -1
    while code and night.starts < _MOST_STARTS:
        night.starts += 1
        code = _batch(folder, files, options, lambda pid: _kill(pid, chance, kills, options.kills))
        exits[str(code)] += 1
        if code == 5:  # a killed batch's last shot is still at work, with its lock
            time.sleep(2)
    night.wall_s = round(time.monotonic() - begun, 1)
    watch.end()
    night.kills, night.exits = dict(kills), dict(exits)
    night.written_twice = len(watch.replaced)
    _inspect(folder, night)
    return night


def _batch(
    folder: Path, files: Sequence[Path], options: argparse.Namespace, kill: Callable[[int], None]
) -> int:
    """One start of the batch; its exit code."""
    words = ["batch", *map(str, files), "--resume", "--jobs", str(options.jobs), "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", "toonctl", *words, "--lock", str(folder / "night.lock")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
    )
    chance = random.Random(process.pid)
    while True:
        try:
            return process.wait(chance.expovariate(1 / options.every))
        except subprocess.TimeoutExpired:
            kill(process.pid)


def _kill(pid: int, chance: random.Random, kills: Counter[str], limit: int) -> None:
    """Ends the batch, in one of four cases, or else something below it."""
    if kills.total() >= limit:
        return
    children = below(pid)
    victim = chance.choice(children) if children and chance.random() > 0.25 else pid
    number = chance.choice((signal.SIGKILL, signal.SIGTERM))
    try:
        os.kill(victim, number)
    except ProcessLookupError:
        return
    kills[f"{'batch' if victim == pid else 'below it'} {number.name}"] += 1


def _inspect(folder: Path, night: Night) -> None:
    """What the night left behind."""
    first: dict[tuple[int, str, int], bytes] = {}
    for number in range(night.shots):
        root = folder / "out" / f"n{number:03d}"
        night.delivered += (root / "manifest.json").exists()
        night.leftovers += len(list(root.rglob(".*.part")))
        for layer in ("A", "comp"):
            for frame in range(1, night.frames + 1):
                path = root / "frames" / layer / f"n{number:03d}.{layer}.{frame:04d}.png"
                pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
                if pixels is None:
                    night.unreadable += 1
                elif first.setdefault((number % _KINDS, layer, frame), pixels.tobytes()) != pixels.tobytes():
                    night.differing += 1


def report(night: Night) -> str:
    """The figures as a Markdown table."""
    rows = [
        ("shots x frames", f"{night.shots} x {night.frames}"),
        ("kills", ", ".join(f"{count} {what}" for what, count in sorted(night.kills.items())) or "none"),
        ("starts of the batch", str(night.starts)),
        ("its exit codes", ", ".join(f"{count} x {code}" for code, count in sorted(night.exits.items()))),
        ("wall time", f"{night.wall_s:.0f} s"),
        ("delivered", f"{night.delivered} of {night.shots}"),
        ("frames written twice", str(night.written_twice)),
        ("frames missing or unreadable", str(night.unreadable)),
        ("frames that differ", str(night.differing)),
        ("temporary files left over", str(night.leftovers)),
    ]
    lines = [f"toonctl {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores", ""]
    return "\n".join([*lines, "| what | figure |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows), ""])


def main() -> int:
    """The table on stdout; 1 when the night went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.night", description="A night of kills.")
    parser.add_argument("--shots", type=int, default=50, help="how many shots")
    parser.add_argument("--frames", type=int, default=4, help="frames of each")
    parser.add_argument("--jobs", type=int, default=2, help="shots at a time")
    parser.add_argument("--kills", type=int, default=40, help="how many kills")
    parser.add_argument("--every", type=float, default=4.0, metavar="S", help="seconds between kills, mean")
    parser.add_argument("--seed", type=int, default=0, help="of the chance that picks victims")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep shots and results in this new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args()
    with bench_folder(options.keep) as folder:
        night = pass_night(folder, options)
    sys.stdout.write(report(night))
    if options.json:
        options.json.write_text(json.dumps(asdict(night), indent=1) + "\n", encoding="utf-8")
    return 0 if night.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
