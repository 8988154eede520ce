"""Does an engine move quadrants of one picture alike: table 1 of the LayerPack paper.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.layerpack_sync --engine framepack --json sync.json

puts two keys of six cartoon-dev clips (`--data DIR`) into quadrants of a white canvas, lets
`toonctl inbetween` draw between them with `--seeds` seeds, and compares quadrants: those of one film where
the pattern shows two (vertical, horizontal, cross), those of two films of one seed where it shows one
(single). PSNR in dB by film, mean and spread; then a one-way analysis of variance over the patterns, and
which two of them differ (Tukey's HSD).

An engine that draws every place alike reaches 100 dB throughout. The paper, FramePack: 37.91 vertical, 37.95
horizontal, 35.73 cross, 28.94 to 29.83 single. Ends with 1 when a run failed, with 2 without clips.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from toonctl import __version__
from toonctl.core.types import Pixels
from toonctl.formats.png import read_picture
from toonctl.metrics.pixel import psnr
from toonctl.metrics.synchrony import PATTERNS, Variance, quadrant, quadrant_canvas

from .clips import DATA, load_clips
from .command import Order, RunFailed, run
from .stored import MissingArt, StoredShot, add_options, bench_folder, save

_GAP = 6
_N_SCENES = 6
_QUADRANT = (416, 240)
_UNLIKELY = 0.001
"""Chance that the paper calls a difference by."""


@dataclass(frozen=True, slots=True)
class Film:
    """What an engine drew between two canvases of a pattern."""

    pattern: str
    frames: tuple[Pixels, ...]

    def apart(self, other: "Film") -> float:
        """Mean PSNR in dB between the first quadrant this film was given and the last of the other."""
        ours, theirs = PATTERNS[self.pattern][0], PATTERNS[other.pattern][-1]
        pairs = zip(self.frames, other.frames, strict=True)
        return float(np.mean([psnr(quadrant(one, ours), quadrant(two, theirs)) for one, two in pairs]))


class Scenes:
    """The films of one engine, made in a folder."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder

    def values(self, clip: StoredShot, seed: int) -> Iterator[tuple[str, float]]:
        """PSNR by kind of pattern for one scene and seed."""
        films = {name: self._film(clip, name, seed) for name in PATTERNS}
        for name, shown in PATTERNS.items():
            if len(shown) == 2:
                yield name, films[name].apart(films[name])
        for one, other in combinations([n for n, shown in PATTERNS.items() if len(shown) == 1], 2):
            yield f"single {one}-{other}", films[one].apart(films[other])

    def _film(self, clip: StoredShot, pattern: str, seed: int) -> Film:
        home = self.folder / clip.name / f"{pattern}-{seed}"
        order = Order("inbetween", self._shot_file(clip, pattern, seed, home), clip.name, _GAP + 1)
        ran = run(order, out=home / "out", limit_s=self.options.limit)
        frames = (read_picture(ran.frame(step))[..., :3] for step in range(1, _GAP))
        return Film(pattern, tuple(np.ascontiguousarray(frame) for frame in frames))

    def _shot_file(self, clip: StoredShot, pattern: str, seed: int, home: Path) -> Path:
        lines = ["[shot]", f'name = "{clip.name}"', 'rate = "24"']
        lines += ["[engine]", f'name = "{self.options.engine}"', f"seed = {seed}"]
        middle = clip.n_frames // 2
        for frame, index in ((1, middle - _GAP // 2), (_GAP + 1, middle + _GAP // 2)):
            picture = cv2.resize(clip.truth(index), _QUADRANT, interpolation=cv2.INTER_AREA)
            save(home / f"{frame:04d}.png", quadrant_canvas(np.asarray(picture, np.uint8), PATTERNS[pattern]))
            lines += ["[[key]]", f"frame = {frame}", f'image = "{frame:04d}.png"']
        path = home / "shot.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def report(found: dict[str, list[float]], options: argparse.Namespace, failed: Sequence[str]) -> str:
    """The table with a line on how it came about."""
    about = f"toonctl {__version__}, Python {platform.python_version()}; engine {options.engine}"
    lines = [
        f"{about}; {options.seeds} seeds",
        "",
        "| pattern | films | PSNR, dB | spread |",
        "|---|---|---|---|",
    ]
    for name, values in found.items():
        lines.append(f"| {name} | {len(values)} | {np.mean(values):.2f} | {np.std(values):.2f} |")
    if failed:
        lines.append(f"| **failed**: {'; '.join(failed)} | | | |")
    if len(found) > 1 and sum(map(len, found.values())) > len(found):
        lines += ["", *_variance(found)]
    return "\n".join([*lines, ""])


def _variance(found: dict[str, list[float]]) -> Iterator[str]:
    """Whether patterns differ, and which two: one-way analysis of variance, then Tukey's HSD."""
    names, variance = list(found), Variance.of(list(found.values()))
    yield f"Over patterns F = {variance.f:.2f}, p = {variance.p:.3g}."
    apart = [f"{names[a]} and {names[b]} ({p:.3g})" for (a, b), p in variance.pairs.items() if p < _UNLIKELY]
    if variance.pairs:
        yield f"Tukey's HSD below {_UNLIKELY}: {'; '.join(apart) or 'no two patterns'}."


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.layerpack_sync", description="Measure how alike quadrants move."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--engine", default="cel", help="who draws")
    parser.add_argument("--seeds", type=int, default=5, help="films of every scene and pattern")
    add_options(parser, limit_s=3600)
    return parser.parse_args()


def main() -> int:
    """The table on stdout; 1 when a run failed, 2 when there is nothing to run on."""
    options = _options()
    found: dict[str, list[float]] = {}
    failed: list[str] = []
    try:
        clips = [clip for clip in load_clips(options.data) if not options.only or clip.name in options.only]
    except MissingArt as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    with bench_folder(options.keep) as folder:
        for clip in clips[:_N_SCENES]:
            for seed in range(options.seeds):
                try:
                    for name, value in Scenes(options, folder).values(clip, seed):
                        found.setdefault(name, []).append(value)
                except RunFailed as error:
                    failed.append(f"{clip.name}, seed {seed}: {error}")
    sys.stdout.write(report(found, options, failed))
    if options.json:
        content = {"schema": 1, "toonctl": __version__, "engine": options.engine, "psnr": found}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
