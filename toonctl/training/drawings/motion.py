"""Values over time for poses and paths: waves, keyed poses with easing, gaits. Time is in drawings."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Channel:
    """One pose value over time; call it with a time to get a float between about `low` and `high`."""

    middle: float
    reach: float
    waves: tuple[tuple[float, float, float], ...]  # share of the reach, turns per unit of time, phase
    keys: tuple[float, ...]  # in -1..1; empty = waves only
    period: float
    ease: float  # share of the period that the move between two keys takes; 0 = a sudden change

    def __call__(self, time: float) -> float:
        value = 0.0
        for share, rate, phase in self.waves:
            value += share * math.sin(rate * time + phase)
        if self.keys:
            place = time / self.period
            key = math.floor(place)
            into = place - key
            before, after = self.keys[key % len(self.keys)], self.keys[(key + 1) % len(self.keys)]
            u = min(1.0, into / self.ease) if self.ease > 0 else 1.0
            value += before + (after - before) * u * u * (3 - 2 * u)
        return self.middle + self.reach * max(-1.3, min(1.3, value))


class Mover:
    """Makes the channels of one figure, all in its own pace and temper."""

    def __init__(self, rng: np.random.Generator, pace: float) -> None:
        self.rng = rng
        self.pace = pace
        self.keyed = float(rng.choice([0.0, 0.3, 0.7, 1.0]))
        self.period = float(rng.uniform(6, 30))

    def channel(self, low: float, high: float, *, speed: float = 1.0) -> Channel:
        """A channel that wanders between `low` and `high`; `speed` 1 is that of a limb."""
        rng = self.rng
        middle, reach = (low + high) / 2, (high - low) / 2
        pace = self.pace * speed
        if rng.random() < self.keyed:
            keys = tuple(float(v) for v in rng.uniform(-1, 1, 17))
            ease = float(rng.choice([0.0, 0.2, 0.5, 1.0], p=[0.1, 0.3, 0.3, 0.3]))
            waves = ((0.08, 0.5 * pace * float(rng.uniform(0.5, 2)), float(rng.uniform(0, 6.3))),)
            return Channel(middle, reach, waves, keys, self.period / max(pace, 1e-3), ease)
        waves = tuple(
            (share, pace * float(rng.uniform(*rates)), float(rng.uniform(0, 6.3)))
            for share, rates in ((0.6, (0.1, 0.4)), (0.3, (0.3, 0.8)), (0.15, (0.6, 1.3)))
        )
        return Channel(middle, reach, waves, (), 1.0, 1.0)

    def steady(self, low: float, high: float) -> Channel:
        """A channel that stays at one value drawn from the range."""
        return Channel(float(self.rng.uniform(low, high)), 0.0, (), (), 1.0, 1.0)

    def swing(self, reach: float, rate: float, phase: float) -> Channel:
        """A plain sine of `reach` with `rate` radians per unit of time: the beat of walks and hops."""
        return Channel(0.0, reach, ((1.0, rate * self.pace, phase),), (), 1.0, 1.0)

    def blink(self) -> Channel:
        """Openness of an eye, 0..1: open nearly always, shut for a moment now and then."""
        rng = self.rng
        keys = tuple(float(v) for v in rng.choice([1.0, 1.0, 1.0, 0.4, -1.0], size=23))
        return Channel(0.5, 0.5, (), keys, float(rng.uniform(3, 9)) / max(self.pace, 0.2), 0.5)
