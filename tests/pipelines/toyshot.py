"""A toy shot for the whole command, the command itself in this process or another, and what it delivers."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from artkit import INK as LINE
from artkit import TRACE, Drawing, save_png, sky, tint, walk
from cli.process import TOONCTL
from toonctl.core.types import Pixels
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import read_picture

N_FRAMES = 12
HELD = {5: 4}
"""Frame 5 has the very picture of frame 4 again."""

OUTPUT = 'movies = ["png"]\npsd = true\nsheets = ["xdts"]\n'
BARE = "movies = []\npreview = false\n"
LIGHT = f'{BARE}[engine]\nmatcher = "geometric"\n'
"""For processes: they start without torch."""
DELIVERED = ("frames", "cels", "psd", "movies", "sheet", "palette.json", "doubts.json")


def drawings(n: int = N_FRAMES) -> list[Drawing]:
    """The ball rolling past the cup, by frame."""
    drawn = walk(n)
    return [drawn[HELD.get(frame, frame) - 1] for frame in range(1, n + 1)]


def line_art(drawing: Drawing) -> Pixels:
    """Black lines and trace lines on nothing, RGBA."""
    return blend_over(tint(drawing.trace, TRACE), tint(drawing.line, LINE))


def rolling(folder: Path, *, n: int = N_FRAMES, output: str = OUTPUT, shot: str = "", art: str = "") -> Path:
    """The shot file; `shot`, `art` and `output` are lines for these tables."""
    for frame, drawing in enumerate(drawings(n), 1):
        save_png(folder / f"line/roll.{frame:04d}.png", line_art(drawing))
    save_png(folder / "color/roll.0001.png", drawings(n)[0].painted)
    save_png(folder / "bg.png", sky())
    path = folder / "roll.toml"
    path.write_text(
        f'[shot]\nname = "roll"\nrate = "24"\n{shot}\n[art]\nline = "line/roll.####.png"\n'
        f'background = "bg.png"\n{art}\n[output]\n{output}\n'
        '[[reference]]\nimage = "color/roll.0001.png"\n' + ("" if "first_frame" in shot else "frame = 1\n"),
        encoding="utf-8",
    )
    return path


def frame(root: Path, number: int, layer: str = "A") -> Pixels:
    """A delivered frame, RGBA."""
    return read_picture(root / "frames" / layer / f"{root.name}.{layer}.{number:04d}.png")


def share_equal(found: Pixels, wanted: Pixels, within: int = 1) -> float:
    """The share of pixels shown by either picture that are equal `within` so many levels."""
    shown: NDArray[np.bool_] = (found[..., 3] > 0) | (wanted[..., 3] > 0)
    apart = np.abs(found.astype(np.int16) - wanted).max(-1)
    return float((apart[shown] <= within).mean())


def delivered(root: Path) -> Mapping[str, bytes]:
    """Everything that must be equal however the shot was cut up, by path."""
    parts = [root / part for part in DELIVERED]
    files = [p for part in parts for p in (sorted(part.rglob("*")) if part.is_dir() else [part])]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files if p.is_file() and p.name[0] != "."}


def differing(found: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> list[str]:
    """The paths whose bytes differ, or that only one side has."""
    return sorted(path for path in {*found, *wanted} if found.get(path) != wanted.get(path))


def broken_pictures(root: Path) -> list[str]:
    """Pictures under their final name that cannot be decoded."""
    return [str(p) for p in root.rglob("*.png") if p.name[0] != "." and not _is_whole(p)]


def started(path: Path, *options: str, command: str = "colorize-long") -> subprocess.Popen[str]:
    """The command on a slow disk as a process under way."""
    slow = Path(__file__).with_name("slow_disk.py")
    return subprocess.Popen(
        [TOONCTL[0], str(slow), command, str(path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], root: Path, pattern: str, count: int) -> None:
    """Returns once `count` files fit `pattern` while the process runs."""
    for _ in _ticks(240):
        if len(list(root.glob(pattern))) >= count:
            return
        assert process.poll() is None, process.communicate()
    raise AssertionError(f"no {pattern} in time")


def _ticks(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.02)


def _is_whole(path: Path) -> bool:
    data = path.read_bytes()
    return data.endswith(b"IEND\xaeB`\x82") and cv2.imdecode(np.frombuffer(data, np.uint8), -1) is not None
