"""Whole shots: figures, scenery, effects, camera, pace and line quality, all chosen by one seed."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.camera import Camera
from toonctl.training.drawings.cast import choose_actors
from toonctl.training.drawings.effects import Effect
from toonctl.training.drawings.finish import boiled, choose_finish, choose_look, punch
from toonctl.training.drawings.gallery import Gallery
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints, Palette
from toonctl.training.drawings.scenery import Scenery


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """One drawing of a shot, three planes of one size."""

    line: NDArray[np.uint8]  # [H, W] ink coverage, 0 = paper, 255 = full black line
    trace: NDArray[
        np.uint8
    ]  # [H, W] coverage of color-trace lines (borders of shadows and highlights), 0 where none
    color: NDArray[np.uint16]  # [H, W] color id of every pixel below the lines, 0 = background


class DrawnShot:
    """A shot whose frames are drawn on demand; a frame is the same in whatever order frames are asked for."""

    def __init__(self, seed: int, size: tuple[int, int], n_frames: int) -> None:
        self.seed, self.size, self.n_frames = seed, size, n_frames
        rng = np.random.default_rng(seed)
        self.exposure = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
        self.look, self.finish = choose_look(rng), choose_finish(rng)
        palette = Palette(rng)
        # Limbs move by their own length between two drawings in the fast shots.
        slow, fast = (0.08, 1.2) if rng.random() < 0.82 else (1.0, 3.0)
        mover = Mover(rng, float(np.exp(rng.uniform(math.log(slow), math.log(fast)))))
        self.actors = choose_actors(rng, mover, palette)
        self.scenery = _choose_scenery(rng, mover, palette)
        thrift = float(rng.choice([0.05, 0.3]))
        self.effect = (
            Effect(rng, mover, Paints(palette, thrift=thrift, bare=0.04)) if rng.random() < 0.22 else None
        )
        self.effect_in_front = bool(rng.random() < 0.6)
        self.camera = Camera(rng, mover, self.actors[0].x)
        self.palette = palette.table()  # [K, 3] RGB by color id

    def frame(self, index: int) -> DrawnFrame:
        """The drawing shown at frame `index`; drawings held for several frames repeat exactly."""
        drawing = index // self.exposure
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, drawing]))
        look = replace(
            self.look, weight=self.look.weight * math.exp(self.look.breath * rng.standard_normal())
        )
        brush = Brush(self.size, look, rng)
        time = float(drawing)
        x, y, scale, roll = self.camera.place(time, rng)
        middle = self.size[0] / 2 / brush.unit + x, 270.0 + y
        with brush.moved(*middle, turn=roll, sx=scale):
            if self.scenery is not None:
                self.scenery.draw(brush, time, in_front=False)
            if self.effect is not None and not self.effect_in_front:
                self.effect.draw(brush, time)
            for actor in sorted(self.actors, key=lambda item: item.y(time)):
                actor.draw(brush, time)
            if self.scenery is not None:
                self.scenery.draw(brush, time, in_front=True)
            if self.effect is not None and self.effect_in_front:
                self.effect.draw(brush, time)
        line, trace, color = brush.finish_ink(), brush.trace, brush.color
        if look.boil > 0:
            line, trace, color = boiled((line, trace, color), look.boil * brush.unit, rng)
        if look.holes > 0:
            thick = look.weight * 1.5 * brush.unit
            punch(line, int(rng.integers(look.holes // 3, look.holes + 1)), rng, thick=thick)
        return DrawnFrame(self.finish.apply(line, rng), trace, color)


def _choose_scenery(rng: np.random.Generator, mover: Mover, palette: Palette) -> Scenery | Gallery | None:
    """What stands behind and before the figures: nothing, a landscape, or a row of look-alike things."""
    roll = rng.random()
    if roll < 0.18:
        return Scenery(rng, mover, Paints(palette, thrift=float(rng.choice([0.05, 0.3])), bare=0.08))
    if roll < 0.34:
        return Gallery(rng, mover, Paints(palette, thrift=float(rng.choice([0.02, 0.2])), bare=0.04))
    return None


def draw_shot(seed: int, *, size: tuple[int, int] = (960, 540), n_frames: int = 200) -> DrawnShot:
    """The shot of a seed, its frames `size` = (width, height) pixels; equal seeds give equal shots."""
    return DrawnShot(seed, size, n_frames)
