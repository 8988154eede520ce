"""A child in a raincoat: a pose record and the drawing of it.

Units are pixels at 540 lines; the origin is the ground under the hips, y points down, the figure looks right.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drawn.motion import bones, chain
from drawn.palette import Walk as Hue
from drawn.pencil import Points, Sheet, curve, ellipse, tube


class Foot(NamedTuple):
    """Where a boot's ankle is, from the ground under the hips, and how far the toe points down (radians)."""

    x: float
    lift: float
    pitch: float


class Arm(NamedTuple):
    """Shoulder and elbow angles in radians; 0 hangs down, positive swings forward."""

    shoulder: float
    elbow: float


@dataclass(frozen=True, slots=True)
class KidPose:
    """Everything that moves on the child."""

    x: float
    hip: float  # height of the hips over the ground
    lean: float  # radians, positive forward
    stretch: float  # 1 = normal, > 1 long and thin
    near_foot: Foot
    far_foot: Foot
    near_arm: Arm
    far_arm: Arm
    yaw: float  # head: 0 = to the viewer, positive = right
    nod: float  # radians, positive = down
    eyes: str  # open, half, shut, happy
    mouth: str  # smile, open, laugh
    hem: float  # how far the hem trails, pixels
    tip: float  # how far the tip of the hood trails, radians
    scarf: tuple[float, ...]  # angles of the links of the scarf's tail


def draw_kid(sheet: Sheet, pose: KidPose, ground: float) -> None:
    """The child on `sheet`, standing on the line y = `ground`."""
    with sheet.moved(pose.x, ground):
        _leg(sheet, pose.far_foot, pose.hip, 9.0)
        with _torso(sheet, pose):
            _arm(sheet, pose.far_arm, (20.0, -82.0))
            _backpack(sheet)
        _leg(sheet, pose.near_foot, pose.hip, -7.0)
        with _torso(sheet, pose):
            _scarf_tail(sheet, pose.scarf)
            _coat(sheet, pose.hem)
            _arm(sheet, pose.near_arm, (-11.0, -80.0))
            _scarf(sheet)
            with sheet.moved(5, -98, turn=0.12 * pose.nod - 0.5 * pose.lean):
                _head(sheet, pose)


def _torso(sheet: Sheet, pose: KidPose) -> AbstractContextManager[None]:
    wide = 1.0 / np.sqrt(pose.stretch)
    return sheet.moved(0, -pose.hip, turn=pose.lean, sx=float(wide), sy=pose.stretch)


def _leg(sheet: Sheet, foot: Foot, hip: float, side: float) -> None:
    ankle = (foot.x + side * 0.6, -foot.lift - 15.0)
    top = (side, -hip - 4.0)
    knee = bones(top, ankle, 32.0, 31.0, 1.0)
    sheet.part(tube([top, knee, ankle], [15.0, 14.0, 12.5]), Hue.TROUSERS)
    down = np.arctan2(ankle[1] - knee[1], ankle[0] - knee[0]) - np.pi / 2
    with sheet.moved(*ankle, turn=float(0.75 * down)):
        shaft = curve([(-15, -20, 1), (15, -20, 1), (14, -8), (15, 6, 1), (-14, 6, 1), (-13, -8)])
        sheet.part(shaft, Hue.BOOT)
    with sheet.moved(*ankle, turn=foot.pitch):
        boot = curve([(-15, -6), (-16, 8), (-15, 15, 1), (29, 15, 1), (30, 5), (22, -4), (12, -8), (0, -10)])
        sheet.part(boot, Hue.BOOT)
    with sheet.moved(*ankle, turn=float(0.75 * down)):
        sheet.seam(curve([(-11.5, -13, 1), (11.5, -13, 1), (11, 3), (0, 5), (-11, 3)]), Hue.BOOT)
    with sheet.moved(*ankle, turn=foot.pitch):
        sheet.part(curve([(-16, 9, 1), (30, 9, 1), (29, 16, 1), (-16, 16, 1)]), Hue.TROUSERS, weight=0.8)
    with sheet.moved(*ankle, turn=float(0.75 * down)):
        sheet.part(curve([(-17, -27, 1), (17, -27, 1), (16, -16, 1), (-16, -16, 1)]), Hue.BOOT_LIGHT)


def _coat(sheet: Sheet, hem: float) -> None:
    low = 16.0
    outline = curve(
        [
            (-18, -94),
            (-27, -72),
            (-34, -36),
            (-46 - hem, low, 1),
            (-18 - hem, low + 6),
            (14 - 0.8 * hem, low + 6),
            (43 - 0.7 * hem, low, 1),
            (35, -36),
            (29, -72),
            (22, -94),
        ]
    )
    sheet.part(outline, Hue.COAT)
    with sheet.inside(outline):
        shade = curve([(-60, -92), (-16, -84), (-13, -40), (-19 - hem, 30), (-70 - hem, 40)])
        sheet.part(shade, Hue.COAT_SHADE, weight=0.65)
        band = [(-70 - hem, low - 14), (-18 - hem, low - 7), (14 - 0.8 * hem, low - 7), (70 - hem, low - 15)]
        sheet.part(curve([*band, (70, 60, 1), (-90, 60, 1)]), Hue.BROWN, weight=0.8)
        sheet.line(curve([(13, -90), (15, -40), (14 - 0.8 * hem, low - 8)], closed=False), weight=0.8)
    sheet.line(outline, closed=True)
    for y in (-62.0, -35.0):
        sheet.part(ellipse(23, y, 5.2, 5.6), Hue.CREAM, weight=0.75)
    sheet.part(
        curve([(-11, -31, 1), (8, -29, 1), (7, -12), (-1, -8), (-11, -13)]), Hue.COAT_SHADE, weight=0.75
    )


def _arm(sheet: Sheet, arm: Arm, shoulder: tuple[float, float]) -> None:
    down = np.pi / 2
    points = chain(shoulder, [down - arm.shoulder, down - arm.shoulder - arm.elbow], 27.0)
    with sheet.moved(*points[2], turn=-arm.shoulder - arm.elbow):
        thumb = tube([(5, 4), (12, 10)], [5.0, 4.0])
        sheet.part(thumb, Hue.RED)
        sheet.part(ellipse(0, 10, 10.5, 12), Hue.RED)
        sheet.seam(tube([(4, 6), (8, 9)], [3.0, 2.2]), Hue.RED)
    sleeve = _sleeve(points)
    sheet.part(sleeve, Hue.COAT)
    with sheet.moved(*points[2], turn=-arm.shoulder - arm.elbow):
        sheet.part(curve([(-16, -6, 1), (16, -6, 1), (15, 6, 1), (-15, 6, 1)]), Hue.BROWN, weight=0.9)


def _sleeve(points: list[tuple[float, float]]) -> Points:
    """A tube that is round at the shoulder and straight at the wrist."""
    (x0, y0), (x1, y1) = points[0], points[1]
    turn = float(np.arctan2(y1 - y0, x1 - x0))
    body = tube(points, [13.0, 13.5, 13.5], cap=False)
    half = len(body) // 2
    a = np.linspace(-np.pi / 2, np.pi / 2, 11)[1:-1] + turn + np.pi
    return np.vstack([body[:half], body[half:], np.stack([x0 + 13 * np.cos(a), y0 + 13 * np.sin(a)], axis=1)])


def _backpack(sheet: Sheet) -> None:
    body = curve([(-22, -88), (-50, -80), (-58, -45), (-52, -12), (-24, -10)])
    sheet.part(body, Hue.BROWN)
    with sheet.inside(body):
        sheet.part(
            curve([(-70, -46), (-44, -40), (-10, -46), (-10, 10, 1), (-80, 10, 1)]), Hue.RED_SHADE, weight=0.8
        )
    sheet.line(body, closed=True)
    sheet.part(ellipse(-48, -39, 5, 6), Hue.CREAM, weight=0.75)


def _scarf_tail(sheet: Sheet, angles: tuple[float, ...]) -> None:
    spine = chain((-14.0, -98.0), angles, 20.0)
    tail = tube(spine, [8.0, 11.0, 12.0, 12.5], cap=False)
    sheet.part(tail, Hue.RED)
    with sheet.inside(tail):
        a, along, across = _link(spine, len(spine) - 2)
        b = a + 9 * along
        sheet.part(np.array([a - across, b - across, b + across, a + across]), Hue.CREAM, weight=0.8)
        # Next to its knot the tail lies in shadow.
        a, along, across = _link(spine, 0)
        b, back = a + 20 * along, a - 20 * along
        sheet.part(
            np.array([back - across, b - across, b + across - 6 * along, back + across]),
            Hue.RED_SHADE,
            weight=0.6,
        )
    sheet.line(tail, closed=True)


def _link(spine: list[tuple[float, float]], number: int) -> tuple[Points, Points, Points]:
    """Start of a link of the scarf, its direction, and a way across that is wider than the scarf."""
    a, b = np.array(spine[number]), np.array(spine[number + 1])
    along = (b - a) / 20.0
    return a, along, np.array([-along[1], along[0]]) * 22


def _scarf(sheet: Sheet) -> None:
    wrap = curve(
        [(-29, -103), (-30, -89), (-14, -82), (10, -80), (32, -86), (36, -99), (20, -108), (-16, -110)]
    )
    sheet.part(wrap, Hue.RED)
    with sheet.inside(wrap):
        sheet.part(
            curve([(-40, -100), (-22, -92), (8, -90), (40, -97), (40, -70, 1), (-40, -70, 1)]),
            Hue.RED_SHADE,
            weight=0.65,
        )
    sheet.line(wrap, closed=True)


def _head(sheet: Sheet, pose: KidPose) -> None:
    turn, nod = float(np.sin(pose.yaw)), pose.nod * 16.0
    with sheet.moved(0, -54):
        lag = -np.pi / 2 - 0.8 * turn - pose.tip
        (x, y) = chain((-20 * turn, -52.0), [-np.pi / 2 - 0.5 * turn, lag], 13.0)[2]
        back = np.array([np.cos(lag - np.pi / 2), np.sin(lag - np.pi / 2)]) * 9.0
        up = np.array([np.cos(lag), np.sin(lag)]) * 8.0
        tip = [(x + back[0], y + back[1]), (x + up[0], y + up[1]), (x - back[0], y - back[1])]
        hood = curve(
            [
                (-56 - 5 * turn, 30),
                (-65 - 6 * turn, -4),
                (-48 - 8 * turn, -45),
                *tip,
                (24 - 12 * turn, -57),
                (52 - 3 * turn, -40),
                (64 - 5 * turn, -2),
                (54 - 4 * turn, 32),
                (26, 52),
                (-26, 53),
            ]
        )
        sheet.part(hood, Hue.COAT)
        with sheet.inside(hood):
            back = -float(np.sign(turn) or 1.0)
            shade = [(48 - 10 * abs(turn), -80), (50, -20), (38, 30), (20, 70), (110, 90), (110, -90)]
            sheet.part(curve([(back * x, y) for x, y in shade]), Hue.COAT_SHADE, weight=0.65)
        sheet.line(hood, closed=True)
        _face(sheet, pose, 22.0 * turn, 5.0 + nod)


def _face(sheet: Sheet, pose: KidPose, x: float, y: float) -> None:
    slim = 1.0 - 0.10 * abs(float(np.sin(pose.yaw)))
    rim = curve(
        [
            (-52 * slim, 4),
            (-44 * slim, -30),
            (0, -46),
            (44 * slim, -30),
            (52 * slim, 4),
            (38 * slim, 36),
            (0, 47),
            (-38 * slim, 36),
        ]
    )
    rim = rim + np.array([x, y])
    face = (rim - [x, y]) * [0.86, 0.86] + [x * 1.06, y + 1.5]
    sheet.part(rim, Hue.BROWN)
    sheet.part(face, Hue.SKIN)
    turn = float(np.sin(pose.yaw))
    with sheet.inside(face):
        sheet.part(
            curve(
                [
                    (x - 60, y + 2),
                    (x - 34, y - 5),
                    (x, y - 5),
                    (x + 34, y - 5),
                    (x + 60, y + 2),
                    (x + 60, y - 70, 1),
                    (x - 60, y - 70, 1),
                ]
            ),
            Hue.SKIN_SHADE,
            weight=0.6,
        )
        for side in (-1, 1):
            cx = x + 39 * float(np.sin(pose.yaw * 0.62 + side * 0.95))
            sheet.part(
                ellipse(cx, y + 22, 9.5 * (1 - 0.35 * max(0.0, side * turn)), 5.2), Hue.BLUSH, weight=0.6
            )
        _hair(sheet, x, y, turn)
        _eyes(sheet, pose, x, y)
        _mouth(sheet, pose, x + 15 * turn, y + 26)
        sheet.line(
            curve([(x + 17 * turn - 2, y + 13), (x + 17 * turn + 2 + 3 * turn, y + 15)], closed=False),
            weight=0.8,
        )
    sheet.line(face, closed=True)


def _hair(sheet: Sheet, x: float, y: float, turn: float) -> None:
    k = 9.0 * turn
    fringe = [
        (x - 60, y + 30, 1),
        (x - 37 + k * 0.3, y + 26, 1),
        (x - 34 + k * 0.5, y),
        (x - 27 + k, y - 12, 1),
        (x - 18 + k, y - 5, 1),
        (x - 8 + k, y - 17, 1),
        (x + 1 + k, y - 6, 1),
        (x + 13 + k, y - 18, 1),
        (x + 20 + k, y - 6, 1),
        (x + 28 + k, y - 13, 1),
        (x + 36 + k * 0.5, y + 3),
        (x + 38 + k * 0.2, y + 24, 1),
        (x + 60, y + 30, 1),
        (x + 60, y - 60, 1),
        (x - 60, y - 60, 1),
    ]
    sheet.part(curve(fringe), Hue.HAIR)
    shine = [
        (x - 22 + k, y - 27),
        (x - 4 + k, y - 33),
        (x + 16 + k, y - 30),
        (x + 15 + k, y - 25),
        (x - 3 + k, y - 27),
        (x - 21 + k, y - 21),
    ]
    sheet.part(curve(shine), Hue.HAIR_LIGHT, weight=0.6)


def _eyes(sheet: Sheet, pose: KidPose, x: float, y: float) -> None:
    for side in (-1, 1):
        angle = pose.yaw * 0.55 + side * 0.50
        cx, wide = x + 38 * float(np.sin(angle)), 0.62 + 0.42 * float(np.cos(angle))
        cy = y + 8
        if pose.eyes in ("shut", "happy"):
            bow = 5.0 if pose.eyes == "shut" else -7.0
            sheet.line(
                curve([(cx - 9 * wide, cy + 1), (cx, cy + 1 + bow), (cx + 9 * wide, cy + 1)], closed=False),
                weight=1.5,
            )
            continue
        tall = 13.0 if pose.eyes == "open" else 6.5
        white = ellipse(cx, cy, 9.5 * wide, tall)
        sheet.part(white, Hue.WHITE, weight=0.8)
        with sheet.inside(white):
            look = cx + 2.6 * float(np.sin(pose.yaw))
            sheet.part(ellipse(look, cy + 2, 6.8 * wide, 10.0), Hue.IRIS, weight=0.7)
            sheet.part(ellipse(look + 1.6, cy - 2, 2.9 * wide, 3.6), Hue.WHITE, weight=0.5)
        sheet.line(white, weight=0.8, closed=True)
        # The lash drops towards the temple; dropping towards the nose would make an angry face.
        lash = [
            (cx - side * 5 * wide, cy - 0.95 * tall),
            (cx + side * 3 * wide, cy - 1.0 * tall),
            (cx + side * 11 * wide, cy - 0.3 * tall),
        ]
        sheet.line(curve(lash, closed=False), weight=1.6)


def _mouth(sheet: Sheet, pose: KidPose, x: float, y: float) -> None:
    if pose.mouth == "smile":
        sheet.line(curve([(x - 8, y - 1), (x, y + 3.5), (x + 8, y - 1)], closed=False), weight=0.9)
    elif pose.mouth == "open":
        sheet.part(ellipse(x, y + 2, 5.0, 6.0), Hue.RED_SHADE, weight=0.85)
    else:
        sheet.part(
            curve(
                [
                    (x - 12, y - 4, 1),
                    (x, y - 2),
                    (x + 12, y - 4, 1),
                    (x + 7, y + 8),
                    (x, y + 11),
                    (x - 7, y + 8),
                ]
            ),
            Hue.RED_SHADE,
            weight=0.9,
        )
