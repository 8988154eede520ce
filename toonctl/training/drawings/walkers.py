"""Whole figures that turn in space: walks, runs and gestures with limbs of two sides, dressed by chance."""

import math
from collections.abc import Callable

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import Points, box, ellipse, normals, shifted, spline
from toonctl.training.drawings.garments import Bag, Cape, Scarf, Skirt, Top
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints
from toonctl.training.drawings.props import Prop
from toonctl.training.drawings.space import ODDS, VIEWS, Bones, Gait, Heading, Limb, choose_yaw
from toonctl.training.drawings.turnheads import TurnHead


class Sleeve:
    """How one side's arm or leg is colored along its length: base, bands, cuff, bare end."""

    def __init__(self, build: np.random.Generator, paints: Paints, name: str) -> None:
        self.base = paints.pick(name)
        n_bands = int(build.choice([0, 0, 1, 2, 4]))
        ends = sorted(float(v) for v in build.uniform(0.05, 0.85, 2 * n_bands))
        self.bands = [
            (ends[2 * k], max(ends[2 * k + 1], ends[2 * k] + 0.05), paints.pick(f"{name} band {k % 3}"))
            for k in range(n_bands)
        ]
        self.end = float(build.choice([0.3, 0.55, 1.0], p=[0.25, 0.2, 0.55]))
        self.cuff = bool(build.random() < 0.5)
        self.cuff_color = paints.pick(f"{name} cuff")
        self.patch = bool(build.random() < 0.2)
        self.patch_color = paints.pick(f"{name} patch")


class Walker:
    """A figure of 5 to 8 heads or of 3, about 270 tall, its feet near y = 0."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        noodle = bool(build.random() < 0.15)  # long thin limbs without bones
        long = float(build.uniform(0.75, 1.35)) * (1.4 if noodle else 1.0)
        self.head_size = float(np.exp(build.uniform(math.log(20), math.log(52))))
        self.torso = float(build.uniform(56, 100))
        self.leg = float(build.uniform(42, 72)) * long
        self.arm = float(build.uniform(34, 58)) * long
        self.thick = float(build.uniform(4, 7) if noodle else build.uniform(6, 15))
        self.chest = float(build.uniform(18, 38))
        self.waist, self.hip = (float(build.uniform(0.6, 1.1)) * self.chest for _ in range(2))
        self.deep = float(build.uniform(0.5, 0.85))
        self.belly = float(build.uniform(-0.1, 0.5))
        self.foot = float(build.uniform(1.4, 3.0))
        self.view = str(mover.rng.choice(VIEWS, p=ODDS))
        self.yaw = choose_yaw(mover, self.view)
        self.look = mover.channel(-0.6, 0.6, speed=0.6)
        self.tilt = float(build.uniform(0.0, 0.18))
        self.gait = Gait(mover)
        self.head = TurnHead(build, mover, paints)
        self.top = Top(build, paints)
        self.skirt = Skirt(build, mover, paints) if build.random() < 0.33 else None
        self.cape = Cape(build, mover, paints) if build.random() < 0.18 else None
        self.bag = Bag(build, paints) if build.random() < 0.28 else None
        self.scarf = Scarf(build, mover, paints) if build.random() < 0.18 else None
        self.prop = Prop(build, mover, paints) if build.random() < 0.25 else None
        uneven = build.random() < 0.55
        names = ("left", "right") if uneven else ("both", "both")
        seeds = [int(v) for v in build.integers(1 << 31, size=2)]
        alike = not uneven or build.random() < 0.6  # the sides differ in color alone
        self.sleeves = [
            self._side(seeds[0 if alike else k], paints, f"sleeve {n}") for k, n in enumerate(names)
        ]
        self.legs = [
            self._side(seeds[0 if alike else k] + 1, paints, f"leg {n}") for k, n in enumerate(names)
        ]
        self.skin, self.neck_color = paints.pick("skin"), paints.pick("skin")
        self.shoes = [paints.pick(f"shoe {name}") for name in names]
        self.soles, self.laces = paints.pick("sole"), bool(build.random() < 0.4)
        self.lace_color = paints.pick("lace")
        self.gloves = [paints.pick(f"glove {n}") if build.random() < 0.4 else self.skin for n in names]
        self.fingers = int(build.choice([0, 3, 4]))
        self.grip = mover.channel(0.0, 1.0)
        self.hip_color = paints.pick("hips")

    @staticmethod
    def _side(seed: int, paints: Paints, name: str) -> Sleeve:
        return Sleeve(np.random.default_rng(seed), paints, name)

    def draw(self, brush: Brush, time: float) -> None:
        """The figure at `time`, back to front."""
        heading = Heading(self.yaw(time), self.tilt)
        gait, leg = self.gait, self.leg
        with brush.moved(0, -2 * leg * 0.97 - self.thick - gait.bob(time) * leg):
            lean = (gait.lean(time) + gait.stoop) * math.sin(heading.yaw) + gait.rock(time)
            self._parts(brush, time, heading, lean)

    def _parts(self, brush: Brush, time: float, heading: Heading, lean: float) -> None:
        arms = [self._arm_bones(time, k).shown(heading) for k in (0, 1)]
        legs = [self._leg_bones(time, k).shown(heading) for k in (0, 1)]
        facing = math.cos(heading.yaw)
        size = (heading.width(self.chest, self.chest * self.deep), self.torso)
        hips = heading.width(self.hip, self.hip * self.deep) * 1.08
        parts: list[tuple[float, Callable[[], None]]] = []
        chest = self.chest

        def leant(part: Callable[[], None], y: float = 0.0) -> Callable[[], None]:
            def draw() -> None:
                with brush.moved(0, 0, turn=lean), brush.moved(0, y):
                    part()

            return draw

        for k in (0, 1):
            depth = legs[k].root_depth + 0.5 * legs[k].tip_depth
            parts.append((-200 + depth, lambda k=k: self._leg(brush, time, legs[k], k, heading)))
            reach = 1.3 * arms[k].root_depth + 0.7 * arms[k].tip_depth
            parts.append((reach, leant(lambda k=k: self._arm(brush, time, arms[k], k))))
        parts.append((0.0, leant(lambda: self._trunk(brush, heading, size))))
        parts.append((0.5 * chest, leant(lambda: self._head(brush, time, heading), -self.torso)))
        if self.skirt is not None:
            skirt = self.skirt
            hem = skirt.hem(time, (hips, 2 * self.leg), [leg.joints for leg in legs])
            parts.append((-900, lambda: skirt.draw_inside(brush, hem, heading)))
            parts.append((-1, lambda: skirt.draw(brush, time, heading, hips, hem)))
        if self.bag is not None:
            bag = self.bag
            parts.append((-1.1 * chest * facing, leant(lambda: bag.draw(brush, time, heading, size))))
        if self.cape is not None:
            cape, fall = self.cape, (size[0] * 1.1, self.torso + 2 * self.leg)
            depth = -950 if facing > 0.15 else 60 if facing < -0.3 else -150
            parts.append((depth, leant(lambda: cape.draw(brush, time, heading, fall), -self.torso)))
        if self.scarf is not None:
            scarf = self.scarf
            tails = leant(lambda: scarf.draw_tails(brush, time, heading, size), -self.torso - 4)
            parts.append((-0.6 * chest * facing, tails))
        for _, part in sorted(parts, key=lambda item: item[0]):
            part()

    def _leg_bones(self, time: float, number: int) -> Bones:
        side = (-1, 1)[number]
        return Bones(
            (side * self.hip * 0.5, 0.0, 0.0), (self.leg, self.leg), *self._angles(time, number, "leg"), side
        )

    def _arm_bones(self, time: float, number: int) -> Bones:
        side = (-1, 1)[number]
        root = (side * self.chest * 0.95, -self.torso * 0.9, 0.0)
        return Bones(root, (self.arm, self.arm * 0.95), *self._angles(time, number, "arm"), side)

    def _angles(self, time: float, number: int, limb: str) -> tuple[float, float, float]:
        return self.gait.leg(time, number) if limb == "leg" else self.gait.arm(time, number)

    def _trunk(self, brush: Brush, heading: Heading, size: tuple[float, float]) -> None:
        h = self.torso
        side = math.sin(heading.yaw)
        levels = (
            (-1.02 * h, 0.42 * self.chest, 0.0),
            (-0.93 * h, 0.98 * self.chest, 0.05),
            (-0.65 * h, 1.0 * self.chest, 0.22),
            (-0.3 * h, self.waist, self.belly * 0.6),
            (-0.02 * h, self.hip, self.belly * 0.2),
            (0.1 * h, 0.9 * self.hip, 0.0),
        )
        rows = [
            (heading.width(wide, wide * self.deep), y, ahead * self.chest * 0.5 * side)
            for y, wide, ahead in levels
        ]
        right = [[x + half, y] for half, y, x in rows]
        left = [[x * 0.4 - half, y] for half, y, x in rows[::-1]]
        if side < 0:
            right = [[x * 0.4 + half, y] for half, y, x in rows]
            left = [[x - half, y] for half, y, x in rows[::-1]]
        trunk = brush.fill(np.array(right + left), self.top.color)
        brush.inside(trunk, box(0, 0.05 * h, 6 * self.hip, 0.16 * h), self.hip_color, smooth=False)
        self.top.draw(brush, trunk, heading, size)
        if self.bag is not None:
            self.bag.draw_straps(brush, heading, trunk, size)
        neck = np.array([[0.1 * self.chest * side, -0.96 * h], [0.25 * self.head_size * side, -1.12 * h]])
        brush.tube(neck, (0.32 * self.head_size,) * 2, self.neck_color)
        self.top.draw_collar(brush, heading, size)

    def _head(self, brush: Brush, time: float, heading: Heading) -> None:
        if self.scarf is not None:
            with brush.moved(0, -2):
                self.scarf.draw_ring(brush, (self.chest * 0.9, self.torso))
        x = 0.28 * self.head_size * math.sin(heading.yaw)
        with brush.moved(x, -1.0 * self.head_size * self.head.tall, sx=self.head_size):
            self.head.draw(brush, time, heading.yaw + self.look(time))

    def _leg(self, brush: Brush, time: float, limb: Limb, number: int, heading: Heading) -> None:
        t = self.thick
        self._tube(brush, limb.joints, (t * 1.45, t * 1.1, t * 0.8), self.legs[number])
        ankle, shin = limb.joints[2], limb.joints[2] - limb.joints[1]
        pitch = math.atan2(shin[0], max(1.0, shin[1])) * 0.5
        way = math.sin(heading.yaw)
        ahead = np.array(
            [way * self.foot * t, (0.35 + heading.tilt) * t * abs(math.cos(heading.yaw)) * self.foot]
        )
        if math.cos(heading.yaw) < 0:
            ahead[1] *= 0.15
        turn = np.array([[math.cos(pitch), -math.sin(pitch)], [math.sin(pitch), math.cos(pitch)]])
        toe = shifted(ankle + turn @ (ahead * (1, 0.6)), 0, 0.45 * t)
        heel = shifted(ankle, -0.25 * t * way, 0.25 * t)
        if math.hypot(*(toe - heel)) < 0.5 * t:
            toe = shifted(heel, 0.0, 0.5 * t)
        shoe = brush.tube(np.stack([heel, (heel + toe) / 2, toe]), (t, 0.95 * t, 0.8 * t), self.shoes[number])
        out = 2 * t if way >= 0 else -2 * t
        ground = np.array([heel, toe]) + np.array([[-out, 0.75 * t], [out, 0.75 * t]])
        sole = np.concatenate([ground, shifted(ground, 0, 3 * t)[::-1]])
        brush.inside(shoe, sole, self.soles, smooth=False, weight=0.7)
        if self.laces and math.cos(heading.yaw) > -0.2:
            for step in (0.3, 0.55, 0.8):
                x, y = heel + (toe - heel) * step - (0, 0.4 * t)
                brush.inside(shoe, box(x, y, 0.5 * t, 0.22 * t), self.lace_color, smooth=False, weight=0.5)

    def _arm(self, brush: Brush, time: float, limb: Limb, number: int) -> None:
        self._hand(brush, time, limb.joints, number)
        t = self.thick * 0.8
        self._tube(brush, limb.joints, (t * 1.25, t, t * 0.75), self.sleeves[number])

    def _tube(self, brush: Brush, joints: Points, radii: tuple[float, float, float], style: Sleeve) -> None:
        """A limb with the bands of its sleeve around it."""
        outline = brush.tube(joints, radii, style.base)
        if brush.is_outside(outline):
            return
        spine = spline(joints, closed=False, steps=10)
        across = normals(spine) * radii[0] * 2
        bands = list(style.bands)
        if style.end < 1:
            bands.append((style.end, 1.3, self.skin))
        if style.cuff:
            edge = min(style.end, 0.96)
            bands.append((edge - 0.09, edge + 0.02, style.cuff_color))
        for start, end, color in bands:
            if start > style.end:
                continue
            low, high = (round(u * (len(spine) - 1)) for u in (start, min(1.0, end)))
            high = max(high, low + 1)
            if high >= len(spine):
                low, high = len(spine) - 2, len(spine) - 1
            piece, side = spine[low : high + 1], across[low : high + 1]
            shape = np.concatenate([piece + side, (piece - side)[::-1]])
            if end > 1:
                tip = (spine[-1] - spine[-2]) * 3
                shape = np.concatenate(
                    [
                        piece + side,
                        [piece[-1] + side[-1] + tip, piece[-1] - side[-1] + tip],
                        (piece - side)[::-1],
                    ]
                )
            brush.inside(outline, shape, color, smooth=False, weight=0.8)
        if style.patch:
            x, y = joints[1]
            brush.inside(
                outline, ellipse(x, y, radii[1] * 0.6, radii[1] * 0.6, 7), style.patch_color, weight=0.6
            )

    def _hand(self, brush: Brush, time: float, joints: Points, number: int) -> None:
        t = self.thick * 0.95
        along = joints[2] - joints[1]
        turn = math.atan2(-along[0], along[1]) if np.hypot(*along) > 4 else 0.0
        grip, color = self.grip(time + 3 * number), self.gloves[number]
        with brush.moved(float(joints[2][0]), float(joints[2][1]), turn=turn):
            if self.prop is not None and self.prop.hand == number:
                with brush.moved(0, 0, sx=0.55 * t + 3):
                    self.prop.draw(brush, time)
            for finger in range(self.fingers):
                angle = (finger - (self.fingers - 1) / 2) * (0.15 + 0.4 * grip)
                tip = np.array([math.sin(angle), math.cos(angle)]) * t * (1.2 + 0.9 * grip)
                brush.tube(np.array([tip * 0.3, tip]), (t * 0.32, t * 0.27), color, weight=0.8)
            thumb = np.array([[0.0, 0.2 * t], [(0.8, -0.8)[number] * t, (0.6 + 0.4 * grip) * t]])
            brush.tube(thumb, (t * 0.33, t * 0.28), color, weight=0.8)
            brush.fill(ellipse(0, t * 0.45, t * 0.72, t * 0.8, 9), color)
