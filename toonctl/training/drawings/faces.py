"""Heads: skulls that turn and nod, with eyes that blink, mouths that open, hair, ears, glasses and hats."""

import math

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import Points, box, egg, ellipse, lock, shifted
from toonctl.training.drawings.hair import Hair, Hat
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints


class Eyes:
    """A pair of eyes with brows, drawn on any round body; positions in units of the head's half width."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(
            build.choice(["ringed", "dot", "tall", "anime", "goggle"], p=[0.3, 0.15, 0.2, 0.25, 0.1])
        )
        self.size = (
            float(build.uniform(0.12, 0.34)) if self.kind != "dot" else float(build.uniform(0.04, 0.09))
        )
        self.tall = float(build.uniform(0.8, 1.2)) if self.kind != "tall" else float(build.uniform(1.4, 2.2))
        self.pupil = float(build.uniform(0.3, 0.75))
        self.layers = int(build.integers(1, 4))
        self.solid = bool(build.random() < 0.3)
        self.lids = bool(build.random() < 0.4)
        self.brows = str(build.choice(["none", "line", "fat"]))
        self.brow_lift = mover.channel(-0.5, 1.0)
        self.brow_tilt = mover.channel(-0.4, 0.4)
        self.open = mover.blink()
        self.look_x = mover.channel(-0.5, 0.5)
        self.look_y = mover.channel(-0.4, 0.4)
        self.white = paints.pick("eye white")
        self.iris = paints.pick("iris")
        self.core = paints.pick("pupil")
        self.shine = paints.pick("shine")
        self.skin = paints.pick("skin")
        self.brow = paints.pick("brow")

    def draw(self, brush: Brush, time: float, x: float, y: float, *, side: int, narrow: float = 1.0) -> None:
        """The left (`side` -1) or right eye at (x, y); `narrow` < 1 squeezes it where the head turns away."""
        rx, ry = self.size * narrow, self.size * self.tall
        opened = max(0.0, min(1.0, self.open(time)))
        if self.brows != "none":
            lift, tilt = y - ry * (1.35 + 0.3 * self.brow_lift(time)), self.brow_tilt(time) * side
            ends = np.array(
                [[x - rx, lift + tilt * ry * 0.5], [x, lift - ry * 0.2], [x + rx, lift - tilt * ry * 0.5]]
            )
            if self.brows == "fat":
                brush.tube(ends, (0.015, 0.045, 0.02), self.brow, weight=0.6)
            else:
                brush.line(ends, weight=1.0, taper=True)
        if self.kind == "dot":
            dot = ellipse(x, y, rx, max(0.02, ry * opened))
            if self.solid:
                brush.blot(dot, self.core)
            else:
                brush.fill(dot, self.core, weight=0.5)
            return
        if opened < 0.15:
            bend = ry * 0.3
            brush.line(np.array([[x - rx, y], [x, y + bend], [x + rx, y]]), weight=0.9)
            return
        white = brush.fill(ellipse(x, y, rx, ry * (0.3 + 0.7 * opened)), self.white, weight=0.7)
        px, py = x + self.look_x(time) * rx * 0.8, y + self.look_y(time) * ry * 0.6
        pr = self.size * self.pupil
        squash = narrow * (1.0 if self.kind != "tall" else 0.8)
        tall = self.tall if self.kind in ("tall", "anime") else 1.0
        brush.inside(white, ellipse(px, py, pr * squash, pr * tall), self.iris)
        if self.solid:
            brush.inside(white, ellipse(px, py, pr * 0.3 * squash, pr * 0.3 * tall), self.core, weight=1.0)
        elif self.layers > 1:
            brush.inside(white, ellipse(px, py, pr * 0.55 * squash, pr * 0.55 * tall), self.core)
        if self.layers > 2:
            brush.inside(
                white, ellipse(px + pr * 0.35, py - pr * 0.4, pr * 0.3, pr * 0.3, 7), self.shine, weight=0.5
            )
        if self.lids and opened < 0.95:
            lid = y - ry + 2 * ry * (1 - opened) * 0.6
            brush.inside(white, box(x, lid - 2 * ry, 4 * rx, 4 * ry), self.skin, smooth=False)


class Mouth:
    """A mouth that opens and closes: lips as a line, then a hole with teeth and tongue."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.width = float(build.uniform(0.15, 0.55))
        self.depth = float(build.uniform(0.2, 0.6))
        self.teeth = bool(build.random() < 0.6)
        self.tongue = bool(build.random() < 0.6)
        self.lips = bool(build.random() < 0.15)
        self.open = mover.channel(-0.5, 1.0, speed=1.4)
        self.smile = mover.channel(-0.4, 1.0, speed=0.6)
        self.wide = mover.channel(0.4, 1.25, speed=0.6)
        self.square = float(build.choice([0.6, 0.8, 1.0], p=[0.4, 0.4, 0.2]))
        self.hole_color = paints.pick("mouth")
        self.teeth_color = paints.pick("eye white")
        self.tongue_color = paints.pick("tongue")
        self.lip_color = paints.pick("lips")

    def draw(self, brush: Brush, time: float, x: float, y: float, *, narrow: float = 1.0) -> None:
        """The mouth around (x, y), squeezed by `narrow`."""
        w = self.width * narrow * self.wide(time)
        smile = self.smile(time) * self.width * 0.5
        opened = self.open(time) * self.depth
        corners = np.array([[x - w, y - smile * 0.5], [x, y + smile * 0.5], [x + w, y - smile * 0.5]])
        if opened < 0.06:
            brush.line(corners, weight=0.8)
            return
        drop = opened + max(0.0, smile * 0.5)
        hole = np.array(
            [
                corners[0],
                [x - w * 0.5, y],
                corners[1],
                [x + w * 0.5, y],
                corners[2],
                [x + w * self.square, y + drop * 0.7],
                [x, y + drop],
                [x - w * self.square, y + drop * 0.7],
            ]
        )
        hole[2, 1] = y + min(smile * 0.3, 0.0) + 0.02
        if self.lips:
            middle = hole.mean(axis=0)
            brush.fill(middle + (hole - middle) * (1.25, 1.4), self.lip_color, weight=0.7)
        inner = brush.fill(hole, self.hole_color, weight=0.8)
        if self.tongue:
            brush.inside(inner, ellipse(x, y + drop * 1.1, w * 0.65, drop * 0.55), self.tongue_color)
        if self.teeth and opened > 0.12:
            brush.inside(inner, box(x, y - 0.05, 3 * w, 0.1 + drop * 0.4), self.teeth_color, smooth=False)


class Face:
    """Eyes, nose, mouth, cheeks and glasses on a turning front of half width 1 and half height `tall`."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints, *, tall: float) -> None:
        self.tall = tall
        self.eyes = Eyes(build, mover, paints)
        self.mouth = Mouth(build, mover, paints)
        self.eye_gap = float(build.uniform(0.28, 0.5))
        self.eye_level = float(build.uniform(-0.2, 0.2))
        self.mouth_level = self.eye_level + float(build.uniform(0.35, 0.55))
        self.nose = str(
            build.choice(["none", "line", "ball", "wedge", "beak"], p=[0.3, 0.25, 0.2, 0.17, 0.08])
        )
        self.glasses = str(build.choice(["none", "round", "shades"], p=[0.76, 0.12, 0.12]))
        self.glasses_level = mover.channel(-0.06, 0.06, speed=0.8)
        self.stripes = int(build.choice([0, 1, 3]))
        self.cheeks = bool(build.random() < 0.25)
        self.beard = str(build.choice(["none", "moustache", "beard"], p=[0.84, 0.08, 0.08]))
        self.drops = str(build.choice(["none", "sweat", "tears"], p=[0.84, 0.08, 0.08]))
        self.weeps = mover.channel(-1, 1, speed=0.6)
        self.drop_color = paints.pick("drop")
        self.wrinkles = bool(build.random() < 0.3)
        self.nose_color = paints.pick("nose")
        self.frame_color, self.lens_color, self.glint = (
            paints.pick("glasses"),
            paints.pick("lens"),
            paints.pick("glint"),
        )
        self.cheek_color = paints.pick("cheek")
        self.beard_color = paints.pick("hair")

    def spot(self, across: float, level: float, yaw: float, pitch: float) -> tuple[float, float, float]:
        """Place (x, y) of a feature on the turned head, and how far it faces us: 1 fully, below 0 hidden."""
        side = math.asin(max(-0.99, min(0.99, across)))
        facing = math.cos(side + yaw)
        y = level * self.tall + pitch * 0.6 * max(0.0, facing)
        return math.sin(side + yaw) * math.sqrt(max(0.1, 1 - min(0.9, level * level * 0.7))), y, facing

    def draw(self, brush: Brush, time: float, skull: Points, yaw: float, pitch: float) -> None:
        """The features at `time`; what lies in the skin is clipped by the outline `skull` (pixels)."""
        if self.cheeks:
            for side in (-0.6, 0.6):
                x, y, facing = self.spot(side, self.mouth_level - 0.12, yaw, pitch)
                if facing > 0.2:
                    brush.inside(skull, ellipse(x, y, 0.16 * facing, 0.1, 8), self.cheek_color, weight=0.5)
        if self.beard == "beard":
            x, y, _ = self.spot(0, self.mouth_level, yaw, pitch)
            brush.inside(
                skull, ellipse(x * 0.6, self.tall * 1.05, 1.2, self.tall - y + 0.35), self.beard_color
            )
        x, y, facing = self.spot(0, self.mouth_level, yaw, pitch)
        if facing > 0.12:
            self.mouth.draw(brush, time, x, y, narrow=max(0.35, facing))
            if self.beard == "moustache":
                for side in (-1, 1):
                    brush.fill(
                        lock(np.array([x, y - 0.1]), np.array([x + side * 0.55, y + 0.02]), 0.1, -0.1 * side),
                        self.beard_color,
                    )
        for side in (-1, 1):
            x, y, facing = self.spot(side * self.eye_gap, self.eye_level, yaw, pitch)
            if facing > 0.12:
                self.eyes.draw(brush, time, x, y, side=side, narrow=max(0.3, facing))
                if self.wrinkles:
                    ends = [
                        [x - 0.2, y + self.eyes.size * 1.6],
                        [x, y + self.eyes.size * 1.9],
                        [x + 0.2, y + self.eyes.size * 1.6],
                    ]
                    brush.line(np.array(ends), weight=0.6, taper=True)
        self._nose(brush, yaw, pitch)
        if self.drops != "none":
            self._drops(brush, time, yaw, pitch)
        if self.glasses != "none":
            self._glasses(brush, time, yaw, pitch)

    def _drops(self, brush: Brush, time: float, yaw: float, pitch: float) -> None:
        """Sweat or tears, there only at times."""
        fall = self.weeps(time)
        if fall < 0:
            return
        for side in (-1, 1) if self.drops == "tears" else (1,):
            start = (
                (self.eye_gap, self.eye_level + 0.2) if self.drops == "tears" else (0.8, self.eye_level - 0.4)
            )
            x, y, facing = self.spot(side * start[0], start[1] + 0.4 * fall, yaw, pitch)
            if facing > 0:
                drop = shifted(np.array([[0, -0.22], [0.08, 0], [0, 0.09], [-0.08, 0]]), x, y)
                brush.fill(drop, self.drop_color, weight=0.7)

    def _nose(self, brush: Brush, yaw: float, pitch: float) -> None:
        x, y, facing = self.spot(0, (self.eye_level + self.mouth_level) / 2, yaw * 1.2, pitch)
        if facing < 0.05:
            return
        if self.nose == "line":
            brush.line(
                np.array([[x, y - 0.15], [x + 0.1 * math.copysign(1, yaw), y], [x, y + 0.03]]), weight=0.7
            )
        elif self.nose == "ball":
            brush.fill(ellipse(x, y, 0.13, 0.11, 8), self.nose_color, weight=0.8)
        elif self.nose == "wedge":
            tip = x + 0.3 * math.sin(yaw)
            brush.fill(
                np.array([[x, y - 0.3], [tip + 0.12, y], [x, y + 0.07], [tip - 0.12, y]]),
                self.nose_color,
                weight=0.8,
            )
        elif self.nose == "beak":
            tip = x + 0.5 * math.sin(yaw)
            brush.fill(
                np.array([[x - 0.2, y - 0.1], [x, y - 0.2], [x + 0.2, y - 0.1], [tip, y + 0.15]]),
                self.nose_color,
                weight=0.8,
            )
            brush.line(np.array([[x - 0.18, y - 0.08], [tip, y + 0.02], [x + 0.18, y - 0.08]]), weight=0.6)

    def _glasses(self, brush: Brush, time: float, yaw: float, pitch: float) -> None:
        level = self.eye_level + self.glasses_level(time)
        spots = [self.spot(side * max(0.33, self.eye_gap), level, yaw, pitch) for side in (-1, 1)]
        if max(facing for _, _, facing in spots) < 0.1:
            return
        bridge = np.array([[spots[0][0], spots[0][1] - 0.03], [spots[1][0], spots[1][1] - 0.03]])
        brush.tube(bridge, (0.05, 0.05), self.frame_color, weight=0.8)
        for side, (x, y, facing) in zip((-1, 1), spots, strict=True):
            if facing < 0.1:
                continue
            brush.tube(
                np.array([[x, y], [side * 1.02 + 0.1 * yaw, y - 0.04]]),
                (0.05, 0.05),
                self.frame_color,
                weight=0.8,
            )
            wide, high = 0.36 * max(0.3, facing), 0.34
            if self.glasses == "shades":
                shape = np.array(
                    [
                        [x - wide, y - high * 0.7],
                        [x + wide, y - high * 0.7],
                        [x + wide * 0.8, y + high * 0.5],
                        [x, y + high * 0.8],
                        [x - wide * 0.8, y + high * 0.5],
                    ]
                )
            else:
                shape = ellipse(x, y, wide, high)
            rim = brush.fill(shape, self.frame_color, weight=0.8)
            middle = np.array([x, y])
            brush.inside(rim, middle + (shape - middle) * 0.76, self.lens_color, weight=0.8)
            for number in range(self.stripes):
                slant = x + wide * (0.4 * number - 0.4)
                brush.inside(
                    rim,
                    np.array(
                        [
                            [slant, y - high * 0.5],
                            [slant + 0.08, y - high * 0.5],
                            [slant - 0.1, y + high * 0.5],
                            [slant - 0.18, y + high * 0.5],
                        ]
                    ),
                    self.glint,
                    smooth=False,
                    weight=0.5,
                )


class Head:
    """A turning head in units of its half width, chin near (0, `tall`)."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.tall = float(build.uniform(0.85, 1.35))
        self.jaw = float(build.uniform(-0.15, 0.3))
        self.boxy = float(build.choice([0.0, 0.15, 0.4]))
        self.face = Face(build, mover, paints, tall=self.tall)
        self.hair = Hair(build, mover, paints, tall=self.tall)
        self.hat = Hat(build, paints, tall=self.tall)
        self.ears = str(build.choice(["none", "round", "pointed"], p=[0.25, 0.65, 0.1]))
        self.hair_shadow = str(build.choice(["no", "ink", "trace"], p=[0.6, 0.2, 0.2]))
        self.side_shadow = str(build.choice(["no", "ink", "trace"], p=[0.75, 0.1, 0.15]))
        span = float(build.choice([0.25, 0.7, 1.4, 3.3], p=[0.3, 0.46, 0.16, 0.08]))
        self.yaw = mover.channel(-span, span, speed=0.6)
        self.pitch = mover.channel(-0.25, 0.25, speed=0.6)
        self.light = mover.channel(-0.3, 0.3, speed=0.3)
        self.skin = paints.pick("skin")
        self.shadow_color = paints.pick("skin shadow")
        self.ear_color = self.skin if build.random() < 0.7 else paints.pick("ear")

    def draw(self, brush: Brush, time: float) -> None:
        """The whole head."""
        yaw, pitch = self.yaw(time), self.pitch(time)
        lean = math.sin(yaw)
        self.hair.draw_back(brush, time, lean)
        if self.ears != "none":
            for side in (-1, 1):
                self._ear(brush, side, yaw, pitch)
        skull = brush.fill(egg(0, 0, 1, self.tall, jaw=self.jaw, boxy=self.boxy), self.skin)
        if self.side_shadow != "no":
            border: Border = "ink" if self.side_shadow == "ink" else "trace"
            moon = ellipse(-1.1 + self.light(time), 0.2, 0.7, self.tall * 1.1)
            brush.inside(skull, moon, self.shadow_color, border=border, weight=0.4)
        if self.hair_shadow != "no":
            border = "ink" if self.hair_shadow == "ink" else "trace"
            band = ellipse(self.light(time), -self.tall * 0.75 + 0.1, 1.3, self.tall * 0.6)
            brush.inside(skull, band, self.shadow_color, border=border, weight=0.4)
        if math.cos(yaw) > 0:
            self.face.draw(brush, time, skull, yaw, pitch)
            self.hair.draw_front(brush, time, lean)
        elif self.hair.kind != "none":
            self.hair.draw_back(brush, time, lean)
        self.hat.draw(brush, lean)

    def _ear(self, brush: Brush, side: int, yaw: float, pitch: float) -> None:
        x, y, _ = self.face.spot(side * 0.98, 0.1, yaw, pitch)
        if abs(x) < 0.55:
            return
        if self.ears == "pointed":
            brush.fill(
                lock(np.array([x * 0.9, y]), np.array([x + side * 0.7, y - 0.4]), 0.22, -0.1 * side),
                self.ear_color,
            )
            return
        ear = brush.fill(ellipse(x, y, 0.2, 0.28, 8), self.ear_color)
        brush.inside(ear, ellipse(x, y, 0.1, 0.16, 7), self.shadow_color, weight=0.5)
