"""One run of a drawing command as a process of its own: files in, files out, time and memory."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from toonctl.core.timesheet import parse_frames

from .measures import DoubtKey
from .stored import StoredShot, save

_ROOT = Path(__file__).parents[2]
_LAYER = "A"
_SAMPLE_S = 0.05
_THOROUGH_EVERY = 10
_NOT_COMPARED = ("manifest.json", "logs", "state")  # they carry times, and what resuming needs


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: wall time, time until the first frame stood, peak memory of all its processes together.

    `peak_bytes` sums resident memory, in which pages that processes share count once for each; in `pss_bytes`
    they count once, and in `early_bytes`, which is the peak until the order's first pictures stood.
    `cpu_s` is processor time of all of them: on a busy machine it says more than the wall clock.
    """

    tree: Path
    name: str
    n_frames: int
    wall_s: float
    first_frame_s: float
    peak_bytes: int
    cpu_s: float = 0.0
    pss_bytes: int = 0
    early_bytes: int = 0

    def frame(self, index: int, layer: str = _LAYER) -> Path:
        """The finished picture of a layer, or of `comp`, at a 0-based frame."""
        return self.tree / "frames" / layer / f"{self.name}.{layer}.{index + 1:04d}.png"

    def doubts(self) -> dict[int, frozenset[DoubtKey]]:
        """The doubtful regions by 0-based frame."""
        content = json.loads((self.tree / "doubts.json").read_text(encoding="utf-8"))
        found: dict[int, frozenset[DoubtKey]] = {}
        for layer in content["layers"]:
            for drawing in layer["drawings"]:
                keys = frozenset(
                    ((int(x), int(y), int(w), int(h)), int(doubt["area_px"]))
                    for doubt in drawing["doubts"]
                    for x, y, w, h in [doubt["box"]]
                )
                found |= {frame - 1: keys for frame in parse_frames(drawing["frames"])}
        return found

    def digests(self) -> dict[str, str]:
        """SHA-256 of every delivered file that two equal runs must agree on."""
        files = [path for path in sorted(self.tree.rglob("*")) if path.is_file()]
        return {
            path.relative_to(self.tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.relative_to(self.tree).parts[0] not in _NOT_COMPARED
        }


class RunFailed(Exception):
    """The command ended with an error; the text is its last words."""


def write_shot(shot: StoredShot, references: Sequence[int], folder: Path) -> Path:
    """A shot file with its line art and painted references (0-based frames) in `folder`."""
    lines = [
        "[shot]",
        f'name = "{shot.name}"',
        f'rate = "{shot.fps}"',
        "[art]",
        f'line = "line/{shot.name}.####.png"',
    ]
    for index in range(shot.n_frames):
        save(folder / "line" / f"{shot.name}.{index + 1:04d}.png", 255 - shot.coverage(index))
    for index in references:
        image = f"color/{shot.name}.{index + 1:04d}.png"
        save(folder / image, shot.painted(index))
        lines += ["[[reference]]", f"frame = {index + 1}", f'image = "{image}"']
    path = folder / "shot.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run: a command on a shot file that is called `name` and gives `n_frames` frames.

    The memory until `n_early` pictures of its layer stand is told apart.
    """

    command: str
    shot_file: Path
    name: str
    n_frames: int
    n_early: int = 0


def colorize(shot_file: Path, shot: StoredShot, *, out: Path, limit_s: float) -> Ran:
    """Color a shot. Raises: RunFailed when it fails or takes longer than `limit_s`."""
    return run(Order("colorize-long", shot_file, shot.name, shot.n_frames), out=out, limit_s=limit_s)


def run(order: Order, *, out: Path, limit_s: float) -> Ran:
    """Run a command on a shot file, no movies and no preview.

    Raises: RunFailed when it fails or takes longer than `limit_s`.
    """
    command = [sys.executable, "-m", "toonctl", order.command, str(order.shot_file), "--out", str(out)]
    command += ["--progress", "none", "--set", "output.movies=[]", "--set", "output.preview=false"]
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    log = out.parent / f"{out.name}.log"
    begun, started, cpu = time.perf_counter(), time.time(), cpu_now()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=stream, cwd=out.parent, env=environment
        )
        pictures = out / order.name / "frames" / _LAYER
        memory = _MemoryWatch(process.pid, lambda: len(list(pictures.glob("*.png"))) < order.n_early)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            raise RunFailed(f"stopped after {limit_s:.0f} s") from None
        finally:
            peak = memory.stop()
    wall = time.perf_counter() - begun
    if code:
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RunFailed(f"exit code {code}: " + " ".join(words[-3:])[-300:])
    tree = out / order.name
    written = [path.stat().st_mtime for path in (tree / "frames").rglob("*.png")]
    if not written:
        raise RunFailed("no frame was written")
    first_s = min(written) - started
    cpu_s = cpu_now() - cpu
    return Ran(
        tree,
        order.name,
        order.n_frames,
        wall,
        first_s,
        peak.resident,
        cpu_s,
        pss_bytes=peak.proportional,
        early_bytes=peak.early,
    )


def cpu_now() -> float:
    """Processor seconds that this process and its ended children have taken so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def resident_peak(command: Sequence[str]) -> int:
    """The peak of resident bytes of a command from the checkout. Raises: RunFailed when it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=_ROOT)
    memory = _MemoryWatch(process.pid)
    try:
        code = process.wait()
    finally:
        peak = memory.stop()
    if code:
        raise RunFailed(f"exit code {code}")
    return peak.resident


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a process and all below it: `resident` sums, `proportional` shares out what is shared.

    `early` is the proportional part as long as the work had just begun.
    """

    resident: int
    proportional: int
    early: int = 0


class _MemoryWatch:
    """Samples the memory of a process and all below it, from /proc; 0 where there is no /proc."""

    def __init__(self, pid: int, is_early: Callable[[], bool] = lambda: False) -> None:
        self._pid, self._peak, self._done = pid, Memory(0, 0), threading.Event()
        self._is_early = is_early
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> Memory:
        """The peaks in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        is_early = True
        for number in count():
            if self._done.wait(_SAMPLE_S):
                return
            # The kernel walks all pages for the shared ones: often enough would cost what is being measured.
            is_thorough = number % _THOROUGH_EVERY == 0
            now, peak = _memory(self._pid, is_thorough=is_thorough), self._peak
            is_early = is_early and (not is_thorough or self._is_early())
            self._peak = Memory(
                max(peak.resident, now.resident),
                max(peak.proportional, now.proportional),
                max(peak.early, now.proportional if is_early else 0),
            )


def _memory(pid: int, *, is_thorough: bool) -> Memory:
    """What a process and its descendants hold now; the proportional part only if `is_thorough`, else 0."""
    resident = proportional = 0
    waiting = [pid]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            resident += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
            if is_thorough:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                proportional += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
            for task in (folder / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError, IndexError):
            continue  # it ended while being looked at
    return Memory(resident, proportional)
