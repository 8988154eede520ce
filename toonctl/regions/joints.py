"""Which outlines join what lies on their sides, and which only pass before it: told by their junctions.

Where three arcs meet, two mostly run on into each other and the third ends there. The line that runs on is
the outline of what lies in front; the line that ends divides two pieces of one thing, as a seam or a cuff.
After the T-junctions by which line drawings tell depth (Guzman 1968).
"""

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.planar import PlanarMap

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
    node = planar.ends.T.ravel()
    arc = np.tile(np.arange(n), 2)
    first, last = planar.offsets[:-1], planar.offsets[1:] - 1
    tip = np.concatenate([first, last])
    inner = np.concatenate([np.minimum(first + _AWAY, last), np.maximum(last - _AWAY, first)])
    points = planar.points[:, 0].astype(np.float64) + 1j * planar.points[:, 1]
    way = points[inner] - points[tip]
    way /= np.maximum(np.abs(way), 1e-6)
    ends = np.full(2 * n, ENCLOSED)
    known = np.flatnonzero(node >= 0)
    order = known[np.argsort(node[known], kind="stable")]
    groups = np.flatnonzero(np.diff(node[order], prepend=-1))
    sizes = np.diff(groups, append=len(order))
    three = groups[sizes == 3]
    at = order[three[:, None] + np.arange(3)] if len(three) else np.zeros((0, 3), np.int64)
    ends[order] = 0.5
    ends[at] = _of_three(way[at])
    joined = np.zeros(n)
    np.maximum.at(joined, arc, ends)
    # Seams are short cuts: a line that goes round something that ends at it is that thing's outline.
    joined = np.where(planar.ends[:, 0] < 0, joined, np.maximum(joined * _shortness(planar, points), PASSING))
    # Only what lies between two regions of the picture counts; the edge of the picture is no outline.
    return np.where(planar.left > 0, joined, 0.0)


def _shortness(planar: PlanarMap, points: NDArray[np.complex128]) -> Floats:
    """By arc, the square of how directly it leads from end to end, 0..1, `[A]`."""
    step = np.abs(np.diff(points, append=points[-1:]))
    step[planar.offsets[1:] - 1] = 0
    length = np.add.reduceat(step, planar.offsets[:-1])
    return (
        np.abs(points[planar.offsets[1:] - 1] - points[planar.offsets[:-1]]) / np.maximum(length, 1e-6)
    ) ** 2


def _of_three(way: NDArray[np.complex128]) -> Floats:
    """By arc of junctions of three `[J, 3]`, how far it ends there."""
    pairs = ((1, 2), (0, 2), (0, 1))
    bend = np.stack([(np.conj(way[:, i]) * way[:, j]).real for i, j in pairs], 1)  # -1 straight on
    stem = bend.argmin(1)
    is_plain = bend.min(1) < _STRAIGHT
    found = np.full(way.shape, PASSING)
    found[np.arange(len(way)), stem] = 1.0
    return np.where(is_plain[:, None], found, 0.5)
