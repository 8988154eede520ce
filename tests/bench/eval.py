"""How fast each measure of `toonctl eval` is, beside the reference implementation where there is one.

From the repository root, with toonctl's development packages installed:

    python -m tests.bench.eval --json bench.json

draws frames of the generated shot C3 in 540p and 1080p, with an error put in, and gives every measure the
same ones: frames per second of processor time, one thread, of ours and of the reference (scikit-image for
PSNR and SSIM, torchmetrics for MS-SSIM), and by how much the two differ. Reading files is not counted.
`--long` adds the real command on 1000 frames in 1080p, for its memory.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from toonctl import __version__
from toonctl.core.types import Pixels, Size
from toonctl.pipelines._eval_meter import FrameMeter
from toonctl.pipelines._eval_protocol import LAYERED, METRICS

from .command import cpu_now, resident_peak
from .puppets import SHOTS, SIZE_540, SIZE_1080
from .stored import save

_SIZES: Mapping[str, Size] = {"540p": SIZE_540, "1080p": SIZE_1080}
_OF_SHOTS = ("drift", "low_decay", "high_decay")  # sums over other measures' values: no work of their own

Frame = tuple[Pixels, Pixels]


@dataclass(frozen=True, slots=True)
class Row:
    """A measure at a size: frames per second of ours and of the reference, and how far values differ."""

    measure: str
    size: str
    fps: float
    reference: str = ""
    reference_fps: float | None = None
    apart: float | None = None


def _ssim_of_skimage(picture: Pixels, truth: Pixels) -> float:
    options: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similarity: Any = structural_similarity(truth, picture, channel_axis=2, data_range=255, **options)
    return float(similarity)


def _ms_ssim_of_torchmetrics(picture: Pixels, truth: Pixels) -> float:
    ours, theirs = (torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (picture, truth))
    return float(multiscale_structural_similarity_index_measure(ours, theirs, data_range=255.0))


_REFERENCES: Mapping[str, tuple[str, Callable[[Pixels, Pixels], float]]] = {
    "psnr": ("scikit-image", lambda picture, truth: float(peak_signal_noise_ratio(truth, picture))),
    "ssim": ("scikit-image", _ssim_of_skimage),
    "ms_ssim": ("torchmetrics", _ms_ssim_of_torchmetrics),
}


def rows(n_frames: int) -> list[Row]:
    """Every measure at every size."""
    found: list[Row] = []
    names = [m.name for m in METRICS.values() if m.needs is None and m.name not in {*LAYERED, *_OF_SHOTS}]
    for size_name, size in _SIZES.items():
        frames = _frames(size, n_frames)
        for name in names:
            found.append(_row(name, size_name, frames))
            say(f"{size_name} {name}: {found[-1].fps:.1f} fps")
    return found


def _row(name: str, size: str, frames: Sequence[Frame]) -> Row:
    meter = FrameMeter([name])
    begun = time.process_time()
    for picture, truth in frames:
        meter.take(picture, truth)
    fps = len(frames) / (time.process_time() - begun)
    if name not in _REFERENCES:
        return Row(name, size, fps)
    title, measure = _REFERENCES[name]
    begun = time.process_time()
    theirs = [measure(*frame) for frame in frames]
    their_fps = len(frames) / (time.process_time() - begun)
    apart = max(abs((a or 0) - b) for a, b in zip(meter.series[name], theirs, strict=True))
    return Row(name, size, fps, title, their_fps, apart)


def _frames(size: Size, n_frames: int) -> list[Frame]:
    """Painted frames, and each with a softened, shifted copy as the result."""
    shot = next(shot for shot in SHOTS if shot.name == "C3")
    frames: list[Frame] = []
    for index in range(n_frames):
        ink, color = shot.draw(index, size)
        truth = ((color * ((255 - ink).astype(np.uint16)[..., None]) + 127) // 255).astype(np.uint8)
        picture = np.roll(np.asarray(cv2.GaussianBlur(truth, (0, 0), 1), np.uint8), 2, axis=1)
        frames.append((picture, truth))
    return frames


def long_run(n_frames: int) -> str:
    """A row on the real command: frames per second, files included, and peak memory."""
    with tempfile.TemporaryDirectory(prefix="toonctl-bench-") as name:
        folder = Path(name)
        frames = _frames(SIZE_1080, 8)
        for index in range(n_frames):
            for side, picture in zip(("result", "truth"), frames[index % len(frames)], strict=True):
                save(folder / side / f"{index + 1:04d}.png", picture)
        command = [sys.executable, "-m", "toonctl", "eval", str(folder / "result")]
        command += ["--truth", str(folder / "truth"), "--progress", "none"]
        begun, cpu = time.perf_counter(), cpu_now()
        peak = resident_peak(command)
        wall, used = time.perf_counter() - begun, cpu_now() - cpu
    return (
        f"protocol cel, {n_frames} frames 1080p, files included: {n_frames / wall:.2f} fps "
        f"({used / n_frames * 1000:.0f} ms of processor time a frame), peak {peak / 1e6:.0f} MB"
    )


def report(found: Sequence[Row]) -> str:
    """The table with a line on how it came about."""
    lines = [
        f"toonctl {__version__}, Python {platform.python_version()}, one thread of {os.cpu_count()} cores",
        "",
        "| measure | size | fps | reference | its fps | values apart by |",
        "|---|---|---|---|---|---|",
    ]
    for row in found:
        fps = "" if row.reference_fps is None else f"{row.reference_fps:.1f}"
        apart = "" if row.apart is None else f"{row.apart:.1e}"
        lines.append(f"| {row.measure} | {row.size} | {row.fps:.1f} | {row.reference} | {fps} | {apart} |")
    return "\n".join([*lines, ""])


def say(text: str) -> None:
    """A line of progress on stderr."""
    sys.stderr.write(text + "\n")


def main() -> int:
    """The table on stdout."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.eval", description="Measure the measures of `toonctl eval`."
    )
    parser.add_argument("--frames", type=int, default=8, metavar="N", help="frames for every measure")
    parser.add_argument("--long", type=int, nargs="?", const=1000, metavar="N", help="also N frames in 1080p")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here as well")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    found = rows(options.frames)
    sys.stdout.write(report(found))
    long = long_run(options.long) if options.long else None
    if long:
        sys.stdout.write(f"\n{long}\n")
    if options.json:
        content = {"schema": 1, "toonctl": __version__, "rows": [asdict(row) for row in found], "long": long}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
