"""Heads after a model sheet, front, three-quarter, profile and back: faces, big eyes, wedge hair."""

import math

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import Points, box, cloud, ellipse, lock, shifted, star
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints

_FRONT = np.array(
    [
        [0, -1.1],
        [0.7, -0.9],
        [0.97, -0.4],
        [0.98, 0],
        [0.9, 0.35],
        [0.7, 0.68],
        [0.35, 0.98],
        [0, 1.1],
        [-0.35, 0.98],
        [-0.7, 0.68],
        [-0.9, 0.35],
        [-0.98, 0],
        [-0.97, -0.4],
        [-0.7, -0.9],
    ]
)
_QUARTER = np.array(
    [
        [0, -1.1],
        [0.65, -0.92],
        [0.88, -0.42],
        [0.81, -0.05],
        [0.88, 0.26],
        [0.72, 0.64],
        [0.5, 1.0],
        [0.26, 1.1],
        [-0.1, 1.0],
        [-0.5, 0.72],
        [-0.75, 0.4],
        [-0.95, 0.05],
        [-1.02, -0.4],
        [-0.7, -0.92],
    ]
)
_PROFILE = np.array(
    [
        [0, -1.1],
        [0.6, -0.92],
        [0.88, -0.45],
        [0.84, -0.08],
        [1.06, 0.24],
        [0.86, 0.5],
        [0.8, 0.85],
        [0.62, 1.05],
        [0.3, 0.92],
        [-0.05, 0.62],
        [-0.25, 0.42],
        [-0.75, 0.3],
        [-1.05, -0.35],
        [-0.7, -0.92],
    ]
)
EXTRAS = ("none", "pin", "headband", "bow", "cap", "phones", "ears", "horns", "flower")


class BigEyes:
    """A pair of drawn-cartoon eyes: white, iris in two tones, pupil, highlights, lash, lid and brow."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.wide = float(build.uniform(0.17, 0.3))
        self.high = self.wide * float(build.uniform(0.8, 1.6))
        self.slope = float(build.uniform(-0.2, 0.3))
        self.pupil = str(build.choice(["none", "oval", "blot"]))
        self.two_tones = bool(build.random() < 0.5)
        self.shines = int(build.integers(0, 3))
        self.lash = str(build.choice(["line", "fill"], p=[0.6, 0.4]))
        self.lid = bool(build.random() < 0.4)
        self.odd = bool(build.random() < 0.15)
        self.open = mover.blink()
        self.look = mover.channel(-0.4, 0.4), mover.channel(-0.25, 0.25)
        self.brow_lift, self.brow_tilt = mover.channel(-0.6, 1.0), mover.channel(-0.25, 0.25)
        self.white = paints.pick("eye white")
        self.iris = [paints.pick("iris"), paints.pick("iris left") if self.odd else paints.pick("iris")]
        self.iris_dark, self.core = paints.pick("iris dark"), paints.pick("pupil")
        self.shine, self.lash_color = paints.pick("shine"), paints.pick("lash")
        self.lid_color = paints.pick("lid")
        self.brow_color = paints.pick("brow")

    def draw(self, brush: Brush, time: float, at: tuple[float, float], *, side: int, narrow: float) -> None:
        """The eye on one `side` (-1 or 1) at `at`, `narrow` 0..1 of its width from the front."""
        w, h = self.wide * narrow, self.high
        opened = max(0.0, min(1.0, self.open(time)))
        outer = side * self.slope * 0.3 * h
        with brush.moved(*at):
            brow = -h * (1.35 + 0.25 * self.brow_lift(time))
            tilt = side * self.brow_tilt(time) * h
            brush.tube(
                np.array([[-1.1 * w, brow - tilt], [0, brow - 0.16 * h], [1.1 * w, brow + tilt]]),
                (0.02, 0.05, 0.025),
                self.brow_color,
                weight=0.6,
            )
            if opened < 0.15:
                brush.line(np.array([[-w, 0.35 * h], [0, 0.6 * h], [w, 0.35 * h]]), weight=1.2, taper=True)
                return
            top, low = -h * (1.6 * opened - 0.6), h * 0.9
            if self.lid:
                lid = [[-1.15 * w, 0.1 * h + outer], [-0.6 * w, -1.05 * h], [0.6 * w, -1.05 * h]]
                lid += [[1.15 * w, 0.1 * h - outer], [0, top]]
                brush.fill(np.array(lid), self.lid_color, weight=0.5)
            shape = np.array(
                [
                    [-w, 0.15 * h + outer],
                    [-0.65 * w, top * 0.75 + outer * 0.5],
                    [0, top],
                    [0.65 * w, top * 0.75 - outer * 0.5],
                    [w, 0.15 * h - outer],
                    [0.6 * w, low * 0.85],
                    [0, low],
                    [-0.6 * w, low * 0.85],
                ]
            )
            white = brush.fill(shape, self.white, weight=0.7)
            self._iris(brush, time, white, side, narrow)
            if self.lash == "fill":
                band = np.concatenate([shape[:5], shape[4::-1] * (1.1, 1) + (0, -0.17 * h)])
                brush.fill(band, self.lash_color, smooth=False, weight=0.6)
            else:
                brush.line(shape[:5] * (1.08, 1), weight=1.5)

    def _iris(self, brush: Brush, time: float, white: Points, side: int, narrow: float) -> None:
        w, h = self.wide * narrow, self.high
        x, y = self.look[0](time) * w, self.look[1](time) * h + 0.05 * h
        rx, ry = 0.62 * w, 0.78 * h
        brush.inside(white, ellipse(x, y, rx, ry), self.iris[side > 0], weight=0.6)
        if self.two_tones:
            with brush.clipped(white):
                ball = brush.fill(ellipse(x, y, rx, ry), self.iris[side > 0], weight=0.6)
                brush.inside(ball, box(x, y - ry, 4 * rx, 1.6 * ry), self.iris_dark, smooth=False, weight=0.5)
        if self.pupil == "oval":
            brush.inside(white, ellipse(x, y, 0.45 * rx, 0.5 * ry), self.core, weight=0.6)
        elif self.pupil == "blot":
            brush.inside(white, ellipse(x, y, 0.3 * rx, 0.35 * ry, 7), self.core, weight=1.0)
        for number in range(self.shines):
            spot = ellipse(
                x + (-0.4, 0.45)[number] * rx, y + (-0.5, 0.45)[number] * ry, rx * 0.3, ry * 0.24, 7
            )
            brush.inside(white, spot, self.shine, weight=0.5)


class TalkingMouth:
    """A mouth between a line and a wide hole with two rows of teeth, single teeth in some, and a tongue."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.wide = float(build.uniform(0.16, 0.42))
        self.deep = float(build.uniform(0.25, 0.6))
        self.teeth = int(build.choice([0, 1, 4, 6]))
        self.lower = bool(build.random() < 0.3)
        self.tongue = bool(build.random() < 0.6)
        self.fangs = bool(build.random() < 0.1)
        self.open = mover.channel(-0.4, 1.0, speed=1.5)
        self.smile, self.spread = mover.channel(-0.5, 1.0, speed=0.7), mover.channel(0.6, 1.2, speed=0.8)
        self.hole, self.tongue_color = paints.pick("mouth"), paints.pick("tongue")
        self.tooth, self.lips = paints.pick("tooth"), paints.pick("lips")
        self.has_lips = bool(build.random() < 0.2)

    def draw(self, brush: Brush, time: float, at: tuple[float, float], *, narrow: float) -> None:
        """The mouth at `at`, `narrow` 0..1 of its width from the front."""
        w = self.wide * narrow * self.spread(time)
        opened, smile = self.open(time) * self.deep, 0.14 * self.smile(time)
        with brush.moved(*at):
            if opened < 0.07:
                brush.line(np.array([[-w, -smile], [0, smile * 0.6], [w, -smile]]), weight=0.9)
                return
            hole = [[-w, -smile], [-0.5 * w, 0.0], [0, 0.02], [0.5 * w, 0.0], [w, -smile]]
            hole += [[0.7 * w, 0.75 * opened], [0, opened], [-0.7 * w, 0.75 * opened]]
            shape = np.array(hole)
            if self.has_lips:
                middle = shape.mean(axis=0)
                brush.fill(middle + (shape - middle) * (1.2, 1.35), self.lips, weight=0.7)
            inner = brush.fill(shape, self.hole, weight=0.9)
            with brush.clipped(inner):
                if self.tongue:
                    brush.fill(
                        ellipse(0.1 * w, opened * 1.05, 0.65 * w, 0.5 * opened),
                        self.tongue_color,
                        weight=0.7,
                    )
                edge = 0.06 + 0.2 * opened
                if self.lower:
                    brush.fill(box(0, opened, 3 * w, edge), self.tooth, smooth=False, weight=0.7)
                if self.teeth == 1:
                    brush.fill(box(0, -0.02, 3 * w, 2 * edge), self.tooth, smooth=False, weight=0.7)
                for number in range(self.teeth if self.teeth > 1 else 0):
                    wide = 2 * w / self.teeth
                    x = -w + (number + 0.5) * wide
                    brush.fill(box(x, -0.02, wide, 2 * edge), self.tooth, smooth=False, weight=0.6)
                if self.fangs:
                    for side in (-1, 1):
                        fang = np.array([[-0.1, -0.1], [0.1, -0.1], [0, 0.22]]) * (0.8, 1 + opened)
                        brush.fill(shifted(fang, side * 0.5 * w, 0), self.tooth, smooth=False)


class WedgeHair:
    """Hair as one hairline around the head, cut into wedges from the crown, over a mass that hangs behind."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(
            build.choice(
                ["short", "bob", "long", "tail", "twins", "buns", "bald"],
                p=[0.26, 0.2, 0.17, 0.14, 0.12, 0.07, 0.04],
            )
        )
        self.wedges = int(build.integers(7, 20))
        edges = np.cumsum(build.uniform(0.6, 1.4, self.wedges))
        self.edges = (edges / edges[-1] * 2 - 1) * math.pi
        self.tips = build.uniform(0.1, 0.6, self.wedges)
        self.level = float(build.uniform(-0.65, -0.35))
        self.side_drop = float(build.uniform(0.0, 0.9))
        self.nape = float(build.uniform(0.5, 0.9))
        self.length = float(build.uniform(0.9, 2.8))
        self.split = str(build.choice(["no", "lines", "wedges"], p=[0.3, 0.35, 0.35]))
        self.sway, self.flow = mover.channel(-0.25, 0.25), mover.channel(-0.3, 0.3, speed=1.4)
        self.color, self.inner = paints.pick("hair"), paints.pick("hair inside")
        streaks = int(build.choice([1, 2, 4], p=[0.55, 0.25, 0.2]))
        self.streaks = [self.color, *(paints.pick(f"streak {number}") for number in range(1, streaks))]
        self.order = build.integers(0, streaks, self.wedges)
        self.tie, self.shine_color = paints.pick("hair tie"), paints.pick("hair shine")
        self.shine: Border | None = (None, "trace", "ink")[int(build.choice(3, p=[0.6, 0.25, 0.15]))]
        self.bands = int(build.choice([0, 0, 3, 5]))

    def draw_behind(self, brush: Brush, time: float, yaw: float) -> None:
        """What hangs on the far side of the head and shoulders."""
        if math.cos(yaw) > -0.2:
            self._mass(brush, time, yaw, self.inner)
        for lon in self._tails():
            if math.cos(lon + yaw) <= 0:
                self._tail(brush, time, lon, yaw)

    def draw_before(self, brush: Brush, time: float, yaw: float) -> None:
        """The hairline, and from behind the hanging mass."""
        if self.kind == "bald":
            return
        if math.cos(yaw) <= -0.2:
            self._mass(brush, time, yaw, self.color)
        self._cap(brush, time, yaw)
        for lon in self._tails():
            if math.cos(lon + yaw) > 0:
                self._tail(brush, time, lon, yaw)

    def _tails(self) -> tuple[float, ...]:
        if self.kind == "tail":
            return (math.pi,)
        return (-1.9, 1.9) if self.kind in ("twins", "buns") else ()

    def _mass(self, brush: Brush, time: float, yaw: float, color: int) -> None:
        if self.kind not in ("bob", "long"):
            return
        drop = self.length if self.kind == "long" else min(1.2, self.length)
        shift, sway = -0.35 * math.sin(yaw), 0.3 * drop * self.sway(time)
        wide = 1.1 - 0.12 * abs(math.sin(yaw))
        count = 7
        hem = []
        for number in range(count):
            u = 1 - 2 * number / (count - 1)
            rag = 0.18 * (number % 2) + 0.08 * float(self.tips[number % self.wedges])
            hem.append([wide * u * 1.08 + sway + 0.05 * self.flow(time), drop + rag])
        shape = [
            [-wide, -0.2],
            [-0.7, -1.05],
            [0.7, -1.05],
            [wide, -0.2],
            [wide * 1.1 + sway * 0.4, drop * 0.5],
        ]
        shape += [*hem, [-wide * 1.1 + sway * 0.4, drop * 0.5]]
        mass = brush.fill(shifted(np.array(shape), shift, 0), color)
        if self.split != "no":
            for number in range(1, count - 1):
                x = wide * (1 - 2 * number / (count - 1))
                path = np.array([[x * 0.8, 0.3], [x + sway * 0.5, drop * 0.6], [x * 1.08 + sway, drop + 0.1]])
                brush.line(shifted(path, shift, 0), weight=0.6, taper=True)
        if self.shine is not None:
            band = np.array([[-2, 0.5], [-0.5, 0.66], [0.5, 0.66], [2, 0.5], [0.4, 0.86], [-0.4, 0.86]])
            brush.inside(mass, shifted(band, shift, 0), self.shine_color, border=self.shine, weight=0.5)

    def _tail(self, brush: Brush, time: float, lon: float, yaw: float) -> None:
        root = np.array([1.02 * math.sin(lon + yaw), -0.55])
        out = math.sin(lon + yaw)
        if self.kind == "buns":
            bun = brush.fill(cloud(root[0], root[1] - 0.35, 0.42, 0.4, 7), self.color, smooth=False)
            brush.inside(bun, ellipse(root[0] + 0.1, root[1] - 0.3, 0.2, 0.18, 8), self.inner, weight=0.6)
            return
        sway, flow = self.sway(time), self.flow(time)
        way = np.array(
            [
                [0.0, 0.0],
                [0.45 * out + 0.3 * sway, 0.25 * self.length],
                [0.5 * out + 0.9 * sway, 0.62 * self.length],
                [0.35 * out + 1.5 * sway + 0.5 * flow, self.length],
            ]
        )
        radii = (0.13, 0.27, 0.25, 0.05)
        tail = brush.tube(root + way, radii, self.color)
        for number in range(self.bands):
            u = (number + 1) / (self.bands + 1)
            x, y = root + way[2] * u
            color = self.streaks[number % len(self.streaks)]
            band = box(x, y, 1.4, 0.5 * self.length / (self.bands + 1))
            brush.inside(tail, band, color, smooth=False, weight=0.7)
        brush.fill(ellipse(root[0], root[1], 0.15, 0.15, 8), self.tie, weight=0.8)

    def _line(self, lon: Points) -> Points:
        """Level of the hairline at longitudes: high over the face, down at the ears, low behind."""
        away = np.abs((lon + math.pi) % (2 * math.pi) - math.pi)
        drop = np.clip((away - 0.75) / 0.5, 0, 1)
        back = np.clip((away - 1.7) / 0.3, 0, 1)
        return self.level + (self.side_drop - self.level) * drop + (self.nape - self.side_drop) * back

    def _cap(self, brush: Brush, time: float, yaw: float) -> None:
        sway = 0.12 * self.sway(time)
        pieces: list[tuple[float, Points, int]] = []
        for number in range(self.wedges):
            start, end = float(self.edges[number - 1]), float(self.edges[number])
            if end < start:
                start -= 2 * math.pi
            middle = ((start + end) / 2 + yaw + math.pi) % (2 * math.pi) - math.pi
            half = (end - start) / 2
            if abs(middle) > math.pi / 2 + half:
                continue
            seen = np.clip(middle + half * np.array([-1.0, -0.5, 0.0, 0.5, 1.0]), -math.pi / 2, math.pi / 2)
            share = float(seen[-1] - seen[0]) / (2 * half)
            if share * half < 0.11:
                continue
            level = self._line(seen - yaw)
            tip = np.array([0.0, 0.45, 1.0, 0.5, 0.0]) * float(self.tips[number]) * 1.2 * share
            edge = np.stack([np.sin(seen) * 1.06, level + tip], axis=1) + np.array([sway, 0]) * tip[:, None]
            apex = [-0.15 * math.sin(yaw) + 0.1 * math.sin(middle), -1.22]
            sides = [
                [[1.05 * x, min(float(y) - 0.1, -0.5)], [0.72 * x, -1.02]]
                for x, y in ((math.sin(seen[0]), level[0]), (math.sin(seen[-1]), level[-1]))
            ]
            piece = np.array([*sides[0][::-1], *edge.tolist(), *sides[1], apex])
            pieces.append((math.cos(middle), piece, int(self.order[number])))
        pieces.sort(key=lambda item: item[0])
        dome = [[-1.05, -0.35], [-1.0, -0.7], [-0.72, -1.04], [-0.35, -1.23], [-0.1, -1.29]]
        low = np.concatenate([piece[2:7] for _, piece, _ in sorted(pieces, key=lambda p: p[1][4, 0])])
        around = np.concatenate([dome, np.array(dome)[::-1] * (-1, 1), low[::-1]])
        cap = brush.fill(around, self.color, smooth=False)
        if self.split == "wedges":
            for _, piece, pick in pieces:
                brush.fill(piece, self.streaks[pick % len(self.streaks)], smooth=False)
        else:
            if self.split == "lines":
                for _, piece, _ in pieces[::2]:
                    brush.line(piece[[2, 1, 0, 9]], weight=0.6, taper=True)
            if self.shine is not None:
                ring = np.array(
                    [[-1.2, -0.72], [0, -0.9], [1.2, -0.72], [0.6, -0.7], [0, -0.74], [-0.6, -0.7]]
                )
                brush.inside(cap, ring, self.shine_color, border=self.shine, weight=0.5)


class TurnHead:
    """A head of half width 1 around the origin, chin near (0, 1.1), turned by any angle."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.tall = float(build.uniform(0.9, 1.15))
        self.eyes = BigEyes(build, mover, paints)
        self.mouth = TalkingMouth(build, mover, paints)
        self.hair = WedgeHair(build, mover, paints)
        self.apart = float(build.uniform(0.36, 0.52))
        self.eye_level = float(build.uniform(0.0, 0.2))
        self.nose = str(build.choice(["dot", "line", "shade", "ball"]))
        self.cheeks = str(build.choice(["none", "oval", "strokes"], p=[0.5, 0.3, 0.2]))
        self.extra = str(build.choice(EXTRAS, p=[0.36, 0.08, 0.08, 0.1, 0.1, 0.08, 0.08, 0.06, 0.06]))
        self.shadow: Border | None = (None, "trace", "ink")[int(build.choice(3, p=[0.55, 0.3, 0.15]))]
        self.ear_long = bool(build.random() < 0.12)
        self.ring = bool(build.random() < 0.2)
        self.pitch = mover.channel(-0.15, 0.2, speed=0.6)
        self.skin, self.skin_shadow = paints.pick("skin"), paints.pick("skin shadow")
        self.nose_color, self.cheek_color = paints.pick("nose"), paints.pick("cheek")
        self.ring_color = paints.pick("ring")
        self.extra_colors = [paints.pick("extra"), paints.pick("extra trim")]

    def draw(self, brush: Brush, time: float, yaw: float) -> None:
        """The head at `time`, facing `yaw` (0 = us, positive = to the right)."""
        yaw = (yaw + math.pi) % (2 * math.pi) - math.pi
        with brush.moved(0, 0, sx=1.0, sy=self.tall):
            self.hair.draw_behind(brush, time, yaw)
            self._extra(brush, yaw, behind=True)
            skull = brush.fill(_outline(yaw), self.skin)
            if self.shadow is not None:
                band = np.array(
                    [[-1.5, -1.2], [1.5, -1.2], [1.1, -0.25], [0.4, -0.35], [0, -0.2], [-1.1, -0.2]]
                )
                brush.inside(skull, band, self.skin_shadow, border=self.shadow, weight=0.5)
            self._face(brush, time, yaw, skull)
            for side in (-1, 1):
                self._ear(brush, side, yaw)
            self.hair.draw_before(brush, time, yaw)
            self._extra(brush, yaw, behind=False)

    def spot(self, lon: float, level: float, yaw: float) -> tuple[tuple[float, float], float]:
        """Where a place on the head shows, and how squarely it faces us (1 fully, below 0 hidden)."""
        facing = math.cos(lon + yaw)
        round_off = math.sqrt(max(0.2, 1 - 0.45 * level * level))
        return (0.95 * round_off * math.sin(lon + yaw), level), facing

    def _face(self, brush: Brush, time: float, yaw: float, skull: Points) -> None:
        nod = 0.35 * self.pitch(time)
        if self.cheeks != "none":
            for side in (-1, 1):
                (x, y), facing = self.spot(side * 0.7, self.eye_level + 0.42 + nod, yaw)
                if facing > 0.15 and self.cheeks == "oval":
                    brush.inside(skull, ellipse(x, y, 0.19 * facing, 0.1, 8), self.cheek_color, weight=0.5)
                elif facing > 0.15:
                    for shift in (-0.08, 0.0, 0.08):
                        stroke = np.array([[x + shift + 0.03, y - 0.06], [x + shift - 0.03, y + 0.06]])
                        brush.line(stroke, weight=0.5, smooth=False)
        at, facing = self.spot(0.0, 0.68 + nod, yaw)
        if facing > 0.05:
            with brush.clipped(skull):
                self.mouth.draw(brush, time, (at[0] * 0.85, at[1]), narrow=max(0.4, facing))
        for side in (-1, 1):
            at, facing = self.spot(side * self.apart, self.eye_level + nod, yaw)
            if facing > 0.12:
                self.eyes.draw(brush, time, at, side=side, narrow=max(0.4, facing))
        self._nose(brush, yaw, nod)

    def _nose(self, brush: Brush, yaw: float, nod: float) -> None:
        (x, y), facing = self.spot(0.0, 0.38 + nod, yaw)
        if facing < 0.2:
            return
        way = 0.12 * math.sin(yaw)
        if self.nose == "dot":
            brush.line(np.array([[x + way - 0.03, y], [x + way + 0.03, y + 0.01]]), weight=0.9, smooth=False)
        elif self.nose == "line":
            brush.line(np.array([[x, y - 0.18], [x + way + 0.04, y], [x - 0.02, y + 0.04]]), weight=0.8)
        elif self.nose == "shade":
            shape = np.array([[x, y - 0.05], [x + 0.12 + way, y + 0.06], [x - 0.05, y + 0.09]])
            brush.fill(shape, self.nose_color, smooth=False, weight=0.6)
        else:
            brush.fill(ellipse(x + way, y, 0.13, 0.11, 8), self.nose_color, weight=0.8)

    def _ear(self, brush: Brush, side: int, yaw: float) -> None:
        facing = math.cos(side * math.pi / 2 + yaw)
        if facing < -0.35:
            return
        x = 0.97 * math.sin(side * math.pi / 2 + yaw) * (1.0 if facing < 0.5 else 0.9)
        if abs(x) < 0.12 and facing < 0.3:
            return
        lean = side if facing < 0.6 else -math.copysign(1.0, yaw)
        if self.ear_long:
            tip = np.array([x + lean * 0.6, -0.3])
            brush.fill(lock(np.array([x * 0.95, 0.2]), tip, 0.18, -0.1 * lean), self.skin)
        else:
            ear = brush.fill(ellipse(x, 0.15, 0.19, 0.27, 9), self.skin)
            brush.inside(ear, ellipse(x, 0.15, 0.09, 0.15, 7), self.skin_shadow, weight=0.5)
        if self.ring:
            brush.fill(ellipse(x, 0.5, 0.08, 0.08, 7), self.ring_color, weight=0.7)

    def _extra(self, brush: Brush, yaw: float, *, behind: bool) -> None:
        main, trim = self.extra_colors
        if self.extra in ("ears", "horns"):
            for side in (-1, 1):
                at, facing = self.spot(side * 0.9, -0.85, yaw)
                if (facing < 0) is not behind:
                    continue
                wide = 0.34 if self.extra == "ears" else 0.2
                shape = np.array([[-wide, 0.2], [-0.1 * wide + 0.1 * side, -0.75], [wide, 0.15]])
                ear = brush.fill(shifted(shape, *at), main, smooth=False)
                brush.inside(ear, shifted(shape * 0.6 + (0, 0.1), *at), trim, smooth=False, weight=0.7)
        elif self.extra == "bow" and (math.cos(yaw) > 0) is behind:
            for side in (-1, 1):
                wing = np.array([[0, 0], [0.55 * side, -0.35], [0.7 * side, 0.0], [0.5 * side, 0.3]])
                brush.fill(shifted(wing, -0.5 * math.sin(yaw), -0.95), main)
            brush.fill(ellipse(-0.5 * math.sin(yaw), -0.95, 0.15, 0.17, 8), trim)
        elif not behind:
            self._worn(brush, yaw, main, trim)

    def _worn(self, brush: Brush, yaw: float, main: int, trim: int) -> None:
        if self.extra == "headband":
            band = np.array([[-1.08, -0.3], [0, -0.52], [1.08, -0.3], [1.0, -0.62], [0, -0.8], [-1.0, -0.62]])
            shape = brush.fill(band, main, smooth=False)
            for lon in np.arange(-3, 3) * 1.05:
                at, facing = self.spot(float(lon), -0.6, yaw)
                if facing > 0.2:
                    brush.inside(shape, ellipse(at[0], at[1], 0.1 * facing, 0.1, 7), trim, weight=0.6)
        elif self.extra == "cap":
            crown = brush.fill(ellipse(0, -0.72, 1.12, 0.66), main)
            for lon in np.arange(4) * 1.57 + 0.4:
                x = 1.1 * math.sin(float(lon) + yaw)
                if math.cos(float(lon) + yaw) > 0:
                    brush.line(np.array([[0, -1.36], [0.75 * x, -1.1], [x, -0.6]]), weight=0.7)
            brush.inside(crown, box(0, -0.3, 4, 0.3), trim, smooth=False)
            if math.cos(yaw) > -0.3:
                x = 0.9 * math.sin(yaw)
                wide = 0.5 + 0.4 * abs(math.cos(yaw))
                brush.fill(ellipse(x, -0.42, wide, 0.12 + 0.16 * max(0.0, math.cos(yaw)), 9), trim)
        elif self.extra == "phones":
            brush.tube(
                np.array([[-1.05, -0.1], [-0.8, -1.0], [0, -1.35], [0.8, -1.0], [1.05, -0.1]]),
                (0.08,) * 5,
                main,
            )
            for side in (-1, 1):
                at, facing = self.spot(side * 1.57, 0.1, yaw)
                if facing > -0.5:
                    cup = brush.fill(ellipse(at[0] * 1.08, at[1], 0.2 + 0.16 * abs(facing), 0.36), main)
                    brush.inside(cup, ellipse(at[0] * 1.08, at[1], 0.13, 0.2, 8), trim)
        elif self.extra in ("pin", "flower"):
            for number, lon in enumerate((0.85, 1.1)):
                at, facing = self.spot(lon, -0.55 + 0.22 * number, yaw)
                if facing > 0.1 and self.extra == "pin":
                    brush.fill(box(at[0], at[1], 0.3 * facing, 0.1), (main, trim)[number], smooth=False)
                elif facing > 0.1 and number == 0:
                    brush.fill(star(at[0], at[1], 0.33, 0.6, 5), main)
                    brush.fill(ellipse(at[0], at[1], 0.1, 0.1, 7), trim)


def _outline(yaw: float) -> Points:
    """Control points [14, 2] of the head turned by `yaw` (-pi..pi)."""
    turned = abs(yaw)
    if turned > math.pi / 2:
        away = (math.pi - turned) / (math.pi / 2)  # 1 = the last of the profile, 0 = the back of the head
        skull = _FRONT * (1.0, 0.95) + (0.06 * away * math.copysign(1.0, yaw), 0)
        return np.asarray(skull, np.float64)
    if turned < math.pi / 4:
        mixed = _FRONT + (_QUARTER - _FRONT) * (turned / (math.pi / 4))
    else:
        mixed = _QUARTER + (_PROFILE - _QUARTER) * (turned / (math.pi / 4) - 1)
    return mixed if yaw >= 0 else mixed * (-1, 1)
