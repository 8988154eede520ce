"""A bear who flips pancakes, and the pancake: drawings by number.

Units are pixels at 720 lines; y points down. Layer A is the bear with its pan, layer B the pancake.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from drawn.palette import Cut as Hue
from drawn.pencil import Sheet, curve, ellipse, tube

SIZE = (1280, 720)
_HOME = (590.0, 560.0)  # where the bear's apron meets the counter


@dataclass(frozen=True, slots=True)
class BearPose:
    """One drawing of the bear."""

    rise: float  # of the shoulders, pixels
    stretch: float
    head: tuple[float, float, float]  # offset x, y and turn
    look: tuple[float, float]  # where the eyes go, -1..1
    eyes: str  # open, shut, happy
    mouth: str  # smile, grin, round
    hat: float  # how far the hat lags, radians
    pan: tuple[float, float, float]  # center x, y and turn
    left: tuple[float, float]  # the free hand
    kerchief: float  # lag of the neckerchief's ends, radians


BEAR = {
    "1": BearPose(0, 1.0, (0, 0, 0.03), (0.5, 0.6), "open", "grin", 0.0, (892, 500, 0.0), (452, 548), 0.0),
    "2": BearPose(
        -20, 0.95, (8, -6, 0.08), (0.6, 0.9), "open", "smile", -0.10, (898, 542, 0.10), (440, 560), -0.25
    ),
    "3": BearPose(
        16, 1.05, (4, 6, -0.10), (0.5, -0.7), "open", "round", 0.16, (904, 420, -0.26), (428, 500), 0.4
    ),
    "4": BearPose(
        6, 1.01, (0, 2, -0.14), (0.4, -1.0), "open", "grin", -0.06, (896, 462, -0.06), (440, 520), -0.1
    ),
    "5": BearPose(
        12, 1.03, (6, 4, -0.10), (0.6, -0.6), "open", "smile", 0.05, (898, 440, 0.0), (434, 508), 0.1
    ),
    "6": BearPose(
        -16, 0.96, (6, -4, 0.06), (0.5, 0.8), "shut", "smile", -0.12, (896, 534, 0.04), (446, 556), -0.3
    ),
    "7": BearPose(
        2, 1.0, (-6, 2, -0.12), (0.0, 0.0), "happy", "grin", 0.08, (892, 498, 0.0), (392, 458), 0.1
    ),
}


def draw_bear(number: str) -> Sheet:
    """Drawing `number` of layer A."""
    pose = BEAR[number]
    sheet = Sheet(SIZE, weight=2.9)
    shoulder_y = 430.0 - pose.rise
    with sheet.moved(*_HOME, sx=1 / float(np.sqrt(pose.stretch)), sy=pose.stretch):
        _body(sheet, pose.rise)
    _free_arm(sheet, (_HOME[0] - 76, shoulder_y + 18), pose.left)
    _pan(sheet, pose.pan)
    _pan_arm(sheet, (_HOME[0] + 80, shoulder_y + 22), pose.pan)
    with sheet.moved(_HOME[0] + pose.head[0], 392 - pose.rise - pose.head[1], turn=pose.head[2]):
        _kerchief(sheet, pose.kerchief)
        _hat(sheet, pose.hat)
        _face(sheet, pose)
    return sheet


def _body(sheet: Sheet, rise: float) -> None:
    top = -150.0 - rise
    body = curve(
        [
            (-62, top),
            (-98, top + 30),
            (-122, -60),
            (-132, 40, 1),
            (132, 40, 1),
            (122, -60),
            (98, top + 30),
            (62, top),
            (0, top - 8),
        ]
    )
    sheet.part(body, Hue.SHIRT)
    with sheet.inside(body):
        for y in (top + 16, top + 62, top + 108):
            band = [(-150, y + 8), (0, y + 18), (150, y + 8), (150, y + 28), (0, y + 38), (-150, y + 28)]
            sheet.part(np.array(band), Hue.STRIPE, weight=0.7)
    sheet.line(body, closed=True)
    for side in (-1, 1):
        strap = tube(
            [(side * 52, top - 4), (side * 62, top + 40), (side * 58, top + 76)], [11, 11, 11], cap=False
        )
        sheet.part(strap, Hue.APRON, weight=0.9)
    apron = curve(
        [
            (-76, top + 62, 1),
            (76, top + 62, 1),
            (82, -56),
            (112, -24),
            (120, 40, 1),
            (-120, 40, 1),
            (-112, -24),
            (-82, -56),
        ]
    )
    sheet.part(apron, Hue.APRON)
    for side in (-1, 1):
        sheet.part(ellipse(side * 60, top + 72, 8, 8), Hue.POCKET, weight=0.75)
    sheet.part(curve([(-46, -52, 1), (46, -52, 1), (42, -14), (0, -4), (-42, -14)]), Hue.POCKET, weight=0.85)
    with sheet.inside(body):
        sheet.shadow(curve([(-170, top), (-92, top + 34), (-74, -40), (-84, 60), (-200, 70)]), weight=0.7)
        sheet.shadow(
            curve([(-90, top - 30), (-80, top + 18), (0, top + 34), (84, top + 16), (90, top - 30)]),
            weight=0.7,
        )


def _paw(sheet: Sheet, x: float, y: float, turn: float) -> None:
    with sheet.moved(x, y, turn=turn):
        sheet.part(curve([(-26, -10), (-24, 14), (0, 27), (25, 14), (26, -12), (0, -22)]), Hue.FUR)
        for dx in (-9.0, 8.0):
            sheet.line(curve([(dx, 25), (dx + 0.5, 18), (dx, 12)], closed=False), weight=0.8)


def _arm(sheet: Sheet, spine: list[tuple[float, float]], shade: float) -> None:
    sleeve = tube(spine, [33.0, 31.0, 27.0], cap=True)
    sheet.part(sleeve, Hue.SHIRT)
    line = curve(spine, closed=False)
    n = len(line)
    with sheet.inside(sleeve):
        for share in (0.24, 0.78):
            i = int(share * n)
            ahead = (line[min(i + 1, n - 1)] - line[i - 1]) / np.linalg.norm(
                line[min(i + 1, n - 1)] - line[i - 1]
            )
            across = np.array([-ahead[1], ahead[0]]) * 38
            a, b = line[i] - 8 * ahead, line[i] + 9 * ahead
            sheet.part(np.array([a - across, b - across, b + across, a + across]), Hue.STRIPE, weight=0.7)
    sheet.line(sleeve, closed=True)
    with sheet.inside(sleeve):
        below = line + np.array([shade * 0.4, 15.0])
        sheet.shadow(np.vstack([below, below[::-1] + np.array([0.0, 70.0])]), weight=0.7)
    ahead = (line[-1] - line[-4]) / np.linalg.norm(line[-1] - line[-4])
    across = np.array([-ahead[1], ahead[0]])
    at = line[-1]
    cuff = np.array(
        [
            at - across * 33 - 7 * ahead,
            at + across * 33 - 7 * ahead,
            at + across * 32 + 14 * ahead,
            at - across * 32 + 14 * ahead,
        ]
    )
    sheet.part(cuff, Hue.BAND, weight=0.9)


def _free_arm(sheet: Sheet, shoulder: tuple[float, float], hand: tuple[float, float]) -> None:
    low = hand[1] > 490
    elbow = (shoulder[0] - (62 if low else 84), (shoulder[1] + hand[1]) / 2 + (14 if low else 62))
    _paw(sheet, hand[0] + (0 if low else -2), hand[1] + (18 if low else -22), 0.3 if low else 2.9)
    _arm(sheet, [shoulder, elbow, hand], -20.0)


def _pan_arm(sheet: Sheet, shoulder: tuple[float, float], pan: tuple[float, float, float]) -> None:
    hand = (pan[0] - 118 * float(np.cos(pan[2])), pan[1] + 8 - 118 * float(np.sin(pan[2])))
    elbow = ((shoulder[0] + hand[0]) / 2 - 4, (shoulder[1] + hand[1]) / 2 + 36)
    wrist = (hand[0] - 16, hand[1] + 8)
    _arm(sheet, [shoulder, elbow, wrist], 10.0)
    with sheet.moved(*hand, turn=pan[2] - 1.4):
        sheet.part(curve([(-24, -8), (-22, 14), (0, 26), (23, 14), (24, -10), (0, -20)]), Hue.FUR)
        for dx in (-8.0, 7.0):
            sheet.line(curve([(dx, 24), (dx, 15), (dx - 1, 8)], closed=False), weight=0.8)


def _pan(sheet: Sheet, pan: tuple[float, float, float]) -> None:
    with sheet.moved(pan[0], pan[1], turn=pan[2]):
        sheet.part(curve([(-150, -4, 1), (-84, -2, 1), (-84, 14, 1), (-150, 16, 1)]), Hue.HANDLE)
        bowl = curve([(-92, -2, 1), (-84, 26), (-58, 46), (0, 53), (58, 46), (84, 26), (92, -2, 1)])
        sheet.part(bowl, Hue.PAN)
        with sheet.inside(bowl):
            sheet.shadow(
                curve([(-110, 50), (-50, 45), (10, 46), (70, 20), (110, -10), (110, 80), (-110, 80)]),
                weight=0.7,
            )
            sheet.light(
                curve([(-74, 15), (-50, 23), (-18, 28), (-20, 35), (-52, 31), (-72, 23)]),
                Hue.PAN_LIGHT,
                Hue.PAN,
                weight=0.7,
            )
        sheet.part(ellipse(0, -3, 92, 24), Hue.PAN_LIGHT)
        sheet.part(ellipse(0, -1, 80, 18), Hue.PAN, weight=0.8)


def _kerchief(sheet: Sheet, lag: float) -> None:
    for turn in (0.35 + lag, -0.2 + lag):
        with sheet.moved(-4, 66, turn=turn):
            sheet.part(
                curve([(-6, 0, 1), (-20, 34), (-14, 48, 1), (10, 42), (8, 0, 1)]), Hue.BAND, weight=0.9
            )
    sheet.part(curve([(-66, 40), (-52, 66), (0, 78), (52, 66), (66, 40), (0, 50)]), Hue.BAND)
    sheet.part(ellipse(-4, 72, 13, 11), Hue.BAND, weight=0.9)


def _hat(sheet: Sheet, lag: float) -> None:
    with sheet.moved(0, -92):
        with sheet.moved(0, 0, turn=lag):
            puff = curve(
                [
                    (-58, -12),
                    (-86, -44),
                    (-74, -86),
                    (-38, -96),
                    (0, -118),
                    (42, -98),
                    (78, -84),
                    (86, -42),
                    (58, -12),
                    (0, -4),
                ]
            )
            sheet.part(puff, Hue.HAT)
            with sheet.inside(puff):
                sheet.shadow(
                    curve(
                        [
                            (-110, -60),
                            (-72, -52),
                            (-56, -30),
                            (-10, -24),
                            (50, -30),
                            (100, -40),
                            (100, 30),
                            (-110, 30),
                        ]
                    ),
                    weight=0.7,
                )
            sheet.line(curve([(-30, -24), (-38, -48), (-36, -62)], closed=False), weight=0.8)
            sheet.line(curve([(26, -24), (36, -46), (34, -60)], closed=False), weight=0.8)
        sheet.part(
            curve([(-62, -22, 1), (0, -30), (62, -22, 1), (64, 14, 1), (0, 6), (-64, 14, 1)]), Hue.BAND
        )


def _face(sheet: Sheet, pose: BearPose) -> None:
    for side in (-1, 1):
        sheet.part(ellipse(side * 82, -58, 31, 30), Hue.FUR)
        sheet.part(ellipse(side * 82, -56, 17, 17), Hue.EAR, weight=0.8)
    head = curve(
        [
            (-112, 2),
            (-100, -54),
            (-56, -88),
            (0, -96),
            (56, -88),
            (100, -54),
            (112, 2),
            (92, 48),
            (44, 70),
            (0, 74),
            (-44, 70),
            (-92, 48),
        ]
    )
    sheet.part(head, Hue.FUR)
    with sheet.inside(head):
        sheet.shadow(
            curve(
                [(-140, -30), (-96, -16), (-84, 30), (-40, 58), (10, 62), (80, 50), (90, 120), (-150, 120)]
            ),
            weight=0.7,
        )
        sheet.light(
            curve([(30, -78), (62, -64), (84, -38), (78, -30), (56, -50), (28, -64)]),
            Hue.FUR_LIGHT,
            Hue.FUR,
            weight=0.7,
        )
    dx, dy = 9 * pose.look[0], 5 * pose.look[1]
    muzzle = ellipse(dx, 30 + dy, 54, 38)
    sheet.part(muzzle, Hue.MUZZLE)
    for side in (-1, 1):
        sheet.part(ellipse(side * 74 + 0.7 * dx, 24 + dy, 16, 10), Hue.BLUSH, weight=0.7)
    _mouth(sheet, pose.mouth, dx, 36 + dy)
    sheet.part(
        curve(
            [
                (dx - 19, 6 + dy),
                (dx, 1 + dy),
                (dx + 19, 6 + dy),
                (dx + 9, 20 + dy),
                (dx, 24 + dy),
                (dx - 9, 20 + dy),
            ]
        ),
        Hue.NOSE,
    )
    sheet.part(ellipse(dx - 6, 8.5 + dy, 5, 2.6), Hue.HAT, weight=0.5)
    for side in (-1, 1):
        x, y = side * 44 + dx, -22 + dy
        if pose.eyes == "open":
            sheet.part(ellipse(x, y, 10.5, 15), Hue.NOSE, weight=0.9)
            sheet.part(
                ellipse(x + 3 + 2 * pose.look[0], y - 5 + 3 * pose.look[1], 4.2, 5), Hue.HAT, weight=0.5
            )
        else:
            bow = 8.0 if pose.eyes == "shut" else -11.0
            sheet.line(curve([(x - 14, y + 2), (x, y + 2 + bow), (x + 14, y + 2)], closed=False), weight=1.5)
        lift = -8.0 * (pose.look[1] < 0) - 2
        sheet.line(
            curve(
                [(x - 11, y - 27 + lift - side), (x, y - 32 + lift), (x + 11, y - 27 + lift + side)],
                closed=False,
            ),
            weight=1.3,
        )


def _mouth(sheet: Sheet, kind: str, x: float, y: float) -> None:
    sheet.line(curve([(x, y - 14), (x, y + 1)], closed=False), weight=0.9)
    if kind == "smile":
        sheet.line(
            curve([(x - 24, y - 1), (x - 12, y + 6), (x, y), (x + 12, y + 6), (x + 24, y - 1)], closed=False),
            weight=1.0,
        )
    elif kind == "round":
        sheet.part(ellipse(x, y + 10, 11, 14), Hue.MOUTH, weight=0.9)
    else:
        mouth = curve(
            [
                (x - 27, y - 3, 1),
                (x, y + 4),
                (x + 27, y - 3, 1),
                (x + 16, y + 22),
                (x, y + 27),
                (x - 16, y + 22),
            ]
        )
        sheet.part(mouth, Hue.MOUTH)
        with sheet.inside(mouth):
            sheet.part(ellipse(x, y + 25, 15, 11), Hue.TONGUE, weight=0.75)
        sheet.line(mouth, closed=True)


# the pancake: center x, y, turn, how open the disc is to us (1 = seen from above), browned side up

CAKE = {
    "1": (892.0, 489.0, 0.0, 0.22, False),
    "2": (898.0, 531.0, 0.10, 0.21, False),
    "3": (904.0, 352.0, -0.30, 0.30, False),
    "4": (914.0, 236.0, -1.05, 0.42, False),
    "5": (918.0, 128.0, 0.35, 0.62, True),
    "6": (908.0, 262.0, 0.30, 0.34, True),
}


def draw_cake(number: str) -> Sheet:
    """Drawing `number` of layer B."""
    x, y, turn, flat, browned = CAKE[number]
    sheet = Sheet(SIZE, weight=2.9)
    face, rim = (Hue.CRUST, Hue.CAKE) if browned else (Hue.CAKE, Hue.CRUST)
    wide, thick = 74.0, 15.0 * (1.0 - 0.35 * flat)
    with sheet.moved(x, y, turn=turn):
        both = np.vstack([ellipse(0, 0, wide, wide * flat), ellipse(0, thick, wide, wide * flat)])
        edge = cv2.convexHull(both.astype(np.float32))[:, 0].astype(np.float64)
        sheet.part(edge, Hue.CRUMB)
        sheet.part(ellipse(0, 0, wide, wide * flat), rim)
        sheet.part(ellipse(0, 0, wide - 10, (wide - 10) * flat - 1), face, weight=0.8)
        for u, v, size in ((-0.35, -0.2, 15.0), (0.30, -0.35, 11.0), (0.18, 0.35, 17.0)):
            sheet.part(ellipse(u * wide, v * wide * flat, size, max(4.2, size * flat)), rim, weight=0.7)
    return sheet
