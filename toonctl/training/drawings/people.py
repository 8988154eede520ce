"""Jointed people: from chibi to long-legged, with clothes, hands and swapping limbs."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import box, ellipse, limb
from toonctl.training.drawings.faces import Head
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints


class Person:
    """A clothed person; units are pixels at scale 1, about 200 to 330 tall, standing on y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.head_size = float(build.uniform(24, 70))
        self.torso = float(build.uniform(55, 110))
        self.shoulder = float(build.uniform(22, 48))
        self.hip = float(build.uniform(18, 42))
        self.leg = float(build.uniform(30, 75))
        self.arm = float(build.uniform(28, 60))
        self.thick = float(build.uniform(7, 17))
        self.head = Head(build, mover, paints)
        self.skirt = bool(build.random() < 0.35)
        self.sleeve = str(build.choice(["none", "short", "long"]))
        self.boots = bool(build.random() < 0.7)
        self.trim = str(build.choice(["plain", "buttons", "stripes", "tie", "pocket"]))
        self.belt = bool(build.random() < 0.5)
        self.collar = bool(build.random() < 0.5)
        self.fingers = int(build.choice([0, 0, 3, 4]))
        self.folds = int(build.integers(2, 6))
        self.shade = str(build.choice(["no", "ink", "trace"], p=[0.65, 0.15, 0.2]))
        self.walks = bool(mover.rng.random() < 0.5)
        rate, phase = float(mover.rng.uniform(0.3, 0.9)), float(mover.rng.uniform(0, 6.3))
        big = float(mover.rng.uniform(0.3, 0.9))
        if self.walks:
            self.legs = [mover.swing(big, rate, phase), mover.swing(big, rate, phase + math.pi)]
            self.knees = [mover.swing(big, rate, phase + 1.3), mover.swing(big, rate, phase + math.pi + 1.3)]
            self.arms = [mover.swing(big, rate, phase + math.pi), mover.swing(big, rate, phase)]
        else:
            self.legs = [mover.channel(-0.7, 0.3, speed=0.5), mover.channel(-0.3, 0.7, speed=0.5)]
            self.knees = [mover.channel(-0.3, 0.9, speed=0.5) for _ in range(2)]
            self.arms = [mover.channel(-2.6, 0.6), mover.channel(-0.6, 2.6)]
        self.elbows = [mover.channel(-1.8, 0.3), mover.channel(-0.3, 1.8)]
        self.lean = mover.channel(-0.2, 0.2, speed=0.5)
        self.nod = mover.channel(-0.3, 0.3, speed=0.5)
        self.bob = mover.swing(4.0, rate * 2, phase)
        self.near = mover.channel(-1, 1, speed=0.4)
        self.grip = mover.channel(0.0, 1.0)
        self.skin = paints.pick("skin")
        self.top_color = paints.pick("top")
        sides = ("", " right") if build.random() < 0.3 else ("", "")
        self.sleeve_colors, self.leg_colors, self.shoes = (
            [paints.pick(role + side) for side in sides] for role in ("sleeve", "trousers", "shoe")
        )
        self.skirt_color, self.belt_color = paints.pick("skirt"), paints.pick("belt")
        self.trim_color, self.shade_color = paints.pick("trim"), paints.pick("top shade")
        self.collar_color, self.glove = paints.pick("collar"), paints.pick("glove")

    def draw(self, brush: Brush, time: float) -> None:
        """The person at `time`, back to front."""
        tall = 2 * self.leg + self.thick
        turned = 1.2 * math.sin(self.head.yaw(time))
        order = (0, 1) if self.near(time) > 0 else (1, 0)
        with brush.moved(0, -tall + self.bob(time)):
            self._leg(brush, time, order[0])
            with brush.moved(0, 0, turn=self.lean(time)):
                self._arm(brush, time, order[0], turned)
            self._leg(brush, time, order[1])
            with brush.moved(0, 0, turn=self.lean(time)):
                self._body(brush, time, turned)
                with brush.moved(
                    turned * self.shoulder * 0.15,
                    -self.torso - self.head_size * self.head.tall * 0.95,
                    turn=self.nod(time),
                    sx=self.head_size,
                ):
                    self.head.draw(brush, time)
                self._arm(brush, time, order[1], turned)

    def _leg(self, brush: Brush, time: float, side: int) -> None:
        sign = (-1, 1)[side]
        upper = self.legs[side](time)
        joints = limb(
            np.array([sign * self.hip * 0.5, 0.0]),
            upper,
            upper + sign * -0.2 - abs(self.knees[side](time)),
            (self.leg, self.leg),
        )
        t = self.thick
        if self.skirt:
            brush.tube(joints, (t, t * 0.9, t * 0.7), self.skin)
        else:
            brush.tube(joints, (t * 1.25, t * 1.05, t * 0.85), self.leg_colors[side])
        x, y = joints[2]
        if self.boots:
            brush.tube(
                (joints[1] * 0.45 + joints[2] * 0.55)[None]
                + np.array([[0.0, 0.0], [1, 1]]) * (joints[2] - joints[1]) * 0.45,
                (t * 1.1, t),
                self.shoes[side],
            )
        brush.fill(
            np.array(
                [
                    [x - t, y - t * 0.8],
                    [x + t * 0.6, y - t * 0.7],
                    [x + t * 2.4, y + t * 0.3],
                    [x + t * 2.2, y + t],
                    [x - t, y + t],
                ]
            ),
            self.shoes[side],
        )

    def _arm(self, brush: Brush, time: float, side: int, turned: float) -> None:
        sign = (-1, 1)[side]
        upper = self.arms[side](time)
        start = np.array([sign * self.shoulder * (1 - 0.4 * abs(math.sin(turned))) * 0.9, -self.torso * 0.9])
        joints = limb(start, upper, upper + self.elbows[side](time), (self.arm, self.arm))
        t = self.thick * 0.8
        self._hand(brush, time, joints)
        if self.sleeve == "long":
            brush.tube(joints, (t * 1.2, t, t * 0.9), self.sleeve_colors[side])
            return
        brush.tube(joints, (t, t * 0.9, t * 0.7), self.skin)
        if self.sleeve == "short":
            brush.tube(
                np.stack([joints[0], joints[0] * 0.4 + joints[1] * 0.6]),
                (t * 1.35, t * 1.45),
                self.sleeve_colors[side],
                cap=0.4,
            )

    def _hand(self, brush: Brush, time: float, joints: np.ndarray) -> None:
        t = self.thick
        along = (joints[2] - joints[1]) / self.arm
        turn = math.atan2(-along[0], along[1])
        with brush.moved(joints[2][0], joints[2][1], turn=turn):
            spread = 0.2 + 0.5 * self.grip(time)
            for number in range(self.fingers):
                angle = (number - (self.fingers - 1) / 2) * spread
                tip = np.array([math.sin(angle), math.cos(angle)]) * t * 1.9
                brush.tube(np.array([tip * 0.3, tip]), (t * 0.3, t * 0.28), self.glove, weight=0.8)
            brush.fill(ellipse(0, t * 0.5, t * 0.8, t * 0.85, 8), self.glove)
            if self.fingers:
                for across in (-0.3, 0.0, 0.3):
                    brush.line(
                        np.array([[across * t, t * 0.2], [across * 1.3 * t, t * 0.8]]),
                        weight=0.6,
                        smooth=False,
                    )

    def _body(self, brush: Brush, time: float, turned: float) -> None:
        s, h, top = self.shoulder * (1 - 0.25 * abs(math.sin(turned))), self.hip, -self.torso
        brush.tube(
            np.array([[0, top + 5], [turned * 4, top - self.head_size * 0.3]]),
            (self.thick * 0.8,) * 2,
            self.skin,
        )
        trunk = brush.fill(
            np.array(
                [
                    [-s * 0.5, top],
                    [0, top + 4],
                    [s * 0.5, top],
                    [s, top * 0.9],
                    [s * 0.85, top * 0.5],
                    [h * 0.9, 0],
                    [0, 6],
                    [-h * 0.9, 0],
                    [-s * 0.85, top * 0.5],
                    [-s, top * 0.9],
                ]
            ),
            self.top_color,
        )
        shift = math.sin(turned) * s * 0.5
        if self.shade != "no":
            border = "ink" if self.shade == "ink" else "trace"
            brush.inside(
                trunk,
                ellipse(-s * 0.9 + shift * 0.5, top * 0.5, s * 0.6, self.torso * 0.6),
                self.shade_color,
                border=border,
                weight=0.4,
            )
        if self.trim == "buttons":
            for number in range(3):
                brush.inside(
                    trunk, ellipse(shift, top * (0.75 - 0.25 * number), 4, 4, 7), self.trim_color, weight=0.6
                )
        elif self.trim == "stripes":
            for number in range(3):
                brush.inside(
                    trunk,
                    box(0, top * (0.75 - 0.25 * number), 4 * s, self.torso * 0.1),
                    self.trim_color,
                    smooth=False,
                )
        elif self.trim == "tie":
            brush.inside(
                trunk,
                np.array(
                    [
                        [shift - 4, top],
                        [shift + 4, top],
                        [shift + 7, top * 0.4],
                        [shift, top * 0.3],
                        [shift - 7, top * 0.4],
                    ]
                ),
                self.trim_color,
                smooth=False,
            )
        elif self.trim == "pocket":
            brush.inside(
                trunk, box(shift + s * 0.4, top * 0.6, s * 0.5, s * 0.5), self.trim_color, smooth=False
            )
        if self.collar:
            for sign in (-1, 1):
                brush.fill(
                    np.array(
                        [
                            [shift, top + 12],
                            [sign * s * 0.45, top - 3],
                            [sign * s * 0.6 + shift * 0.5, top + 14],
                        ]
                    ),
                    self.collar_color,
                    smooth=False,
                    weight=0.8,
                )
        if self.belt:
            brush.inside(trunk, box(0, -6, 4 * h, 10), self.belt_color, smooth=False)
        if self.skirt:
            flare, drop = h * 1.7, self.leg * 0.9
            sway = 0.3 * h * math.sin(time)
            hem = brush.fill(
                np.array(
                    [
                        [-h * 0.9, -8],
                        [h * 0.9, -8],
                        [flare + sway, drop],
                        [flare * 0.4 + sway, drop + 7],
                        [-flare * 0.4 + sway, drop + 3],
                        [-flare + sway, drop],
                    ]
                ),
                self.skirt_color,
                smooth=False,
            )
            for number in range(1, self.folds):
                u = number / self.folds * 2 - 1
                brush.line(np.array([[h * 0.8 * u, 0], [flare * u + sway, drop]]), weight=0.6, smooth=False)
                if number == 2:
                    brush.inside(hem, box(0, drop, 4 * flare, 12), self.trim_color, smooth=False)
