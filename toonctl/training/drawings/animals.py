"""Animals in profile: birds and four-legged beasts."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import Points, egg, ellipse, limb, lock, shifted
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints


class Bird:
    """A bird facing right: body, neck, beak that opens, wing that flaps, thin legs; feet on y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.body = float(build.uniform(45, 95))
        self.plump = float(build.uniform(0.5, 0.95))
        self.neck = float(build.uniform(5, 120))
        self.head_size = float(build.uniform(18, 42))
        self.bill = float(build.uniform(0.7, 3.2)) * self.head_size
        self.pouch = float(build.choice([0.1, 0.3, 1.2]))
        self.leg = float(build.uniform(15, 80))
        self.feathers = int(build.integers(2, 7))
        self.crest = int(build.choice([0, 3, 5]))
        self.flaps = bool(mover.rng.random() < 0.5)
        self.collar = bool(build.random() < 0.4)
        rate = float(mover.rng.uniform(0.3, 0.9))
        self.legs = [mover.swing(0.6, rate, 0.0), mover.swing(0.6, rate, math.pi)]
        self.wing = mover.swing(1.1, 2.0 * rate, 0.5) if self.flaps else mover.channel(-0.2, 0.5)
        self.gape = mover.channel(-0.3, 0.8)
        self.reach = mover.channel(-0.5, 0.9)
        self.nod = mover.channel(-0.4, 0.4)
        self.tilt = mover.channel(-0.3, 0.3, speed=0.6)
        self.blink = mover.blink()
        self.color, self.wing_color, self.tip_color = (
            paints.pick("skin"),
            paints.pick("wing"),
            paints.pick("wing tip"),
        )
        self.bill_color, self.pouch_color, self.leg_color = (
            paints.pick("bill"),
            paints.pick("pouch"),
            paints.pick("leg"),
        )
        self.white, self.iris = paints.pick("eye white"), paints.pick("iris")
        self.crest_color, self.tail_color = paints.pick("crest"), paints.pick("tail")
        self.mouth_color, self.collar_color = paints.pick("mouth"), paints.pick("collar")

    def draw(self, brush: Brush, time: float) -> None:
        """The bird at `time`."""
        with brush.moved(0, -self.leg - self.body * self.plump):
            self._leg(brush, time, 1)
            with brush.moved(0, 0, turn=self.tilt(time)):
                self._wing(brush, time, -0.3)
                for number in range(3):
                    tip = np.array([-self.body * 1.7, (number - 1.5) * 22.0])
                    brush.fill(lock(np.array([-self.body * 0.7, 0.0]), tip, 12, 5), self.tail_color)
                self._leg(brush, time, 0)
                way = self.reach(time)
                base = np.array([self.body * 0.75, -self.body * self.plump * 0.35])
                top = base + self.neck * np.array([math.sin(way) * 0.8, -math.cos(way)]) + (10, -10)
                if self.neck > 25:
                    middle = (base + top) / 2 + (self.neck * 0.25, 0)
                    spine = np.stack([base, middle, top])
                    brush.tube(
                        spine, (self.head_size * 0.9, self.head_size * 0.6, self.head_size * 0.6), self.color
                    )
                    if self.collar:
                        brush.tube(
                            np.stack([shifted(middle, -14, -2), shifted(middle, 14, 2)]),
                            (6, 6),
                            self.collar_color,
                        )
                brush.fill(egg(0, 0, self.body, self.body * self.plump), self.color)
                with brush.moved(float(top[0]), float(top[1]), turn=self.nod(time)):
                    self._head(brush, time)
                self._wing(brush, time, 0.0)

    def _head(self, brush: Brush, time: float) -> None:
        h, bill, gape = self.head_size, self.bill, max(0.0, self.gape(time))
        for number in range(self.crest):
            tip = np.array([-h * 0.6 + number * 8 - 20, -h * 1.6 - 5 * number])
            brush.fill(lock(np.array([-h * 0.3 + number * 6, -h * 0.7]), tip, h * 0.16, 4), self.crest_color)
        drop = bill * math.sin(gape)
        if gape > 0.1:
            brush.fill(
                np.array(
                    [
                        [h * 0.5, -h * 0.1],
                        [h * 0.6 + bill * 0.8, -drop * 0.2],
                        [h * 0.6 + bill * 0.7, drop * 0.6],
                        [h * 0.5, h * 0.4],
                    ]
                ),
                self.mouth_color,
                smooth=False,
            )
        lower = np.array(
            [
                [h * 0.4, h * 0.1],
                [h * 0.6 + bill * math.cos(gape), drop],
                [h * 0.6 + bill * 0.5, drop * 0.6 + bill * 0.3 * self.pouch + 5],
                [h * 0.4, h * 0.45],
            ]
        )
        brush.fill(lower, self.pouch_color)
        upper = np.array(
            [
                [h * 0.4, -h * 0.35],
                [h * 0.6 + bill * 0.6, -drop * 0.4 - h * 0.1],
                [h * 0.6 + bill, -drop * 0.4 + h * 0.15],
                [h * 0.4, h * 0.2],
            ]
        )
        brush.fill(upper, self.bill_color)
        brush.fill(ellipse(0, 0, h, h * 0.92), self.color)
        opened = self.blink(time)
        if opened < 0.2:
            brush.line(np.array([[h * 0.0, -h * 0.2], [h * 0.25, -h * 0.12], [h * 0.5, -h * 0.2]]))
            return
        eye = brush.fill(
            ellipse(h * 0.25, -h * 0.25, h * 0.3, h * 0.3 * (0.4 + 0.6 * opened), 9), self.white, weight=0.8
        )
        brush.inside(eye, ellipse(h * 0.32, -h * 0.23, h * 0.15, h * 0.15, 7), self.iris)

    def _wing(self, brush: Brush, time: float, lag: float) -> None:
        flap = self.wing(time + lag)
        with brush.moved(self.body * 0.25, -self.body * 0.2, turn=flap - (0.2 if lag else 0.0)):
            size, count = self.body, self.feathers
            edge: list[Points] = []
            for number in range(count):
                u = number / count
                edge.append(
                    np.array(
                        [
                            [-size * (1.35 - u * 0.9), size * (0.15 + 0.55 * u)],
                            [-size * (1.1 - u * 0.85), size * (0.2 + 0.5 * u)],
                        ]
                    )
                )
            outline = np.concatenate(
                [[[size * 0.35, -size * 0.1], [-size * 0.3, -size * 0.3]], *edge, [[size * 0.3, size * 0.3]]]
            )
            wing = brush.fill(outline, self.wing_color)
            brush.inside(wing, ellipse(-size * 1.2, size * 0.4, size * 0.6, size * 0.5), self.tip_color)

    def _leg(self, brush: Brush, time: float, side: int) -> None:
        upper = self.legs[side](time)
        joints = limb(
            np.array([(-8, 10)[side], self.body * self.plump * 0.8]),
            upper,
            upper * 0.4,
            (self.leg * 0.6, self.leg * 0.6),
        )
        brush.tube(joints, (4, 3, 3), self.leg_color, weight=0.8)
        x, y = joints[2]
        brush.fill(
            np.array([[x - 8, y + 4], [x, y - 4], [x + 24, y], [x + 18, y + 4], [x + 26, y + 8], [x, y + 8]]),
            self.leg_color,
            smooth=False,
            weight=0.8,
        )


class Beast:
    """A four-legged animal in profile facing right that walks or stands; feet on y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.long = float(build.uniform(60, 130))
        self.deep = float(build.uniform(28, 60))
        self.leg = float(build.uniform(15, 60))
        self.thick = float(build.uniform(8, 18))
        self.head_size = float(build.uniform(25, 55))
        self.snout = float(build.uniform(0.3, 1.2))
        self.ears = str(build.choice(["floppy", "pointed", "horns"]))
        self.tail = str(build.choice(["thin", "fluffy", "locks"]))
        self.marks = build.uniform(-0.9, 0.9, (int(build.choice([0, 0, 5, 9])), 2))
        self.bands = int(build.choice([0, 0, 4, 6]))
        self.mane = int(build.choice([0, 0, 6]))
        self.socks = bool(build.random() < 0.5)
        rate = float(mover.rng.uniform(0.3, 0.9))
        big = float(mover.rng.uniform(0.2, 0.8))
        self.legs = [mover.swing(big, rate, phase) for phase in (0.0, math.pi, math.pi * 0.8, math.pi * 1.8)]
        self.neck = mover.channel(-0.6, 0.6, speed=0.6)
        self.nod = mover.channel(-0.4, 0.4, speed=0.8)
        self.wag = mover.channel(-0.8, 0.8, speed=1.3)
        self.hunch = mover.channel(-14, 14)
        self.jaw = mover.channel(-0.4, 0.6)
        self.blink = mover.blink()
        self.color = paints.pick("skin")
        names = ["far leg 0", "far leg 1", "near leg 0", "near leg 1"]
        if build.random() < 0.65:
            names = ["far leg", "far leg", "skin", "skin"]
        self.leg_colors = [paints.pick(name) for name in names]
        self.mark_color, self.tail_color, self.ear_color = (
            paints.pick("mark"),
            paints.pick("tail"),
            paints.pick("ear"),
        )
        self.nose_color, self.muzzle, self.hoof = (
            paints.pick("nose"),
            paints.pick("muzzle"),
            paints.pick("hoof"),
        )
        self.white, self.iris, self.mouth = (
            paints.pick("eye white"),
            paints.pick("iris"),
            paints.pick("mouth"),
        )

    def draw(self, brush: Brush, time: float) -> None:
        """The beast at `time`."""
        with brush.moved(0, -2 * self.leg - self.deep * 0.5):
            for number in (0, 1):
                self._leg(brush, time, number, self.leg_colors[number])
            self._tail(brush, time)
            hunch, d = self.hunch(time), self.deep
            spine = np.array(
                [
                    [-self.long, 0.0],
                    [-self.long * 0.3, -6 + hunch],
                    [self.long * 0.4, 4 - hunch],
                    [self.long, -4],
                ]
            )
            trunk = brush.tube(spine, (d * 0.9, d * 0.95, d, d * 0.95), self.color)
            for x, y in self.marks:
                brush.inside(
                    trunk, ellipse(x * self.long, y * d, d * 0.28, d * 0.24, 8), self.mark_color, weight=0.7
                )
            for number in range(self.bands):
                x = (number / (self.bands - 1) - 0.5) * 1.8 * self.long
                brush.inside(
                    trunk,
                    np.array([[x, -2 * d], [x + 10, -2 * d], [x + 16, 0], [x + 4, d * 0.3]]),
                    self.mark_color,
                    weight=0.7,
                )
            for number in (2, 3):
                self._leg(brush, time, number, self.leg_colors[number])
            way = self.neck(time)
            head = np.array([self.long + 20 + 20 * way, -d * (1.0 + 0.8 * way) - 12])
            brush.tube(
                np.stack([[self.long * 0.85, -d * 0.2], head]),
                (d * 0.6, self.head_size * 0.6),
                self.color,
                open_start=True,
            )
            for number in range(self.mane):
                u = number / self.mane
                root = (
                    np.array([self.long * 0.7, -d * 0.8]) * (1 - u)
                    + (head - (self.head_size * 0.7, self.head_size * 0.6)) * u
                )
                brush.fill(lock(root, shifted(root, -25 + 10 * self.wag(time), 18), 8, 4), self.tail_color)
            with brush.moved(float(head[0]), float(head[1]), turn=self.nod(time), sx=self.head_size):
                self._head(brush, time)

    def _head(self, brush: Brush, time: float) -> None:
        gape = max(0.0, self.jaw(time))
        if gape > 0.05:
            with brush.moved(0.4, 0.35, turn=gape):
                brush.fill(egg(0.3 + self.snout * 0.4, 0.05, 0.5 + self.snout * 0.3, 0.2), self.muzzle)
        brush.fill(egg(0, 0, 1, 0.9), self.color)
        brush.fill(egg(0.65 + self.snout * 0.3, 0.2, 0.5 + self.snout * 0.4, 0.4, boxy=0.3), self.muzzle)
        brush.fill(ellipse(1.1 + self.snout * 0.65, 0.02, 0.2, 0.16, 8), self.nose_color)
        brush.line(np.array([[0.5, 0.4], [0.9, 0.42], [1.1 + self.snout * 0.4, 0.32]]), weight=0.8)
        if self.blink(time) > 0.2:
            eye = brush.fill(ellipse(0.2, -0.3, 0.22, 0.26, 8), self.white, weight=0.8)
            brush.inside(eye, ellipse(0.27, -0.27, 0.11, 0.13, 7), self.iris)
        else:
            brush.line(np.array([[0.0, -0.25], [0.2, -0.2], [0.42, -0.25]]))
        for shift in (0.25, -0.25):
            if self.ears == "floppy":
                brush.fill(
                    egg(-0.6 + shift, 0.0 + 0.2 * self.wag(time), 0.28, 0.65, jaw=-0.2), self.ear_color
                )
            elif self.ears == "pointed":
                brush.fill(
                    lock(np.array([-0.4 + shift, -0.6]), np.array([-0.6 + shift, -1.6]), 0.24, 0.0),
                    self.ear_color,
                )
            else:
                brush.fill(
                    lock(np.array([-0.2 + shift, -0.7]), np.array([0.2 + shift, -1.8]), 0.14, -0.3),
                    self.ear_color,
                )

    def _tail(self, brush: Brush, time: float) -> None:
        wag = self.wag(time)
        root = np.array([-self.long - self.deep * 0.4, -self.deep * 0.3])
        way = np.array([[0, 0], [-25, -15 - 20 * wag], [-45, -45 - 45 * wag], [-60, -60 - 80 * wag]], float)
        if self.tail == "locks":
            for number in range(4):
                brush.fill(
                    lock(root, shifted(root, -70 - 5 * number, 25 * number - 30 - 40 * wag), 10, 12),
                    self.tail_color,
                )
            return
        brush.tube(root + way, (8, 18, 22, 6) if self.tail == "fluffy" else (6, 5, 4, 4), self.tail_color)

    def _leg(self, brush: Brush, time: float, number: int, color: int) -> None:
        upper = self.legs[number](time)
        x = (self.long * 0.75, -self.long * 0.85, self.long * 0.6, -self.long * 0.7)[number]
        joints = limb(
            np.array([x, self.deep * 0.5]),
            upper,
            upper - 0.6 * max(0.0, math.sin(upper * 3)),
            (self.leg, self.leg),
        )
        t = self.thick
        brush.tube(joints, (t * 1.3, t, t * 0.9), color, open_start=color == self.color)
        if self.socks:
            brush.tube(np.stack([joints[1] * 0.3 + joints[2] * 0.7, joints[2]]), (t, t * 1.05), self.hoof)
        else:
            brush.fill(
                np.array(
                    [
                        [joints[2][0] - t, joints[2][1] - 2],
                        [joints[2][0] + t * 1.5, joints[2][1] + 2],
                        [joints[2][0] + t * 1.5, joints[2][1] + t * 0.9],
                        [joints[2][0] - t, joints[2][1] + t * 0.9],
                    ]
                ),
                self.hoof,
            )
