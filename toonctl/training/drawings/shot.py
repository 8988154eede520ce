"""Whole shots: figures, scenery, effects, camera, pace and line quality, all chosen by one seed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.cast import choose_actors
from toonctl.training.drawings.effects import Effect
from toonctl.training.drawings.finish import choose_finish, choose_look
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
        mover = Mover(rng, float(np.exp(rng.uniform(math.log(0.08), math.log(1.2)))))
        self.actors = choose_actors(rng, mover, palette)
        thrift = float(rng.choice([0.05, 0.3]))
        self.scenery = (
            Scenery(rng, mover, Paints(palette, thrift=thrift, bare=0.08)) if rng.random() < 0.25 else None
        )
        self.effect = (
            Effect(rng, mover, Paints(palette, thrift=thrift, bare=0.04)) if rng.random() < 0.28 else None
        )
        self.effect_in_front = bool(rng.random() < 0.6)
        calm = float(rng.choice([0.0, 0.4, 1.0], p=[0.4, 0.35, 0.25]))
        self.pan = (
            mover.channel(-90 * calm, 90 * calm, speed=0.4),
            mover.channel(-45 * calm, 45 * calm, speed=0.4),
        )
        self.zoom = mover.channel(1 - 0.15 * calm, 1 + 0.25 * calm, speed=0.3)
        self.roll = mover.channel(-0.08 * calm, 0.08 * calm, speed=0.3)
        self.shake = float(rng.uniform(1, 8)) if rng.random() < 0.08 else 0.0
        self.palette = palette.table()  # [K, 3] RGB by color id

    def frame(self, index: int) -> DrawnFrame:
        """The drawing shown at frame `index`; drawings held for several frames repeat exactly."""
        drawing = index // self.exposure
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, drawing]))
        brush = Brush(self.size, self.look, rng)
        time = float(drawing)
        quake = rng.standard_normal(2) * self.shake
        middle = (
            self.size[0] / 2 / brush.unit + self.pan[0](time) + quake[0],
            270.0 + self.pan[1](time) + quake[1],
        )
        with brush.moved(*middle, turn=self.roll(time), sx=self.zoom(time)):
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
        return DrawnFrame(self.finish.apply(brush.finish_ink(), rng), brush.trace, brush.color)


def draw_shot(seed: int, *, size: tuple[int, int] = (960, 540), n_frames: int = 200) -> DrawnShot:
    """The shot of a seed, its frames `size` = (width, height) pixels; equal seeds give equal shots."""
    return DrawnShot(seed, size, n_frames)
