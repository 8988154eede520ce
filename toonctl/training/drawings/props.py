"""Things figures hold: staffs, swords, umbrellas, bags, balloons, flags, instruments, shields."""

import math

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import box, ellipse, star
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints
from toonctl.training.drawings.patterns import Field, Pattern

KINDS = ("staff", "sword", "umbrella", "basket", "balloon", "flag", "guitar", "shield", "book")


class Prop:
    """Something in a hand; units of the palm, whose middle is the origin, fingers toward +y."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.kind = str(build.choice(KINDS))
        self.hand = int(build.integers(2))
        self.size = float(build.uniform(0.8, 1.5))
        self.count = int(build.integers(3, 8))
        self.swing = mover.channel(-0.6, 0.6, speed=1.2)
        self.colors = [paints.pick(f"prop {number}") for number in range(self.count)]
        self.main, self.trim = paints.pick("prop"), paints.pick("prop trim")
        self.pattern = Pattern(build, paints, "prop print")

    def draw(self, brush: Brush, time: float) -> None:
        """The thing, held in a space whose +y runs along the forearm."""
        with brush.moved(0, 0.4, turn=self.swing(time), sx=self.size):
            getattr(self, f"_{self.kind}")(brush)

    def _staff(self, brush: Brush) -> None:
        rod = brush.tube(np.array([[-5.0, 0.2], [7.0, -0.2]]), (0.28, 0.34), self.main)
        for number in range(self.count):
            x = -4 + 10 * number / self.count
            brush.inside(rod, box(x, 0, 0.5, 3), self.colors[number], smooth=False, weight=0.7)
        brush.fill(star(7.2, -0.2, 1.3, 0.5, 5), self.trim, smooth=False)

    def _sword(self, brush: Brush) -> None:
        blade = np.array([[0.8, -0.45], [6.0, -0.3], [7.2, 0], [6.0, 0.3], [0.8, 0.45]])
        shape = brush.fill(blade, self.main, smooth=False)
        brush.inside(shape, box(4, 0.5, 9, 1.0), self.colors[0], smooth=False, weight=0.6)
        brush.fill(box(0.7, 0, 0.45, 2.4), self.trim, smooth=False)
        brush.tube(np.array([[0.6, 0], [-1.2, 0]]), (0.28, 0.3), self.colors[1])

    def _umbrella(self, brush: Brush) -> None:
        brush.tube(np.array([[-1.2, 0.0], [6.0, 0.0]]), (0.17, 0.14), self.trim)
        angles = np.linspace(-1.35, 1.35, self.count + 1)
        for number, color in enumerate(self.colors):
            edge = np.array([angles[number], (angles[number] + angles[number + 1]) / 2, angles[number + 1]])
            rim = np.stack([3.2 + 0.4 * np.cos(edge), 4.2 * np.sin(edge)], axis=1)
            rim[1, 0] += 0.45
            apex = np.array([[6.6, 0.0]])
            bow = np.array([[5.8, 4.2 * math.sin(edge[2]) * 0.6]])
            back = np.array([[5.8, 4.2 * math.sin(edge[0]) * 0.6]])
            brush.fill(np.concatenate([rim, bow, apex, back]), color, smooth=False, weight=0.9)

    def _basket(self, brush: Brush) -> None:
        body = np.array([[-1.8, 1.6], [1.8, 1.6], [1.5, 3.8], [-1.5, 3.8]])
        for number in range(3):
            brush.fill(ellipse(-1.1 + 1.1 * number, 1.4, 0.75, 0.75, 9), self.colors[number])
        shape = brush.fill(body, self.main, smooth=False)
        self.pattern.draw(brush, shape, Field(0, 2.7, 1.8, 1.1))
        handle = np.array([[-1.7, 1.7], [-1.0, 0.2], [0, -0.1], [1.0, 0.2], [1.7, 1.7]])
        brush.tube(handle, (0.2,) * 5, self.trim)

    def _balloon(self, brush: Brush) -> None:
        for number in range(1 + self.count // 2):
            x = -6.5 - 1.2 * (number % 2)
            y = 1.9 * (number - self.count / 4)
            brush.line(np.array([[0, 0], [x * 0.5, y * 0.3], [x + 1.2, y]]), weight=0.8)
            ball = brush.fill(ellipse(x, y, 1.7, 1.4, 10), self.colors[number])
            brush.inside(ball, ellipse(x - 0.5, y - 0.5, 0.4, 0.3, 7), self.trim, weight=0.5)

    def _flag(self, brush: Brush) -> None:
        for number, color in enumerate(self.colors):
            low, high = 2.0 + 4.4 * number / self.count, 2.0 + 4.4 * (number + 1) / self.count
            stripe = np.array(
                [[low, 0], [low, -2.2], [low + 0.4, -4.4], [high + 0.4, -4.4], [high, -2.2], [high, 0]]
            )
            brush.fill(stripe, color, smooth=False, weight=0.9)
        brush.tube(np.array([[-3.0, 0.0], [6.8, 0.0]]), (0.2, 0.18), self.trim)

    def _guitar(self, brush: Brush) -> None:
        neck = brush.tube(np.array([[1.0, 0], [7.0, 0]]), (0.35, 0.3), self.trim)
        for number in range(self.count):
            brush.inside(
                neck, box(2.2 + 4 * number / self.count, 0, 0.25, 3), self.colors[number], smooth=False
            )
        body = np.array(
            [
                [1.6, 0],
                [1.0, -1.5],
                [-0.5, -1.2],
                [-2.0, -2.0],
                [-3.4, 0],
                [-2.0, 2.0],
                [-0.5, 1.2],
                [1.0, 1.5],
            ]
        )
        shape = brush.fill(body, self.main)
        brush.inside(shape, ellipse(-0.9, 0, 0.75, 0.75, 9), self.colors[0])

    def _shield(self, brush: Brush) -> None:
        shape = brush.fill(ellipse(0.5, 0.4, 3.2, 3.2, 14), self.main)
        for number in range(3):
            radius = 2.5 - 0.8 * number
            brush.inside(shape, ellipse(0.5, 0.4, radius, radius, 12), self.colors[number])
        brush.fill(star(0.5, 0.4, 0.9, 0.5, 5), self.trim, smooth=False)

    def _book(self, brush: Brush) -> None:
        for number in range(self.count):
            x = 0.5 + 0.35 * number
            brush.fill(box(x, 0.2, 0.4, 3.6), self.colors[number], smooth=False)
        cover = brush.fill(box(0.0, 0.2, 0.9, 4.0), self.main, smooth=False)
        brush.inside(cover, box(0.0, 1.0, 3, 0.4), self.trim, smooth=False)
