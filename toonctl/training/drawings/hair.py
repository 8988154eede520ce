"""Hair and hats for heads; lengths in half widths of the head, whose middle is the origin."""

import math

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import Points, box, cloud, egg, ellipse, lock, shifted
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints

KINDS = ("none", "fringe", "tufts", "curls", "afro", "bob", "tails", "spikes", "crop")
ODDS = (0.08, 0.16, 0.2, 0.1, 0.1, 0.12, 0.1, 0.08, 0.06)


class Hair:
    """Hair in two layers: a mass behind the skull and locks in front of it."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints, *, tall: float) -> None:
        self.tall = tall
        self.kind = str(build.choice(KINDS, p=ODDS))
        self.count = int(build.integers(4, 11))
        self.drops = build.uniform(0.25, 1.0, 16)
        self.bends = build.uniform(-0.25, 0.25, 16)
        self.length = float(build.uniform(0.2, 1.8))
        self.curls = build.uniform(-1, 1, (26, 3))
        self.curl_count = int(build.integers(9, 26))
        self.bumps = int(build.integers(7, 22))
        self.strands = bool(build.random() < 0.5)
        self.shine = str(build.choice(["no", "trace", "ink"], p=[0.6, 0.25, 0.15]))
        self.sway = mover.channel(-0.2, 0.2)
        self.color = paints.pick("hair")
        self.back_color = paints.pick("hair back") if build.random() < 0.35 else self.color
        self.shine_color = paints.pick("hair shine")
        self.tie_color = paints.pick("hair tie")

    def draw_back(self, brush: Brush, time: float, yaw: float) -> None:
        """What hangs behind the skull."""
        top, sway = self.tall, self.sway(time)
        if self.kind == "afro":
            puff = cloud(
                -0.25 * yaw, -0.25, 1.45 + 0.2 * self.length, top + 0.35 + 0.15 * self.length, self.bumps
            )
            inner = brush.fill(puff, self.back_color, smooth=False)
            if self.shine != "no":
                border: Border = "trace" if self.shine == "trace" else "ink"
                rim = cloud(-0.25 * yaw + 0.12, -0.15, 1.35 + 0.2 * self.length, top + 0.25, self.bumps)
                brush.inside(inner, rim, self.color, border=border, smooth=False)
        elif self.kind == "curls":
            brush.fill(ellipse(-0.1 * yaw, -0.1, 1.15, top * 1.05), self.color)
            for across, level, size in self.curls[: self.curl_count]:
                angle = across * 2.3 - math.pi / 2
                x, y = 1.1 * math.cos(angle) - 0.15 * yaw, 1.05 * top * math.sin(angle) + 0.15 * level
                brush.fill(ellipse(x, y, 0.27 + 0.09 * size, 0.27 + 0.09 * size, 8), self.color)
        elif self.kind in ("bob", "tufts", "fringe"):
            drop = self.length if self.kind != "fringe" else 0.2 * self.length
            hang = np.array(
                [
                    [-1.0, -top * 0.9],
                    [0, -top * 1.18],
                    [1.0, -top * 0.9],
                    [1.2, 0],
                    [1.15 + sway, drop],
                    [0.5 + sway, drop + 0.2],
                    [-0.4 + sway, drop + 0.15],
                    [-1.15 + sway, drop],
                    [-1.2, 0],
                ]
            )
            brush.fill(hang - (0.15 * yaw, 0), self.back_color)
        elif self.kind == "tails":
            for side in (-1, 1):
                root = np.array([side * 1.0 - 0.3 * yaw, -top * 0.5])
                tip = np.array([side * (1.3 + 0.3 * self.length) + 2 * sway - 0.3 * yaw, 0.4 + self.length])
                brush.fill(lock(root, tip, 0.35, side * 0.3), self.back_color)
                brush.fill(ellipse(root[0], root[1], 0.16, 0.16, 7), self.tie_color, weight=0.8)

    def draw_front(self, brush: Brush, time: float, yaw: float) -> None:
        """Fringe, locks and curls over the forehead."""
        part, sway, top = 0.6 * math.sin(yaw), self.sway(time), self.tall
        if self.kind in ("tufts", "spikes"):
            self._tufts(brush, part, sway)
        elif self.kind in ("fringe", "bob", "tails", "crop"):
            self._fringe(brush, part, sway)
        elif self.kind == "curls":
            for across, level, size in self.curls[: self.curl_count]:
                if level < 0.3:
                    radius = 0.24 + 0.08 * size
                    brush.fill(
                        ellipse(across * 0.95 + part * 0.3, -top + 0.2 * level + 0.05, radius, radius, 8),
                        self.color,
                    )
        elif self.kind == "afro" and self.strands:
            brush.fill(
                cloud(part * 0.3, -top * 0.85, 1.05, 0.35, max(5, self.bumps // 2)), self.color, smooth=False
            )

    def _fringe(self, brush: Brush, part: float, sway: float) -> None:
        top, count = -self.tall, self.count
        slots = np.linspace(-1.04, 1.04, count + 1) + part * 0.12
        edge: list[list[float]] = []
        for number in range(count):
            left, right = float(slots[number]), float(slots[number + 1])
            middle = (left + right) / 2
            drop = (
                float(self.drops[number])
                * (0.35 + 0.65 * abs(middle))
                * (0.3 if self.kind == "crop" else 1.0)
            )
            edge += [
                [left, top * 0.5],
                [middle + 0.2 * part + float(self.bends[number]) * 0.4 + 0.5 * sway, top * 0.5 + drop],
            ]
        edge += [
            [1.08, top * 0.5],
            [0.92, top * 0.98],
            [0.4, top * 1.2],
            [-0.4, top * 1.2],
            [-0.92, top * 0.98],
            [-1.08, top * 0.5],
        ]
        cap = brush.fill(np.array(edge), self.color, smooth=False)
        self._shine(brush, cap, part)
        if self.strands:
            for number in range(1, count, 2):
                x = float(slots[number])
                brush.line(
                    np.array([[x, top * 0.52], [x * 0.8 + part * 0.2, top * 0.8], [part * 0.3, top * 1.12]]),
                    weight=0.7,
                    taper=True,
                )

    def _tufts(self, brush: Brush, part: float, sway: float) -> None:
        top, count = -self.tall, self.count
        crown = np.array([part * 0.4, top * 1.08])
        order = sorted(range(count), key=lambda number: -abs(number - (count - 1) / 2))
        for number in order:
            across = (number / (count - 1) * 2 - 1) * 1.05
            bend = float(self.bends[number])
            if self.kind == "spikes":
                angle = across * 1.7 - math.pi / 2
                root = np.array([0.7 * math.cos(angle), 0.7 * self.tall * math.sin(angle)])
                tip = root * (1.5 + float(self.drops[number])) + (sway, 0.0)
                brush.fill(lock(root, tip, 0.3, bend), self.color)
                continue
            tip = np.array(
                [
                    across + 0.3 * part + sway,
                    top * 0.45 + float(self.drops[number]) * (0.3 + 0.9 * abs(across)),
                ]
            )
            piece = brush.fill(
                lock(shifted(crown, across * 0.4, 0.02), tip, 0.2 + 0.5 / count, bend - across * 0.35),
                self.color,
            )
            self._shine(brush, piece, part)
        if self.kind == "spikes":
            brush.fill(
                np.array(
                    [
                        [-0.95, top * 0.35],
                        [-0.8, top * 0.95],
                        [0, top * 1.15],
                        [0.8, top * 0.95],
                        [0.95, top * 0.35],
                        [0.4 + part * 0.3, top * 0.62],
                        [part * 0.4, top * 0.5],
                        [-0.4 + part * 0.3, top * 0.62],
                    ]
                ),
                self.color,
            )

    def _shine(self, brush: Brush, outer: Points, part: float) -> None:
        if self.shine == "no":
            return
        border: Border = "trace" if self.shine == "trace" else "ink"
        band = [
            [u, -self.tall * (0.92 + 0.05 * (step % 2)) + 0.12 * u * u]
            for step, u in enumerate(np.linspace(-0.7, 0.7, 9))
        ]
        back = [
            [u, -self.tall * (0.8 - 0.06 * (step % 2)) + 0.12 * u * u]
            for step, u in enumerate(np.linspace(0.7, -0.7, 9))
        ]
        brush.inside(
            outer,
            shifted(np.array(band + back), part * 0.3, 0),
            self.shine_color,
            border=border,
            smooth=False,
            weight=0.5,
        )


class Hat:
    """A hat, a helmet or a bow on the skull; about half of the heads that wear one also keep their hair."""

    def __init__(self, build: np.random.Generator, paints: Paints, *, tall: float) -> None:
        self.tall = tall
        self.kind = str(
            build.choice(["none", "cap", "top", "cone", "bow", "band"], p=[0.66, 0.1, 0.08, 0.06, 0.05, 0.05])
        )
        self.height = float(build.uniform(0.35, 1.0))
        self.brim = float(build.uniform(0.9, 1.5))
        self.color, self.band_color = paints.pick("hat"), paints.pick("band")

    def draw(self, brush: Brush, yaw: float) -> None:
        """The hat, seen with the head turned by `yaw`."""
        top = -self.tall
        if self.kind == "none":
            return
        if self.kind == "cone":
            body = brush.fill(
                np.array(
                    [
                        [-0.8, top * 0.7],
                        [0.1 * yaw, top - self.height * 1.6],
                        [0.8, top * 0.7],
                        [0, top * 0.62],
                    ]
                ),
                self.color,
                smooth=False,
            )
            for step in range(2):
                brush.inside(
                    body,
                    box(0, top - self.height * (0.1 + 0.5 * step), 3, 0.15),
                    self.band_color,
                    smooth=False,
                )
            brush.fill(ellipse(0.1 * yaw, top - self.height * 1.6, 0.15, 0.15, 7), self.band_color)
            return
        if self.kind == "bow":
            for side in (-1, 1):
                brush.fill(
                    shifted(
                        np.array([[0, top], [side * 0.6, top - 0.35], [side * 0.65, top + 0.25]]),
                        0.5 * math.cos(yaw),
                        0.1,
                    ),
                    self.color,
                )
            brush.fill(ellipse(0.5 * math.cos(yaw), top + 0.1, 0.14, 0.14, 7), self.band_color)
            return
        if self.kind == "band":
            brush.fill(
                np.array(
                    [
                        [-1.02, top * 0.5],
                        [0, top * 0.42],
                        [1.02, top * 0.5],
                        [0.98, top * 0.7],
                        [0, top * 0.64],
                        [-0.98, top * 0.7],
                    ]
                ),
                self.band_color,
                smooth=False,
            )
            return
        smooth = self.kind == "cap"
        crown = np.array(
            [
                [-0.9, top * 0.6],
                [-0.82, top * 0.8 - self.height],
                [0.82, top * 0.8 - self.height],
                [0.9, top * 0.6],
            ]
        )
        body = brush.fill(
            egg(0, top * 0.8 - self.height * 0.2, 1.0, 0.3 + self.height * 0.5, boxy=0.5)
            if smooth
            else crown,
            self.color,
            smooth=smooth,
        )
        brush.inside(body, box(0, top * 0.78, 3, 0.2), self.band_color, smooth=False)
        slide = 0.8 * math.sin(yaw) if smooth else 0.1 * yaw
        brush.fill(ellipse(slide, top * 0.62, self.brim if not smooth else 0.8, 0.14), self.color)
