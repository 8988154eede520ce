"""Generated shots with exact color truth: A1, C3, B2 and D4 of the cel-engine study, drawn anew.

Jointed characters of 15 colors each, every vertex trembling in every frame, heads that turn, limbs that swap
depth, a camera that travels and zooms. A1: one figure, walking pace. C3: one figure, twice the pace, an
unsteady hand. B2: two figures of one build in different colors, crossing. D4: two figures, three times the
pace. Nothing here is shared with the drawings the matcher is trained on.

Look at them: `python -m tests.bench.puppets --sheet SHEET.png [--open] [--only A1 ...]`, from the repository
root.
"""

import argparse
import colorsys
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels, Size

from .figure import BLUSH, MOUTH, N_COLORS, SKIN, TONGUE, WHITE, Build, Figure, Pose
from .pen import Pen
from .stored import Kind, StoredShot, save

SIZE_540: Size = (960, 540)
SIZE_1080: Size = (1920, 1080)
N_GAPS = 20
_GAP_PX = 4  # at 540 lines
_STEP = 48  # frames a walking cycle takes at pace 1
_ANY = ((0, 1), (0.12, 0.85), (0.3, 0.98))  # hue, saturation, value
_BOUNDS = {
    SKIN: ((0.04, 0.1), (0.2, 0.55), (0.6, 1.0)),
    BLUSH: ((0.97, 1.0), (0.35, 0.6), (0.7, 1.0)),
    MOUTH: ((0.95, 1.0), (0.5, 0.8), (0.3, 0.5)),
    TONGUE: ((0.95, 1.0), (0.5, 0.7), (0.7, 0.95)),
}
Place = tuple[float, float, float]
"""x and y in units of the picture, and how large."""

_WHITES = ((253, 253, 250), (255, 247, 205))


@dataclass(frozen=True, slots=True)
class Actor:
    """A figure's way through a shot, in units of the picture at 540 lines and frames at pace 1."""

    figure: Figure
    home: float
    travel: float
    lap: float
    phase: float
    zoom: float = 1.0
    ground: float = 332.0


@dataclass(frozen=True, slots=True)
class PuppetShot:
    """How a shot is drawn: `pace` 1 is a walk, `reach` how far limbs swing, `tremble` how the hand strays."""

    name: str
    kind: Kind
    seed: int
    pace: float
    reach: float
    tremble: float
    actors: tuple[Actor, ...]
    has_gaps: bool = False

    def draw(self, index: int, size: Size) -> tuple[Pixels, Pixels]:
        """Line coverage `[H, W]` and right colors RGB `[H, W, 3]` of the 0-based frame `index`."""
        parts = [(actor, self._place(actor, index), self._pose(actor, index)) for actor in self._cast(index)]
        return self._drawn(parts, index, size)

    def halfway(self, first: int, last: int, size: Size) -> tuple[Pixels, Pixels]:
        """As `draw`: what one who has the puppets, but knows of two frames only, would draw in the middle.

        Every place, heading and joint is half-way between those of both frames.
        """
        middle = (first + last) // 2
        parts = list[tuple[Actor, Place, Pose]]()
        for actor in self._cast(middle):
            places = [self._place(actor, index) for index in (first, last)]
            before, after = (self._pose(actor, index) for index in (first, last))
            mean = Pose(*((a + b) / 2 for a, b in zip(astuple(before), astuple(after), strict=True)))
            pose = replace(mean, apart=(after.stride - before.stride) / 2)
            x, y, zoom = np.mean(places, 0).tolist()
            parts.append((actor, (x, y, zoom), pose))
        return self._drawn(parts, middle, size)

    def palette(self) -> Pixels:
        """The colors by index, RGB `[K, 3]`; 0 is the ground."""
        return _palette(self.seed, len(self.actors))

    def _drawn(
        self, parts: Sequence[tuple[Actor, Place, Pose]], index: int, size: Size
    ) -> tuple[Pixels, Pixels]:
        pen = Pen(size, size[1] / 540, np.random.default_rng([self.seed, index]), self.tremble)
        for actor, place, pose in parts:
            pen.place(*place)
            actor.figure.draw(pen, pose)
        ink = pen.coverage()
        if self.has_gaps:
            ink = punched(ink, np.random.default_rng([self.seed, index, 1]))
        return ink, self.palette()[pen.colors()]

    def _cast(self, index: int) -> Sequence[Actor]:
        """The actors back to front: whoever passes in front changes from one crossing to the next."""
        front = 1 if math.cos(2 * math.pi * index * self.pace / (2 * self.actors[0].lap)) > 0 else -1
        return self.actors[::front]

    def _place(self, actor: Actor, index: int) -> Place:
        time = index * self.pace
        camera = 1 + 0.14 * math.sin(2 * math.pi * time / 260)
        pan = 40 * math.sin(2 * math.pi * time / 170)
        x = actor.home + actor.travel * math.sin(2 * math.pi * time / actor.lap + actor.phase)
        return 480 + (x - 480 + pan) * camera, 270 + (actor.ground - 270) * camera, actor.zoom * camera

    def _pose(self, actor: Actor, index: int) -> Pose:
        time = index * self.pace
        own = actor.phase + 0.7 * actor.figure.paint
        lap = 180 + 2 * actor.figure.paint
        return Pose(
            stride=2 * math.pi * time / _STEP + own,
            breath=2 * math.pi * time / 53 + own,
            turn=0.25 + 0.55 * math.sin(2 * math.pi * time / lap + 0.9 + 0.1 * actor.phase),
            look=0.5 * math.sin(2 * math.pi * time / 127),
            reach=self.reach,
            mouth=0.5 + 0.5 * math.cos(2 * math.pi * time / 23),
        )


_BOY = Build()
_GIRL = Build(head=66, torso=86, leg=62, locks=15, hair_down=-62, has_skirt=True, bands=4)
_TWIN = Build(rings=1)
_HATTED = Build(rings=1, has_hat=True, has_bag=False)
_STOUT = Build(head=50, torso=124, girth=48, limb=16, rings=1, hair_down=-20)

SHOTS = (
    PuppetShot(
        name="A1",
        kind="single",
        seed=101,
        pace=1.0,
        reach=1.0,
        tremble=0.5,
        actors=(Actor(Figure(_BOY, 1), home=470, travel=190, lap=300, phase=0.0, zoom=1.15),),
    ),
    PuppetShot(
        name="C3",
        kind="hard",
        seed=303,
        pace=2.0,
        reach=1.25,
        tremble=1.1,
        actors=(Actor(Figure(_GIRL, 1), home=480, travel=230, lap=210, phase=0.4, zoom=1.2),),
    ),
    PuppetShot(
        name="B2",
        kind="hard",
        seed=202,
        pace=1.0,
        reach=1.0,
        tremble=0.5,
        actors=(
            Actor(Figure(_TWIN, 1), home=480, travel=230, lap=240, phase=-1.0, zoom=1.08),
            Actor(
                Figure(_TWIN, 1 + N_COLORS), home=480, travel=230, lap=240, phase=2.0, zoom=1.08, ground=342
            ),
        ),
    ),
    PuppetShot(
        name="D4",
        kind="hard",
        seed=404,
        pace=3.0,
        reach=1.3,
        tremble=0.7,
        actors=(
            Actor(Figure(_HATTED, 1), home=320, travel=130, lap=190, phase=0.0, zoom=1.1),
            Actor(Figure(_STOUT, 1 + N_COLORS), home=640, travel=150, lap=150, phase=2.2, zoom=1.05),
        ),
    ),
)
"""The shots of the study by name."""


def open_lines(shot: PuppetShot) -> PuppetShot:
    """The same shot with 20 gaps of 4 px (at 540 lines) in every drawing."""
    return replace(shot, name=f"{shot.name}-open", has_gaps=True)


def render(
    shot: PuppetShot, folder: Path, *, n_frames: int, size: Size, told: Callable[[int], None] | None = None
) -> StoredShot:
    """The shot's pictures below `folder`; `told` hears of every frame."""
    for index in range(n_frames):
        ink, truth = shot.draw(index, size)
        save(folder / "line" / f"{index + 1:04d}.png", np.asarray(255 - ink, np.uint8))
        save(folder / "color" / f"{index + 1:04d}.png", truth)
        if told is not None:
            told(index)
    return StoredShot(shot.name, folder, size, 24, n_frames, shot.kind, lines_drawn=False)


def punched(ink: Pixels, random: np.random.Generator) -> Pixels:
    """`ink` with 20 gaps: pieces of line as long as 4 px at 540 lines taken out at random places."""
    unit = ink.shape[0] / 540
    opened = ink.copy()
    on_line = np.flatnonzero(ink >= 200)
    reach = math.ceil(7 * unit)
    for flat in random.choice(on_line, N_GAPS, replace=False):
        y, x = divmod(int(flat), ink.shape[1])
        top, left = max(0, y - reach), max(0, x - reach)
        view = opened[top : y + reach + 1, left : x + reach + 1]
        ys, xs = np.indices(view.shape)
        ys, xs = ys + top, xs + left
        ahead = _direction(ink[top : y + reach + 1, left : x + reach + 1], x - left, y - top)
        along = (xs - x) * ahead[0] + (ys - y) * ahead[1]
        across = (ys - y) * ahead[0] - (xs - x) * ahead[1]
        view[(np.abs(along) < _GAP_PX * unit / 2) & (np.abs(across) < 3.5 * unit)] = 0
    return opened


def _direction(ink: Pixels, x: int, y: int) -> NDArray[np.float64]:
    """The way the line runs that passes through x, y: main axis of the ink connected with it."""
    _, pieces = cv2.connectedComponents((ink >= 96).astype(np.uint8), connectivity=8)
    ys, xs = np.nonzero(pieces == pieces[y, x])
    if len(xs) < 3:
        return np.array([1.0, 0.0])
    values, axes = np.linalg.eigh(np.cov(np.stack([xs, ys]).astype(np.float64)))
    return np.asarray(axes[:, int(values.argmax())], np.float64)


def _palette(seed: int, n_figures: int) -> Pixels:
    """A light ground and 15 colors a figure, no two of which are near each other, RGB `[1 + 15 F, 3]`."""
    random = np.random.default_rng(seed)
    colors = [np.array([222, 228, 220])]
    for figure in range(n_figures):
        for slot in range(N_COLORS):
            bounds, apart = _BOUNDS.get(slot, _ANY), 46.0
            while True:
                hsv = [random.uniform(low, high) for low, high in bounds]
                color = np.round(255 * np.array(colorsys.hsv_to_rgb(*hsv)))
                if slot == WHITE:
                    color = np.array(_WHITES[figure])
                if slot == WHITE or min(float(np.linalg.norm(color - other)) for other in colors) > apart:
                    break
                apart = max(30.0, apart - 0.05)
            colors.append(color)
    return np.array(colors, np.uint8)


def _sheet(shots: Sequence[PuppetShot], frames: Sequence[int]) -> Pixels:
    """Line art above painted picture, a pair of rows a shot, a third of the size."""
    rows: list[Pixels] = []
    for shot in shots:
        pairs = [shot.draw(frame - 1, SIZE_540) for frame in frames]
        rows.append(np.hstack([_small(np.repeat(255 - ink[..., None], 3, 2)) for ink, _ in pairs]))
        rows.append(
            np.hstack([_small((c * ((255 - i) / 255.0)[..., None]).astype(np.uint8)) for i, c in pairs])
        )
    return np.vstack(rows)


def _small(picture: Pixels) -> Pixels:
    return np.asarray(cv2.resize(picture, (480, 270), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> int:
    """A contact sheet of the shots."""
    parser = argparse.ArgumentParser(description="A contact sheet of the generated shots.")
    parser.add_argument("--sheet", type=Path, required=True, metavar="FILE", help="the PNG to write")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these shots")
    parser.add_argument("--open", action="store_true", help="with gaps in the lines")
    parser.add_argument("--frames", nargs="+", type=int, default=[1, 40, 90, 200], help="1-based frames")
    options = parser.parse_args()
    shots = [shot for shot in SHOTS if not options.only or shot.name in options.only]
    save(options.sheet, _sheet([open_lines(s) for s in shots] if options.open else shots, options.frames))
    return 0


if __name__ == "__main__":
    sys.exit(main())
