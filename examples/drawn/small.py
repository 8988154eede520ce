"""The little figures of `examples/jump`, `examples/cup` and `examples/dive`: a frog, a teapot, a dolphin.

Colors are numbers into `COLORS`; 0 is the bare cel. Poses are records of angles in radians, clockwise.
"""

from dataclasses import dataclass

import numpy as np

from drawn.pencil import Sheet, curve, ellipse, tube

SIZE = (640, 360)
COLORS = [
    "000000",
    "6FB35A",  # 1 frog
    "CFE3A1",  # 2 its belly
    "4B8A55",  # 3 its far legs
    "FFFFFF",  # 4 eyes
    "2F3550",  # 5 pupils
    "E5736B",  # 6 mouth, scarf
    "F3EDE2",  # 7 china
    "5B86B5",  # 8 its stripe
    "8A5A3C",  # 9 tea
    "E7B7A0",  # 10 handle
    "6E93C4",  # 11 dolphin
    "DCE9F5",  # 12 its belly
    "4E6FA3",  # 13 its far fin
    "8FD0DA",  # 14 sea
    "C8ECEF",  # 15 foam
    "F7C948",  # 16 sun
]
(FROG, BELLY, FAR, WHITE, PUPIL, MOUTH, CHINA, STRIPE, TEA, HANDLE, DOLPHIN, PALE, FIN, SEA, FOAM, SUN) = (
    range(1, 17)
)


@dataclass(frozen=True)
class Hop:
    """A frog: where its body is, how it leans, and how far its hind leg is stretched, 0 to 1."""

    x: float
    y: float
    lean: float
    stretch: float


HOPS = {
    1: Hop(130, 262, -0.05, 0.0),
    5: Hop(205, 188, -0.36, 0.55),
    9: Hop(310, 132, -0.28, 0.9),
    13: Hop(412, 170, -0.04, 0.6),
    17: Hop(500, 258, 0.14, 0.2),
}


def draw_frog(hop: Hop) -> Sheet:
    """The frog in a pose."""
    sheet = Sheet(SIZE)
    with sheet.moved(hop.x, hop.y, turn=hop.lean):
        for depth, color in ((10.0, FAR), (0.0, FROG)):
            _hind_leg(sheet, hop.stretch, depth, color)
            reach = 26 * hop.stretch
            arm = tube(
                [
                    (38 + depth, 18),
                    (52 + depth + reach, 38 - reach),
                    (48 + depth + 1.7 * reach, 62 - 1.9 * reach),
                ],
                [10, 8, 7],
            )
            sheet.part(arm, color)
        body = curve([(-66, 18), (-44, -26), (6, -44), (50, -34), (66, 2), (40, 36), (-18, 44), (-56, 38)])
        sheet.part(body, FROG)
        with sheet.inside(body):
            sheet.part(curve([(70, 12), (36, 14), (-14, 30), (-40, 60), (40, 70)]), BELLY, weight=0.7)
        sheet.line(body, closed=True)
        for x in (18.0, 46.0):
            sheet.part(ellipse(x, -44, 15, 16), FROG)
            sheet.part(ellipse(x + 3, -46, 9.5, 10.5), WHITE, weight=0.7)
            sheet.part(ellipse(x + 6, -45, 4.2, 5.5), PUPIL, weight=0.6)
        sheet.line(curve([(30, -8), (48, -4), (64, -12)], closed=False), weight=0.8)
    return sheet


def _hind_leg(sheet: Sheet, stretch: float, depth: float, color: int) -> None:
    knee = (-62 - 20 * stretch + depth, 4 + 34 * stretch)
    heel = (-34 - 84 * stretch + depth, 54 + 34 * stretch)
    toe = (-2 - 142 * stretch + depth, 60 + 30 * stretch + 70 * stretch * (1 - stretch))
    sheet.part(tube([heel, ((heel[0] + toe[0]) / 2, heel[1] + 5), toe], [7, 8, 9]), color)
    sheet.part(tube([knee, heel], [12, 8]), color)
    sheet.part(tube([(-30 + depth, 22), knee], [19, 13]), color)
    sheet.seam(ellipse(*knee, 9, 9), color)


def draw_teapot(tilt: float, x: float, y: float) -> Sheet:
    """A teapot that tilts (radians, clockwise) around its middle at x, y."""
    sheet = Sheet(SIZE)
    with sheet.moved(x, y, turn=tilt):
        sheet.part(tube([(-52, -18), (-96, -34), (-92, 22), (-50, 26)], [7, 8, 8, 7]), HANDLE)
        sheet.part(curve([(50, 8), (76, -8), (92, -44, 1), (110, -38, 1), (98, 6), (62, 36)]), CHINA)
        body = curve([(-60, 2), (-40, -42), (0, -52), (40, -42), (60, 2), (44, 44), (0, 52), (-44, 44)])
        sheet.part(body, CHINA)
        with sheet.inside(body):
            sheet.part(
                curve([(-80, -10), (0, 4), (80, -10), (80, 16), (0, 30), (-80, 16)]), STRIPE, weight=0.7
            )
        sheet.line(body, closed=True)
        sheet.part(curve([(-34, -44), (0, -66), (34, -44), (0, -38)]), STRIPE)
        sheet.part(ellipse(0, -70, 8, 7), HANDLE)
    return sheet


def draw_cup(x: float, fill: float) -> Sheet:
    """A cup standing at x, tea in it up to `fill`, 0 to 1."""
    sheet = Sheet(SIZE)
    with sheet.moved(x, 286):
        sheet.part(tube([(34, -44), (66, -40), (60, -8), (30, -12)], [6, 6, 6, 6]), HANDLE)
        bowl = curve([(-44, -56, 1), (44, -56, 1), (36, -8), (18, 4, 1), (-18, 4, 1), (-36, -8)])
        sheet.part(bowl, CHINA)
        sheet.part(ellipse(0, -56, 44, 11), WHITE)
        level = -48 - 6 * fill
        with sheet.inside(ellipse(0, -56, 44, 11)):
            sheet.part(ellipse(0, level, 34 + 6 * fill, 8), TEA, weight=0.7)
        sheet.line(ellipse(0, -56, 44, 11), closed=True)
    return sheet


@dataclass(frozen=True)
class Leap:
    """A dolphin: where it is, how it lies, how much it bends (positive: arched), and how high the sea is."""

    x: float
    y: float
    turn: float
    bend: float
    swell: float


LEAPS = {
    1: Leap(150, 236, -0.75, 10, 0.0),
    7: Leap(232, 168, -0.40, 18, 0.5),
    13: Leap(325, 136, 0.0, 24, 1.0),
    19: Leap(415, 162, 0.42, 20, 1.5),
    25: Leap(495, 226, 0.82, 14, 2.0),
}


def draw_dolphin(leap: Leap, *, has_sun: bool = True) -> Sheet:
    """The dolphin over the sea."""
    sheet = Sheet(SIZE)
    if has_sun:
        sheet.part(ellipse(540, 70, 34, 34), SUN)
    with sheet.moved(leap.x, leap.y, turn=leap.turn):
        b = leap.bend
        sheet.part(curve([(2, 14 - b), (26, 46 - b), (4, 52 - b), (-12, 18 - b)]), FIN)
        sheet.part(
            curve([(-84, 10 + b), (-122, -14 + b, 1), (-110, 8 + b), (-124, 36 + b, 1), (-96, 26 + b)]),
            DOLPHIN,
        )
        body = curve(
            [
                (-96, 14 + b),
                (-54, -8),
                (0, -30 - b / 2),
                (52, -22 - b / 3),
                (84, 0),
                (108, 10 + b / 4),
                (86, 20 + b / 4),
                (40, 26),
                (-20, 22),
                (-64, 22 + b / 2),
            ]
        )
        sheet.part(curve([(-18, -20 - b / 2), (-26, -56 - b / 2, 1), (22, -28 - b / 2)]), DOLPHIN)
        sheet.part(body, DOLPHIN)
        with sheet.inside(body):
            sheet.part(
                curve([(120, 10 + b / 4), (50, 6), (-10, 8), (-80, 30 + b / 2), (0, 70), (110, 50)]),
                PALE,
                weight=0.7,
            )
        sheet.line(body, closed=True)
        sheet.part(ellipse(66, -4, 4.6, 5.4), PUPIL, weight=0.6)
    _sea(sheet, leap.swell)
    return sheet


def _sea(sheet: Sheet, swell: float) -> None:
    across = np.linspace(-20, 660, 18)
    top = [(x, 282 + 10 * np.sin(x / 52 + 0.9 * swell)) for x in across]
    sheet.part(curve([*top[:-1], (*top[-1], 1), (660, 380, 1), (-20, 380, 1)]), SEA)
    for x, y, rx in ((150, 322, 60), (330, 338, 80), (540, 318, 54)):
        sheet.part(ellipse(x + 12 * swell, y, rx, 8), FOAM, weight=0.7)
