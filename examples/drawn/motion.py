"""Motion as functions of time: eased key tracks, and chains that lag behind what pulls them."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

Key = tuple[float, float]


def track(t: float, *keys: Key) -> float:
    """The value at time `t` of keys (time, value), eased in and out between them and held outside."""
    if t <= keys[0][0]:
        return keys[0][1]
    for (t0, v0), (t1, v1) in pairwise(keys):
        if t <= t1:
            u = (t - t0) / (t1 - t0)
            return v0 + (v1 - v0) * u * u * (3 - 2 * u)
    return keys[-1][1]


def straight(t: float, *keys: Key) -> float:
    """The value at time `t` of keys (time, value), even between them and held outside."""
    return float(np.interp(t, [k[0] for k in keys], [k[1] for k in keys]))


def speed(path: Callable[[float], float], t: float) -> float:
    """How fast `path` changes around time `t`, in units per frame."""
    return (path(t + 1.0) - path(t - 1.0)) / 2.0


def bones(
    hip: tuple[float, float], foot: tuple[float, float], upper: float, lower: float, bend: float
) -> tuple[float, float]:
    """The knee between `hip` and `foot` for two bone lengths; `bend` +1 or -1 picks the side."""
    dx, dy = foot[0] - hip[0], foot[1] - hip[1]
    reach = min(max(float(np.hypot(dx, dy)), 1e-6), upper + lower - 0.5)
    angle = np.arctan2(dy, dx)
    inner = np.arccos(np.clip((upper**2 + reach**2 - lower**2) / (2 * upper * reach), -1, 1))
    return float(hip[0] + upper * np.cos(angle - bend * inner)), float(
        hip[1] + upper * np.sin(angle - bend * inner)
    )


def chain(start: tuple[float, float], angles: Sequence[float], length: float) -> list[tuple[float, float]]:
    """Points of a chain of links of `length`, each at its angle (radians, 0 = right, clockwise)."""
    points = [start]
    for angle in angles:
        x, y = points[-1]
        points.append((x + length * float(np.cos(angle)), y + length * float(np.sin(angle))))
    return points
