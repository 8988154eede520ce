"""Things whose look-alike faces come and go as they turn or open: balls, boxes, fans, cards, dials."""

import math
from itertools import pairwise

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import Points, box, ellipse, limb, spline, star
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints
from toonctl.training.drawings.patterns import Field, Pattern

KINDS = ("ball", "box", "fan", "cards", "dial", "chain", "can", "gem", "star")


class Turning:
    """One such thing, about 170 units wide and high, in the air above y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(build.choice(KINDS))
        self.count = int(build.integers(4, 11))
        self.tall = float(build.uniform(0.6, 1.4))
        self.tilt = float(build.uniform(-0.35, 0.35))
        self.spin = float(mover.rng.uniform(0.03, 0.5)) * mover.pace * (1 if mover.rng.random() < 0.5 else -1)
        self.turns = bool(mover.rng.random() < 0.5)
        self.sway = mover.channel(-1.3, 1.3, speed=0.6)
        self.lean = mover.channel(-0.5, 0.5, speed=0.5)
        self.open = mover.channel(-0.1, 1.05, speed=0.7)
        self.wave = mover.channel(-1.0, 1.0)
        self.hold = bool(build.random() < 0.5)
        # Sides of many widths: nobody could tell apart what is alike all around.
        shares = build.uniform(0.5, 1.5, self.count)
        edges = np.concatenate([[0.0], np.cumsum(shares / shares.sum())]) * 2 * math.pi
        self.sides = [(float(a), float(b)) for a, b in pairwise(edges)]
        self.colors = [paints.pick(f"side {number}") for number in range(self.count)]
        self.rim, self.core = paints.pick("rim"), paints.pick("core")
        self.skin = paints.pick("skin")
        self.marked = bool(build.random() < 0.6)
        self.pattern = Pattern(build, paints, "print")
        self.tips = int(build.choice([3, 4, 5, 6]))

    def draw(self, brush: Brush, time: float) -> None:
        """The thing at `time`."""
        with brush.moved(0, -110, turn=self.lean(time), sx=85):
            getattr(self, f"_{self.kind}")(brush, time)

    def _angle(self, time: float) -> float:
        return self.spin * time if self.turns else self.sway(time)

    def _ball(self, brush: Brush, time: float) -> None:
        turn = self._angle(time)
        outline = brush.fill(ellipse(0, 0, 1, 1, 14), self.rim)
        latitude = np.linspace(-math.pi / 2, math.pi / 2, 9)
        with brush.clipped(outline), brush.moved(0, 0, turn=self.tilt):
            for (start, end), color in zip(self.sides, self.colors, strict=True):
                width = end - start
                middle = ((start + end) / 2 + turn + math.pi) % (2 * math.pi) - math.pi
                if abs(middle) > math.pi / 2 + width / 2:
                    continue
                edges = np.clip([middle - width / 2, middle + width / 2], -math.pi / 2, math.pi / 2)
                left, right = (
                    np.stack([math.sin(edge) * np.cos(latitude) * 1.01, np.sin(latitude) * 1.01], axis=1)
                    for edge in edges
                )
                brush.fill(np.concatenate([left, right[::-1]]), color, smooth=False, weight=0.8)
            if self.marked:
                for pole in (-1, 1):
                    brush.fill(ellipse(0, pole * 0.97, 0.24, 0.13, 8), self.core, weight=0.8)

    def _box(self, brush: Brush, time: float) -> None:
        """A box with a lid of its own color; the side facing us most is drawn last."""
        turn, drop = self._angle(time), 0.3
        angles = [turn + number * math.pi / 2 for number in range(4)]
        corners = {
            angle: np.array([math.sin(angle + math.pi / 4), drop * math.cos(angle + math.pi / 4)])
            for angle in angles
        }
        ring = [corners[angle] for angle in angles]
        tall = np.array([0.0, self.tall])
        for number in sorted(range(4), key=lambda k: math.cos(angles[k])):
            if math.cos(angles[number]) < 0.02:
                continue
            right, left = ring[number], ring[number - 1]
            side = np.stack([left - tall, right - tall, right + tall, left + tall])
            face = brush.fill(side, self.colors[number % self.count], smooth=False)
            middle = (left + right) / 2
            wide = abs(right[0] - left[0]) / 2
            if self.marked:
                brush.inside(
                    face,
                    star(middle[0], middle[1], 0.5, 0.5, self.tips) * (wide, 1) + (middle[0] * (1 - wide), 0),
                    self.core if number % 2 else self.rim,
                    smooth=False,
                )
            else:
                for level in (-0.5, 0.5):
                    brush.inside(
                        face,
                        box(middle[0], middle[1] + level * self.tall, 1.1 * wide, 0.5 * self.tall),
                        self.colors[(number + 4 + int(level > 0)) % self.count],
                        smooth=False,
                    )
        brush.fill(np.stack(ring) - tall, self.rim, smooth=False)

    def _fan(self, brush: Brush, time: float) -> None:
        """Leaves on one pivot that slide over each other; some are hidden while it is closed."""
        spread = (0.12 + 0.88 * max(0.0, min(1.0, self.open(time)))) * 2.6
        for number, color in enumerate(self.colors):
            angle = (number / (self.count - 1) - 0.5) * spread
            half = 1.45 / self.count
            way = np.array([angle - half, angle, angle + half])
            tip = np.stack([np.sin(way), -np.cos(way)], axis=1) * (1.5, 1.5) + (0, 0.8)
            blade = brush.fill(np.concatenate([[[0.0, 0.85]], tip]), color, smooth=False, weight=0.8)
            if self.marked:
                x, y = np.sin(angle) * 1.05, 0.8 - np.cos(angle) * 1.05
                brush.inside(blade, ellipse(x, y, 0.1, 0.1, 7), self.core, weight=0.6)
        brush.fill(ellipse(0, 0.8, 0.13, 0.13, 8), self.rim)
        if self.hold:
            self._hand(brush, 0.0, 1.1)

    def _cards(self, brush: Brush, time: float) -> None:
        """Cards, books or blocks in a row, pushed together and drawn apart; each in part behind the next."""
        apart = 0.08 + 0.62 * max(0.0, min(1.0, self.open(time)))
        order = range(self.count) if self.hold else range(self.count - 1, -1, -1)
        for number in order:
            along = number - (self.count - 1) / 2
            with brush.moved(along * apart * 0.8, 0.05 * along * along * apart, turn=0.25 * along * apart):
                card = brush.fill(box(0, 0, 0.75, 1.1 * self.tall), self.colors[number], smooth=False)
                if self.marked:
                    mark = star(0, 0, 0.24, 0.5, self.tips) if number % 2 else ellipse(0, 0, 0.2, 0.2, 8)
                    brush.inside(
                        card, mark, self.colors[(number + 3) % self.count], smooth=not number % 2, weight=0.7
                    )
                for level in (-0.4, 0.4):
                    brush.inside(card, box(0, level * self.tall, 2, 0.1), self.core, smooth=False, weight=0.6)

    def _dial(self, brush: Brush, time: float) -> None:
        """A round board of sectors behind a frame with a window, or in the open."""
        turn = self._angle(time) * 1.3
        for number, (color, (start, end)) in enumerate(zip(self.colors, self.sides, strict=True)):
            way = turn + np.linspace(start, end, 5)
            rim = np.stack([np.cos(way), np.sin(way)], axis=1)
            brush.fill(np.concatenate([[[0.0, 0.0]], rim]), color, smooth=False, weight=0.9)
            x, y = 0.68 * np.cos(way[2]), 0.68 * np.sin(way[2])
            if self.marked:
                brush.fill(ellipse(x, y, 0.13, 0.13, 8), self.colors[(number + 2) % self.count], weight=0.7)
        brush.fill(ellipse(0, 0, 0.2, 0.2, 9), self.rim)
        if self.hold:
            shield = np.array(
                [[-1.15, 0.1], [-0.5, 0.25], [0.5, 0.25], [1.15, 0.1], [1.15, 1.2], [-1.15, 1.2]]
            )
            cover = brush.fill(shield, self.core, smooth=False)
            self.pattern.draw(brush, cover, Field(0, 0.7, 1.15, 0.55))

    def _chain(self, brush: Brush, time: float) -> None:
        """Look-alike beads on a string that runs on, each overlapping the one before."""
        bend = self.wave(time)
        way = spline(
            np.array([[-2.2, 0.3], [-1.1, -0.7 * bend], [0, 0.5 * bend], [1.1, -0.6 * bend], [2.2, 0.2]]),
            closed=False,
            steps=20,
        )
        shift = (0.02 * time * abs(self.spin) * 10) % 1.0 if self.turns else 0.0
        for number, color in enumerate(self.colors):
            place = ((number + 0.5) / self.count + shift) % 1.0
            x, y = way[int(place * (len(way) - 1))]
            share = (self.sides[number][1] - self.sides[number][0]) / (2 * math.pi)
            size = (0.6 + 1.3 * share * self.count) / self.count * (1.2 if self.hold else 0.85)
            bead = brush.fill(ellipse(x, y, size, size * self.tall**0.5, 9), color)
            if self.marked:
                brush.inside(bead, box(x, y, 4 * size, 0.5 * size), self.core, smooth=False, weight=0.7)

    def _can(self, brush: Brush, time: float) -> None:
        """A can, jar or mug whose print turns around."""
        tall = self.tall
        side = np.array([[-0.8, -tall], [0.8, -tall], [0.8, tall], [0.45, tall + 0.12], [0, tall + 0.17]])
        outline = np.concatenate([side, [[-0.45, tall + 0.12], [-0.8, tall]]])
        body = brush.fill(outline, self.skin, smooth=False)
        self.pattern.draw(brush, body, Field(0, 0.1, 0.8, 0.75 * tall, self._angle(time)))
        lid = brush.fill(ellipse(0, -tall, 0.8, 0.17, 12), self.rim)
        brush.inside(lid, ellipse(0, -tall, 0.62, 0.11, 12), self.core)

    def _gem(self, brush: Brush, time: float) -> None:
        """A cut stone or a paper lantern: facets in rows around an upright axis."""
        turn = self._angle(time)
        levels = [(-self.tall * 1.1, 0.25), (-0.4, 0.95), (0.4, 0.9), (self.tall * 1.1, 0.2)]
        for number in sorted(range(self.count), key=lambda k: math.cos(sum(self.sides[k]) / 2 + turn)):
            edges = np.array(self.sides[number]) + turn
            if math.cos(edges.mean()) < -0.1:
                continue
            x = np.sin(edges)
            sag = 0.12 * np.cos(edges)
            for row in range(3):
                (y0, r0), (y1, r1) = levels[row], levels[row + 1]
                facet: Points = np.array(
                    [
                        [x[0] * r0, y0 + sag[0] * r0],
                        [x[1] * r0, y0 + sag[1] * r0],
                        [x[1] * r1, y1 + sag[1] * r1],
                        [x[0] * r1, y1 + sag[0] * r1],
                    ]
                )
                brush.fill(facet, self.colors[(number + 3 * row) % self.count], smooth=False, weight=0.9)

    def _star(self, brush: Brush, time: float) -> None:
        """A star or a flower of facets, light and dark by turns, with a disc in the middle of some."""
        turn = self._angle(time)
        corners = star(0, 0, 1.2, 0.45, self.tips) @ np.array(
            [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
        )
        brush.fill(corners, self.rim, smooth=False)
        for number in range(len(corners)):
            color = (self.rim, self.core)[number % 2]
            facet = np.stack([np.zeros(2), corners[number - 1], corners[number]])
            brush.fill(facet, color, smooth=False, weight=0.8)
        if self.marked:
            brush.fill(ellipse(0, 0, 0.32, 0.32, 9), self.skin)

    def _hand(self, brush: Brush, x: float, y: float) -> None:
        """A fist that holds the thing, on an arm from below."""
        joints = limb(np.array([x, y]), 0.2, 0.5, (0.6, 0.7))
        brush.tube(joints, (0.2, 0.22, 0.26), self.skin)
        for number in range(4):
            brush.fill(ellipse(x - 0.02, y - 0.22 + 0.16 * number, 0.19, 0.1, 8), self.skin, weight=0.8)
