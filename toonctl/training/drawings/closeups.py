"""Close views of look-alike small parts: a grin, an eye, a hand, a shoe, a coat front, a braid, a paw."""

import math

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import Points, box, egg, ellipse, lock, shifted, spline
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints
from toonctl.training.drawings.patterns import Field, Pattern

KINDS = ("grin", "eye", "hand", "shoe", "coat", "braid", "nails")


class CloseUp:
    """One such detail, about 220 units wide and high, around (0, -110)."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(build.choice(KINDS))
        self.count = int(build.integers(4, 9))
        self.sizes = build.uniform(0.75, 1.25, 24)
        self.bends = build.uniform(-1, 1, 24)
        self.tall = float(build.uniform(0.75, 1.25))
        self.open, self.other = mover.channel(-0.15, 1.1, speed=0.9), mover.channel(-1.0, 1.0, speed=0.7)
        self.each = [mover.channel(-1.0, 1.0) for _ in range(6)]
        self.blink = mover.blink()
        self.lean = mover.channel(-0.35, 0.35, speed=0.5)
        self.skin, self.shade_color = paints.pick("skin"), paints.pick("skin shadow")
        self.colors = [paints.pick(f"detail {number}") for number in range(self.count)]
        self.white, self.dark = paints.pick("eye white"), paints.pick("pupil")
        self.main, self.trim, self.third = (paints.pick(f"close {number}") for number in range(3))
        self.missing = int(build.integers(-6, self.count))
        self.many = bool(build.random() < 0.4)  # every look-alike in a color of its own
        self.shaded = bool(build.random() < 0.4)
        borders: tuple[Border, ...] = ("trace", "ink")
        self.border: Border = borders[int(build.integers(2))]
        self.pattern = Pattern(build, paints, "close print")

    def draw(self, brush: Brush, time: float) -> None:
        """The detail at `time`."""
        with brush.moved(0, -110, turn=self.lean(time), sx=100):
            getattr(self, f"_{self.kind}")(brush, time)

    def _color(self, number: int, plain: int) -> int:
        return self.colors[number % self.count] if self.many else plain

    def _grin(self, brush: Brush, time: float) -> None:
        """A mouth full of teeth in two rows, with lips, gums and tongue; it opens, shuts and slants."""
        opened, smile = max(0.02, self.open(time)) * 0.7 * self.tall, 0.3 * self.other(time)
        corner = np.array([[-1.1, -smile], [1.1, -smile]])
        upper = [[-0.6, -0.12 + 0.2 * smile], [0, 0.2 * smile], [0.6, -0.12 + 0.2 * smile]]
        lower = [[0.6, opened * 0.8], [0, opened + 0.12], [-0.6, opened * 0.8]]
        hole = np.array([corner[0], *upper, corner[1], *lower])
        brush.fill(shifted(hole * (1.15, 1.0) * (1, 1 + 0.25 / (opened + 0.3)), 0, -0.02), self.main)
        inner = brush.fill(hole, self.dark, weight=0.9)
        with brush.clipped(inner):
            brush.fill(ellipse(0.1, opened + 0.05, 0.6, 0.35 * (opened + 0.2), 10), self.trim)
            for row, sign in ((0, -1), (1, 1)):
                if row == 1 and self.bends[0] < -0.2:
                    continue
                n, x = self.count + 1, -1.1
                for number in range(n):
                    wide = 2.2 / n * float(self.sizes[number + 9 * row])
                    middle = x + wide / 2
                    x += wide
                    if number == self.missing:
                        continue
                    base = -0.12 * (1 - middle * middle) - smile * middle * middle if row == 0 else 0.0
                    y = base if row == 0 else opened * (1 - 0.25 * middle * middle) + 0.1
                    high = 0.34 * (1 if row == 0 else 0.8) * float(self.sizes[number])
                    color = self._color(number + 3 * row, self.white)
                    brush.fill(egg(middle, y - 0.1 * sign, wide / 2, high, boxy=0.8), color, weight=0.7)

    def _eye(self, brush: Brush, time: float) -> None:
        """A big eye with lids, lashes, iris in rings, highlights, brow and lines below."""
        opened = max(0.0, min(1.0, self.blink(time)))
        brow = -0.95 - 0.15 * self.other(time)
        brush.tube(
            np.array([[-1.1, brow + 0.2], [0, brow - 0.1], [1.1, brow + 0.1]]), (0.06, 0.14, 0.05), self.main
        )
        lid = np.array([[-1.2, 0.1], [-0.7, -0.75], [0.5, -0.8], [1.2, 0], [0, -0.1]])
        brush.fill(lid, self.shade_color if self.shaded else self.skin, weight=0.7)
        top, low = -0.7 * opened + 0.35 * (1 - opened), 0.55 * self.tall * (0.4 + 0.6 * opened)
        shape = np.array([[-1.1, 0.15], [-0.6, top * 0.85], [0.1, top], [0.75, top * 0.7], [1.1, 0.0]])
        shape = np.concatenate([shape, [[0.6, low * 0.8], [0, low], [-0.6, low * 0.75]]])
        if opened > 0.12:
            white = brush.fill(shape, self.white, weight=0.9)
            x, y = 0.4 * self.each[0](time), 0.05 + 0.15 * self.each[1](time)
            with brush.clipped(white):
                rings = 2 + self.count // 3
                for number in range(rings):
                    radius = 0.5 * (1 - number / (rings + 0.5))
                    color = self.dark if number == rings - 1 else self.colors[number % self.count]
                    brush.fill(ellipse(x, y, radius, radius * 1.15, 12), color, weight=0.7)
                if self.shaded:
                    band = np.array([[-2, -2], [2, -2], [2, top + 0.3], [0.1, top + 0.22], [-2, top + 0.4]])
                    outer = brush.to_pixels(box(0, 0, 9, 9))
                    brush.inside(outer, band, self.shade_color, border=self.border, smooth=False)
                for number, (dx, dy, r) in enumerate(
                    ((-0.2, -0.25, 0.13), (0.22, 0.2, 0.08), (-0.1, 0.3, 0.05))
                ):
                    if number < 1 + self.count // 3:
                        brush.fill(ellipse(x + dx, y + dy, r, r * 1.1, 7), self.third, weight=0.6)
        for number in range(self.count):
            u = number / (self.count - 1)
            root = np.array([-1.05 + 2.1 * u, 0.12 - (0.12 - top) * math.sin(math.pi * u)])
            tip = root + np.array([(u - 0.4) * 0.5, -0.3 * float(self.sizes[number]) * (0.3 + opened)])
            brush.fill(lock(root, tip, 0.06, 0.1), self._color(number, self.dark), weight=0.6)
        line = shape[:5] if opened > 0.12 else np.array([[-1.1, 0.15], [0, 0.35], [1.1, 0.0]])
        brush.line(line, weight=1.6)
        brush.line(np.array([[-0.8, low + 0.25], [0, low + 0.35], [0.7, low + 0.2]]), weight=0.7, taper=True)

    def _hand(self, brush: Brush, time: float) -> None:
        """An open hand with jointed fingers that bend one by one, nails, rings and a sleeve."""
        cuff = np.array([[-0.6, 1.7], [-0.5, 0.75], [0.5, 0.75], [0.6, 1.7]])
        sleeve = brush.fill(cuff, self.main, smooth=False)
        self.pattern.draw(brush, sleeve, Field(0, 1.3, 0.6, 0.5))
        spread = 0.12 + 0.2 * max(0.0, self.open(time))
        roots = [
            (-0.42 + 0.28 * number, -0.12 - 0.07 * math.sin(math.pi * number / 3)) for number in range(4)
        ]
        bent = [max(0.0, self.each[number](time)) for number in range(4)]

        def finger(number: int) -> None:
            x, y = roots[number]
            way = (number - 1.4) * spread
            long = (0.85, 1.0, 0.95, 0.72)[number] * (1 - 0.72 * bent[number])
            side = np.array([math.sin(way), -math.cos(way)])
            tip = np.array([x, y]) + side * long
            middle = np.array([x, y]) + side * long * 0.55 + np.array([0.12 * self.bends[number], 0])
            color = self._color(number, self.skin)
            piece = brush.tube(np.stack([[x, y + 0.25], middle, tip]), (0.15, 0.15, 0.11), color)
            if self.many or self.shaded:
                ring = shifted(box(0, 0, 0.5, 0.12), *(np.array([x, y]) + side * long * 0.3))
                brush.inside(piece, ring, self.colors[(number + 4) % self.count], smooth=False, weight=0.7)
            if bent[number] < 0.4:
                brush.fill(ellipse(tip[0], tip[1] + 0.02, 0.07, 0.09, 8), self.trim, weight=0.6)

        for number in range(4):
            if bent[number] < 0.5:
                finger(number)
        palm = np.array(
            [[-0.55, -0.05], [0, -0.28], [0.52, -0.1], [0.5, 0.5], [0.35, 0.95], [-0.35, 0.95], [-0.55, 0.45]]
        )
        hand = brush.fill(palm, self.skin)
        if self.shaded:
            brush.inside(
                hand, ellipse(-0.55, 0.5, 0.5, 0.6), self.shade_color, border=self.border, weight=0.5
            )
        for number in range(4):
            if bent[number] >= 0.5:
                finger(number)
        thumb = self.other(time)
        joints = np.array([[0.4, 0.55], [0.85, 0.25 + 0.1 * thumb], [0.95 - 0.5 * max(0.0, thumb), -0.2]])
        brush.tube(joints, (0.2, 0.17, 0.12), self._color(5, self.skin))

    def _shoe(self, brush: Brush, time: float) -> None:
        """A boot or trainer with laces, eyelets, toe cap, sole and stripes; the foot lifts and bends."""
        lift = 0.5 * max(0.0, self.other(time))
        with brush.moved(0, 0, turn=-lift):
            shin = np.array([[-0.95, -1.7], [-0.15, -1.7], [-0.1, -0.8], [-1.0, -0.7]])
            leg = brush.fill(shin, self.skin if self.many else self.third, smooth=False)
            brush.inside(leg, box(-0.5, -1.0, 3, 0.3), self.trim, smooth=False)
            upper = np.array(
                [
                    [-1.05, -0.9],
                    [-0.1, -0.95],
                    [0.15, -0.35],
                    [0.9, -0.1],
                    [1.35, 0.25],
                    [1.3, 0.5],
                    [-1.05, 0.5],
                    [-1.15, -0.2],
                ]
            )
            shoe = brush.fill(upper, self.main)
            brush.inside(shoe, ellipse(1.35, 0.35, 0.5, 0.5), self.trim)
            brush.inside(
                shoe,
                np.array([[-1.4, -0.5], [-0.75, -0.6], [-0.7, 0.6], [-1.4, 0.6]]),
                self.third,
                smooth=False,
            )
            for number in range(3):
                stripe = np.array([[-0.45, 0.55], [-0.3, 0.55], [-0.05, -0.3], [-0.2, -0.3]])
                color = self._color(number, self.white)
                brush.inside(
                    shoe, shifted(stripe, 0.27 * number, 0.12 * number), color, smooth=False, weight=0.7
                )
            sole = np.array([[-1.15, 0.42], [1.42, 0.42], [1.45, 0.62], [1.3, 0.75], [-1.1, 0.75]])
            base = brush.fill(sole, self.dark, smooth=False)
            if self.shaded:
                for number in range(self.count):
                    x = -1.1 + 2.5 * (number + 0.5) / self.count
                    brush.inside(
                        base,
                        box(x, 0.7, 0.16, 0.16),
                        self._color(number, self.third),
                        smooth=False,
                        weight=0.6,
                    )
            for number in range(self.count - 1):
                u = number / max(1, self.count - 2)
                x, y = -0.12 + 0.75 * u, -0.75 + 0.62 * u
                lace = np.array(
                    [[x - 0.28, y + 0.05], [x - 0.26, y + 0.16], [x + 0.06, y + 0.02], [x + 0.05, y - 0.1]]
                )
                brush.fill(lace, self._color(number, self.white), weight=0.7)
                brush.fill(ellipse(x - 0.33, y + 0.14, 0.05, 0.05, 7), self.dark, weight=0.6)
            for side in (-1, 1):
                loop = np.array(
                    [[-0.1, -0.8], [-0.35 * side - 0.1, -1.05], [-0.55 * side, -0.75 + 0.2 * lift]]
                )
                brush.tube(spline(loop, closed=False, steps=4), (0.05,) * 9, self.white, weight=0.7)

    def _coat(self, brush: Brush, time: float) -> None:
        """The front of a coat that opens: lapels, buttons in one or two rows, pockets, medals, a tie."""
        gap = 0.12 + 0.5 * max(0.0, self.open(time))
        body = np.array([[-1.0, -0.95], [-0.35, -1.15], [0.35, -1.15], [1.0, -0.95], [1.1, 1.4], [-1.1, 1.4]])
        shirt = brush.fill(body, self.white, smooth=False)
        self.pattern.draw(brush, shirt, Field(0, 0.1, 1.0, 1.2))
        tie = np.array([[-0.1, -1.05], [0.1, -1.05], [0.17, 0.2], [0, 0.4], [-0.17, 0.2]])
        knot = shifted(tie, 0.1 * self.other(time), 0)
        brush.fill(knot, self.third, smooth=False)
        for side in (-1, 1):
            panel = [[side * 0.35, -1.15], [side * 1.0, -0.95], [side * 1.12, 1.45], [side * gap * 1.2, 1.5]]
            panel += [[side * gap, 0.0]]
            front = brush.fill(np.array(panel), self.main, smooth=False)
            if self.shaded:
                fold = [
                    [side * 0.5, 1.6],
                    [side * (gap + 0.25), 0.3],
                    [side * (gap + 0.5), 0.2],
                    [side * 0.95, 1.6],
                ]
                brush.inside(front, np.array(fold), self.shade_color, border=self.border, weight=0.5)
            lapel = [
                [side * 0.33, -1.15],
                [side * 0.62, -0.95],
                [side * (gap + 0.32), -0.35],
                [side * gap, 0.05],
            ]
            brush.fill(np.array(lapel), self.trim, smooth=False)
            for number in range(self.count - 2):
                y = 0.2 + 1.1 * number / (self.count - 2)
                size = 0.075 * float(self.sizes[number])
                color = self._color(number + 3 * (side > 0), self.dark)
                brush.fill(ellipse(side * (gap + 0.16 + 0.08 * y), y, size, size, 8), color, weight=0.8)
            brush.fill(box(side * 0.75, 0.95, 0.4, 0.1), self.trim, smooth=False, weight=0.8)
        for number in range(self.count - 3):
            x = 0.5 + 0.13 * number
            medal = brush.fill(
                box(x, -0.35, 0.11, 0.2), self._color(number, self.third), smooth=False, weight=0.7
            )
            brush.inside(medal, box(x, -0.42, 0.5, 0.05), self.white, smooth=False, weight=0.5)

    def _braid(self, brush: Brush, time: float) -> None:
        """A braid or a rope of look-alike strands that swings, with a ribbon; beads on it in some."""
        sway = 0.5 * self.other(time)
        n = 2 * self.count
        way: Points = spline(
            np.array(
                [
                    [0, -1.5],
                    [0.2 * sway, -0.6],
                    [0.7 * sway, 0.4],
                    [1.2 * sway + 0.2 * self.each[0](time), 1.4],
                ]
            ),
            closed=False,
            steps=12,
        )
        for number in range(n, -1, -1):
            place = number / (n + 0.5) * (len(way) - 1)
            x, y = way[int(place)]
            side = 1 if number % 2 else -1
            wide = 0.42 * (1.05 - 0.5 * number / n)
            strand = np.array([[-0.4, -0.55], [0.5, -0.6], [1.0, 0.1], [0.6, 0.75], [-0.5, 0.5], [-0.7, 0]])
            shape = strand * (side * wide, 5.0 / n * float(self.sizes[number % 24])) + (
                x + side * 0.16 * wide,
                y,
            )
            piece = brush.fill(
                shape, self._color(number, (self.main, self.trim)[number % 2 * int(self.shaded)])
            )
            if self.pattern.in_turn and number % 3 == 1:
                brush.inside(piece, box(x + side * 0.3, y, 0.1, 1), self.third, smooth=False, weight=0.6)
        x, y = way[-1]
        for side in (-1, 1):
            wing = np.array([[0, 0], [0.35, -0.2], [0.5, 0.05], [0.3, 0.2]]) * (side, 1)
            brush.fill(shifted(wing, x, y), self.dark)
        brush.fill(ellipse(x, y, 0.1, 0.1, 8), self.white)

    def _nails(self, brush: Brush, time: float) -> None:
        """A paw or a foot seen from above: a row of toes with nails or claws of graded sizes."""
        heel = np.array(
            [[-0.5, 1.5], [-0.75, 0.2], [-0.8, -0.3], [0.0, -0.5], [0.8, -0.2], [0.6, 0.5], [0.5, 1.5]]
        )
        foot = brush.fill(heel, self.skin)
        if self.shaded:
            brush.inside(foot, ellipse(-0.8, 0.6, 0.5, 1.0), self.shade_color, border=self.border, weight=0.5)
        self.pattern.draw(brush, foot, Field(0, 0.7, 0.6, 0.6))
        for number in range(5):
            x = -0.72 + 0.36 * number
            size = (0.27 - 0.03 * number) * float(self.sizes[number])
            y = -0.45 - 0.12 * math.sin(math.pi * number / 4) + 0.08 * self.each[number](time)
            brush.fill(egg(x, y, size, size * 1.35, jaw=-0.1), self._color(number, self.skin))
            if self.tall > 1:
                claw = lock(np.array([x, y - size * 0.8]), np.array([x, y - size * 2.2]), size * 0.4, 0.1)
                brush.fill(claw, self.white, weight=0.8)
            else:
                brush.fill(ellipse(x, y - size * 0.7, size * 0.55, size * 0.45, 8), self.trim, weight=0.7)
