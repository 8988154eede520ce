"""Which outlines join what lies on their sides, and which only pass before it: told by their junctions.

Where three arcs meet, two mostly run on into each other and the third ends there. The line that runs on is
the outline of what lies in front; the line that ends divides two pieces of one thing, as a seam or a cuff.
After the T-junctions by which line drawings tell depth (Guzman 1968).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.planar import PlanarMap, as_complex

Floats = NDArray[np.float64]

_AWAY = 3
"""Vertices from a junction at which an arc's direction is taken: nearer, the line's width bends it."""

_STRAIGHT = np.cos(np.radians(140))

PASSING, ENCLOSED = 0.15, 0.4
"""How far an arc joins its sides that runs on at both ends, and one that closes on itself."""


def joining(planar: PlanarMap) -> Floats:
    """By arc how far it joins its two sides, `[A]`: 1 for a short cut that ends at a junction.

    One that runs on joins little. A junction that is no plain T says neither; what lies within another may be
    a piece of it or lie in front.
    """
    n = planar.n_arcs
    found = _meetings(planar)
    ends = np.full(2 * n, ENCLOSED)
    ends[planar.ends.T.ravel() >= 0] = 0.5
    stem = np.eye(3, dtype=bool)[found.stem]
    ends[found.tips] = np.where(found.is_plain[:, None], np.where(stem, 1.0, PASSING), 0.5)
    joined = ends.reshape(2, n).max(0)
    # Seams are short cuts: a line that goes round something that ends at it is that thing's outline.
    short = _shortness(planar, as_complex(planar.points))
    joined = np.where(planar.ends[:, 0] < 0, joined, np.maximum(joined * short, PASSING))
    # Only what lies between two regions of the picture counts; the edge of the picture is no outline.
    return np.where(planar.left > 0, joined, 0.0)


def in_front(planar: PlanarMap) -> Floats:
    """By arc which side its junctions say lies in front, `[A]`: 1 the left, -1 the right, 0 neither.

    A line that ends at another which runs on goes on behind that one: where it comes from is behind.
    """
    n = planar.n_arcs
    found = _meetings(planar)
    tips = found.tips[found.is_plain] % n
    is_stem = np.eye(3, dtype=bool)[found.stem[found.is_plain]]
    stem, bars = tips[is_stem][:, None], tips[~is_stem].reshape(-1, 2)
    sides = planar.left[bars], planar.right[bars]
    left, right = ((side == planar.left[stem]) | (side == planar.right[stem]) for side in sides)
    says = np.zeros(n)
    np.add.at(says, bars, right.astype(np.int64) - left)
    return np.clip(says, -1, 1)


@dataclass(frozen=True, slots=True)
class _Meetings:
    """J junctions of three arcs: `tips` int64 `[J, 3]` are the ends that meet, A more for an arc's second.

    `stem` `[J]` 0..2 is the one without which the others run on; `is_plain` `[J]` says whether they do.
    """

    tips: NDArray[np.int64]
    stem: NDArray[np.int64]
    is_plain: NDArray[np.bool_]


def _meetings(planar: PlanarMap) -> _Meetings:
    node = planar.ends.T.ravel()
    first, last = planar.offsets[:-1], planar.offsets[1:] - 1
    tip = np.concatenate([first, last])
    inner = np.concatenate([np.minimum(first + _AWAY, last), np.maximum(last - _AWAY, first)])
    points = as_complex(planar.points)
    way = points[inner] - points[tip]
    way /= np.maximum(np.abs(way), 1e-6)
    known = np.flatnonzero(node >= 0)
    order = known[np.argsort(node[known], kind="stable")]
    groups = np.flatnonzero(np.diff(node[order], prepend=-1))
    three = groups[np.diff(groups, append=len(order)) == 3]
    tips = order[three[:, None] + np.arange(3)]
    meeting = way[tips]
    pairs = ((1, 2), (0, 2), (0, 1))
    bend = np.stack([(np.conj(meeting[:, i]) * meeting[:, j]).real for i, j in pairs], 1)  # -1 straight on
    return _Meetings(tips, bend.argmin(1), bend.min(1) < _STRAIGHT)


def _shortness(planar: PlanarMap, points: NDArray[np.complex128]) -> Floats:
    """By arc, the square of how directly it leads from end to end, 0..1, `[A]`."""
    step = np.abs(np.diff(points, append=points[-1:]))
    step[planar.offsets[1:] - 1] = 0
    length = np.add.reduceat(step, planar.offsets[:-1])
    return (
        np.abs(points[planar.offsets[1:] - 1] - points[planar.offsets[:-1]]) / np.maximum(length, 1e-6)
    ) ** 2
