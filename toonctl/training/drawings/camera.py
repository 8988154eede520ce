"""Camera moves of a shot: held, adrift, trucking in and out, panning, following a figure."""

import math

import numpy as np

from toonctl.training.drawings.motion import Channel, Mover

KINDS = ("held", "adrift", "truck", "pan", "follow")
ODDS = (0.36, 0.38, 0.1, 0.08, 0.08)


class Camera:
    """Where the camera of a shot looks; world units are pixels of a 960x540 frame around its center."""

    def __init__(self, rng: np.random.Generator, mover: Mover, target: Channel) -> None:
        self.kind = str(rng.choice(KINDS, p=ODDS))
        self.target = target  # the path of a figure to follow
        calm = 0.0 if self.kind == "held" else float(rng.choice([0.4, 1.0], p=[0.6, 0.4]))
        wide = 300.0 if self.kind == "pan" else 90.0 * calm
        self.x = mover.channel(-wide, wide, speed=0.4)
        self.y = mover.channel(-45 * calm, 45 * calm, speed=0.4)
        if self.kind == "truck":
            self.scale = mover.channel(math.log(0.45), math.log(2.4), speed=0.5)
        else:
            self.scale = mover.channel(math.log(1 - 0.15 * calm), math.log(1 + 0.25 * calm), speed=0.3)
        self.roll = mover.channel(-0.08 * calm, 0.08 * calm, speed=0.3)
        self.shake = float(rng.uniform(1, 8)) if rng.random() < 0.08 else 0.0

    def place(self, time: float, rng: np.random.Generator) -> tuple[float, float, float, float]:
        """Shift to the right and down of the world's middle, scale and roll at `time`."""
        quake = rng.standard_normal(2) * self.shake
        scale = math.exp(self.scale(time))
        x = self.x(time) - (0.9 * scale * self.target(time) if self.kind == "follow" else 0.0)
        return x + float(quake[0]), self.y(time) + float(quake[1]), scale, self.roll(time)
