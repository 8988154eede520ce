"""Objects and blobs with faces: cups, stars, emoji, apples, blob animals."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import egg, ellipse, limb, star
from toonctl.training.drawings.faces import Face
from toonctl.training.drawings.hair import Hat
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints


class Mascot:
    """A body with a face and thin or fat limbs: cup, star, ball, toast, egg-shaped animal; about 160 tall."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(build.choice(["cup", "star", "ball", "toast", "egg", "apple"]))
        self.tall = float(build.uniform(0.8, 1.4))
        self.face = Face(build, mover, paints, tall=1.0)
        self.hat = Hat(build, paints, tall=self.tall)
        self.limbs = bool(build.random() < 0.7)
        self.gloves = bool(build.random() < 0.6)
        self.belly = bool(build.random() < 0.4)
        self.spots = build.uniform(-0.8, 0.8, (int(build.choice([0, 0, 4, 9])), 2))
        self.shade = str(build.choice(["no", "ink", "trace"], p=[0.5, 0.25, 0.25]))
        self.thick = float(build.uniform(0.05, 0.13))
        self.turn = mover.channel(-0.6, 0.6, speed=0.6)
        self.nod = mover.channel(-0.3, 0.3, speed=0.6)
        self.tilt = mover.channel(-0.3, 0.3, speed=0.7)
        self.squash = mover.channel(0.85, 1.15, speed=1.2)
        self.arms = [mover.channel(-2.8, -0.2), mover.channel(0.2, 2.8)]
        self.elbows = [mover.channel(-1.2, 1.2), mover.channel(-1.2, 1.2)]
        rate = float(mover.rng.uniform(0.3, 0.9))
        self.legs = [mover.swing(0.7, rate, 0.0), mover.swing(0.7, rate, math.pi)]
        self.skin = paints.pick("skin")
        self.limb_color = paints.pick("limb")
        self.glove_color, self.shoe_color = paints.pick("glove"), paints.pick("shoe")
        self.mark_color, self.shade_color = paints.pick("mark"), paints.pick("skin shadow")
        self.rim_color = paints.pick("rim")

    def draw(self, brush: Brush, time: float) -> None:
        """The mascot at `time`, its feet near y = 0."""
        squash = self.squash(time)
        with brush.moved(0, -110 * squash, turn=self.tilt(time), sx=75 / squash, sy=75 * squash):
            if self.limbs:
                self._arm(brush, time, 0)
                for side in (0, 1):
                    self._leg(brush, time, side)
            self._body(brush, time)
            if self.limbs:
                self._arm(brush, time, 1)

    def _outline(self) -> tuple[np.ndarray, bool]:
        if self.kind == "star":
            return star(0, 0, 1.2, 0.55, 5), False
        if self.kind == "toast":
            return egg(0, 0, 0.95, self.tall * 0.9, boxy=1.2), True
        if self.kind == "cup":
            t = self.tall * 0.8
            return np.array(
                [
                    [-1, -t],
                    [0, -t * 0.95],
                    [1, -t],
                    [0.9, 0],
                    [0.55, t * 0.9],
                    [0, t],
                    [-0.55, t * 0.9],
                    [-0.9, 0],
                ]
            ), True
        if self.kind == "apple":
            return np.array(
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
            ), True
        return egg(
            0, 0, 1, 1 if self.kind == "ball" else self.tall, jaw=-0.12 if self.kind == "egg" else 0
        ), True

    def _body(self, brush: Brush, time: float) -> None:
        turn = self.turn(time)
        outline, smooth = self._outline()
        if self.kind == "cup":
            handle = brush.fill(ellipse(1.0 * math.cos(turn), 0, 0.45, 0.45), self.skin)
            brush.inside(handle, ellipse(1.0 * math.cos(turn), 0, 0.25, 0.27), 0, weight=1.0)
        if self.kind == "apple":
            brush.tube(np.array([[0, -0.6], [0.1, -1.1]]), (0.05, 0.07), self.rim_color)
            brush.fill(np.array([[0.1, -0.95], [0.5, -1.25], [0.75, -1.0], [0.4, -0.85]]), self.mark_color)
        body = brush.fill(outline, self.skin, smooth=smooth)
        if self.shade != "no":
            border = "ink" if self.shade == "ink" else "trace"
            brush.inside(body, ellipse(-1.0, 0.35, 0.75, 1.2), self.shade_color, border=border, weight=0.5)
        if self.belly:
            brush.inside(body, ellipse(0.3 * turn, self.tall * 0.6, 0.6, 0.5), self.mark_color)
        for x, y in self.spots:
            brush.inside(
                body,
                ellipse(math.sin(x * 1.3 + turn * 1.5), y * self.tall, 0.13, 0.13, 7),
                self.mark_color,
                weight=0.6,
            )
        if self.kind == "cup":
            rim = brush.fill(ellipse(0, -self.tall * 0.8, 1.0, 0.16), self.rim_color)
            brush.inside(rim, ellipse(0, -self.tall * 0.76, 0.86, 0.1), self.mark_color)
        with brush.moved(0, 0, sx=0.85 if self.kind != "star" else 0.55):
            self.face.draw(brush, time, body, turn, self.nod(time))
        if self.kind not in ("cup", "apple", "star"):
            self.hat.draw(brush, turn)

    def _arm(self, brush: Brush, time: float, side: int) -> None:
        sign = (-1, 1)[side]
        upper = self.arms[side](time)
        joints = limb(np.array([sign * 0.8, 0.1]), upper, upper + self.elbows[side](time), (0.5, 0.5))
        brush.tube(joints, (self.thick,) * 3, self.limb_color)
        x, y = joints[2]
        if self.gloves:
            for angle in (-0.9, -0.3, 0.3, 0.9):
                tip = joints[2] + 0.26 * np.array([math.sin(upper + angle), math.cos(upper + angle)])
                brush.tube(np.stack([joints[2], tip]), (0.09, 0.08), self.glove_color, weight=0.8)
        brush.fill(ellipse(x, y, 0.2, 0.2, 8), self.glove_color)

    def _leg(self, brush: Brush, time: float, side: int) -> None:
        sign = (-1, 1)[side]
        upper = self.legs[side](time)
        joints = limb(np.array([sign * 0.35, 0.75]), upper, upper * 0.3 - 0.2, (0.35, 0.35))
        brush.tube(joints, (self.thick,) * 3, self.limb_color)
        x, y = joints[2]
        brush.fill(
            np.array(
                [
                    [x - 0.15, y - 0.1],
                    [x + 0.15, y - 0.12],
                    [x + 0.4, y + 0.06],
                    [x + 0.35, y + 0.15],
                    [x - 0.18, y + 0.14],
                ]
            ),
            self.shoe_color,
        )
