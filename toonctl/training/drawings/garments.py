"""Clothes of bodies that turn: tops, jackets, belts, skirts, capes, scarves, bags, with folds and shadows."""

import math

import numpy as np

from toonctl.training.drawings.brush import Border, Brush
from toonctl.training.drawings.curves import Points, box, ellipse, shifted
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints
from toonctl.training.drawings.patterns import Field, Pattern
from toonctl.training.drawings.space import Heading


class Top:
    """What a trunk wears: a print or an open jacket, buttons, belt, badge, collar, a mark on the back."""

    def __init__(self, build: np.random.Generator, paints: Paints) -> None:
        self.color, self.under = paints.pick("top"), paints.pick("shirt")
        self.pattern = Pattern(build, paints, "top") if build.random() < 0.5 else None
        self.jacket = float(build.uniform(0.25, 0.8)) if build.random() < 0.35 else 0.0
        self.front = str(build.choice(["none", "buttons", "zip", "tie", "badge"]))
        self.pockets = bool(build.random() < 0.3)
        self.back_mark = str(build.choice(["none", "disc", "bar"]))
        self.belt = float(build.uniform(0.07, 0.14)) if build.random() < 0.55 else 0.0
        self.collar = str(build.choice(["none", "flaps", "ring", "sailor"]))
        self.sides = bool(build.random() < 0.2)
        self.trim, self.belt_color = paints.pick("trim"), paints.pick("belt")
        self.collar_color, self.buckle = paints.pick("collar"), paints.pick("buckle")
        self.side_color = paints.pick("top side")
        self.mark_color = paints.pick("back mark")

    def draw(self, brush: Brush, trunk: Points, heading: Heading, size: tuple[float, float]) -> None:
        """On a `trunk` (pixels) of half width and height `size` whose foot is at (0, 0)."""
        half, tall = size
        with brush.clipped(trunk):
            if self.pattern is not None and not self.jacket:
                self.pattern.draw(brush, trunk, Field(0, -tall / 2, half, tall / 2, heading.yaw))
            if self.sides:
                for side in (-1, 1):
                    self._strip(brush, heading, (side * 1.2, side * 1.9), size, self.side_color)
            if self.jacket:
                self._strip(brush, heading, (-self.jacket, self.jacket), size, self.under)
            self._front(brush, heading, size)
            if self.back_mark != "none":
                self._mark(brush, heading, math.pi, (0.0, -0.6 * tall), 0.45 * half, self.mark_color)
            if self.belt:
                band = box(0, -0.06 * tall, 4 * half, self.belt * tall)
                brush.fill(band, self.belt_color, smooth=False, weight=0.8)
                self._mark(brush, heading, 0.0, (0.0, -0.06 * tall), self.belt * tall * 0.7, self.buckle)

    def draw_collar(self, brush: Brush, heading: Heading, size: tuple[float, float]) -> None:
        """What lies around the neck, over the trunk."""
        half, tall = size
        x0 = 0.35 * half * math.sin(heading.yaw)
        faces = math.cos(heading.yaw)
        if self.collar == "ring":
            brush.fill(ellipse(0, -tall, 0.6 * half, 0.09 * tall, 10), self.collar_color)
        elif self.collar == "sailor" and faces < 0.3:
            cape = np.array([[-0.9, -1.0], [0.9, -1.0], [0.85, -0.68], [-0.85, -0.68]]) * (half, tall)
            shape = brush.fill(cape, self.collar_color, smooth=False)
            brush.inside(shape, box(0, -0.74 * tall, 3 * half, 0.04 * tall), self.trim, smooth=False)
        elif self.collar in ("flaps", "sailor") and faces > -0.1:
            for side in (-1, 1):
                flap = [[x0, -0.82 * tall], [side * 0.5 * half, -1.03 * tall]]
                flap += [[side * 0.72 * half * max(0.35, faces) + x0 * 0.7, -0.84 * tall]]
                brush.fill(np.array(flap), self.collar_color, smooth=False, weight=0.8)

    def _strip(
        self,
        brush: Brush,
        heading: Heading,
        lons: tuple[float, float],
        size: tuple[float, float],
        color: int,
    ) -> None:
        """The cloth between two longitudes, where it shows."""
        half, tall = size
        middle = (sum(lons) / 2 + heading.yaw + math.pi) % (2 * math.pi) - math.pi
        reach = abs(lons[1] - lons[0]) / 2
        if abs(middle) > math.pi / 2 + 0.8 * reach:
            return
        left, right = (
            1.05 * half * math.sin(max(-math.pi / 2, min(math.pi / 2, middle + way * reach)))
            for way in (-1, 1)
        )
        shape = [
            [left, -1.1 * tall],
            [right, -1.1 * tall],
            [right * 1.05, 0.3 * tall],
            [left * 1.05, 0.3 * tall],
        ]
        brush.fill(np.array(shape), color, smooth=False, weight=0.8)

    def _front(self, brush: Brush, heading: Heading, size: tuple[float, float]) -> None:
        half, tall = size
        if self.front == "buttons":
            for number in range(4):
                at = (0.0, -tall * (0.2 + 0.2 * number))
                self._mark(brush, heading, self.jacket * 0.8, at, 0.09 * half + 1.2, self.trim)
        elif self.front == "zip":
            x = half * math.sin(heading.yaw)
            if math.cos(heading.yaw) > 0.1:
                brush.fill(
                    box(x * 0.95, -tall / 2, 0.12 * half, 1.2 * tall), self.trim, smooth=False, weight=0.6
                )
        elif self.front == "tie" and math.cos(heading.yaw) > 0.1:
            x = half * 0.9 * math.sin(heading.yaw)
            tie = np.array([[-0.08, -1.0], [0.08, -1.0], [0.14, -0.4], [0, -0.28], [-0.14, -0.4]]) * (
                half,
                tall,
            )
            brush.fill(shifted(tie, x, 0), self.trim, smooth=False, weight=0.8)
        elif self.front == "badge":
            self._mark(brush, heading, 0.5, (0.0, -0.7 * tall), 0.2 * half, self.trim)
        if self.pockets:
            for lon in (-0.55, 0.55):
                x, facing = half * math.sin(lon + heading.yaw), math.cos(lon + heading.yaw)
                if facing > 0.15:
                    pocket = box(x, -0.3 * tall, 0.45 * half * facing, 0.2 * tall)
                    brush.fill(pocket, self.trim, smooth=False, weight=0.7)

    def _mark(
        self,
        brush: Brush,
        heading: Heading,
        lon: float,
        at: tuple[float, float],
        radius: float,
        color: int,
    ) -> None:
        """A disc on the cloth at longitude `lon`; `at` is its height and a shift aside."""
        facing = math.cos(lon + heading.yaw)
        if facing < 0.12:
            return
        half = 1.0 if radius <= 0 else radius
        x = at[0] + math.sin(lon + heading.yaw) * half * 2.0
        brush.fill(ellipse(x, at[1], half * max(0.35, facing), half, 8), color, weight=0.7)


class Skirt:
    """A skirt, kilt or gown of pleats around the hips; its hem swings and shows the inside."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.long = float(build.uniform(0.5, 1.7))
        self.flare = float(build.uniform(1.15, 2.2))
        self.pleats = int(build.choice([0, 8, 12, 18]))
        self.hemmed = bool(build.random() < 0.5)
        self.colors = [paints.pick("skirt")]
        if build.random() < 0.5:
            self.colors.append(paints.pick("skirt pleat"))
        self.inner, self.hem_color = paints.pick("skirt inside"), paints.pick("skirt hem")
        self.shade: Border | None = _choose_shade(build)
        self.shade_color = paints.pick("skirt shadow")
        self.pattern = Pattern(build, paints, "skirt") if build.random() < 0.25 else None
        self.sway, self.lift = mover.channel(-0.35, 0.35), mover.channel(-0.08, 0.12)
        self.phase = float(build.uniform(0, 6.3))

    def hem(self, time: float, size: tuple[float, float], legs: list[Points]) -> tuple[float, float, float]:
        """Middle, half width and height of the hem, wide enough for the joints of the `legs`."""
        half, leg = size
        y, sway = 0.5 * leg * self.long * (1 - self.lift(time)), half * self.sway(time)
        spots = [float(np.interp(y, np.maximum.accumulate(joints[:, 1]), joints[:, 0])) for joints in legs]
        left = min(sway - half * self.flare, *(x - 0.6 * half for x in spots))
        right = max(sway + half * self.flare, *(x + 0.6 * half for x in spots))
        return (left + right) / 2, (right - left) / 2, y

    def draw_inside(self, brush: Brush, hem: tuple[float, float, float], heading: Heading) -> None:
        """The far half of the hem, behind the legs."""
        middle, wide, y = hem
        brush.fill(ellipse(middle, y, wide * 0.97, 0.1 * wide + 3 + heading.tilt * wide, 12), self.inner)

    def draw(
        self, brush: Brush, time: float, heading: Heading, hips: float, hem: tuple[float, float, float]
    ) -> None:
        """The near half, from half width `hips` at y = 0 down to the `hem`."""
        middle, wide, y = hem
        lon = np.linspace(-math.pi / 2, math.pi / 2, 13)
        x = np.sin(lon)
        drop = np.cos(lon) * (0.1 + heading.tilt) * wide
        wave = 0.04 * y * np.sin(6 * (lon - heading.yaw) + self.phase + 2 * self.sway(time))
        low = np.stack([x * wide + middle, y + drop + wave], axis=1)
        top = np.stack([x * hips, -0.12 * hips + 0.08 * hips * np.cos(lon)], axis=1)
        cloth = brush.fill(np.concatenate([top, low[::-1]]), self.colors[0], smooth=False)
        with brush.clipped(cloth):
            if self.pattern is not None:
                self.pattern.draw(brush, cloth, Field(middle / 2, y / 2, wide, y / 2, heading.yaw))
            self._pleats(brush, top, low, heading)
            if self.hemmed:
                band = np.concatenate([shifted(low, 0, 9), shifted(low, 0, -0.14 * y)[::-1]])
                brush.fill(band, self.hem_color, smooth=False, weight=0.7)
            if self.shade is not None:
                side = np.array([[-2, -1], [-0.6, -0.2], [-0.35, 0.5], [-0.7, 1.2], [-2, 1.2]])
                shadow = side * (wide, y)
                brush.inside(cloth, shadow, self.shade_color, border=self.shade, weight=0.5)

    def _pleats(self, brush: Brush, hips: Points, hem: Points, heading: Heading) -> None:
        for number in range(self.pleats):
            lon = (number * 2 * math.pi / self.pleats + heading.yaw + math.pi) % (2 * math.pi) - math.pi
            if abs(lon) > math.pi / 2:
                continue
            place = (lon / math.pi + 0.5) * (len(hem) - 1)
            low, rest = int(place), place - int(place)
            high = min(low + 1, len(hem) - 1)
            foot = hem[low] * (1 - rest) + hem[high] * rest
            head = hips[low] * (1 - rest) + hips[high] * rest
            if len(self.colors) > 1:
                wide = 0.5 * (hem[-1, 0] - hem[0, 0]) * math.cos(lon) * math.pi / self.pleats
                narrow = 0.5 * (hips[-1, 0] - hips[0, 0]) * math.cos(lon) * math.pi / self.pleats
                pleat = [head, shifted(head, narrow, 0), shifted(foot, wide, 12), shifted(foot, 0, 12)]
                brush.fill(np.array(pleat), self.colors[1], smooth=False, weight=0.7)
            else:
                brush.line(np.stack([head * 0.6 + foot * 0.4, foot]), weight=0.6, smooth=False)


class Cape:
    """A cape, cloak or long coat tail: outside and lining, folds and shadow shapes with trace lines."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.long = float(build.uniform(0.8, 1.7))
        self.flare = float(build.uniform(1.2, 2.4))
        self.folds = int(build.integers(2, 7))
        self.outside, self.lining = paints.pick("cape"), paints.pick("cape lining")
        self.shade: Border | None = _choose_shade(build)
        self.shade_color = paints.pick("cape shadow")
        self.trim_color, self.trim = paints.pick("cape trim"), bool(build.random() < 0.4)
        self.pattern = Pattern(build, paints, "cape") if build.random() < 0.25 else None
        self.blow, self.wave = mover.channel(-0.5, 0.8), mover.channel(-1.0, 1.0, speed=1.3)
        self.clasp = paints.pick("clasp")

    def draw(self, brush: Brush, time: float, heading: Heading, size: tuple[float, float]) -> None:
        """The cape hung from shoulders of half width `size[0]` at y = 0, `size[1]` = height to the ground."""
        half, tall = size
        facing = math.cos(heading.yaw)
        back = -math.sin(heading.yaw)
        long, wave = self.long * tall * 0.55, self.wave(time)
        spread = half * self.flare * (0.45 + 0.55 * abs(facing))
        blow = back * (0.3 + max(0.0, self.blow(time))) * half * 1.6 + 0.25 * half * wave
        count = 2 * self.folds + 1
        u = np.linspace(1, -1, count)
        hem = np.stack(
            [
                u * spread + blow + 0.1 * spread * np.sin(3 * u + 2 * wave),
                long * (1 - 0.06 * np.cos(math.pi * np.arange(count)) - 0.05 * wave * u),
            ],
            axis=1,
        )
        top = 0.95 * half * (0.35 + 0.65 * abs(facing))
        shift = back * 0.3 * half
        right = [[top + shift, 2.0], [0.6 * spread + 0.3 * blow + top * 0.4, 0.45 * long]]
        left = [[-0.6 * spread + 0.3 * blow - top * 0.4, 0.45 * long], [-top + shift, 2.0]]
        color = self.lining if facing > 0.15 else self.outside
        cloth = brush.fill(np.concatenate([[[shift, -4.0]], right, hem, left]), color)
        if self.pattern is not None and facing <= 0.15:
            self.pattern.draw(brush, cloth, Field(blow / 2, long / 2, 1.2 * spread, long / 2))
        with brush.clipped(cloth):
            for number in range(1, count - 1, 2):
                x, y = hem[number]
                root = shift + (x - blow) * 0.35
                if self.shade is not None:
                    fold = [[root, 0.2 * long], [x - 0.16 * spread, y + 9], [x + 0.1 * spread, y + 9]]
                    brush.inside(cloth, np.array(fold), self.shade_color, border=self.shade, weight=0.5)
                else:
                    path = np.array([[root, 0.35 * long], [(x + root) / 2 + 0.1 * blow, 0.7 * long], [x, y]])
                    brush.line(path, weight=0.6, taper=True)
            if self.trim:
                band = np.concatenate([shifted(hem, 0, 12), shifted(hem, 0, -0.1 * long)[::-1]])
                brush.fill(band, self.trim_color, smooth=False, weight=0.7)


class Bag:
    """A pack on the back: behind the body from the front, whole from behind, with straps across the chest."""

    def __init__(self, build: np.random.Generator, paints: Paints) -> None:
        self.wide, self.tall = float(build.uniform(0.6, 1.15)), float(build.uniform(0.6, 1.1))
        self.deep = float(build.uniform(0.35, 0.8))
        self.boxy = bool(build.random() < 0.4)
        self.kind = str(
            build.choice(["pack", "tank", "shell", "wings", "quiver"], p=[0.45, 0.15, 0.15, 0.15, 0.1])
        )
        self.color, self.flap, self.strap = paints.pick("bag"), paints.pick("bag flap"), paints.pick("strap")
        self.left, self.right = paints.pick("bag left"), paints.pick("bag right")
        self.pattern = Pattern(build, paints, "bag")
        self.pocket = bool(build.random() < 0.6)

    def draw(self, brush: Brush, time: float, heading: Heading, size: tuple[float, float]) -> None:
        """The bag on a trunk of half width and height `size`, its foot at (0, 0)."""
        half, tall = size
        x, _ = heading.show(0, 0, -half * (0.7 + self.deep * 0.5))
        y = -0.58 * tall
        wide = heading.width(half * self.wide, half * self.deep)
        high = 0.5 * tall * self.tall
        if self.kind == "wings":
            for side, color in ((-1, self.left), (1, self.right)):
                flap = 0.25 * math.sin(0.9 * time)
                root, _ = heading.show(side * 0.2 * half, 0, -half * 0.7)
                tip, _ = heading.show(side * 2.6 * half, 0, -half * 1.4)
                wing = [[root, y + 8], [root, y - 8], [(root + tip) / 2, y - high * (1.1 + flap)]]
                wing += [[tip, y - high * (0.6 + flap)], [(root + 2 * tip) / 3, y + 0.1 * high]]
                wing += [[(2 * root + tip) / 3, y + 0.5 * high]]
                shape = brush.fill(np.array(wing), color)
                self.pattern.draw(brush, shape, Field((root + tip) / 2, y, abs(tip - root) / 2 + 3, high))
            return
        if self.kind == "tank":
            for side, color in ((-1, self.left), (1, self.right)):
                place, _ = heading.show(side * 0.42 * half, 0, -half * (0.75 + self.deep * 0.4))
                tank = brush.tube(np.array([[place, y - high], [place, y + high]]), (0.36 * half,) * 2, color)
                brush.inside(tank, box(place, y - 0.5 * high, 2 * half, 0.3 * high), self.flap, smooth=False)
            return
        if self.kind == "quiver":
            for number in range(4):
                tip = np.array([x + (number - 1.5) * 0.25 * half - 0.3 * half, y - 1.9 * high])
                brush.tube(np.stack([[x, y], tip]), (1.6, 4.0), (self.left, self.right)[number % 2])
        shape = ellipse(x, y, wide, high, 12) if self.kind == "shell" else box(x, y, 2 * wide, 2 * high)
        smooth = self.kind == "shell" or not self.boxy
        body = brush.fill(shape, self.color, smooth=smooth)
        if self.kind == "shell":
            self.pattern.draw(brush, body, Field(x, y, wide, high, None))
            return
        brush.inside(body, box(x, y - high, 4 * wide, 0.9 * high), self.flap, smooth=False)
        if self.pocket and math.cos(heading.yaw) < 0.2:
            brush.inside(body, box(x, y + 0.5 * high, 1.1 * wide, 0.6 * high), self.left, smooth=False)

    def draw_straps(self, brush: Brush, heading: Heading, trunk: Points, size: tuple[float, float]) -> None:
        """Straps over the chest, where it faces us."""
        half, tall = size
        for lon in (-0.6, 0.6):
            facing = math.cos(lon + heading.yaw)
            if facing < 0.15 or self.kind == "wings":
                continue
            x = half * math.sin(lon + heading.yaw)
            path = np.array([[x * 0.7, -1.05 * tall], [x, -0.6 * tall], [x * 1.15, -0.2 * tall]])
            wide = max(1.5, 0.12 * half * facing)
            normal = np.array([[wide, 0.0]])
            brush.inside(
                trunk, np.concatenate([path - normal, (path + normal)[::-1]]), self.strap, smooth=False
            )


class Scarf:
    """A scarf around the neck with one or two tails that stream behind, in stripes."""

    def __init__(self, build: np.random.Generator, mover: Mover, paints: Paints) -> None:
        self.tails = int(build.integers(1, 3))
        self.long = float(build.uniform(0.6, 1.8))
        self.bands = int(build.choice([0, 3, 5]))
        self.color, self.band = paints.pick("scarf"), paints.pick("scarf band")
        self.wave = mover.channel(-1.0, 1.0, speed=1.4)

    def draw_tails(self, brush: Brush, time: float, heading: Heading, size: tuple[float, float]) -> None:
        """The tails, from the neck at (0, 0) of a trunk of half width and height `size`."""
        half, tall = size
        for number in range(self.tails):
            wave = self.wave(time + 2 * number)
            back = -math.copysign(0.3 + 0.7 * abs(math.sin(heading.yaw)), math.sin(heading.yaw) + 1e-6)
            reach, drop = back * tall * self.long * 0.7, tall * (0.25 + 0.2 * number)
            way = np.array(
                [
                    [0, 0],
                    [0.35 * reach, 0.25 * drop - 5 * wave],
                    [0.7 * reach, 0.7 * drop + 12 * wave],
                    [reach, drop - 16 * wave],
                ]
            )
            tail = brush.tube(way, (0.2 * half, 0.24 * half, 0.26 * half, 0.3 * half), self.color, cap=0.15)
            for step in range(self.bands):
                u = (step + 1) / (self.bands + 1)
                x = reach * u
                wide = abs(reach) * 0.5 / (self.bands + 1)
                brush.inside(tail, box(x, drop * u, wide, 2 * half), self.band, smooth=False, weight=0.7)

    def draw_ring(self, brush: Brush, size: tuple[float, float]) -> None:
        """The part around the neck."""
        half, tall = size
        brush.fill(ellipse(0, 0, 0.62 * half, 0.1 * tall, 10), self.color)


def _choose_shade(build: np.random.Generator) -> Border | None:
    """How the shadow shapes of a garment are bordered, None = it has none."""
    borders: tuple[Border | None, ...] = (None, "trace", "ink")
    return borders[int(build.choice(3, p=[0.45, 0.35, 0.2]))]
