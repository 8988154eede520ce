"""Scenery and repeating patterns: hills, fences, rails, bricks, windows, trees, a disc behind a portrait."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import box, cloud, ellipse
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints

KINDS = ("land", "fence", "rails", "bricks", "window", "trees", "disc", "room", "checker", "clouds")


class Scenery:
    """One or several kinds of scenery around the middle of a 960x540 frame, back to front."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        count = int(build.choice([1, 2, 3], p=[0.55, 0.3, 0.15]))
        chosen = {str(kind) for kind in build.choice(KINDS, size=count)}
        order = ("window", "bricks", "checker", "land", "disc", "clouds", "trees", "room", "rails", "fence")
        front = [kind for kind in ("fence", "rails") if kind in chosen and build.random() < 0.3]
        self.back = [kind for kind in order if kind in chosen and kind not in front]
        self.front = front
        self.level = float(build.uniform(-40, 130))
        self.count = int(build.integers(4, 17))
        self.gap = float(build.uniform(0.3, 0.9))
        self.slant = float(build.uniform(-0.3, 0.3))
        self.tall = float(build.uniform(40, 150))
        self.noise = build.uniform(-1, 1, (24, 3))
        self.filled = bool(build.random() < 0.5)
        self.deep = bool(build.random() < 0.4)
        self.drift = mover.channel(-150, 150, speed=0.2) if build.random() < 0.3 else mover.steady(0, 0)
        self.colors = [paints.pick(f"scenery {number}") for number in range(6)]

    def draw(self, brush: Brush, time: float, *, in_front: bool) -> None:
        """What stands behind or in front of the figures at `time`; it drifts sideways in some shots."""
        with brush.moved(self.drift(time), 0):
            for kind in self.front if in_front else self.back:
                getattr(self, f"_{kind}")(brush, time)

    def _land(self, brush: Brush, time: float) -> None:
        y, noise = self.level, self.noise
        if self.filled:
            brush.fill(box(0, 0, 2600, 2000), self.colors[3], smooth=False)
        for layer in range(2):
            xs = np.linspace(-1100, 1100, 8)
            crest = np.stack(
                [xs, y + 30 - 90 * (1 - layer) + 60 * noise[8 * layer : 8 * layer + 8, 0]], axis=1
            )
            brush.fill(np.concatenate([crest, [[1300, y + 500], [-1300, y + 500]]]), self.colors[layer])
        brush.fill(box(0, y + 540, 3000, 1000), self.colors[2], smooth=False)

    def _fence(self, brush: Brush, time: float) -> None:
        step = 1300 / self.count
        wide = step * self.gap * 0.5
        with brush.moved(0, self.level + 60, turn=self.slant):
            for bar in (0.3, 0.75):
                brush.fill(box(0, -self.tall * bar, 1700, self.tall * 0.1), self.colors[5], smooth=False)
            for number in range(self.count + 1):
                x = (number - self.count / 2) * step
                if self.deep:
                    side = np.array(
                        [
                            [x + wide, 0],
                            [x + wide, -self.tall],
                            [x + wide * 1.4, -self.tall - 8],
                            [x + wide * 1.4, -8],
                        ]
                    )
                    brush.fill(side, self.colors[5], smooth=False)
                tip = [[x - wide, -self.tall], [x, -self.tall - 2 * wide], [x + wide, -self.tall]]
                brush.fill(np.array([[x - wide, 0], *tip, [x + wide, 0]]), self.colors[4], smooth=False)

    def _rails(self, brush: Brush, time: float) -> None:
        with brush.moved(0, self.level + 120, turn=self.slant):
            step = 1500 / (self.count + 4)
            for number in range(self.count + 5):
                x = (number - (self.count + 4) / 2) * step
                brush.fill(
                    np.array([[x - 8, -12], [x + 10, -12], [x + 22, 50], [x + 2, 50]]),
                    self.colors[3],
                    smooth=False,
                )
            for y in (0, 30):
                brush.fill(box(0, y, 1800, 7), self.colors[5], smooth=False)

    def _bricks(self, brush: Brush, time: float) -> None:
        wide, high = 1150 / self.count, 460 / self.count + 25
        rows = int(420 / high) + 1
        for row in range(rows):
            for number in range(self.count + 1):
                x = (number - self.count / 2 + 0.5 * (row % 2)) * wide
                color = self.colors[(row * 7 + number * 3) % 4 == 0]
                brush.fill(box(x, self.level - row * high, wide, high), color, smooth=False, weight=0.8)

    def _checker(self, brush: Brush, time: float) -> None:
        columns, far = self.count, self.level
        for row in range(4):
            near, back = 1 + row, row
            for number in range(-columns, columns):
                corners = [
                    [number * (40 + 50 * back), far + 22 * back * (1 + 0.3 * back)],
                    [(number + 1) * (40 + 50 * back), far + 22 * back * (1 + 0.3 * back)],
                    [(number + 1) * (40 + 50 * near), far + 22 * near * (1 + 0.3 * near)],
                    [number * (40 + 50 * near), far + 22 * near * (1 + 0.3 * near)],
                ]
                if abs(corners[0][0]) < 620:
                    brush.fill(np.array(corners), self.colors[(row + number) % 2], smooth=False, weight=0.8)

    def _window(self, brush: Brush, time: float) -> None:
        x, wide, high = 250 * self.noise[0, 0], 150 + 100 * self.gap, 130 + self.tall
        brush.fill(box(x, -80, wide + 36, high + 36), self.colors[4], smooth=False)
        for column in (-1, 1):
            for row in (-1, 1):
                pane = brush.fill(
                    box(x + column * wide / 4, -80 + row * high / 4, wide / 2 - 10, high / 2 - 10),
                    self.colors[1],
                    smooth=False,
                )
                if self.filled:
                    brush.inside(pane, box(x, -80 + high * 0.1, wide * 2, 14), self.colors[2], smooth=False)
        if self.deep:
            for side in (-1, 1):
                edge = x + side * (wide / 2 + 30)
                curtain = np.array(
                    [
                        [edge + side * 40, -130 - high / 2],
                        [edge - side * 60, -130 - high / 2],
                        [edge - side * 40, -60],
                        [edge, 30 + high / 2],
                        [edge + side * 50, 30 + high / 2],
                    ]
                )
                brush.fill(curtain, self.colors[0])
                for fold in (0.0, 25.0):
                    brush.line(
                        np.array(
                            [
                                [edge - side * (30 - fold), -120 - high / 2],
                                [edge + side * fold * 0.5, -40],
                                [edge + side * fold, 20 + high / 2],
                            ]
                        ),
                        taper=True,
                    )

    def _trees(self, brush: Brush, time: float) -> None:
        for number in range(2 + self.count // 4):
            x, size = 520 * self.noise[number, 0], 60 + 35 * self.noise[number, 1]
            y = self.level + 40 * self.noise[number, 2] + 60
            brush.fill(
                np.array(
                    [
                        [x - size * 0.2, y],
                        [x - size * 0.12, y - size * 2],
                        [x + size * 0.12, y - size * 2],
                        [x + size * 0.2, y],
                    ]
                ),
                self.colors[5],
                smooth=False,
            )
            if self.deep:
                for tier in range(3):
                    low = y - size * (0.7 + tier * 0.7)
                    brush.fill(
                        np.array(
                            [
                                [x - size * (1 - 0.2 * tier), low],
                                [x, low - size * 1.2],
                                [x + size * (1 - 0.2 * tier), low],
                            ]
                        ),
                        self.colors[tier % 2],
                        smooth=False,
                    )
            else:
                brush.fill(cloud(x, y - size * 2.3, size, size * 0.9, 9), self.colors[0], smooth=False)

    def _disc(self, brush: Brush, time: float) -> None:
        radius = 170 + self.tall * 0.7
        brush.fill(ellipse(0, 0, radius, radius, 16), self.colors[1], weight=0.8)

    def _room(self, brush: Brush, time: float) -> None:
        y = self.level + 60
        x = 300 * self.noise[1, 0]
        brush.fill(box(x, y, 320, 22), self.colors[3], smooth=False)
        for side in (-1, 1):
            brush.fill(box(x + side * 130, y + 80, 18, 140), self.colors[3], smooth=False)
        for number in range(self.count // 2):
            high = 30 + 18 * self.noise[number, 1]
            brush.fill(
                box(x - 130 + number * 32, y - 11 - high / 2, 28, high), self.colors[number % 3], smooth=False
            )
        brush.fill(box(-x, -120, 150, 100), self.colors[4], smooth=False)
        brush.fill(box(-x, -120, 120, 70), self.colors[5], smooth=False)

    def _clouds(self, brush: Brush, time: float) -> None:
        for number in range(1 + self.count // 4):
            x = math.fmod(600 * self.noise[number, 0] + time * 2 + 3000, 1200) - 600
            size = 60 + 30 * self.noise[number, 1]
            brush.fill(
                cloud(x, -170 + 70 * self.noise[number, 2], size * 1.6, size * 0.6, 7 + number),
                self.colors[1],
                smooth=False,
            )
