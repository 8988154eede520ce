"""One run of `toonctl colorize-long` as a process of its own: files in, files out, time and memory."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toonctl.core.timesheet import parse_frames

from .measures import DoubtKey
from .stored import StoredShot, save

_ROOT = Path(__file__).parents[2]
_LAYER = "A"
_SAMPLE_S = 0.05
_NOT_COMPARED = ("manifest.json", "logs", "state")  # they carry times, and what resuming needs


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: wall time, time until the first frame stood, peak memory of all its processes together.

    `peak_bytes` sums resident memory; pages that processes share count once for each.
    """

    tree: Path
    name: str
    n_frames: int
    wall_s: float
    first_frame_s: float
    peak_bytes: int

    def frame(self, index: int) -> Path:
        """The finished picture of a 0-based frame."""
        return self.tree / "frames" / _LAYER / f"{self.name}.{_LAYER}.{index + 1:04d}.png"

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


def colorize(shot_file: Path, shot: StoredShot, *, out: Path, limit_s: float) -> Ran:
    """Run the command on a shot file. Raises: RunFailed when it fails or takes longer than `limit_s`."""
    command = [sys.executable, "-m", "toonctl", "colorize-long", str(shot_file), "--out", str(out)]
    command += ["--progress", "none", "--set", "output.movies=[]", "--set", "output.preview=false"]
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    log = out.parent / f"{out.name}.log"
    begun, started = time.perf_counter(), time.time()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=stream, cwd=out.parent, env=environment
        )
        memory = _MemoryWatch(process.pid)
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
    ran = Ran(out / shot.name, shot.name, shot.n_frames, wall, 0.0, peak)
    written = [path.stat().st_mtime for path in (ran.tree / "frames").rglob("*.png")]
    if not written:
        raise RunFailed("no frame was written")
    return Ran(ran.tree, shot.name, shot.n_frames, wall, min(written) - started, peak)


class _MemoryWatch:
    """Samples the resident memory of a process and all below it, from /proc; 0 where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._done = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The peak in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_S):
            self._peak = max(self._peak, _resident(self._pid))


def _resident(pid: int) -> int:
    """Resident bytes of a process and its descendants now."""
    total, waiting = 0, [pid]
    while waiting:
        folder = Path("/proc") / str(waiting.pop())
        try:
            total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
            for task in (folder / "task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (OSError, ValueError, IndexError):
            continue  # it ended while being looked at
    return total
