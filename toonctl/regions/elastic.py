"""Outlines laid onto those they match: what a similarity leaves over, as a smooth residual by vertex."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu
from scipy.spatial import KDTree

from toonctl.regions.motion import Complex, Floats
from toonctl.regions.planar import PlanarMap

_ROUNDS = ((100.0, 1.0), (60.0, 0.7), (40.0, 0.45), (30.0, 0.35))
"""Stiffness and reach, as a share of the greatest, of each round."""

_HOLD = 0.01
_ALONG = 0.3
_JOINT = 20.0
_MEET = 1 / 3
_SLIDING = 0.25


@dataclass(frozen=True, slots=True)
class Outline:
    """Vertices of a region's outline and the direction of the line at each, complex `[P]`.

    `tree` finds the nearest of them, x and y.
    """

    points: Complex
    direction: Complex
    tree: KDTree

    @classmethod
    def of(cls, points: Complex, direction: Complex) -> "Outline":
        """The outline through `points`."""
        return cls(points, direction, KDTree(as_pairs(points)))


@dataclass(frozen=True, slots=True)
class Laid:
    """The residual complex `[V]`, and the distance to what it was laid on `[V]`, infinite without."""

    residual: Complex
    distance: Floats


def lay_on(
    planar: PlanarMap,
    moved: Complex,
    goal: NDArray[np.int32],
    outlines: Mapping[int, Outline],
    *,
    reach_px: float,
) -> Laid:
    """Moves the vertices `moved` `[V]` onto the other picture's outlines, smoothly along and across arcs.

    `goal` `[V]` names the region of the other picture whose outline a vertex belongs on (0: none).
    """
    residual = np.zeros(len(moved), np.complex128)
    found = np.full(len(moved), np.inf)
    links, pull = _links(planar, moved, goal, _MEET * reach_px)
    goals = _Goals.of(goal, outlines)
    which = goals.which
    direction = directions(planar, moved)[which]
    for stiffness, share in _ROUNDS:
        here = moved[which] + residual[which]
        away, nearest, along = goals.nearest(here)
        facing = np.abs((np.conj(direction) * along).real)
        limit = share * reach_px
        # The nearest vertex lies anywhere along the outline: what counts is the way across it.
        gap = nearest - here
        across = gap - along * (np.conj(along) * gap).real
        onto, weight = np.zeros(len(moved), np.complex128), np.zeros(len(moved))
        weight[which] = np.where(away < limit, np.maximum(facing, 0.05) * (1 - away / limit), 0)
        found[which] = np.where(away < limit, np.minimum(away, np.abs(across) + 0.3 * away), away)
        onto[which] = residual[which] + across + _ALONG * (gap - across)
        residual = _solved(links, pull, weight, onto, stiffness)
    return Laid(residual, found)


@dataclass(frozen=True, slots=True)
class _Goals:
    """Vertices `which` `[G]` that belong on an outline, in groups of one outline each.

    `groups` are a group's vertices, the tree of its outline, and where that begins in `points` and
    `direction`, which are those of all outlines.
    """

    which: NDArray[np.int64]
    groups: tuple[tuple[slice, KDTree, int], ...]
    points: Complex
    direction: Complex

    @classmethod
    def of(cls, goal: NDArray[np.int32], outlines: Mapping[int, Outline]) -> "_Goals":
        """The vertices of each `goal` `[V]` among the `outlines`."""
        which = np.flatnonzero(np.isin(goal, list(outlines)))
        which = which[np.argsort(goal[which], kind="stable")]
        known, ends = np.unique(goal[which], return_index=True)
        ends = np.append(ends, len(which))
        goals = [outlines[g] for g in known.tolist()]
        starts = np.cumsum([0, *(len(outline.points) for outline in goals)]).tolist()
        groups = tuple(
            (slice(ends[i], ends[i + 1]), outline.tree, starts[i]) for i, outline in enumerate(goals)
        )
        none = np.zeros(0, np.complex128)
        points = np.concatenate([none, *(outline.points for outline in goals)])
        return cls(which, groups, points, np.concatenate([none, *(outline.direction for outline in goals)]))

    def nearest(self, here: Complex) -> tuple[Floats, Complex, Complex]:
        """How far each of `here` `[G]` is from its outline, the nearest point there, and its direction."""
        pairs = as_pairs(here)
        away, at = np.zeros(len(here)), np.zeros(len(here), np.int64)
        for part, tree, start in self.groups:
            away[part], at[part] = tree.query(pairs[part])
            at[part] += start
        return away, self.points[at], self.direction[at]


def as_pairs(points: Complex) -> NDArray[np.float64]:
    """x, y `[P, 2]`."""
    return np.stack([points.real, points.imag], 1)


def directions(planar: PlanarMap, moved: Complex) -> Complex:
    """The direction of the arc at every vertex, length 1."""
    arc = planar.arc_of()
    after = np.minimum(np.arange(len(moved)) + 1, planar.offsets[arc + 1] - 1)
    before = np.maximum(np.arange(len(moved)) - 1, planar.offsets[arc])
    way = moved[after] - moved[before]
    return way / np.maximum(np.abs(way), 1e-6)


def _links(
    planar: PlanarMap, moved: Complex, goal: NDArray[np.int32], near_px: float
) -> tuple[csc_array, Complex]:
    """The graph Laplacian of the vertices, along arcs and across junctions whose ends moved alike.

    Along arcs residuals are alike; at junctions ends are to meet, wherever they were moved: the second value
    `[V]` is the pull that closes those gaps.
    """
    inner = np.ones(len(moved), bool)
    inner[planar.offsets[1:] - 1] = False
    first = np.flatnonzero(inner)
    tips = np.concatenate([planar.offsets[:-1], planar.offsets[1:] - 1])
    node = planar.ends.T.ravel()
    order = np.argsort(node, kind="stable")
    tips, node = tips[order], node[order]
    pairs = [np.flatnonzero((node[k:] == node[:-k]) & (node[k:] >= 0)) for k in (1, 2, 3)]
    a = np.concatenate([tips[p] for p in pairs])
    b = np.concatenate([tips[p + k] for k, p in enumerate(pairs, 1)])
    # One outline holds together; what merely runs into it (a line behind a figure) may slide along it.
    is_one = goal[a] == goal[b]
    alike = np.abs(moved[a] - moved[b]) < near_px * np.where(is_one, 1, _SLIDING)
    closed = np.flatnonzero((planar.ends[:, 0] < 0) & (planar.left != planar.right))
    a = np.concatenate([a[alike], planar.offsets[closed]])
    b = np.concatenate([b[alike], planar.offsets[closed + 1] - 1])
    joint = _JOINT * np.concatenate([np.where(is_one[alike], 1, _SLIDING), np.ones(len(closed))])
    i, j = np.concatenate([first, a]), np.concatenate([first + 1, b])
    strength = np.concatenate([np.ones(len(first)), joint])
    n = len(moved)
    weights = coo_array((strength, (i, j)), shape=(n, n))
    both = (weights + weights.T).tocoo()
    own = np.arange(n)
    rows, columns = (np.concatenate([side, own]) for side in both.coords)
    power = np.concatenate([-both.data, np.asarray(both.sum(0)).ravel()])
    pull = np.zeros(n, np.complex128)
    np.add.at(pull, a, joint * (moved[b] - moved[a]))
    np.add.at(pull, b, joint * (moved[a] - moved[b]))
    return coo_array((power, (rows, columns)), shape=(n, n)).tocsc(), pull


def _solved(links: csc_array, pull: Complex, weight: Floats, onto: Complex, stiffness: float) -> Complex:
    """The residual that follows `onto` where it has weight and changes little from vertex to vertex."""
    if not len(weight):
        return onto
    system = stiffness * links
    system.setdiag(system.diagonal() + (weight + _HOLD))
    solver = splu(system)
    wanted = weight * onto + stiffness * pull
    return solver.solve(np.ascontiguousarray(wanted.real)) + 1j * solver.solve(
        np.ascontiguousarray(wanted.imag)
    )
