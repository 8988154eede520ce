"""What the vote of regions gains: generated pictures that are off in known ways, made into cels, a table.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.cels --json cels.json

takes the true pictures of cartoon-dev clips (`--data DIR`) for what a video model would have painted, spoils
them as such models do (three strengths; the spoiling is drawn from a seed), and colors each drawing

- pixel: every pixel takes the nearest color of the color model, no regions
- count: every region takes the color nearest to most of its pixels
- vote: toonctl's `[output] cels = true` (`regions/color_vote.py`)

The color model is read from frame 1. Measures as in `measures.py`: share of right foreground pixels, share of
right regions, region tracks that flicker. No network runs: this is the vote alone, not the engine's quality.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, ColorModel, PaintPart, Pixels, Role
from toonctl.regions.color_vote import vote_colors
from toonctl.regions.paint import paint_index
from toonctl.regions.segment import Regions, SegmentOptions, find_regions
from toonctl.stages.color_model import read_color_model

from .clips import DATA, load_clips
from .measures import ShotMeasurer
from .stored import MissingArt, StoredShot

_WAYS = ("pixel", "count", "vote")


@dataclass(frozen=True, slots=True)
class Spoiling:
    """How far a picture is off, at 540 lines: soft by `blur_px`, bent by `bend_px`, noisy by `noise` levels.

    `drift` levels is how far its colors as a whole wander within a shot, each channel its own way.
    """

    name: str
    blur_px: float
    bend_px: float
    noise: float
    drift: float


SPOILINGS = (
    Spoiling("mild", 1.0, 1.0, 4, 4),
    Spoiling("middling", 2.0, 2.5, 8, 12),
    Spoiling("strong", 3.0, 5.0, 14, 24),
)


def spoiled(truth: Pixels, spoiling: Spoiling, frame: int) -> Pixels:
    """`truth` RGB `[H, W, 3]` as a video model might have painted it at 0-based `frame`."""
    height, width = truth.shape[:2]
    rng = np.random.default_rng([frame, len(spoiling.name)])
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bend = [_waves(rng, (height, width), 24) * spoiling.bend_px for _ in range(2)]
    bent = cv2.remap(truth, x + bend[0], y + bend[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(bent, (0, 0), spoiling.blur_px).astype(np.float32)
    grain = np.stack([_waves(rng, (height, width), 3) for _ in range(3)], -1) * spoiling.noise
    way = np.sin(np.array([0.0, 2.1, 4.2]) + frame / 7) * spoiling.drift
    return np.clip(soft + grain + way, 0, 255).astype(np.uint8)


def colored(way: str, picture: Pixels, regions: Regions, model: ColorModel) -> Pixels:
    """The picture RGB `[H, W, 3]` in colors of the color model alone."""
    if way == "vote":
        colors = vote_colors(picture, regions, model, None).colors
        return _painted(regions, colors, model)
    nearest = _nearest(picture, model.colors[1:, :3]) + 1
    if way == "pixel":
        return model.colors[nearest][..., :3]
    labels = regions.label_map().astype(np.int64)
    n = len(model.colors)
    votes = np.bincount((labels * n + nearest).ravel(), minlength=(regions.n + 1) * n).reshape(-1, n)
    return _painted(regions, votes[1:].argmax(1).astype(np.uint16), model)


def measure(shot: StoredShot, spoiling: Spoiling, n_frames: int) -> Mapping[str, Mapping[str, object]]:
    """The measures of every way of coloring on the first frames of a shot."""
    first = shot.painted(0)
    opaque = np.dstack([first, np.full(first.shape[:2], 255, np.uint8)])
    cel = CelPixels(None, None, (PaintPart(Role.PAINT, "normal", False, opaque),))
    model, _ = read_color_model([cel], [shot.coverage(0)])
    measurer = ShotMeasurer(shot, [0], _WAYS)
    options = SegmentOptions.for_height(shot.size[1])
    for frame in range(min(n_frames, shot.n_frames)):
        regions = find_regions(shot.line_frame(frame), options)
        picture = spoiled(shot.painted(frame), spoiling, frame)
        measurer.take(frame, {way: colored(way, picture, regions, model) for way in _WAYS}, {})
    return {way: asdict(measurer.result(way)) for way in _WAYS}


def main() -> int:
    """The table on stdout; 2 when the clips are missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these clips")
    parser.add_argument("--frames", type=int, default=12, metavar="N", help="the first N frames of each clip")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here as well")
    asked = parser.parse_args()
    try:
        clips = load_clips(asked.data)
    except MissingArt as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    clips = [clip for clip in clips if asked.only is None or clip.name in asked.only]
    found: dict[str, dict[str, Mapping[str, Mapping[str, object]]]] = {}
    out = sys.stdout.write
    out("| pictures off | way | right foreground | right regions | flicker |\n|" + " --- |" * 5 + "\n")
    for spoiling in SPOILINGS:
        results = found[spoiling.name] = {c.name: measure(c, spoiling, asked.frames) for c in clips}
        for way in _WAYS:
            cells = [_mean([results[clip][way][key] for clip in results]) for key in _SHOWN]
            out(f"| {spoiling.name} | {way} | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


_SHOWN = ("foreground", "regions", "flicker")


def _mean(values: list[object]) -> str:
    numbers = [value for value in values if isinstance(value, int | float)]
    return f"{np.mean(numbers):.3f}" if numbers else "n/a"


def _waves(rng: np.random.Generator, shape: tuple[int, int], length_px: float) -> NDArray[np.float32]:
    """Smooth random values `[H, W]` of deviation 1, about `length_px` wide."""
    small = (int(shape[0] / length_px) + 2, int(shape[1] / length_px) + 2)
    values = rng.standard_normal(small).astype(np.float32)
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _nearest(picture: Pixels, colors: Pixels) -> NDArray[np.int64]:
    """The place of the nearest of `colors` in RGB for every pixel, `[H, W]`."""
    flat, inverse = np.unique(picture.reshape(-1, 3) >> 2, axis=0, return_inverse=True)
    apart = ((flat[:, None].astype(np.int32) * 4 + 2 - colors[None].astype(np.int32)) ** 2).sum(-1)
    return apart.argmin(1)[inverse.ravel()].reshape(picture.shape[:2])


def _painted(regions: Regions, colors: NDArray[np.uint16], model: ColorModel) -> Pixels:
    index = paint_index(regions.runs(), colors, None, darkness_rank=None)
    return np.ascontiguousarray(model.colors[index][..., :3])


if __name__ == "__main__":
    sys.exit(main())
