"""The walk as functions of time: two poses, the puddle's splash, and the street, at any time in frames.

A child and a fox walk along, the child jumps into a puddle, the fox starts back, the child turns and laughs.
"""

import numpy as np

from drawn.fox import FoxPose, Paw, draw_fox
from drawn.kid import Arm, Foot, KidPose, draw_kid
from drawn.motion import speed, straight, track
from drawn.palette import Walk as Hue
from drawn.pencil import Plane, Sheet, curve, ellipse

SIZE = (960, 540)
N_FRAMES = 96
ZOOM = 1.14
GROUND = 474.0
PUDDLE = (694.0, 480.0)

# (first frame, last frame, frames a drawing is held, moving time per frame)
_TIMING = ((1, 32, 2), (33, 64, 1), (65, 76, 2), (77, 84, 8), (85, 96, 2))


def time_of(frame: int) -> float:
    """The moment shown at 1-based `frame`: on twos, on ones for the jump, on twos, a hold, on twos."""
    for first, last, held in _TIMING:
        if first <= frame <= last:
            return float(frame - (frame - first) % held)
    raise ValueError(f"the walk has frames 1-{N_FRAMES}, not {frame}")


def draw_walk(frame: int) -> Sheet:
    """The whole drawing of 1-based `frame`."""
    time = time_of(frame) - 1.0
    sheet = Sheet(SIZE)
    with sheet.moved(16, SIZE[1] * (1 - ZOOM), sx=ZOOM, sy=ZOOM):
        _street(sheet, time)
        draw_fox(sheet, fox_pose(time), GROUND + 8)
        draw_kid(sheet, kid_pose(time), GROUND)
        _splash(sheet, time)
    return sheet


def inked(sheet: Sheet) -> Plane:
    """`[H, W]` the line art as gray on white, 16 levels."""
    return (255 - np.round(sheet.coverage(sheet.ink) / 17.0) * 17).astype(np.uint8)


# the child: walks until 36, crouches to 44, leaves the ground at 47, lands at 59

_STEP, _REACH, _START = 12.0, 33.0, 300.0


def _kid_x(t: float) -> float:
    pace = 2 * _REACH / _STEP
    halt = _START + pace * 36
    if t <= 36:
        return _START + pace * t
    return straight(
        t, (36, halt), (41, halt + 14), (46, halt + 22), (48, halt + 40), (59, halt + 172), (62, halt + 178)
    )


def _kid_air(t: float) -> float:
    return 96.0 * max(0.0, 1 - ((t - 53.0) / 6.0) ** 2)


def _kid_hip(t: float) -> float:
    if t < 36:
        return 74.0 + 3.5 * float(np.cos(2 * np.pi * (t / _STEP + 0.5)))
    stand = track(
        t, (36, 70.5), (44, 48), (47.5, 82), (53, 72), (58, 76), (61.5, 47), (67, 78), (71, 74), (74, 75)
    )
    laugh = 2.2 * float(np.sin((t - 70) * 0.9)) * track(t, (68, 0), (72, 1), (77, 1))
    return stand + _kid_air(t) + laugh


def _kid_feet(t: float) -> tuple[Foot, Foot]:
    if t <= 36:
        return _stride(t / (2 * _STEP)), _stride(t / (2 * _STEP) + 0.5)
    x, air = _kid_x(t), _kid_air(t)
    halt = _START + 2 * _REACH / _STEP * 36
    # At 36 the far boot is in front and stays; the near one is drawn up beside it.
    far = straight(t, (36, halt + _REACH), (46, halt + _REACH), (59, halt + 190)) - x
    near = straight(t, (36, halt - _REACH), (42, halt + 18), (46, halt + 18), (59, halt + 168)) - x
    lift = 13.0 * max(0.0, 1 - ((t - 39) / 3.0) ** 2)
    tuck = track(t, (46, 0), (52, 16), (58, 0))
    toe = track(t, (43, 0), (48, 0.9), (52, 0.35), (57, -0.35), (59.5, 0))
    return Foot(near, air + lift + tuck, toe + 0.02 * lift), Foot(far, air + 0.7 * tuck, 0.8 * toe)


def _stride(phase: float) -> Foot:
    u = phase % 1.0
    if u < 0.5:
        pitch = track(u, (0, -0.42), (0.09, 0), (0.36, 0), (0.5, 0.5))
        return Foot(_REACH * (1 - 4 * u), 6.0 * track(u, (0.36, 0), (0.5, 1)), pitch)
    v = (u - 0.5) * 2
    return Foot(
        _REACH * (-1 + 2 * v * v * (3 - 2 * v) / 1.0),
        6 * (1 - v) + 17.0 * float(np.sin(np.pi * v)),
        track(v, (0, 0.5), (0.45, 0.25), (1, -0.42)),
    )


def _kid_arms(t: float) -> tuple[Arm, Arm]:
    swing = float(np.cos(np.pi * t / _STEP)) * track(t, (34, 1), (40, 0))
    near = track(t, (36, 0.0), (44, -1.1), (49, 1.9), (55, 2.3), (61, 0.5), (68, 0.15), (76, 0.1), (82, -1.4))
    far = track(t, (36, 0.0), (44, -0.9), (49, 2.0), (55, 2.5), (61, 0.9), (68, 0.4), (76, 0.9))
    wave = 0.45 * float(np.sin((t - 80) * 0.85)) * track(t, (82, 0), (85, 1))
    bend = track(t, (38, 0), (46, 0.2), (62, 0.5), (70, 0.2), (76, 0.1), (82, -0.45))
    return Arm(
        near - 0.62 * swing - 0.05, 0.35 * track(t, (76, 1), (80, 0)) + bend - 0.2 * swing + wave
    ), Arm(far + 0.62 * swing, 0.4 + 0.4 * bend + 0.2 * swing)


def _wind(t: float, lag: float) -> tuple[float, float]:
    """Speed of the child's shoulders some frames ago: what scarf, hood and hem trail behind."""
    ago = t - lag
    return speed(_kid_x, ago), speed(_kid_hip, ago)


def _links(t: float, n: int, rest: float) -> tuple[float, ...]:
    angles: list[float] = []
    for i in range(n):
        across, up = _wind(t, 1.2 * (i + 1))
        flap = 0.10 * float(np.sin(0.55 * t - 1.1 * i)) * min(1.0, 0.3 + across / 6)
        # Hanging is a quarter turn down; forward speed lifts the tail towards level, a fall throws it up.
        level = min(1.0, across / 7.5)
        angles.append(
            float(
                rest
                + (np.pi * 0.98 - rest) * level
                + flap
                + np.clip(-up * 0.055, -0.8, 0.7) * (0.5 + 0.3 * i)
            )
        )
    return tuple(angles)


def _kid_look(t: float) -> tuple[float, str, str]:
    """Yaw of the head, eyes, mouth."""
    yaw = track(
        t, (0, 0.65), (10, 0.65), (16, -0.25), (22, -0.25), (28, 0.75), (64, 0.7), (72, -0.62), (96, -0.62)
    )
    eyes = "open"
    for first, last, look in (
        (13, 14, "half"),
        (15, 16, "shut"),
        (17, 18, "half"),
        (59, 62, "shut"),
        (67, 68, "half"),
        (74, 99, "happy"),
    ):
        if first <= t + 1 <= last + 0.99:
            eyes = look
    mouth = "open" if 44 <= t < 59 else "laugh" if t >= 68 else "smile"
    return yaw, eyes, mouth


def kid_pose(t: float) -> KidPose:
    """The child at time `t` (frames, 0 = frame 1)."""
    near_foot, far_foot = _kid_feet(t)
    near_arm, far_arm = _kid_arms(t)
    yaw, eyes, mouth = _kid_look(t)
    across, up = _wind(t, 1.5)
    return KidPose(
        x=_kid_x(t),
        hip=_kid_hip(t),
        lean=track(t, (34, 0.05), (44, 0.24), (49, 0.10), (55, -0.06), (61, 0.16), (68, -0.05), (76, -0.03)),
        stretch=track(
            t, (36, 1.0), (44, 0.93), (48.5, 1.08), (54, 1.0), (58, 1.05), (61.5, 0.88), (66, 1.04), (70, 1.0)
        ),
        near_foot=near_foot,
        far_foot=far_foot,
        near_arm=near_arm,
        far_arm=far_arm,
        yaw=yaw,
        nod=track(t, (30, 0), (40, 0.35), (46, 0.2), (52, -0.25), (60, 0.4), (68, -0.15))
        + 0.05 * float(np.cos(np.pi * t / 6)),
        eyes=eyes,
        mouth=mouth,
        hem=0.9 * across + 1.2 * float(np.sin(np.pi * t / _STEP)) * track(t, (34, 1), (40, 0)),
        tip=float(np.clip(0.05 * across - 0.05 * up, -0.7, 0.9)) + 0.06 * float(np.sin(np.pi * t / 6)),
        scarf=_links(t, 3, 1.9),
    )


# the fox: trots until 42, starts back at 60


def _fox_x(t: float) -> float:
    trot = 118 + straight(t, (0, 0), (34, 178), (40, 203), (46, 215), (50, 217))
    return trot + straight(t, (60, 0), (66, -34), (74, -34), (92, -8))


def _fox_hop(t: float) -> float:
    return 26.0 * max(0.0, 1 - ((t - 63.0) / 3.2) ** 2)


def _fox_paws(t: float) -> tuple[Paw, Paw, Paw, Paw]:
    pace = abs(speed(_fox_x, t)) * track(t, (58, 1), (59, 0), (72, 0), (74, 1))
    reach = min(15.0, 3.4 * pace)
    turn = 1.0 if t < 59 else 0.55
    paws: list[Paw] = []
    for offset in (0.0, 0.5, 0.5, 0.0):
        u = (turn * t / 12.0 + offset + 0.2) % 1.0
        x = 1 - 4 * u if u < 0.5 else -1 + 4 * (u - 0.5)
        lift = 0.0 if u < 0.5 else float(np.sin((u - 0.5) * 2 * np.pi))
        paws.append(Paw(reach * x, 0.75 * reach * lift + _fox_hop(t)))
    return paws[0], paws[1], paws[2], paws[3]


def fox_pose(t: float) -> FoxPose:
    """The fox at time `t` (frames, 0 = frame 1)."""
    pace = speed(_fox_x, t)
    wag = 0.30 * track(t, (64, 0.35), (76, 1.0))
    beat = 0.38 if t < 64 else 0.75
    base = straight(t, (0, 3.35), (58, 3.35), (61, 2.75), (68, 3.0), (76, 3.6))
    tail = tuple(base + 0.26 * i + wag * (1 + 0.3 * i) * float(np.sin(beat * t - 0.8 * i)) for i in range(4))
    scarf = tuple(2.1 + 0.14 * min(max(pace, 0.0), 6.0) + 0.12 * float(np.sin(0.5 * t - i)) for i in range(2))
    blink = 40 <= t < 43
    return FoxPose(
        x=_fox_x(t),
        height=53.0
        + 2.0 * float(np.cos(2 * np.pi * t / 6.0)) * min(1.0, pace / 5)
        + _fox_hop(t)
        - 9 * track(t, (65, 0), (67, 1), (71, 0)),
        pitch=track(t, (58, 0), (61, -0.16), (66, 0.04), (72, 0.0))
        + 0.025 * float(np.sin(2 * np.pi * t / 12)),
        paws=_fox_paws(t),
        head=track(t, (0, 0.05), (34, 0.0), (40, 0.12), (50, -0.22), (58, -0.05), (62, 0.1), (72, -0.2)),
        head_lift=14
        + track(t, (40, 0), (50, 8), (60, -2), (63, 6), (76, 9))
        + 1.5 * float(np.cos(2 * np.pi * t / 12)),
        ears=track(t, (57, 0), (60, 1), (70, 0.8), (76, 0)),
        eyes="shut" if blink or 59 <= t < 64 else "happy" if t >= 76 else "open",
        mouth="open" if t >= 76 or t < 34 else "smile",
        tail=tail,
        scarf=scarf,
    )


# the street


def _street(sheet: Sheet, t: float) -> None:
    width, height = SIZE
    for x, y, size in ((120.0, 130.0, 0.9), (704.0, 134.0, 1.05)):
        cloud = [
            (-70, 24),
            (-64, 2),
            (-40, -4),
            (-26, -28),
            (8, -30),
            (24, -10),
            (48, -12),
            (66, 4),
            (72, 24),
            (40, 31),
            (-40, 31),
        ]
        sheet.part(curve([(x + size * a, y + size * b) for a, b in cloud]), Hue.WHITE, weight=0.8)
    bush = curve(
        [
            (724, 440, 1),
            (720, 396),
            (752, 376),
            (770, 338),
            (812, 326),
            (840, 352),
            (868, 340),
            (902, 354),
            (934, 330),
            (946, 440, 1),
        ]
    )
    sheet.part(bush, Hue.LEAF)
    with sheet.inside(bush):
        shade = [
            (706, 420),
            (740, 404),
            (766, 414),
            (796, 388),
            (836, 404),
            (876, 390),
            (946, 400),
            (946, 470, 1),
            (686, 470, 1),
        ]
        sheet.part(curve(shade), Hue.LEAF_SHADE, weight=0.8)
    for x, y in ((768.0, 376.0), (818.0, 356.0), (880.0, 374.0)):
        petals = [
            (x + r * np.cos(a), y + r * np.sin(a))
            for a, r in zip(np.linspace(0, 2 * np.pi, 10, endpoint=False), [11, 7] * 5, strict=True)
        ]
        sheet.part(curve(petals), Hue.WHITE, weight=0.7)
        sheet.part(ellipse(x, y, 4, 4), Hue.COAT, weight=0.7)
    sheet.part(np.array([(-40.0, 424), (width + 9, 424), (width + 9, 442), (-40, 442)]), Hue.CURB, weight=0.8)
    sheet.part(
        np.array([(-40.0, 442), (width + 9, 442), (width + 9, height + 9), (-40, height + 9)]),
        Hue.GROUND,
        weight=0.8,
    )
    _puddle(sheet, t)


def _puddle(sheet: Sheet, t: float) -> None:
    x, y = PUDDLE
    push = 12.0 * track(t, (59, 0), (62, 1), (70, 0))
    edge = [
        (-128 - push, 2),
        (-84, -15 - 0.3 * push),
        (-20, -14),
        (38, -20),
        (104, -12),
        (138 + push, 4),
        (96, 18),
        (30, 16),
        (-40, 25),
        (-104, 17),
    ]
    outline = curve([(x + a, y + b) for a, b in edge])
    sheet.part(outline, Hue.PUDDLE, weight=0.85)
    with sheet.inside(outline):
        sheet.part(ellipse(x + 66, y - 3, 40, 6.0), Hue.PUDDLE_LIGHT, weight=0.6)
        sheet.part(ellipse(x - 70, y + 8, 30, 5.0), Hue.PUDDLE_LIGHT, weight=0.6)
        if 59 <= t < 72:
            grow = (t - 58) * 7.0
            ring = ellipse(_kid_x(59.0), GROUND + 8, 26 + grow, 6 + 0.18 * grow)
            sheet.line(ring, weight=0.6, closed=True)
    sheet.line(outline, weight=0.85, closed=True)


def _splash(sheet: Sheet, t: float) -> None:
    age = t - 59.0
    if not 0.0 <= age < 14.0:
        return
    x0 = _kid_x(59.0)
    if age < 6:
        rise = float(np.sin(np.pi * (age + 1) / 7))
        for side in (-1, 1):
            crown = [
                (22, 9),
                (30, -18 * rise),
                (46, -50 * rise, 1),
                (52, -24 * rise),
                (74, -38 * rise, 1),
                (74, -10 * rise),
                (96, -14 * rise, 1),
                (88, 9),
                (56, 13),
            ]
            with sheet.moved(x0 + side * 3 * age, GROUND, sx=float(side)):
                sheet.part(curve(crown), Hue.PUDDLE, weight=0.9)
    for number, (vx, vy, size) in enumerate(
        (
            (-9.5, -13, 7),
            (-6.2, -17, 9),
            (-3.8, -12, 6),
            (5.0, -16, 8),
            (8.2, -12.5, 9),
            (11.5, -14, 6),
            (-12.5, -9, 6),
            (13.8, -8.5, 7),
        )
    ):
        x, y = x0 + (30 if vx > 0 else -30) + vx * age, GROUND - 4 + vy * age + 1.35 * age * age
        if age < 2 or y > GROUND + 4:
            continue
        turn = float(np.arctan2(vy + 2.7 * age, vx)) + np.pi / 2
        with sheet.moved(x, y, turn=turn):
            drop = curve([(0, -1.9 * size, 1), (0.8 * size, 0), (0, size), (-0.8 * size, 0)])
            sheet.part(drop, Hue.PUDDLE_LIGHT if number % 2 else Hue.PUDDLE, weight=0.8)
