"""Upright round animals that face us: squirrels, penguins, bears and their like."""

import math

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import cloud, ellipse, limb, lock, shifted
from toonctl.training.drawings.faces import Face
from toonctl.training.drawings.hair import Hat
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints


class Upright:
    """A body and head of one outline with a face, arms, feet and a tail; about 230 tall, feet on y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.tall = float(build.uniform(150, 260))
        self.head_size = float(build.uniform(34, 62))
        self.belly_size = float(build.uniform(0.8, 1.7)) * self.head_size
        self.arm = float(build.uniform(26, 60))
        self.thick = float(build.uniform(8, 18))
        self.face = Face(build, mover, paints, tall=0.9)
        self.hat = Hat(build, paints, tall=0.95)
        self.ears = str(build.choice(["none", "round", "long", "pointed"]))
        self.tail = str(build.choice(["none", "plume", "thin", "stub"]))
        self.belly = str(build.choice(["none", "oval", "bib", "mask"], p=[0.3, 0.3, 0.2, 0.2]))
        self.merged = bool(build.random() < 0.6)
        self.fins = bool(build.random() < 0.3)
        self.tie = bool(build.random() < 0.25)
        self.claws = int(build.choice([0, 3]))
        self.shade = str(build.choice(["no", "ink", "trace"], p=[0.65, 0.15, 0.2]))
        self.turn = mover.channel(-0.8, 0.8, speed=0.6)
        self.nod = mover.channel(-0.25, 0.25, speed=0.6)
        self.lean = mover.channel(-0.2, 0.2, speed=0.6)
        self.bend = mover.channel(-0.3, 0.3, speed=0.5)
        self.stretch = mover.channel(0.88, 1.12)
        self.arms = [mover.channel(-2.9, -0.1), mover.channel(0.1, 2.9)]
        self.elbows = [mover.channel(-1.0, 1.0), mover.channel(-1.0, 1.0)]
        rate = float(mover.rng.uniform(0.3, 0.9))
        self.feet = [mover.swing(14, rate, 0.0), mover.swing(14, rate, math.pi)]
        self.wag = mover.channel(-0.5, 0.5)
        self.near = mover.channel(-1, 1, speed=0.3)
        self.skin, self.belly_color = paints.pick("skin"), paints.pick("belly")
        self.arm_color = self.skin if self.merged else paints.pick("arm")
        self.tail_color = self.skin if build.random() < 0.5 else paints.pick("tail")
        self.foot_color, self.ear_color = paints.pick("foot"), paints.pick("ear")
        self.tie_color, self.shade_color = paints.pick("tie"), paints.pick("skin shadow")

    def draw(self, brush: Brush, time: float) -> None:
        """The animal at `time`, back to front."""
        stretch = self.stretch(time)
        order = (0, 1) if self.near(time) > 0 else (1, 0)
        with brush.moved(0, 0, turn=self.lean(time), sx=1 / stretch, sy=stretch):
            self._tail(brush, time)
            if not self.merged:
                self._arm(brush, time, order[0])
            for side in (0, 1):
                self._foot(brush, time, side)
            self._trunk(brush, time)
            for side in order if self.merged else order[1:]:
                self._arm(brush, time, side)

    def _trunk(self, brush: Brush, time: float) -> None:
        turn, bend = self.turn(time), 60 * self.bend(time)
        h, w, top = self.head_size, self.belly_size, -self.tall
        neck = min(h, w) * 0.85
        with brush.moved(bend, top + h, sx=h):
            self._ears(brush, turn)
        middle = top * 0.55
        outline = np.array(
            [
                [bend, top],
                [bend + h * 0.75, top + h * 0.3],
                [bend + h, top + h],
                [bend * 0.8 + neck, top + h * 1.8],
                [w * 0.95, middle],
                [w, -w * 0.6],
                [w * 0.6, -4],
                [0, 0],
                [-w * 0.6, -4],
                [-w, -w * 0.6],
                [-w * 0.95, middle],
                [bend * 0.8 - neck, top + h * 1.8],
                [bend - h, top + h],
                [bend - h * 0.75, top + h * 0.3],
            ]
        )
        trunk = brush.fill(outline, self.skin)
        slide = 0.4 * w * math.sin(turn)
        if self.shade != "no":
            border: Border = "ink" if self.shade == "ink" else "trace"
            brush.inside(trunk, shifted(outline, -w * 0.5, 10), self.shade_color, border=border, weight=0.5)
        if self.belly == "oval":
            brush.inside(
                trunk, ellipse(slide, middle * 0.7, w * 0.65, -middle * 0.65), self.belly_color, weight=0.8
            )
        elif self.belly == "bib":
            brush.inside(
                trunk, ellipse(slide, top * 0.35, w * 0.7, self.tall * 0.42), self.belly_color, weight=0.8
            )
        elif self.belly == "mask":
            mask = ellipse(bend + h * 0.5 * math.sin(turn), top + h * 1.15, h * 0.8, h * 0.75)
            brush.inside(trunk, mask, self.belly_color, weight=0.8)
            brush.inside(
                trunk, ellipse(slide, middle * 0.6, w * 0.7, -middle * 0.6), self.belly_color, weight=0.8
            )
        with brush.moved(bend, top + h, turn=self.nod(time) * 0.4, sx=h * 0.95):
            self.face.draw(brush, time, trunk, turn, self.nod(time))
            self.hat.draw(brush, turn)
        if self.tie:
            x, y = bend * 0.8 + slide * 0.6, top + h * 2.05
            for side in (-1, 1):
                brush.fill(
                    np.array(
                        [[x, y], [x + side * h * 0.45, y - h * 0.25], [x + side * h * 0.45, y + h * 0.25]]
                    ),
                    self.tie_color,
                    smooth=False,
                )
            brush.fill(ellipse(x, y, h * 0.12, h * 0.12, 7), self.tie_color, weight=0.8)

    def _ears(self, brush: Brush, turn: float) -> None:
        if self.ears == "none":
            return
        for side in (-1, 1):
            x = side * 0.72 * math.cos(turn * 0.6) + 0.25 * math.sin(turn)
            if self.ears == "round":
                ear = brush.fill(ellipse(x, -0.75, 0.3, 0.3, 8), self.skin)
                brush.inside(ear, ellipse(x, -0.72, 0.16, 0.18, 7), self.ear_color, weight=0.7)
                continue
            tip = np.array([x * 1.3, -1.4 if self.ears == "pointed" else -2.1])
            shape = lock(np.array([x, -0.5]), tip, 0.26, 0.05 * side)
            ear = brush.fill(shape, self.skin)
            middle = shape.mean(axis=0)
            brush.inside(ear, middle + (shape - middle) * 0.55, self.ear_color, weight=0.7)

    def _arm(self, brush: Brush, time: float, side: int) -> None:
        sign = (-1, 1)[side]
        upper = self.arms[side](time)
        start = np.array([sign * self.belly_size * 0.7 + 20 * self.bend(time), -self.tall * 0.52])
        joints = limb(start, upper, upper + self.elbows[side](time), (self.arm, self.arm))
        t = self.thick
        if self.fins:
            brush.fill(
                lock(joints[0], joints[2], t * 1.3, 0.3 * self.arm * self.elbows[side](time)), self.arm_color
            )
            return
        for number in range(self.claws):
            way = upper + self.elbows[side](time) + (number - 1) * 0.6
            tip = joints[2] + np.array([math.sin(way), math.cos(way)]) * t * 1.9
            brush.tube(np.stack([joints[2], tip]), (t * 0.45, t * 0.35), self.arm_color, weight=0.8)
        brush.tube(joints, (t * 1.3, t, t * 0.9), self.arm_color, open_start=self.merged)

    def _foot(self, brush: Brush, time: float, side: int) -> None:
        sign = (-1, 1)[side]
        x, y = sign * self.belly_size * 0.5 + 0.5 * self.feet[side](time), min(0.0, self.feet[side](time)) + 6
        brush.fill(ellipse(x + sign * 5, y, self.belly_size * 0.38, 13, 9), self.foot_color)
        for toe in (-1, 1):
            brush.line(
                np.array([[x + sign * 5 + toe * 5, y + 2], [x + sign * 5 + toe * 7, y + 11]]), weight=0.7
            )

    def _tail(self, brush: Brush, time: float) -> None:
        if self.tail == "none":
            return
        side = -1 if self.turn(time) > 0 else 1
        wag, w = self.wag(time), self.belly_size
        root = np.array([side * w * 0.6, -20.0])
        if self.tail == "plume":
            bend = np.array([side * w * 1.7, -60.0 + 30 * wag])
            tip = np.array([side * w * (1.5 + wag), -self.tall * 0.7])
            plume = brush.tube(
                np.stack([root, bend, tip, shifted(tip, side * 25 * (1 + wag), 12)]),
                (10, 0.55 * w, 0.6 * w, 0.35 * w),
                self.tail_color,
            )
            brush.inside(plume, ellipse(tip[0], tip[1] + 10, 0.33 * w, 0.4 * w), self.belly_color, weight=0.7)
            brush.line(
                np.stack([shifted(root, side * 10, -12), bend, shifted(tip, 0, 40)]), weight=0.7, taper=True
            )
        elif self.tail == "thin":
            way = np.array(
                [[0, 0], [30 * side, -10], [55 * side, -50 + 50 * wag], [80 * side, -95 + 30 * wag]], float
            )
            brush.tube(root + way, (7, 6, 5, 4), self.tail_color)
        else:
            brush.fill(
                cloud(root[0] + side * 14, root[1], 24, 22, 7, turn=wag), self.tail_color, smooth=False
            )
