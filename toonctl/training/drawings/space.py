"""Bodies that turn in space: where their joints show, and how they walk, run, act and dance."""

import math
from dataclasses import dataclass

import numpy as np

from toonctl.training.drawings.curves import Points
from toonctl.training.drawings.motion import Channel, Mover

VIEWS = ("front", "turning", "side", "around", "back")
ODDS = (0.22, 0.3, 0.18, 0.22, 0.08)
GAITS = ("walk", "run", "act", "dance")


@dataclass(frozen=True, slots=True)
class Heading:
    """Which way a body faces: `yaw` 0 toward us, positive to the right; `tilt` of a camera from above."""

    yaw: float
    tilt: float

    def show(self, aside: float, down: float, ahead: float) -> tuple[float, float]:
        """Where a place beside, below and before the body's middle shows, (x, y)."""
        return (
            aside * math.cos(self.yaw) + ahead * math.sin(self.yaw),
            down + self.tilt * self.depth(aside, ahead),
        )

    def depth(self, aside: float, ahead: float) -> float:
        """How far toward us it lies."""
        return ahead * math.cos(self.yaw) - aside * math.sin(self.yaw)

    def width(self, wide: float, deep: float) -> float:
        """Half width that an oval body part shows, `wide` from the front and `deep` from the side."""
        return math.hypot(wide * math.cos(self.yaw), deep * math.sin(self.yaw))


@dataclass(frozen=True, slots=True)
class Limb:
    """A limb of one drawing: its joints on screen [3, 2] and how far its ends lie toward us."""

    joints: Points
    root_depth: float
    tip_depth: float


@dataclass(frozen=True, slots=True)
class Bones:
    """A two-bone limb in space: where it hangs, and its angles; `bend` > 0 bends the tip ahead."""

    root: tuple[float, float, float]  # aside, down, ahead
    lengths: tuple[float, float]
    swing: float  # ahead when positive
    splay: float  # away from the body when positive
    bend: float
    side: int

    def shown(self, heading: Heading) -> Limb:
        """The limb as seen."""
        places = [np.array(self.root)]
        for length, angle, splay in (
            (self.lengths[0], self.swing, self.splay),
            (self.lengths[1], self.swing + self.bend, self.splay * 0.6),
        ):
            way = np.array(
                [
                    self.side * math.sin(splay),
                    math.cos(angle) * math.cos(splay),
                    math.sin(angle) * math.cos(splay),
                ]
            )
            places.append(places[-1] + length * way)
        joints = np.array([heading.show(*place) for place in places])
        return Limb(
            joints,
            heading.depth(places[0][0], places[0][2]),
            heading.depth(places[2][0], places[2][2]),
        )


class Gait:
    """Joint angles of a two-legged body over time, left and right by `number` 0 and 1."""

    def __init__(self, mover: Mover) -> None:
        rng = mover.rng
        self.kind = str(rng.choice(GAITS, p=[0.42, 0.22, 0.22, 0.14]))
        low, high = (0.12, 1.2) if self.kind == "walk" else (0.3, 2.4)
        self.rate = float(np.exp(rng.uniform(math.log(low), math.log(high)))) * min(1.0, 0.4 + mover.pace)
        self.phase = float(rng.uniform(0, 6.3))
        self.stride = float(rng.uniform(0.35, 0.75)) * (1.4 if self.kind == "run" else 1.0)
        self.lift = float(rng.uniform(0.5, 1.2)) * (1.5 if self.kind == "run" else 1.0)
        self.pump = float(rng.uniform(0.3, 1.1)) * (1.3 if self.kind == "run" else 1.0)
        self.crook = float(rng.uniform(0.1, 0.6)) if self.kind != "run" else float(rng.uniform(1.0, 1.7))
        self.stoop = float(rng.uniform(-0.05, 0.15)) + (0.2 if self.kind == "run" else 0.0)
        speed = 1.8 if self.kind == "dance" else 0.8
        busy = self.kind in ("act", "dance")
        self.arm_swing = [mover.channel(-0.8, 2.9, speed=speed) if busy else None for _ in range(2)]
        self.arm_splay = [
            mover.channel(0.0, 1.5, speed=speed) if busy else mover.channel(0.05, 0.45, speed=0.3)
            for _ in range(2)
        ]
        self.elbow = [mover.channel(0.0, 2.0, speed=speed) if busy else None for _ in range(2)]
        self.leg_swing = [
            mover.channel(-0.3, 0.5 if self.kind == "act" else 1.5, speed=speed) if busy else None
            for _ in range(2)
        ]
        self.knee = [mover.channel(-0.1, 1.2, speed=speed) if busy else None for _ in range(2)]
        self.leg_splay = mover.channel(0.0, 0.5 if busy else 0.12, speed=0.6)
        self.lean = mover.channel(-0.15, 0.2, speed=0.5)
        self.rock = mover.channel(-0.12, 0.12, speed=0.6)

    def leg(self, time: float, number: int) -> tuple[float, float, float]:
        """Swing, splay and bend of a leg."""
        splay = self.leg_splay(time)
        free, knee = self.leg_swing[number], self.knee[number]
        if free is not None and knee is not None:
            return free(time), splay, -abs(knee(time))
        phase = self.rate * time + self.phase + math.pi * number
        return (
            self.stride * math.sin(phase),
            splay,
            -self.lift * (0.12 + max(0.0, math.cos(phase + 0.3))),
        )

    def arm(self, time: float, number: int) -> tuple[float, float, float]:
        """Swing, splay and bend of an arm."""
        splay = self.arm_splay[number](time)
        free, elbow = self.arm_swing[number], self.elbow[number]
        if free is not None and elbow is not None:
            return free(time), splay, abs(elbow(time))
        swing = -self.pump * math.sin(self.rate * time + self.phase + math.pi * number)
        return swing, splay, self.crook + 0.35 * max(0.0, swing)

    def bob(self, time: float) -> float:
        """How far the hips are above their rest, as a share of a leg."""
        if self.kind in ("walk", "run"):
            return 0.05 * self.lift * abs(math.cos(self.rate * time + self.phase))
        return 0.04 * math.sin(self.rate * time)


def choose_yaw(mover: Mover, view: str) -> Channel:
    """The heading of a body over a shot that shows it in this view."""
    side = 1.0 if mover.rng.random() < 0.5 else -1.0
    middle, reach, speed = {
        "front": (0.0, 0.45, 0.3),
        "turning": (0.7 * side, 0.75, 0.5),
        "side": (1.45 * side, 0.2, 0.3),
        "around": (0.0, 3.3, 0.4),
        "back": (math.pi, 1.2, 0.4),
    }[view]
    return mover.channel(middle - reach, middle + reach, speed=speed)
