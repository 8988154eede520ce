"""How fast each measure of `toonctl eval` is, beside the reference implementation where there is one.

From the repository root, with toonctl's development packages installed:

    python -m tests.bench.eval --json bench.json

draws frames of the generated shot C3 in 540p and 1080p, with an error put in, and gives every measure the
same ones on two threads: frames per second by the clock, and milliseconds of processor time a frame, which
tells more on a busy machine; of ours and of the reference (scikit-image for PSNR and SSIM, torchmetrics for
MS-SSIM, the published packages for networks), and by how much their values differ. Networks have random
weights and see 540p alone, 16 frames of it for FVD and two for the others. Reading files is not counted.
`--long` adds the real command on 1000 frames in 1080p, for its memory: `--measures`, else the protocol `cel`.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence, Set
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
from toonctl.pipelines._eval_networks import NETWORKS
from toonctl.pipelines._eval_protocol import LAYERED, METRICS

from .command import cpu_now, resident_peak
from .eval_networks import reference, weights_of
from .puppets import SHOTS, SIZE_540, SIZE_1080
from .stored import save

_SIZES: Mapping[str, Size] = {"540p": SIZE_540, "1080p": SIZE_1080}
_OF_SHOTS = ("drift", "low_decay", "high_decay")  # sums over other measures' values: no work of their own

_NETWORK_FRAMES = {"fvd": 16, "motion_smoothness": 3}
_THREADS = 2

Frame = tuple[Pixels, Pixels]
Measure = Callable[[Pixels, Pixels], float | None]
Timed = tuple[float, float, list[float | None]]
"""Frames per second, milliseconds of processor time a frame, values."""


@dataclass(frozen=True, slots=True)
class Row:
    """A measure at a size: frames per second and processor time a frame, ours and the reference's.

    `apart` is by how much values differ at most, None where the reference gives no comparable one.
    """

    measure: str
    size: str
    fps: float
    cpu_ms: float
    reference: str = ""
    reference_fps: float | None = None
    reference_cpu_ms: float | None = None
    apart: float | None = None


def _ssim_of_skimage(picture: Pixels, truth: Pixels) -> float:
    options: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similarity: Any = structural_similarity(truth, picture, channel_axis=2, data_range=255, **options)
    return float(similarity)


def _ms_ssim_of_torchmetrics(picture: Pixels, truth: Pixels) -> float:
    ours, theirs = (torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (picture, truth))
    return float(multiscale_structural_similarity_index_measure(ours, theirs, data_range=255.0))


_REFERENCES: Mapping[str, tuple[str, Measure]] = {
    "psnr": ("scikit-image", lambda picture, truth: float(peak_signal_noise_ratio(truth, picture))),
    "ssim": ("scikit-image", _ssim_of_skimage),
    "ms_ssim": ("torchmetrics", _ms_ssim_of_torchmetrics),
}


def rows(n_frames: int, wanted: Set[str]) -> list[Row]:
    """The measures `wanted` at every size."""
    found: list[Row] = []
    no_work = {*LAYERED, *_OF_SHOTS}
    plain = [m.name for m in METRICS.values() if not m.needs_network and m.name in wanted - no_work]
    for size_name, size in _SIZES.items():
        frames = _frames(size, n_frames)
        for name in plain:
            meter = FrameMeter([name])
            ours = _timed(lambda *frame, meter=meter, name=name: meter.take(*frame)[name], frames)
            found.append(_row((name, size_name), ours, _REFERENCES.get(name), frames))
    with tempfile.TemporaryDirectory(prefix="toonctl-bench-") as folder:
        for name, network in NETWORKS.items():
            if name not in wanted:
                continue
            frames = _frames(SIZE_540, _NETWORK_FRAMES.get(name, 2))
            paths = tuple(weights_of(role, Path(folder)) for role in network.roles)
            judge: Any = network.load(paths)
            if not network.is_of_set:
                judge()(*frames[0])  # what torch does once for all, the reference would have for nothing
            take = judge.take if network.is_of_set else judge()
            found.append(_row((name, "540p"), _timed(take, frames), reference(name, Path(folder)), frames))
    return found


def _row(
    place: tuple[str, str], ours: Timed, known: tuple[str, Measure] | None, frames: Sequence[Frame]
) -> Row:
    """A row of `place`, the measure and the size."""
    fps, cpu_ms, values = ours
    say(f"{place[1]} {place[0]}: {fps:.2f} fps")
    if known is None:
        return Row(*place, fps, cpu_ms)
    title, measure = known
    their_fps, their_cpu_ms, theirs = _timed(measure, frames)
    pairs = [(a, b) for a, b in zip(values, theirs, strict=True) if a is not None and b is not None]
    apart = max((abs(a - b) for a, b in pairs), default=None)
    return Row(*place, fps, cpu_ms, title, their_fps, their_cpu_ms, apart)


def _timed(measure: Measure, frames: Sequence[Frame]) -> Timed:
    with torch.inference_mode():
        begun, cpu = time.perf_counter(), time.process_time()
        values = [measure(*frame) for frame in frames]
        wall, used = time.perf_counter() - begun, time.process_time() - cpu
    return len(frames) / wall, used / len(frames) * 1000, values


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


def long_run(n_frames: int, wanted: Sequence[str]) -> str:
    """A row on the real command: frames per second, files included, and peak memory.

    With the measures `wanted`, those of the protocol `cel` when there are none.
    """
    with tempfile.TemporaryDirectory(prefix="toonctl-bench-") as name:
        folder = Path(name)
        frames = _frames(SIZE_1080, 8)
        for index in range(n_frames):
            for side, picture in zip(("result", "truth"), frames[index % len(frames)], strict=True):
                path = folder / side / f"{index + 1:04d}.png"
                if index < len(frames):
                    save(path, picture)
                else:  # drawn and packed already: what is measured is the reading
                    os.link(folder / side / f"{index % len(frames) + 1:04d}.png", path)
        command = [sys.executable, "-m", "toonctl", "eval", str(folder / "result")]
        command += ["--truth", str(folder / "truth"), "--progress", "none"]
        command += ["--metrics", ",".join(wanted)] if wanted else []
        begun, cpu = time.perf_counter(), cpu_now()
        peak = resident_peak(command)
        wall, used = time.perf_counter() - begun, cpu_now() - cpu
    return (
        f"{', '.join(wanted) or 'protocol cel'}, {n_frames} frames 1080p, files included: "
        f"{n_frames / wall:.2f} fps ({used / n_frames * 1000:.0f} ms of processor time a frame), "
        f"peak {peak / 1e6:.0f} MB"
    )


def report(found: Sequence[Row]) -> str:
    """The table with a line on how it came about."""
    lines = [
        f"toonctl {__version__}, Python {platform.python_version()}, {_THREADS} threads, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "",
        "| measure | size | fps | cpu ms | reference | its fps | its cpu ms | values apart by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        fps, cpu_ms, apart = (
            "" if value is None else f"{value:{form}}"
            for value, form in ((row.reference_fps, ".2f"), (row.reference_cpu_ms, ".0f"), (row.apart, ".1e"))
        )
        lines.append(
            f"| {row.measure} | {row.size} | {row.fps:.2f} | {row.cpu_ms:.0f} | {row.reference} | {fps} "
            f"| {cpu_ms} | {apart} |"
        )
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
    parser.add_argument("--measures", metavar="NAMES", help="only these, as in `psnr,lpips`")
    parser.add_argument("--long", type=int, nargs="?", const=1000, metavar="N", help="also N frames in 1080p")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here as well")
    options = parser.parse_args()
    cv2.setNumThreads(_THREADS)
    torch.set_num_threads(_THREADS)
    wanted = options.measures.split(",") if options.measures else []
    found = rows(options.frames, set(wanted or METRICS))
    sys.stdout.write(report(found))
    long = long_run(options.long, wanted) if options.long else None
    if long:
        sys.stdout.write(f"\n{long}\n")
    if options.json:
        content = {"schema": 1, "toonctl": __version__, "rows": [asdict(row) for row in found], "long": long}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
