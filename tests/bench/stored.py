"""A shot to measure on: pictures in a folder, read one at a time."""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from toonctl.core.types import LineFrame, Pixels, Size

Kind = Literal["short", "single", "hard"]
"""`short` clip; `single` = 300 frames of one figure; `hard` = 300 frames of two figures or fast action."""


NOTHING = (255, 0, 255)
"""Stands for unpainted pixels; no shot here uses the color."""


class MissingArt(Exception):
    """A folder or picture the benchmark needs is not there; the text says what to give."""


def add_options(parser: argparse.ArgumentParser, *, limit_s: float) -> None:
    """What every benchmark of a drawing command understands; `limit_s` is how long one run may take."""
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these clips and generated shots")
    parser.add_argument("--limit", type=float, default=limit_s, metavar="S", help="seconds a run may take")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep shots and results in this new folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here as well")


@contextmanager
def bench_folder(keep: Path | None) -> Iterator[Path]:
    """Where shots and results lie: the new folder `keep`, or one that goes away in the end."""
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="toonctl-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class StoredShot:
    """A shot on disk, from picture `start` (0-based) of its folder on.

    `lines_drawn` says that the truth pictures show the lines already, as a painter hands them in.
    """

    name: str
    folder: Path
    size: Size
    fps: int
    n_frames: int
    kind: Kind
    lines_drawn: bool
    start: int = 0

    def excerpt(self, start: int, n_frames: int) -> "StoredShot":
        """`n_frames` frames of this shot from the 0-based `start` on, as a shot of its own."""
        return replace(self, start=self.start + start, n_frames=n_frames)

    def coverage(self, index: int) -> Pixels:
        """Coverage of the lines at a 0-based frame, 0 paper to 255 line, uint8 `[H, W]`."""
        return np.asarray(255 - _read(self._path("line", index), cv2.IMREAD_GRAYSCALE), np.uint8)

    def line_frame(self, index: int) -> LineFrame:
        """The drawing as toonctl's regions take it."""
        ink = self.coverage(index)
        return LineFrame(ink, np.zeros_like(ink))

    def truth(self, index: int) -> Pixels:
        """The right color of every pixel that no line covers, uint8 RGB `[H, W, 3]`."""
        return np.ascontiguousarray(_read(self._path("color", index), cv2.IMREAD_COLOR)[..., ::-1])

    def painted(self, index: int) -> Pixels:
        """The finished picture as a painter hands it in, lines on top, uint8 RGB `[H, W, 3]`."""
        truth = self.truth(index)
        if self.lines_drawn:
            return truth
        paper = (255 - self.coverage(index)).astype(np.uint16)[..., None]
        return ((truth * paper + 127) // 255).astype(np.uint8)

    def _path(self, kind: str, index: int) -> Path:
        return self.folder / kind / f"{self.start + index + 1:04d}.png"


def read_opaque(path: Path) -> Pixels:
    """A delivered picture as uint8 RGB `[H, W, 3]`; what is not opaque turns into `NOTHING`.

    Raises: MissingArt when it cannot be read.
    """
    pixels = _read(path, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, -1)
    rgb = np.ascontiguousarray(pixels[..., 2::-1])
    if pixels.shape[2] == 4:
        rgb[pixels[..., 3] < 255] = NOTHING
    return rgb


def save(path: Path, pixels: Pixels) -> None:
    """A gray or RGB picture as PNG, packed fast."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flipped = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1])
    if not cv2.imwrite(str(path), flipped, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"cannot write {path}")


def _read(path: Path, mode: int) -> Pixels:
    pixels = cv2.imread(str(path), mode)
    if pixels is None:
        raise MissingArt(f"{path} is missing or no picture")
    return np.asarray(pixels, np.uint8)
