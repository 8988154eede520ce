"""How well `toonctl layerpack` keeps layers together: one table, and a line per shot.

From the repository root, with toonctl's packages installed:

    python -m tests.bench.layerpack --json bench.json

takes two layered keys from every short cartoon-dev clip (`--data DIR`), runs the real command on a shot file
of the two, and looks at every layer of every frame between them:

- stack: the layers laid over each other against the composite that the command wrote (more than 2 levels off)
- flat: that composite against `toonctl inbetween` on the flattened keys, away from lines; of the pixels in
  which they differ, how many each has as the truth has them: layers know what is hidden in the flat picture,
  and each of their parts is matched without the others', so that the two need not be equal
- held layers: those equal in both keys; kept when every frame shows exactly the key
- shared edges: `toonctl.metrics.layers`; what touches in both keys, kept and opened in between
- alpha: mean difference to the true layer's alpha in the middle frame, of 255, where either covers
- middle frame: as `tests.bench.inbetween` judges it

Beside it, in the same run, the layer-by-layer baseline: DIS flow, winner takes all, every layer by itself.
Ends with 1 when a run failed (it stands in its row), with 2 when the clips are missing.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from toonctl import __version__
from toonctl.core.types import Pixels
from toonctl.formats.png import read_picture
from toonctl.metrics.color import OFF_PALETTE, Mask
from toonctl.metrics.layers import SharedEdges, composite_error, over_ground, stacked
from toonctl.metrics.line import drawn_lines

from .clips import DATA, load_clips
from .command import Order, Ran, RunFailed, run
from .inbetween_judge import Judge, Judged
from .inbetween_peers import peers
from .rows import share
from .stored import MissingArt, StoredShot, add_options, bench_folder, save

_GAP = 3  # frames from a key to the middle
_QUICK = ("duo_cross", "chicken_strut", "squirrel_close")
_NEAR_LINE_PX = 2

Layers = dict[str, Pixels]


@dataclass(frozen=True, slots=True)
class Apart:
    """How far composite and flat inbetween are apart: of `n` pixels off the lines, how many differ.

    `n_ours` and `n_flat` of those are as in the truth in the one and in the other.
    """

    n: int
    n_apart: int
    n_ours: int
    n_flat: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of one shot; shares 0..1, None where there is nothing to say.

    `stack` and `flat` are None for the baseline; `edges` and `worst_edge` when no layers touch in both keys.
    """

    middle: Judged
    alpha: float
    edges: float | None
    worst_edge: float | None
    gap_px: int
    n_held: int
    n_held_kept: int
    stack: float | None = None
    flat: Apart | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One clip: our figures, the baseline's, and how long the command took for its frames."""

    name: str
    n_layers: int
    ours: Kept | None
    peer: Kept
    ms: float | None
    error: str | None = None


class LayeredPair:
    """Two layered keys of a clip and the truth between them."""

    def __init__(self, clip: StoredShot) -> None:
        self.clip, self.first = clip, (clip.n_frames - 2 * _GAP) // 2
        about = json.loads((clip.folder / "clip.json").read_text(encoding="utf-8"))
        self.names: list[str] = [str(name) for name in about["layers_bottom_to_top"]]
        self.keys = (self.layers(0), self.layers(2 * _GAP))
        self.truth = self.layers(_GAP)
        self.judge = Judge(_flat(self.truth), clip.coverage(self.first + _GAP), [_flat(k) for k in self.keys])
        self.held = [name for name in self.names if np.array_equal(self.keys[0][name], self.keys[1][name])]

    def layers(self, step: int) -> Layers:
        """The layers `step` frames after the first key, bottom to top."""
        file = f"{self.clip.start + self.first + step + 1:04d}.png"
        return {name: read_picture(self.clip.folder / "layers" / name / file) for name in self.names}

    def kept(self, frames: Callable[[int], Layers]) -> Kept:
        """The figures of the frames between the keys, as `frames` gives their layers by step."""
        edges = SharedEdges(*self.keys)
        shares, gap_px = list[float](), 0
        lost: set[str] = set()
        middle: Layers = {}
        for step in range(1, 2 * _GAP):
            layers = frames(step)
            middle = layers if step == _GAP else middle
            for contact in edges.take(layers):
                shares.append(contact.kept)
                gap_px += contact.gap_px
            lost |= {name for name in self.held if not _same(layers[name], self.keys[0][name])}
        return Kept(
            middle=self.judge.judge(_flat(middle)),
            alpha=float(np.mean([_alpha_error(middle[name], self.truth[name]) for name in self.names])),
            edges=float(np.mean(shares)) if shares else None,
            worst_edge=min(shares) if shares else None,
            gap_px=gap_px,
            n_held=len(self.held),
            n_held_kept=len(self.held) - len(lost),
        )


class Bench:
    """The runs of one benchmark, in a folder of its own."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        clips = [clip for clip in load_clips(options.data) if (clip.folder / "layers").is_dir()]
        wanted = set(options.only or (_QUICK if options.quick else [clip.name for clip in clips]))
        if unknown := sorted(wanted - {clip.name for clip in clips}):
            raise MissingArt(f"no layered clip is called {', '.join(unknown)}")
        self.clips = [clip for clip in clips if clip.name in wanted]

    def outcomes(self) -> Iterator[Outcome]:
        """Every clip with its figures, as they come in."""
        for clip in self.clips:
            pair = LayeredPair(clip)
            peer = pair.kept(_layer_by_layer(pair))
            try:
                ran, ms = self._run("layerpack", pair)
                ours = self._measured(pair, ran)
                outcome = Outcome(clip.name, len(pair.names), ours, peer, ms)
            except (RunFailed, MissingArt) as error:
                outcome = Outcome(clip.name, len(pair.names), None, peer, None, str(error))
            _say(f"{clip.name}: {outcome.error or 'done'}")
            yield outcome

    def _run(self, command: str, pair: LayeredPair) -> tuple[Ran, float]:
        n_frames = 2 * _GAP + 1
        home = self.folder / command / pair.clip.name
        write = _write_layered if command == "layerpack" else _write_flat
        order = Order(command, write(pair, home), pair.clip.name, n_frames)
        ran = run(order, out=home / "out", limit_s=self.options.limit)
        return ran, ran.wall_s * 1000 / (n_frames - 2)

    def _measured(self, pair: LayeredPair, ran: Ran) -> Kept:
        def frames(step: int) -> Layers:
            return {name: read_picture(ran.frame(step, name)) for name in pair.names}

        composite = [read_picture(ran.frame(step, "comp")) for step in range(1, 2 * _GAP)]
        stack = np.mean([composite_error(list(frames(k + 1).values()), c) for k, c in enumerate(composite)])
        kept = asdict(pair.kept(frames)) | {
            "middle": pair.judge.judge(_over_white(composite[_GAP - 1])),
            "stack": float(stack),
            "flat": self._apart_from_flat(pair, composite[_GAP - 1]),
        }
        return Kept(**kept)

    def _apart_from_flat(self, pair: LayeredPair, composite: Pixels) -> Apart | None:
        """How far the composite is from the flat inbetween; None when that could not be drawn."""
        try:
            flat, _ = self._run("inbetween", pair)
        except RunFailed as error:
            _say(f"{pair.clip.name}, flat: {error}")
            return None
        return _apart_off_lines(composite, read_picture(flat.frame(_GAP)), _flat(pair.truth))


def _write_layered(pair: LayeredPair, home: Path) -> Path:
    lines = ["[shot]", f'name = "{pair.clip.name}"', 'rate = "24"']
    for frame, layers in ((1, pair.keys[0]), (2 * _GAP + 1, pair.keys[1])):
        entries: list[str] = []
        for name, layer in layers.items():
            file = f"keys/{name}.{frame:04d}.png"
            _save_rgba(home / file, layer)
            entries.append(f'"{name}" = "{file}"')
        lines += ["[[key]]", f"frame = {frame}", f"layers = {{ {', '.join(entries)} }}"]
    path = home / "shot.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _write_flat(pair: LayeredPair, home: Path) -> Path:
    lines = ["[shot]", f'name = "{pair.clip.name}"', 'rate = "24"']
    for frame, layers in ((1, pair.keys[0]), (2 * _GAP + 1, pair.keys[1])):
        save(home / f"keys/{frame:04d}.png", _flat(layers))
        lines += ["[[key]]", f"frame = {frame}", f'image = "keys/{frame:04d}.png"']
    path = home / "shot.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _save_rgba(path: Path, rgba: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"cannot write {path}")


def _layer_by_layer(pair: LayeredPair) -> Callable[[int], Layers]:
    """The baseline: the middle frame of every layer by itself, shown at all steps; its alpha goes along."""
    middle_of = next(peer.middle for peer in peers(None) if peer.name == "dis_wta")
    made: Layers = {}
    for name in pair.names:
        first, last = pair.keys[0][name], pair.keys[1][name]
        if np.array_equal(first, last):
            made[name] = first
            continue
        ground = tuple(np.ascontiguousarray(over_ground(key, 128)) for key in (first, last))
        color = middle_of(*ground)
        alpha = middle_of(*(np.repeat(key[..., 3:], 3, -1) for key in (first, last)))[..., :1]
        made[name] = np.concatenate([color, alpha], -1)
    return lambda _: made


def _flat(layers: Mapping[str, Pixels]) -> Pixels:
    return _over_white(stacked(list(layers.values())))


def _over_white(rgba: Pixels) -> Pixels:
    return np.ascontiguousarray(over_ground(rgba, 255))


def _same(ours: Pixels, key: Pixels) -> bool:
    """Whether two pictures look the same over every ground: the color of transparent pixels is nobody's."""
    return bool((ours[..., 3] == key[..., 3]).all() and (ours == key)[key[..., 3] > 0].all())


def _alpha_error(ours: Pixels, truth: Pixels) -> float:
    covered = (ours[..., 3] > 0) | (truth[..., 3] > 0)
    apart = cv2.absdiff(ours[..., 3], truth[..., 3])[covered]
    return float(apart.mean()) if apart.size else 0.0


def _apart_off_lines(composite: Pixels, flat: Pixels, truth: Pixels) -> Apart:
    """Where two pictures differ by more than 8 levels, away from lines, and which of them is right there."""
    ours, theirs = _over_white(composite), _over_white(flat)
    lines = (drawn_lines(ours) | drawn_lines(theirs)).astype(np.uint8)
    side = 2 * _NEAR_LINE_PX + 1
    off = cv2.dilate(lines, np.ones((side, side), np.uint8)) == 0
    apart = _differs(ours, theirs) & off
    right = (int((apart & ~_differs(picture, truth)).sum()) for picture in (ours, theirs))
    return Apart(int(off.sum()), int(apart.sum()), *right)


def _differs(picture: Pixels, other: Pixels) -> Mask:
    return np.asarray(cv2.absdiff(picture, other).max(-1) > OFF_PALETTE)


def report(outcomes: Sequence[Outcome]) -> str:
    """Both tables with a line on how they came about."""
    done = [o for o in outcomes if o.ours]
    ours = [o.ours for o in outcomes if o.ours]
    theirs = [o.peer for o in (done or outcomes)]
    failed = ", ".join(o.name for o in outcomes if o.error)
    about = f"toonctl {__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    lines = [
        f"{about}; {len(outcomes)} shots of two layered keys" + (f"; **failed**: {failed}" if failed else ""),
        "",
        "| what | target | toonctl | layer by layer, DIS flow |",
        "|---|---|---|---|",
    ]

    def add(what: str, target: str, get: Callable[[Kept], float | None], *, form: str = "") -> None:
        cells = [_mean([get(kept) for kept in side], form) for side in (ours, theirs)]
        lines.append(f"| {what} | {target} | {cells[0]} | {cells[1]} |")

    add("stack of layers against the composite: pixels off", "0", lambda k: k.stack, form=".5f")
    add("composite against the flat inbetween, away from lines: pixels off", "0", _apart_share)
    apart = [kept.flat for kept in ours if kept.flat]
    if n_apart := sum(each.n_apart for each in apart):
        right = [sum(n) / n_apart for n in ([each.n_ours for each in apart], [each.n_flat for each in apart])]
        cell = f"{share(right[0])} in the composite, {share(right[1])} in the flat inbetween"
        lines.append(f"| of these pixels, as in the truth | | {cell} | - |")
    add("held layers kept", "1", lambda k: k.n_held_kept / k.n_held if k.n_held else None)
    add("shared edges kept, mean", "", lambda k: k.edges)
    add("shared edges kept, worst frame", "", lambda k: k.worst_edge)
    add("gap pixels opened a shot", "0", lambda k: float(k.gap_px), form=".0f")
    add("alpha error of layers, of 255", "", lambda k: k.alpha, form=".1f")
    add("middle frame: line chamfer, px at 540 lines", "", lambda k: k.middle.chamfer, form=".2f")
    add("middle frame: off-palette share over truth", "0", lambda k: k.middle.off_palette)
    add("middle frame: SSIM in the figure box", "", lambda k: k.middle.ssim)
    ms = [o.ms for o in outcomes if o.ms is not None]
    lines.append(f"| ms per frame, all layers, files and start included | | {_mean(ms, '.0f')} | - |")
    lines += ["", "| shot | layers | stack | held | edges / worst | gaps px | chamfer | DIS chamfer | ms |"]
    lines.append("|" + "---|" * 9)
    for outcome in outcomes:
        lines.append(_shot_line(outcome))
    return "\n".join([*lines, ""])


def _shot_line(outcome: Outcome) -> str:
    head = f"| {outcome.name} | {outcome.n_layers} | "
    kept = outcome.ours
    if kept is None:
        return f"{head}failed: {' '.join((outcome.error or '').replace('|', '/').split())[:160]} |" + " |" * 6
    held = f"{kept.n_held_kept} of {kept.n_held}"
    edges = f"{share(kept.edges)} / {share(kept.worst_edge)}"
    chamfer = f"{kept.middle.chamfer:.2f} | {outcome.peer.middle.chamfer:.2f}"
    return f"{head}{kept.stack:.5f} | {held} | {edges} | {kept.gap_px} | {chamfer} | {outcome.ms:.0f} |"


def _apart_share(kept: Kept) -> float | None:
    return kept.flat.n_apart / kept.flat.n if kept.flat and kept.flat.n else None


def _mean(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = float(np.mean(known))
    return format(mean, form) if form else share(mean)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.layerpack", description="Measure `toonctl layerpack` on layered clips."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    parser.add_argument("--quick", action="store_true", help="3 clips")
    add_options(parser, limit_s=600)
    return parser.parse_args()


def main() -> int:
    """The tables on stdout; 1 when a run failed, 2 when there is nothing to run on."""
    options = _options()
    try:
        with bench_folder(options.keep) as folder:
            outcomes = list(Bench(options, folder).outcomes())
    except MissingArt as error:
        _say(f"error: {error}")
        return 2
    sys.stdout.write(report(outcomes))
    if options.json:
        content = {"schema": 1, "toonctl": __version__, "shots": [asdict(outcome) for outcome in outcomes]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 1 if any(outcome.error for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
