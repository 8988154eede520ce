"""Jointed characters for the benchmark: a skeleton turned in space, tubes for limbs, heads on a globe."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .pen import Pen, Points, Tube

N_COLORS = 15
(SKIN, BLUSH, HAIR, SHINE, WHITE, IRIS, MOUTH, TONGUE) = range(8)
(SHIRT, STRIPE, TROUSERS, TRIM, BOOT, SOLE, BAG) = range(8, N_COLORS)

_Vector = NDArray[np.float64]
_DOWN = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Build:
    """The proportions of a character in units of the picture at 540 lines, and what it wears."""

    head: float = 58
    torso: float = 104
    leg: float = 74
    arm: float = 56
    girth: float = 40
    limb: float = 14
    rings: int = 2
    bands: int = 3
    locks: int = 13
    hair_down: float = -45
    has_hat: bool = False
    has_skirt: bool = False
    has_bag: bool = True


@dataclass(frozen=True, slots=True)
class Pose:
    """A moment of a character: `stride` and `breath` are phases, `turn` and `look` headings, all in radians.

    At heading 0 it faces us; `reach` is how far the limbs swing in radians, `mouth` 0..1 how far it is open.
    With `apart` all that swings is half-way between where it is so much of a phase earlier and later.
    """

    stride: float
    breath: float
    turn: float
    look: float
    reach: float
    mouth: float
    apart: float = 0.0

    def swing(self, wave: Callable[[float], float], lag: float = 0.0) -> float:
        """A `wave` of the stride, `lag` later."""
        phase = self.stride + lag
        return (wave(phase - self.apart) + wave(phase + self.apart)) / 2


@dataclass(frozen=True, slots=True)
class Figure:
    """A character: its build, and `paint`, the index of its first color."""

    build: Build
    paint: int

    def draw(self, pen: Pen, pose: Pose) -> None:
        """The character with its pelvis at the pen's place."""
        _Drawing(self, pen, pose).draw()


class _Drawing:
    """One drawing of a figure."""

    def __init__(self, figure: Figure, pen: Pen, pose: Pose) -> None:
        self.build, self.pen, self.pose = figure.build, pen, pose
        self.paint = figure.paint
        self.ahead = np.array([math.sin(pose.turn), 0.0, math.cos(pose.turn)])
        self.aside = np.array([math.cos(pose.turn), 0.0, -math.sin(pose.turn)])

    def draw(self) -> None:
        build, pose = self.build, self.pose
        bob = -6 * pose.swing(lambda p: abs(math.sin(p)))
        pelvis = np.array([0.0, bob, 0.0])
        lean = 0.12 * math.sin(pose.breath) + 0.1 * pose.reach
        neck = pelvis + build.torso * (self.ahead * math.sin(lean) - _DOWN * math.cos(lean))
        back: list[tuple[float, Callable[[], None]]] = []
        for side in (-1, 1):
            back.append((20 * side * float(self.aside[2]) - 30, lambda side=side: self._leg(pelvis, side)))
        for side in (-1, 1):
            shoulder = neck + _DOWN * 12 + self.aside * (side * build.girth * 0.95)
            joints = self._arm_joints(shoulder, side)
            depth = 1.4 * float(shoulder[2]) + float(joints[-1][2])
            back.append((depth, lambda j=joints, s=side: self._arm(j, s)))
        back.append((0.0, lambda: self._torso(pelvis, neck)))
        back.append((1.0, lambda: self._head(neck)))
        if build.has_bag:
            back.append((-40 * float(self.ahead[2]) + 4, lambda: self._bag(neck)))
        for _, part in sorted(back, key=lambda item: item[0]):
            part()

    def _color(self, slot: int) -> int:
        return self.paint + slot

    def _tube(self, joints: list[_Vector], radius: list[float], n: int = 13) -> Tube:
        """A tube through `joints`, bending smoothly, with radii given at even steps."""
        share = np.linspace(0, 1, n)
        knots = np.linspace(0, 1, len(joints))
        spine = np.stack([np.interp(share, knots, [j[k] for j in joints]) for k in range(2)], 1)
        padded = np.concatenate([spine[:1], spine, spine[-1:]])
        spine = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        return Tube.along(self.pen, spine, np.interp(share, np.linspace(0, 1, len(radius)), radius))

    def _leg(self, pelvis: _Vector, side: int) -> None:
        build, pose = self.build, self.pose
        lag = math.pi if side > 0 else 0
        swing = 0.62 * pose.reach * pose.swing(math.sin, lag)
        bend = pose.reach * (0.18 + 0.75 * pose.swing(lambda p: max(0.0, math.cos(p)), lag))
        hip = pelvis + self.aside * (side * build.girth * 0.5)
        knee = hip + build.leg * (self.ahead * math.sin(swing) + _DOWN * math.cos(swing))
        ankle = knee + build.leg * (self.ahead * math.sin(swing - bend) + _DOWN * math.cos(swing - bend))
        w = build.limb
        leg = self._tube([hip, knee, ankle], [1.35 * w, 1.15 * w, w, 0.85 * w])
        leg.band(self.pen, 0, 0.72, color=self._color(TROUSERS))
        leg.band(self.pen, 0.72, 0.8, color=self._color(TRIM))
        if not build.has_skirt:
            for along in (0.2, 0.36):
                self._spot(leg.at(along, 0.25 * side), 0.3 * w, self._color(STRIPE))
            self.pen.mark(self._units(leg, [(0.44, -0.5), (0.47, 0.0), (0.46, 0.4)]))
        leg.band(self.pen, 0.8, 1.0, color=self._color(BOOT))
        self._boot(ankle, swing - bend)

    def _boot(self, ankle: _Vector, tilt: float) -> None:
        w = self.build.limb
        toe = self.ahead * math.cos(tilt) - _DOWN * math.sin(tilt)
        heel = self.ahead * math.sin(tilt) + _DOWN * math.cos(tilt)
        long = toe[:2] * (1.9 * w) + np.array([0.25 * w * float(self.aside[0]), 0])
        drop = heel[:2] * w
        wide = np.array([0.9 * w, 0])
        a = ankle[:2]
        upper = [a - wide, a + 0.1 * long - 0.5 * drop, a + wide, a + wide * 0.8 + long + 0.3 * drop]
        upper += [a + long + drop, a - wide + drop]
        self.pen.shape(np.array(upper), self._color(BOOT))
        sole = [a - wide + 0.7 * drop, a + 0.5 * long + drop * 0.85, a + wide * 0.8 + long + 0.6 * drop]
        sole += [
            a + wide * 0.8 + long + 1.25 * drop,
            a + 0.4 * long + 1.5 * drop,
            a - wide * 1.05 + 1.4 * drop,
        ]
        self.pen.shape(np.array(sole), self._color(SOLE))

    def _arm_joints(self, shoulder: _Vector, side: int) -> list[_Vector]:
        build, pose = self.build, self.pose
        lag = 0 if side > 0 else math.pi
        swing = 0.8 * pose.reach * pose.swing(math.sin, lag)
        elbow_bend = 0.5 + 0.55 * pose.reach * (1 + pose.swing(math.sin, lag + 0.6))
        splay = 0.3 + 0.15 * math.sin(pose.breath + side)
        out = self.aside * (side * math.sin(splay))
        elbow = shoulder + build.arm * (
            self.ahead * math.sin(swing) * math.cos(splay) + out + _DOWN * math.cos(swing) * math.cos(splay)
        )
        lift = swing + elbow_bend
        hand = elbow + build.arm * (
            self.ahead * math.sin(lift) + 0.6 * out + _DOWN * math.cos(lift) * math.cos(splay)
        )
        return [shoulder, elbow, hand]

    def _arm(self, joints: list[_Vector], side: int) -> None:
        build, w = self.build, self.build.limb
        arm = self._tube(joints, [1.1 * w, 0.95 * w, 0.8 * w, 0.65 * w])
        edges = np.linspace(0, 0.5, 2 * build.rings + 2)
        for k, (start, end) in enumerate(pairwise(edges)):
            arm.band(self.pen, float(start), float(end), color=self._color(STRIPE if k % 2 else SHIRT))
        arm.band(self.pen, 0.5, 0.56, color=self._color(TRIM))
        arm.band(self.pen, 0.56, 0.84, color=self._color(SKIN))
        arm.band(self.pen, 0.84, 0.9, color=self._color(SOLE))
        arm.band(self.pen, 0.9, 1.0, color=self._color(SKIN))
        self._hand(joints[2][:2], joints[2][:2] - joints[1][:2], side)

    def _hand(self, at: Points, along: Points, side: int) -> None:
        w = self.build.limb
        ahead = along / max(float(np.linalg.norm(along)), 12.0)
        across = np.array([-ahead[1], ahead[0]]) * side
        for spread in (-0.55, 0.0, 0.55):
            root = at + w * (0.9 * ahead + spread * across)
            tip = root + w * (0.95 * ahead + 0.35 * spread * across)
            self._bean(root, tip, 0.33 * w, self._color(SKIN))
        palm = [
            at + w * (x * ahead + y * across) for x, y in ((-0.3, -0.6), (0.4, -1), (1.2, -0.8), (1.3, 0.8))
        ]
        palm += [at + w * (x * ahead + y * across) for x, y in ((0.4, 1), (-0.3, 0.6))]
        self.pen.shape(np.array(palm), self._color(SKIN))
        thumb = at + w * (0.3 * ahead - 0.8 * across)
        self._bean(thumb, thumb + w * (0.6 * ahead - 0.7 * across), 0.34 * w, self._color(SKIN))

    def _torso(self, pelvis: _Vector, neck: _Vector) -> None:
        build = self.build
        # A trunk is wider than deep: seen from the side it narrows.
        g = build.girth * (0.62 + 0.38 * abs(math.cos(self.pose.turn)))
        foot = pelvis + _DOWN * 20
        wide = [0.95 * g, 0.9 * g, 0.84 * g, 0.95 * g, 1.02 * g, 0.5 * g]
        trunk = self._tube([neck * 0 + foot, (foot + neck) / 2 + self.ahead * 3, neck], wide, 15)
        if build.has_skirt:
            self._skirt(pelvis, g)
        else:
            trunk.band(self.pen, 0, 0.18, color=self._color(TROUSERS), bulge=-0.2)
        trunk.band(self.pen, 0.17, 0.25, color=self._color(TRIM), bulge=-0.2)
        edges = np.linspace(0.25, 1.0, 2 * build.bands)
        for k, (start, end) in enumerate(pairwise(edges)):
            color = self._color(STRIPE if k % 2 else SHIRT)
            trunk.band(self.pen, float(start), float(end), color=color, bulge=-0.2)
        front = math.sin(self.pose.turn) * 0.7
        if abs(self.pose.turn) < 1.3:
            self._spot(trunk.at(0.21, front), 0.16 * g, self._color(SOLE))
            for along in (0.42, 0.57, 0.72):
                self._spot(trunk.at(along, front), 0.11 * g, self._color(TRIM))
        collar = [trunk.at(0.98, x)[None] for x in (-0.95, 0.95)]
        low = trunk.at(0.82, front)[None]
        self.pen.patch(np.concatenate([collar[0], low, collar[1], trunk.at(1.0, 0)[None]]), self._color(TRIM))

    def _skirt(self, pelvis: _Vector, g: float) -> None:
        sway = 8 * self.pose.swing(lambda p: math.sin(2 * p))
        top, hem = float(pelvis[1]) + 2, float(pelvis[1]) + 62
        folds = np.linspace(-1, 1, 5)
        for a, b in pairwise(folds):
            panel = [(0.85 * g * a, top), (0.85 * g * b, top), (1.5 * g * b + sway, hem)]
            panel += [(1.5 * g * (a + b) / 2 + sway, hem + 6), (1.5 * g * a + sway, hem)]
            self.pen.shape(panel, self._color(TROUSERS))

    def _bag(self, neck: _Vector) -> None:
        g = self.build.girth
        at = neck + _DOWN * 50 - self.ahead * (1.05 * g)
        w = 0.5 * g + 0.35 * g * abs(math.cos(self.pose.turn))
        box = [(-w, -34), (0, -40), (w, -34), (w * 1.1, 0), (w, 34), (0, 38), (-w, 34), (-w * 1.1, 0)]
        flap = [(-w, -34), (0, -40), (w, -34), (w, -2), (0, 8), (-w, -2)]
        for outline, color in ((box, BAG), (flap, BOOT)):
            self.pen.shape(np.array(outline) + at[:2], self._color(color))
        self._spot(None, 6, self._color(SOLE), units=at[:2] + np.array([0, 8]))

    def _head(self, neck: _Vector) -> None:
        pose, r = self.pose, self.build.head
        nod = 0.08 * math.sin(pose.breath * 1.3)
        middle = neck[:2] + self.ahead[:2] * 6 + np.array([0, -0.92 * r])
        globe = _Globe(middle, 0.86 * r, r, pose.turn + pose.look, nod)
        low, high = np.array([9, 8]), np.array([10, 0.6 * r])
        across = np.array([-1, 1])
        throat = [neck[:2] + low * across, neck[:2] + low, middle + high, middle + high * across]
        self.pen.shape(np.array(throat), self._color(SKIN))
        self._hair(globe, is_front=False)
        for side in (-1, 1):
            self._ear(globe, side, is_front=False)
        self.pen.shape(globe.jaw(), self._color(SKIN))
        self._face(globe)
        for side in (-1, 1):
            self._ear(globe, side, is_front=True)
        self._hair(globe, is_front=True)
        if self.build.has_hat:
            self._hat(globe)
        else:
            self._ribbon(globe)

    def _face(self, globe: "_Globe") -> None:
        open_ = self.pose.mouth
        for side in (-1, 1):
            self._feature(globe, (47 * side, -24), (10, 7), BLUSH)
            if self._feature(globe, (25 * side, 4), (15, 17), WHITE):
                self._feature(globe, (25 * side + 3, 2), (9, 12), IRIS)
                self._feature(globe, (25 * side + 5, 6), (3.5, 4.5), WHITE)
            self._feature(globe, (26 * side, 26), (14, 3.5), HAIR)
        if self._feature(globe, (0, -38), (23, 5 + 12 * open_), MOUTH) and open_ > 0.35:
            self._feature(globe, (1, -40 - 4 * open_), (15, 3 + 5 * open_), TONGUE)
        self._feature(globe, (0, -16), (6, 7), SKIN, out=1.14)

    def _feature(
        self,
        globe: "_Globe",
        at: tuple[float, float],
        half: tuple[float, float],
        slot: int,
        *,
        out: float = 1.0,
    ) -> bool:
        """An oval on the globe, longitude and latitude in degrees; False when it is turned away."""
        if globe.depth(*at) < 0.18:
            return False
        round_ = np.linspace(0, 2 * math.pi, 9)[:-1]
        outline = [
            globe.at(at[0] + half[0] * math.cos(u), at[1] + half[1] * math.sin(u), out) for u in round_
        ]
        self.pen.shape(np.array(outline), self._color(slot))
        return True

    def _ear(self, globe: "_Globe", side: int, *, is_front: bool) -> None:
        if (globe.depth(88 * side, -4) > 0) is not is_front:
            return
        at, r = globe.at(88 * side, -6, 1.03), globe.rx
        self._oval(at, 0.17 * r, 0.24 * r, SKIN)
        self._oval(at, 0.08 * r, 0.13 * r, BLUSH)

    def _oval(self, at: Points, rx: float, ry: float, slot: int) -> None:
        round_ = np.linspace(0, 2 * math.pi, 9)[:-1]
        self.pen.shape(at + np.stack([rx * np.cos(round_), ry * np.sin(round_)], 1), self._color(slot))

    def _hair(self, globe: "_Globe", *, is_front: bool) -> None:
        n = self.build.locks
        step = 360 / n
        locks = [(-180 + step * (k + 0.5), k) for k in range(n)]
        for lon, k in sorted(locks, key=lambda lock: globe.depth(lock[0], 0)):
            if (globe.depth(lon, 0) > 0) is not is_front:
                continue
            tip = 22 + 7 * (k % 3) if abs(lon) < 60 else self.build.hair_down - 12 * (k % 2)
            sway = 7 * self.pose.swing(math.sin, k)
            rows = [(76, 0.45, 1.08), (58, 0.6, 1.15), ((58 + tip) / 2, 0.66, 1.18), (tip + 8, 0.4, 1.15)]
            left = [globe.at(lon - step * w, lat, out) for lat, w, out in rows]
            right = [globe.at(lon + step * w, lat, out) for lat, w, out in rows]
            point = [globe.at(lon + sway, tip - 6, 1.13)]
            self.pen.shape(np.array(left + point + right[::-1]), self._color(HAIR))

    def _ribbon(self, globe: "_Globe") -> None:
        """A bow behind the crown and a pin on the temple."""
        at, r = globe.at(-150, 72, 1.22), globe.rx
        for side in (-1, 1):
            wing = [(0, 0), (0.36, -0.3), (0.5, 0), (0.36, 0.24)]
            self.pen.shape(np.array(wing) * (side * r, r) + at, self._color(SHINE))
        self._oval(at, 0.11 * r, 0.13 * r, TRIM)
        self._feature(globe, (44, 38), (8, 9), SHINE, out=1.16)

    def _hat(self, globe: "_Globe") -> None:
        rx, ry = globe.rx, globe.ry
        x, y = globe.middle[0], globe.middle[1] - 0.7 * ry
        crown = [(-0.78, 0), (-0.74, -0.5), (-0.3, -0.72), (0.3, -0.7), (0.74, -0.5), (0.78, 0)]
        self.pen.shape(np.array(crown) * (rx, ry) + (x, y), self._color(BAG))
        strap = [(-0.8, 0.02), (-0.79, -0.16), (0, -0.1), (0.79, -0.16), (0.8, 0.02), (0, 0.1)]
        self.pen.shape(np.array(strap) * (rx, ry) + (x, y), self._color(TRIM))
        feather = [(0.35, 0), (0.5, -0.5), (0.8, -0.85), (0.85, -0.5), (0.62, -0.05)]
        self.pen.shape(np.array(feather) * (rx, ry) + (x, y), self._color(SHINE))
        reach = 1.0 + 0.35 * math.sin(globe.turn)
        brim = [
            (-reach - 0.1, 0.1),
            (0, 0.02),
            (2.1 - reach, 0.1),
            (1.9 - reach, 0.22),
            (0, 0.26),
            (-reach, 0.22),
        ]
        self.pen.shape(np.array(brim) * (rx, ry) + (x, y), self._color(BAG))

    def _bean(self, root: Points, tip: Points, r: float, color: int) -> None:
        ahead = (tip - root) / max(float(np.linalg.norm(tip - root)), 1e-6)
        across = np.array([-ahead[1], ahead[0]])
        sides = [
            root + r * across,
            tip + r * across,
            tip + r * 1.1 * ahead,
            tip - r * across,
            root - r * across,
        ]
        self.pen.shape(np.array(sides), color)

    def _spot(self, at: Points | None, r: float, color: int, units: Points | None = None) -> None:
        """A small disc at a finished point of the picture, or at `units` of the figure."""
        middle = units if at is None else (at - self.pen.origin) / self.pen.zoom
        round_ = np.linspace(0, 2 * math.pi, 8)[:-1]
        self.pen.shape(np.asarray(middle) + r * np.stack([np.cos(round_), np.sin(round_)], 1), color)

    def _units(self, tube: Tube, places: list[tuple[float, float]]) -> Points:
        at = np.array([tube.at(*place) for place in places])
        return (at - self.pen.origin) / self.pen.zoom


@dataclass(frozen=True, slots=True)
class _Globe:
    """A head as a globe of half axes `rx`, `ry` around `middle`, turned and nodding; takes degrees."""

    middle: Points
    rx: float
    ry: float
    turn: float
    nod: float

    def at(self, lon: float, lat: float, out: float = 1.0) -> Points:
        """Where a place on the head shows; `out` above 1 stands off the skin."""
        x, y, _ = self._turned(lon, lat)
        return self.middle + np.array([self.rx * out * x, -self.ry * out * y])

    def depth(self, lon: float, lat: float) -> float:
        """Toward us when positive, -1..1."""
        return self._turned(lon, lat)[2]

    def jaw(self) -> Points:
        """The outline of the face: a skull with a chin that follows the turn."""
        round_ = np.linspace(0, 2 * math.pi, 17)[:-1]
        x, y = np.cos(round_), np.sin(round_)
        chin = np.clip(y, 0, 1) ** 2
        x = x * (1 - 0.22 * chin) + 0.22 * math.sin(self.turn) * chin
        return self.middle + np.stack([self.rx * x, self.ry * y * (1 + 0.06 * chin)], 1)

    def _turned(self, lon: float, lat: float) -> tuple[float, float, float]:
        a, b = math.radians(lon) + self.turn, math.radians(lat)
        x, y, z = math.cos(b) * math.sin(a), math.sin(b), math.cos(b) * math.cos(a)
        c, s = math.cos(self.nod), math.sin(self.nod)
        return x, y * c - z * s, y * s + z * c
