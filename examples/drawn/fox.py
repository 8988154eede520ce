"""A small fox with a scarf: a pose record and the drawing of it.

Units are pixels at 540 lines; the origin is the ground under the body, y points down; it looks right.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drawn.motion import bones, chain
from drawn.palette import Walk as Hue
from drawn.pencil import Points, Sheet, curve, ellipse, tube


class Paw(NamedTuple):
    """Where a paw stands relative to its shoulder or hip, and its height over the ground."""

    x: float
    lift: float


@dataclass(frozen=True, slots=True)
class FoxPose:
    """Everything that moves on the fox. Paws: near fore, near hind, far fore, far hind."""

    x: float
    height: float  # of the back over the ground
    pitch: float  # radians of the body, positive = nose down
    paws: tuple[Paw, Paw, Paw, Paw]
    head: float  # radians, positive = nose down
    head_lift: float
    ears: float  # 0 = up, 1 = laid back
    eyes: str  # open, shut, happy
    mouth: str  # smile, open
    tail: tuple[float, ...]  # angles of the links of the tail
    scarf: tuple[float, ...]


def draw_fox(sheet: Sheet, pose: FoxPose, ground: float) -> None:
    """The fox on `sheet`, standing on the line y = `ground`."""
    with sheet.moved(pose.x, ground):
        body = sheet.moved
        _leg(sheet, pose, 2, 33.0)
        _leg(sheet, pose, 3, -25.0)
        with body(0, -pose.height, turn=pose.pitch):
            _tail(sheet, pose.tail)
        _leg(sheet, pose, 1, -33.0)
        with body(0, -pose.height, turn=pose.pitch):
            _trunk(sheet)
        _leg(sheet, pose, 0, 24.0)
        with body(0, -pose.height, turn=pose.pitch):
            sheet.seam(curve([(11, -7), (36, -7), (34, 1), (24, 3), (14, 1)]), Hue.FOX)
            _scarf(sheet, pose.scarf)
            with sheet.moved(46, -20 - pose.head_lift, turn=pose.head - pose.pitch):
                _head(sheet, pose)


def _leg(sheet: Sheet, pose: FoxPose, number: int, side: float) -> None:
    paw = pose.paws[number]
    hip = (side, -pose.height + 8.0 + side * float(np.sin(pose.pitch)))
    end = (side + paw.x, -paw.lift - 7.0)
    knee = bones(hip, end, 23.0, 24.0, 1.0 if number in (0, 2) else -1.0)
    color = Hue.FOX if number < 2 else Hue.FOX_SHADE
    leg = tube([hip, knee, end], [12.5, 8.5, 6.5])
    foot = curve(
        [
            (end[0] - 7, end[1] - 3),
            (end[0] - 7, end[1] + 7, 1),
            (end[0] + 12, end[1] + 7, 1),
            (end[0] + 11, end[1]),
            (end[0] + 4, end[1] - 5),
        ]
    )
    sheet.part(foot, Hue.HAIR)
    sheet.part(leg, color)
    with sheet.inside(leg):
        ahead = np.array(end) - np.array(knee)
        ahead /= np.linalg.norm(ahead)
        across = np.array([-ahead[1], ahead[0]]) * 20
        cut = np.array(end) - ahead * 9
        sheet.part(
            np.array([cut - across, cut + across, cut + across + ahead * 40, cut - across + ahead * 40]),
            Hue.HAIR,
            weight=0.8,
        )
    sheet.line(leg, closed=True)
    sheet.seam(
        curve(
            [
                (end[0] - 4.5, end[1] - 3),
                (end[0] - 4.5, end[1] + 3),
                (end[0] + 5, end[1] + 3),
                (end[0] + 4, end[1] - 3),
            ]
        ),
        Hue.HAIR,
    )


def _trunk(sheet: Sheet) -> None:
    trunk = curve(
        [(-48, -12), (-30, -25), (8, -22), (42, -26), (54, -8), (44, 16), (10, 20), (-34, 19), (-50, 4)]
    )
    sheet.part(trunk, Hue.FOX)
    with sheet.inside(trunk):
        sheet.part(
            curve([(-60, 11), (-20, 9), (14, 12), (36, 9), (48, -8), (80, -8), (70, 50, 1), (-70, 50, 1)]),
            Hue.CREAM,
            weight=0.7,
        )
    sheet.line(trunk, closed=True)


def _tail(sheet: Sheet, angles: tuple[float, ...]) -> None:
    spine = chain((-40.0, -8.0), angles, 25.0)
    tail = np.array(tube(spine, [7.0, 15.0, 19.0, 16.0, 3.0]))
    sheet.part(tail, Hue.FOX)
    with sheet.inside(tail):
        a, b = np.array(spine[-3]), np.array(spine[-1])
        along = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
        across = np.array([-along[1], along[0]])
        mid = np.array(spine[-2]) - along * 4
        teeth = [(-30, 4), (-14, -5), (-7, 6), (0, -6), (8, 6), (15, -5), (30, 4)]
        edge = [mid + across * s + along * d for s, d in teeth]
        tip = np.vstack([*edge, mid + across * 40 + along * 70, mid - across * 40 + along * 70])
        sheet.part(tip, Hue.CREAM, weight=0.8)
        sheet.part(_underside([np.array(p) for p in spine]), Hue.FOX_SHADE, weight=0.65)
        sheet.part(tip, Hue.CREAM, weight=0.8)
    sheet.line(tail, closed=True)


def _underside(spine: list[Points]) -> Points:
    """The lower half of the first links of the tail."""
    below = [p + np.array([0.0, 7.0 if i else 3.0]) for i, p in enumerate(spine[:-1])]
    far = [p + np.array([0.0, 60.0]) for p in reversed(spine[:-1])]
    return np.vstack([curve([tuple(p) for p in below], closed=False), *far])


def _scarf(sheet: Sheet, angles: tuple[float, ...]) -> None:
    spine = chain((26.0, -20.0), angles, 15.0)
    tail = tube(spine, [6.0, 9.0, 9.5], cap=False)
    sheet.part(tail, Hue.BOOT_LIGHT)
    with sheet.inside(tail):
        a, b = np.array(spine[-2]), np.array(spine[-1])
        along = (b - a) / 15.0
        across = np.array([-along[1], along[0]]) * 18
        sheet.part(
            np.array(
                [
                    b - across - 8 * along,
                    b + across - 8 * along,
                    b + across + 9 * along,
                    b - across + 9 * along,
                ]
            ),
            Hue.BOOT,
            weight=0.8,
        )
    sheet.line(tail, closed=True)
    sheet.part(
        curve([(20, -26), (24, -12), (40, 2), (56, 4), (62, -8), (50, -16), (34, -30)]), Hue.BOOT_LIGHT
    )


def _head(sheet: Sheet, pose: FoxPose) -> None:
    _ear(sheet, (20.0, -30.0), 0.42 - 0.35 * pose.ears, pose.ears)
    skull = curve(
        [
            (-30, -22),
            (-12, -38),
            (14, -38),
            (30, -22),
            (36, -8),
            (50, 2),
            (49, 9),
            (36, 14),
            (14, 21),
            (-10, 21),
            (-28, 16),
            (-44, 13, 1),
            (-37, 4),
            (-45, -2, 1),
            (-35, -8),
        ]
    )
    sheet.part(skull, Hue.FOX)
    with sheet.inside(skull):
        mask = [
            (-60, 6, 1),
            (-36, 2),
            (-14, 2),
            (-2, 8),
            (9, 3),
            (22, 8),
            (36, -1),
            (60, -2),
            (60, 50, 1),
            (-60, 50, 1),
        ]
        sheet.part(curve(mask), Hue.CREAM, weight=0.7)
        for x, wide in ((-19.0, 6.5), (30.0, 4.2)):
            sheet.part(ellipse(x, 10.5, wide, 3.8), Hue.BLUSH, weight=0.55)
    sheet.line(skull, closed=True)
    _ear(sheet, (-16.0, -30.0), -0.25 - 0.75 * pose.ears, pose.ears)
    for x, wide in ((-8.0, 1.0), (24.0, 0.85)):
        if pose.eyes == "open":
            sheet.part(ellipse(x, -5, 5.6 * wide, 7.6), Hue.HAIR, weight=0.8)
            sheet.part(ellipse(x + 1.5, -8, 2.2, 2.6), Hue.WHITE, weight=0.45)
        else:
            bow = 4.0 if pose.eyes == "shut" else -5.0
            sheet.line(
                curve([(x - 6 * wide, -4), (x, -4 + bow), (x + 6 * wide, -4)], closed=False), weight=1.2
            )
    sheet.part(ellipse(47, 2, 5.5, 4.4), Hue.HAIR, weight=0.9)
    if pose.mouth == "open":
        sheet.part(curve([(16, 10, 1), (27, 11), (37, 8, 1), (32, 19), (22, 19)]), Hue.RED_SHADE, weight=0.8)
    else:
        sheet.line(curve([(16, 10), (27, 13), (37, 9)], closed=False), weight=0.8)


def _ear(sheet: Sheet, at: tuple[float, float], turn: float, flat: float) -> None:
    with sheet.moved(*at, turn=turn, sy=1.0 - 0.2 * flat):
        outer = curve([(-15, 6, 1), (-12, -18), (0, -38, 1), (13, -16), (16, 6, 1)])
        sheet.part(outer, Hue.FOX)
        with sheet.inside(outer):
            sheet.part(
                curve([(-20, -20, 1), (20, -20, 1), (20, -60, 1), (-20, -60, 1)]), Hue.HAIR, weight=0.7
            )
        sheet.line(outer, closed=True)
        if at[0] < 0:
            sheet.seam(curve([(-12, 4, 1), (13, 4, 1), (13, 12, 1), (-12, 12, 1)]), Hue.FOX)
        sheet.part(curve([(-7, 4, 1), (-6, -8), (1, -17, 1), (8, -8), (9, 4, 1)]), Hue.CREAM, weight=0.7)
