"""Rows of look-alike things in colors of their own, and screens that pass in front and uncover them."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import Points, box, egg, ellipse, limb, lock, shifted, star
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints
from toonctl.training.drawings.patterns import Field, Pattern

KINDS = ("planks", "windows", "books", "flags", "sky", "bottles", "keys", "frames", "crowd", "tiles")
SCREENS = ("poles", "door", "curtain", "arm", "train", "leaves")


class Gallery:
    """A row or a field of look-alikes behind the figures; a screen before them in about half of the shots."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(build.choice(KINDS))
        self.screen = str(build.choice(SCREENS)) if build.random() < 0.5 else ""
        self.count = int(build.integers(5, 14))
        self.rows = int(build.integers(2, 4))
        self.level = float(build.uniform(-30, 110))
        self.wide = float(build.uniform(0.6, 0.98))
        self.tall = float(build.uniform(90, 230))
        self.slant = float(build.choice([0.0, 0.12, -0.2]))
        self.scale = float(np.exp(build.uniform(math.log(0.7), math.log(1.6))))
        self.noise = build.uniform(-1, 1, (64, 4))
        self.detailed = bool(build.random() < 0.5)
        self.backed = bool(build.random() < 0.5)
        self.drift = mover.channel(-260, 260, speed=0.25) if build.random() < 0.5 else mover.steady(0, 0)
        self.pass_by = mover.channel(-620, 620, speed=0.7)
        self.sway = mover.channel(-0.15, 0.15)
        n_colors = int(build.choice([4, 8, 24], p=[0.2, 0.3, 0.5]))
        self.colors = [paints.pick(f"gallery {number}") for number in range(n_colors)]
        self.back, self.trim, self.cover = (
            paints.pick("gallery back"),
            paints.pick("gallery trim"),
            paints.pick("screen"),
        )
        self.pattern = Pattern(build, paints, "screen print")

    def draw(self, brush: Brush, time: float, *, in_front: bool) -> None:
        """What stands behind the figures, or what passes in front of them."""
        if in_front:
            if self.screen:
                getattr(self, f"_{self.screen}")(brush, time)
            return
        with brush.moved(self.drift(time), self.level, turn=self.slant, sx=self.scale):
            getattr(self, f"_{self.kind}")(brush, time)

    def _spots(self, step: float) -> list[tuple[int, float, float]]:
        """Number, place and size of the things in a row; sizes differ, so that they can be told apart."""
        spots: list[tuple[int, float, float]] = []
        x = -(self.count + 0.5) * step
        for number in range(2 * self.count + 1):
            size = 1 + 0.35 * float(self.noise[number, 3])
            spots.append((number, x + size * step / 2, size))
            x += size * step
        return spots

    def _color(self, number: int) -> int:
        return self.colors[(number * 5 + number // len(self.colors)) % len(self.colors)]

    def _planks(self, brush: Brush, time: float) -> None:
        step = 1300 / self.count / 1.6
        for number, x, size in self._spots(step):
            high = self.tall * (1 + 0.1 * self.noise[number, 0])
            half = step * size * self.wide / 2
            top = [[x - half, -high], [x, -high - half], [x + half, -high]]
            outline = np.array([[x - half, 60], *top, [x + half, 60]])
            plank = brush.fill(outline, self._color(number), smooth=not self.detailed)
            if self.detailed:
                brush.inside(plank, box(x, -high * 0.3, 2 * step, 18), self.trim, smooth=False)
                brush.fill(ellipse(x, -high * 0.75, half * 0.4, half * 0.4, 8), self.back, weight=0.7)

    def _windows(self, brush: Brush, time: float) -> None:
        step, high = 1200 / self.count, self.tall * 0.6
        if self.backed:
            brush.fill(box(0, -60, 2600, (self.rows + 0.6) * high * 1.5), self.back, smooth=False)
        for row in range(self.rows):
            for number, x, size in self._spots(step):
                y = (row - self.rows / 2) * high * 1.5
                pane = brush.fill(
                    box(x, y, size * step * 0.6, high), self._color(number + 17 * row), smooth=False
                )
                if self.detailed:
                    brush.inside(pane, box(x, y - high * 0.5, step, high * 0.35), self.trim, smooth=False)
                    brush.line(np.array([[x, y - high * 0.3], [x, y + high * 0.5]]), smooth=False)

    def _books(self, brush: Brush, time: float) -> None:
        for row in range(self.rows):
            y = (row - self.rows / 2 + 0.5) * 130
            brush.fill(box(0, y + 8, 1900, 16), self.trim, smooth=False)
            x = -800.0
            for number in range(46):
                thick, high, lean, _ = self.noise[(number + 17 * row) % 64]
                wide = 26 + 10 * thick
                with brush.moved(x + wide / 2, y, turn=0.15 if lean > 0.85 else 0.0):
                    book = brush.fill(
                        box(0, -48 - 9 * high, wide, 92 + 18 * high),
                        self._color(number + 46 * row),
                        smooth=False,
                        weight=0.8,
                    )
                    if self.detailed:
                        brush.inside(book, box(0, -70, 3 * wide, 12), self.trim, smooth=False, weight=0.6)
                x += wide + (8 if lean > 0.85 else 0)

    def _flags(self, brush: Brush, time: float) -> None:
        step = 1400 / self.count / 1.5
        for row in range(self.rows):
            base = -160 + 120 * row
            for number, place, size in self._spots(step):
                x, high = place + 30 * row, step * size
                y = base + 26 * math.sin(x / 140 + row)
                sway = 30 * self.sway(time + number + 3 * row)
                tip = [[x + sway, y + high * 0.95]] if self.detailed else [[x + high * 0.4 + sway, y + high]]
                shape = [[x - high * 0.42, y], [x + high * 0.42, y + 4], *tip]
                if not self.detailed:
                    shape.append([x - high * 0.4 + sway, y + high])
                brush.fill(np.array(shape), self._color(number + 29 * row), smooth=False)

    def _sky(self, brush: Brush, time: float) -> None:
        if self.backed:
            brush.fill(box(0, 0, 2600, 1800), self.back, smooth=False)
        for number in range(4 * self.count):
            across, level, size, kind = self.noise[number % 64]
            radius = 13 + 9 * size
            if self.detailed and kind > 0:
                brush.fill(
                    star(700 * across, 250 * level, radius * 1.4, 0.5, 5), self._color(number), smooth=False
                )
            else:
                brush.fill(ellipse(700 * across, 250 * level, radius, radius, 8), self._color(number))

    def _bottles(self, brush: Brush, time: float) -> None:
        step = 1300 / self.count / 1.4
        for row in range(self.rows):
            y = (row - self.rows / 2 + 0.5) * self.tall * 0.95
            brush.fill(box(0, y + 7, 1900, 14), self.trim, smooth=False)
            for number, x, size in self._spots(step):
                high = self.tall * (0.62 + 0.12 * self.noise[(number + 9 * row) % 64, 1])
                w = size * step * 0.33
                half = np.array([[0.35, -1], [0.35, -0.7], [1, -0.5], [1, 0]]) * (w, high)
                outline: Points = np.concatenate([half, half[::-1] * (-1, 1)])
                bottle = brush.fill(shifted(outline, x, y), self._color(number + 11 * row), smooth=False)
                if self.detailed:
                    label = box(x, y - high * 0.28, 4 * w, high * 0.2)
                    brush.inside(bottle, label, self._color(number + 5), smooth=False, weight=0.7)
                    brush.fill(box(x, y - high, w * 0.9, 10), self.back, smooth=False, weight=0.7)

    def _keys(self, brush: Brush, time: float) -> None:
        """Keys in two rows, as of a piano or a xylophone; some are pressed."""
        step = 900 / self.count
        spots = self._spots(step)
        for number, x, size in spots:
            press = 14 * max(0.0, self.sway(time * 2 + 5 * number)) / 0.15
            brush.fill(box(x, press, size * step * 0.96, self.tall), self._color(number), smooth=False)
        for number, place, size in spots:
            if number % 7 in (0, 3):
                continue
            x = place + 0.5 * step * size
            brush.fill(box(x, -self.tall * 0.22, step * 0.5, self.tall * 0.6), self.trim, smooth=False)

    def _frames(self, brush: Brush, time: float) -> None:
        for number in range(3 * self.count):
            across, level, size, kind = self.noise[number]
            x = 520 * across + 40 * (number % 3)
            y = 200 * level
            wide = 60 + 26 * size
            frame = brush.fill(box(x, y, wide, wide * (1 + 0.4 * kind)), self._color(number), smooth=False)
            brush.inside(
                frame,
                box(x, y, wide * 0.72, wide * (0.72 + 0.4 * kind)),
                self._color(number + 7),
                smooth=False,
            )
            if self.detailed:
                brush.inside(frame, ellipse(x, y, wide * 0.2, wide * 0.22, 8), self._color(number + 3))

    def _crowd(self, brush: Brush, time: float) -> None:
        """Heads and shoulders of spectators, row behind row."""
        step = 1300 / self.count / 1.2
        for row in range(self.rows):
            for number in range(-self.count, self.count + 1):
                nod = 14 * self.sway(time * 1.5 + 3.1 * number + row) / 0.15
                x, y = (number + 0.5 * (row % 2)) * step, (row - 1) * 95 + nod
                if abs(x) > 900:
                    continue
                size = step * 0.27
                pick = number % 31 + 31 * row
                brush.fill(egg(x, y + 2.6 * size, 1.5 * size, 1.5 * size, jaw=-0.2), self._color(pick))
                brush.fill(egg(x, y, size, 1.2 * size), self._color(pick + 1))
                cap = [[x - size, y - 0.2 * size], [x - 0.7 * size, y - 1.2 * size], [x, y - 1.5 * size]]
                cap += [[x + 0.7 * size, y - 1.2 * size], [x + size, y - 0.2 * size], [x, y - 0.6 * size]]
                brush.fill(np.array(cap), self._color(pick + 2))

    def _tiles(self, brush: Brush, time: float) -> None:
        wall = brush.fill(box(0, -20, 1500, 2 * self.tall), self.back, smooth=False)
        self.pattern.draw(brush, wall, Field(0, -20, 600, self.tall))

    def _poles(self, brush: Brush, time: float) -> None:
        x = self.pass_by(time)
        for number in range(1 + self.count // 4):
            place = x + 330 * number
            pole = brush.fill(box(place, 0, 46 + 20 * self.noise[number, 0], 900), self.cover, smooth=False)
            if self.detailed:
                for level in range(-4, 5):
                    stripe = box(place, 70 * level, 200, 30) + 0.25 * np.array([[0, 20], [0, -20]] * 2)
                    brush.inside(pole, stripe, self.trim, smooth=False)

    def _door(self, brush: Brush, time: float) -> None:
        """One or two sliding panels with a print."""
        for side in (-1, 1)[: 1 + self.count % 2]:
            x = side * (560 - abs(self.pass_by(time)))
            panel = brush.fill(box(x, 0, 420, 620), self.cover, smooth=False)
            if self.detailed:
                self.pattern.draw(brush, panel, Field(x, 0, 190, 280))
            brush.fill(ellipse(x - side * 170, 40, 14, 22, 8), self.trim)

    def _curtain(self, brush: Brush, time: float) -> None:
        edge = self.pass_by(time)
        folds = 4 + self.count // 2
        for number in range(folds):
            left, right = (edge - 60 * k - 3 * k * k for k in (number + 1, number))
            wave = 10 * self.sway(time + 2 * number) / 0.15
            cloth = [[left, -320], [right, -320], [right + wave, 0], [right - wave, 330]]
            cloth += [[left - wave, 330], [left + wave, 0]]
            color = self.cover if number % 2 or not self.detailed else self.trim
            brush.fill(np.array(cloth), color, smooth=False)

    def _arm(self, brush: Brush, time: float) -> None:
        """A large arm from below that wipes across the picture."""
        x = self.pass_by(time)
        lean = self.sway(time) * 4
        joints = limb(np.array([x * 0.5, 420.0]), math.pi - 0.4 * x / 620, math.pi + lean, (260, 240))
        sleeve = brush.tube(joints, (70, 58, 46), self.cover)
        if self.detailed:
            self.pattern.draw(brush, sleeve, Field(x * 0.7, 200, 320, 330))
        hand = joints[2]
        for number in range(4):
            way = math.pi + lean + (number - 1.5) * 0.3
            tip = hand + 110 * np.array([math.sin(way), math.cos(way)])
            brush.tube(np.stack([hand, tip]), (19, 16), self.trim)
        brush.fill(ellipse(hand[0], hand[1], 52, 48, 10), self.trim)

    def _train(self, brush: Brush, time: float) -> None:
        """Carriages of many colors that run through the picture in front."""
        x = self.pass_by(time) * 2
        for number in range(-3, 4):
            place = x + 330 * number
            car = brush.fill(box(place, 190, 310, 150), self._color(number + 3), smooth=False)
            for window in range(4):
                shape = box(place - 115 + 77 * window, 165, 52, 60)
                brush.inside(car, shape, self._color(number + 3 * window + 9), smooth=False)
            if self.detailed:
                brush.inside(car, box(place, 240, 400, 24), self.trim, smooth=False)

    def _leaves(self, brush: Brush, time: float) -> None:
        """A branch of look-alike leaves in the foreground."""
        x = self.pass_by(time)
        brush.tube(
            np.array([[x - 500, 250.0], [x - 100, 170], [x + 260, 60 + 60 * self.sway(time)]]),
            (18, 13, 7),
            self.cover,
        )
        for number in range(2 * self.count):
            u = number / (2 * self.count)
            root = np.array([x - 480 + 730 * u, 245 - 180 * u])
            way = (-1) ** number * (0.9 + 0.5 * self.noise[number, 0]) + self.sway(time + number)
            tip = root + 110 * np.array([math.sin(way) * 0.6 + 0.4, -math.cos(way) * (-1) ** number])
            brush.fill(lock(root, tip, 24, 0.15), self._color(number))
