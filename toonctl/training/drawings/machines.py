"""Vehicles with turning wheels, jointed machines and hanging chains of thin parts."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import box, egg, ellipse, limb
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints


class Vehicle:
    """A car, bus or train car in side view with spoked wheels; wheels stand on y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.long = float(build.uniform(90, 190))
        self.tall = float(build.uniform(40, 90))
        self.cabin = float(build.uniform(0.3, 0.9))
        self.wheel = float(build.uniform(18, 42))
        self.wheels = int(build.integers(2, 4))
        self.windows = int(build.integers(1, 5))
        self.spokes = int(build.choice([0, 3, 5]))
        self.boxy = bool(build.random() < 0.5)
        self.stripe = bool(build.random() < 0.5)
        self.roll = float(mover.rng.uniform(0.05, 0.5)) * mover.pace
        self.bounce = mover.channel(-5, 5, speed=2)
        self.door = mover.channel(-0.5, 1.0, speed=0.4)
        self.body, self.glass, self.tire = paints.pick("skin"), paints.pick("glass"), paints.pick("tire")
        self.hub, self.lamp, self.trim, self.roof = (
            paints.pick("hub"),
            paints.pick("lamp"),
            paints.pick("trim"),
            paints.pick("roof"),
        )

    def draw(self, brush: Brush, time: float) -> None:
        """The vehicle at `time`."""
        base = -self.wheel + self.bounce(time)
        long, tall = self.long, self.tall
        wide = long * self.cabin
        roof = np.array(
            [
                [-wide, base - tall],
                [-wide * 0.75, base - tall * 1.9],
                [wide * 0.75, base - tall * 1.9],
                [wide, base - tall],
            ]
        )
        cabin = brush.fill(roof + ((0, 5) if not self.boxy else (0, 8)), self.roof, smooth=False)
        for number in range(self.windows):
            x = (number - (self.windows - 1) / 2) * 1.4 * wide / self.windows
            brush.inside(
                cabin,
                box(x, base - tall * 1.4, 1.15 * wide / self.windows, tall * 0.55),
                self.glass,
                smooth=False,
                weight=0.8,
            )
        hull = egg(0, base - tall * 0.5, long, tall * 0.55, boxy=1.0)
        body = brush.fill(
            box(0, base - tall * 0.5, 2 * long, tall) if self.boxy else hull, self.body, smooth=not self.boxy
        )
        if self.stripe:
            brush.inside(body, box(0, base - tall * 0.45, 3 * long, tall * 0.2), self.trim, smooth=False)
        brush.inside(
            body, box(long * 0.05, base - tall * 0.5, long * 0.5, tall * 0.8), self.body, smooth=False
        )
        brush.fill(ellipse(long * 0.88, base - tall * 0.6, tall * 0.14, tall * 0.14, 8), self.lamp)
        brush.tube(np.array([[-long * 1.02, base - 4], [long * 1.02, base - 4]]), (6, 6), self.trim)
        for number in range(self.wheels):
            x = (number / (self.wheels - 1) - 0.5) * 1.3 * long
            with brush.moved(x, -self.wheel, turn=time * self.roll * 3):
                brush.fill(ellipse(0, 0, self.wheel, self.wheel), self.tire)
                hub = brush.fill(ellipse(0, 0, self.wheel * 0.6, self.wheel * 0.6), self.hub, weight=0.8)
                for spoke in range(self.spokes):
                    way = spoke * 2 * math.pi / self.spokes
                    ends = np.array([[0, 0], [math.cos(way), math.sin(way)]]) * self.wheel * 0.6
                    brush.line(ends, weight=0.8, smooth=False)
                brush.inside(hub, ellipse(0, 0, self.wheel * 0.2, self.wheel * 0.2, 7), self.trim, weight=0.8)


class Crane:
    """A machine arm or cannon on a foot: a chain of boxes with rivets and a grip; foot on y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.joints = int(build.integers(1, 5))
        self.lengths = build.uniform(40, 110, 5)
        self.widths = build.uniform(12, 34, 5)
        self.rivets = int(build.integers(0, 5))
        self.bands = bool(build.random() < 0.5)
        self.round = bool(build.random() < 0.4)
        self.grip = bool(build.random() < 0.6)
        self.angles = [mover.channel(-1.2, 1.2) for _ in range(self.joints)]
        self.clasp = mover.channel(0.1, 0.9)
        self.colors = [paints.pick(f"arm {number}") for number in range(self.joints)]
        self.foot, self.pin, self.band = paints.pick("foot"), paints.pick("pin"), paints.pick("band")

    def draw(self, brush: Brush, time: float) -> None:
        """The machine at `time`, link after link."""
        place, way = np.array([0.0, -30.0]), math.pi
        for number in range(self.joints):
            way += self.angles[number](time)
            long, wide = float(self.lengths[number]), float(self.widths[number])
            with brush.moved(float(place[0]), float(place[1]), turn=-way):
                shape = np.array([[-wide, -8], [wide, -8], [wide * 0.8, long], [-wide * 0.8, long]])
                link = brush.fill(shape, self.colors[number], smooth=self.round)
                if self.bands:
                    brush.inside(link, box(0, long * 0.8, 4 * wide, long * 0.12), self.band, smooth=False)
                for rivet in range(self.rivets):
                    brush.inside(
                        link, ellipse(0, long * (0.15 + 0.15 * rivet), 5, 5, 7), self.pin, weight=0.8
                    )
                brush.fill(ellipse(0, 0, wide * 0.6, wide * 0.6, 9), self.pin)
                if self.grip and number == self.joints - 1:
                    for side in (-1, 1):
                        spread = side * self.clasp(time)
                        claw = limb(
                            np.array([side * wide * 0.4, long]), spread, spread - side * 1.2, (30.0, 26.0)
                        )
                        brush.tube(claw, (7, 6, 4), self.foot)
            place = place + long * np.array([math.sin(way), math.cos(way)])
        brush.fill(np.array([[-60, 0], [-45, -34], [45, -34], [60, 0]]), self.foot, smooth=False)


class Hanger:
    """A chandelier or mobile: a rod or chain with thin arms that end in small things; hangs from y = -330."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.arms = int(build.integers(2, 6))
        self.drop = float(build.uniform(80, 240))
        self.span = float(build.uniform(50, 170))
        self.thick = float(build.uniform(2.5, 7))
        self.links = int(build.integers(0, 6))
        self.shape = str(build.choice(["bulb", "candle", "ball", "drop"]))
        self.swing = mover.channel(-0.4, 0.4, speed=0.8)
        self.bend = mover.channel(-0.5, 0.5)
        self.metal, self.bulb, self.cup = paints.pick("skin"), paints.pick("bulb"), paints.pick("cup")
        self.one = bool(build.random() < 0.4)

    def draw(self, brush: Brush, time: float) -> None:
        """The hanging thing at `time`."""
        cup, bulb = (self.metal, self.metal) if self.one else (self.cup, self.bulb)
        with brush.moved(0, -330, turn=self.swing(time)):
            t, drop = self.thick, self.drop
            brush.fill(np.array([[-24, -6], [24, -6], [16, 12], [-16, 12]]), cup, smooth=False)
            brush.tube(np.array([[0, 10], [0, drop]]), (t * 0.7, t * 0.7), self.metal)
            for number in range(self.links):
                brush.fill(
                    ellipse(0, 20 + (drop - 20) * number / self.links, t * 1.8, t * 2.2, 8), self.metal
                )
            for number in range(self.arms):
                across = (number / (self.arms - 1) * 2 - 1) * self.span
                sag = 30 + 25 * self.bend(time + number)
                way = np.array(
                    [
                        [0, drop - 10],
                        [across * 0.4, drop + sag],
                        [across * 0.8, drop + sag],
                        [across, drop - 10],
                    ]
                )
                brush.tube(way, (t,) * 4, self.metal)
                with brush.moved(across, drop - 12, turn=-0.5 * self.swing(time)):
                    self._end(brush, cup, bulb)
            brush.fill(egg(0, drop + 8, 14, 20), cup)

    def _end(self, brush: Brush, cup: int, bulb: int) -> None:
        if self.shape == "candle":
            brush.fill(box(0, -16, 10, 34), bulb, smooth=False)
            brush.fill(np.array([[0, -54], [6, -38], [0, -33], [-6, -38]]), self.bulb)
        elif self.shape == "ball":
            brush.fill(ellipse(0, -12, 15, 15), bulb)
        elif self.shape == "drop":
            brush.fill(np.array([[0, -4], [9, 26], [0, 36], [-9, 26]]), bulb)
        else:
            brush.fill(egg(0, -18, 11, 17, jaw=0.3), bulb)
        brush.fill(np.array([[-13, -6], [13, -6], [7, 6], [-7, 6]]), cup, smooth=False)
