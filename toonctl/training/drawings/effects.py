"""Effects and props in the air: confetti, smoke, bubbles, drops, fireworks, juggled things."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import blob, cloud, ellipse, shifted, star
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints

KINDS = ("confetti", "smoke", "bubbles", "drops", "fireworks", "juggle")


class Effect:
    """Some few or many small things that live for a while and come again."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(build.choice(KINDS, p=[0.25, 0.17, 0.13, 0.13, 0.08, 0.24]))
        self.count = int(np.exp(build.uniform(math.log(4), math.log(26))))
        if self.kind == "juggle":
            self.count = int(build.integers(2, 7))
        self.pace = mover.pace
        self.home = mover.channel(-250, 250, speed=0.3), mover.channel(-60, 160, speed=0.3)
        self.seeds = build.uniform(0, 1, (self.count, 6))
        self.radii = build.uniform(0.75, 1.25, (self.count, 9))
        self.reach = float(build.uniform(60, 420))
        self.size = float(np.exp(build.uniform(math.log(6), math.log(34))))
        self.shape = str(build.choice(["ball", "apple", "star", "pin", "striped"]))
        self.merged = bool(build.random() < 0.5)
        self.colors = [paints.pick(f"effect {number}") for number in range(int(build.integers(1, 6)))]
        self.extra = paints.pick("effect extra")

    def draw(self, brush: Brush, time: float) -> None:
        """All the small things at `time`."""
        getattr(self, f"_{self.kind}")(brush, time * self.pace)

    def _age(self, number: int, time: float, rate: float) -> float:
        """Age of a thing, 0 = born, 1 = gone."""
        return math.fmod(
            time * rate * (0.6 + 0.8 * float(self.seeds[number, 0])) + float(self.seeds[number, 1]) * 7, 1.0
        )

    def _confetti(self, brush: Brush, time: float) -> None:
        for number, (_, _, across, kind, spin, size) in enumerate(self.seeds):
            age = self._age(number, time, 0.06)
            scale = self.size * (0.5 + size)
            color = self.colors[number % len(self.colors)]
            x = (across - 0.5) * 1000 + 40 * math.sin(time * 0.5 + spin * 9)
            with brush.moved(x, -320 + 640 * age, turn=spin * 6 + time * (spin - 0.5)):
                flat = 0.25 + 0.75 * abs(math.sin(time * 0.7 + 5 * spin))
                if kind < 0.1:
                    angle = np.linspace(0, 9.0, 14)
                    curl = (
                        np.stack([np.sin(angle), np.cos(angle)], axis=1)
                        * (0.3 + 0.09 * angle[:, None])
                        * scale
                    )
                    brush.tube(curl, (scale * 0.13,) * 14, color, weight=0.8)
                elif kind < 0.3:
                    steps = np.arange(6.0)
                    wave = (
                        np.stack([(steps - 2.5) * 0.8, np.where(steps % 2 == 0, 0.4, -0.4)], axis=1) * scale
                    )
                    brush.tube(wave, (scale * 0.18,) * 6, color, weight=0.8)
                elif kind < 0.6:
                    brush.fill(
                        np.array([[-0.5, 0], [0, -0.6 * flat], [0.5, 0], [0, 0.6 * flat]]) * scale,
                        color,
                        smooth=False,
                        weight=0.8,
                    )
                elif kind < 0.8:
                    brush.fill(ellipse(0, 0, scale * 0.45, scale * 0.45 * flat, 8), color, weight=0.8)
                else:
                    brush.fill(star(0, 0, scale * 0.8, 0.45, 5), color, smooth=False, weight=0.8)

    def _smoke(self, brush: Brush, time: float) -> None:
        x, y = self.home[0](time), self.home[1](time)
        puffs = []
        for number, (_, _, across, rise, spin, size) in enumerate(self.seeds[:10]):
            age = self._age(number, time, 0.05)
            radius = self.size * (1 + 2 * size) * math.sin(math.pi * min(1.0, age * 1.1 + 0.05)) + 3
            place = np.array(
                [x + (across - 0.5) * self.reach * (0.3 + age), y - age * self.reach * (0.4 + rise)]
            )
            if number % 2:
                puffs.append(
                    cloud(place[0], place[1], radius, radius * 0.85, 6 + number, turn=spin * 6 + time * 0.1)
                )
            else:
                puffs.append(blob(self.radii[number], radius, radius * 0.9) + place)
        if self.merged:
            brush.union(puffs, self.colors[0])
            return
        for number, puff in enumerate(puffs):
            outline = brush.fill(puff, self.colors[number % min(2, len(self.colors))])
            if self.size > 14:
                brush.inside(
                    outline,
                    shifted(puff, self.size * 0.5, -self.size * 0.5),
                    self.extra,
                    border="trace",
                    weight=0.5,
                )

    def _bubbles(self, brush: Brush, time: float) -> None:
        for number, (_, _, across, kind, spin, size) in enumerate(self.seeds):
            age = self._age(number, time, 0.04)
            radius = self.size * (0.4 + size)
            x = (across - 0.5) * 2 * self.reach + 15 * math.sin(time + spin * 9)
            outline = brush.fill(ellipse(x, 280 - 560 * age, radius, radius), self.colors[0], weight=0.8)
            if kind < 0.5 and radius > 8:
                brush.inside(
                    outline,
                    ellipse(
                        x - radius * 0.35, 280 - 560 * age - radius * 0.35, radius * 0.25, radius * 0.25, 7
                    ),
                    self.extra,
                    weight=0.5,
                )

    def _drops(self, brush: Brush, time: float) -> None:
        x, y = self.home[0](time), self.home[1](time)
        for number, (_, _, across, rise, _, size) in enumerate(self.seeds):
            age = self._age(number, time, 0.08)
            radius = self.size * (0.3 + 0.5 * size)
            speed = (across - 0.5) * 2 * self.reach
            px, py = x + speed * age, y - (1 + rise) * self.reach * age + 2.2 * self.reach * age * age
            turn = math.atan2(-speed, -(1 + rise) * self.reach + 4.4 * self.reach * age)
            with brush.moved(px, py, turn=turn):
                drop = (
                    np.array([[0, -2.2], [0.7, -0.3], [0.6, 0.7], [0, 1], [-0.6, 0.7], [-0.7, -0.3]]) * radius
                )
                brush.fill(drop, self.colors[number % min(2, len(self.colors))], weight=0.8)

    def _fireworks(self, brush: Brush, time: float) -> None:
        for burst in range(1 + self.count // 12):
            life = math.fmod(time * 0.06 + float(self.seeds[burst, 1]), 1.0)
            turn = math.floor(time * 0.06 + float(self.seeds[burst, 1]))
            x = 700 * (math.fmod(float(self.seeds[burst, 2]) + 0.37 * turn, 1.0) - 0.5)
            y = 300 * (math.fmod(float(self.seeds[burst, 3]) + 0.61 * turn, 1.0) - 0.6)
            rays = 8 + self.count // 3
            for ray in range(rays):
                angle = ray * 2 * math.pi / rays
                way = np.array([math.cos(angle), math.sin(angle)])
                near, far = self.reach * 0.5 * life * (0.6 + 0.5 * life), self.reach * 0.5 * math.sqrt(life)
                thick = self.size * 0.25 * (1 - life) + 2
                brush.tube(
                    shifted(np.stack([way * near, way * (far + 6)]), x, y),
                    (thick * 0.4, thick),
                    self.colors[ray % len(self.colors)],
                    weight=0.8,
                )

    def _juggle(self, brush: Brush, time: float) -> None:
        x, y = self.home[0](time), self.home[1](time)
        radius = self.size * 0.8 + 8
        for number in range(self.count):
            place = time * 0.12 + number / self.count
            age = math.fmod(place, 1.0)
            lane = 1 if math.floor(place) % 2 else -1
            px = x + lane * self.reach * 0.6 * (age * 2 - 1)
            py = y - self.reach * 4 * age * (1 - age)
            with brush.moved(px, py, turn=time * 0.4 * lane + number, sx=radius):
                self._thing(brush, self.colors[number % len(self.colors)])

    def _thing(self, brush: Brush, color: int) -> None:
        if self.shape == "star":
            brush.fill(star(0, 0, 1.2, 0.5, 5), color, smooth=False)
        elif self.shape == "pin":
            body = brush.fill(
                np.array(
                    [
                        [-0.15, -1.4],
                        [0.15, -1.4],
                        [0.2, -0.5],
                        [0.5, 0.4],
                        [0.3, 1.2],
                        [-0.3, 1.2],
                        [-0.5, 0.4],
                        [-0.2, -0.5],
                    ]
                ),
                color,
            )
            brush.inside(
                body, np.array([[-1, -0.5], [1, -0.5], [1, -0.2], [-1, -0.2]]), self.extra, smooth=False
            )
        elif self.shape == "apple":
            brush.tube(np.array([[0, -0.6], [0.1, -1.2]]), (0.07, 0.09), self.extra)
            brush.fill(
                np.array(
                    [
                        [0, -0.7],
                        [0.6, -0.9],
                        [1, -0.2],
                        [0.6, 0.8],
                        [0, 0.7],
                        [-0.6, 0.8],
                        [-1, -0.2],
                        [-0.6, -0.9],
                    ]
                ),
                color,
            )
        else:
            ball = brush.fill(ellipse(0, 0, 1, 1), color)
            if self.shape == "striped":
                brush.inside(
                    ball, np.array([[-2, -0.3], [2, -0.3], [2, 0.3], [-2, 0.3]]), self.extra, smooth=False
                )
