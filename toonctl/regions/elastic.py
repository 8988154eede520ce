"""Outlines laid onto those they match: what a similarity leaves over, as a smooth residual by vertex."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, diags_array
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
    """Vertices of a region's outline and the direction of the line at each, complex `[P]`."""

    points: Complex
    direction: Complex


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
    groups = [
        (np.flatnonzero(goal == g), _tree(outlines[g].points), outlines[g])
        for g in np.unique(goal).tolist()
        if g in outlines
    ]
    direction = directions(planar, moved)
    for stiffness, share in _ROUNDS:
        onto = np.zeros(len(moved), np.complex128)
        weight = np.full(len(moved), 0.0)
        for which, tree, outline in groups:
            here = moved[which] + residual[which]
            away, at = tree.query(np.stack([here.real, here.imag], 1))
            along = outline.direction[at]
            facing = np.abs((np.conj(direction[which]) * along).real)
            limit = share * reach_px
            weight[which] = np.where(away < limit, np.maximum(facing, 0.05) * (1 - away / limit), 0)
            # The nearest vertex lies anywhere along the outline: what counts is the way across it.
            gap = outline.points[at] - here
            across = gap - along * (np.conj(along) * gap).real
            found[which] = np.where(away < limit, np.minimum(away, np.abs(across) + 0.3 * away), away)
            onto[which] = residual[which] + across + _ALONG * (gap - across)
        residual = _solved(links, pull, weight, onto, stiffness)
    return Laid(residual, found)


def _tree(points: Complex) -> KDTree:
    return KDTree(np.stack([points.real, points.imag], 1))


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
    both = (weights + weights.T).tocsc()
    pull = np.zeros(n, np.complex128)
    np.add.at(pull, a, joint * (moved[b] - moved[a]))
    np.add.at(pull, b, joint * (moved[a] - moved[b]))
    return (diags_array(np.asarray(both.sum(0)).ravel()) - both).tocsc(), pull


def _solved(links: csc_array, pull: Complex, weight: Floats, onto: Complex, stiffness: float) -> Complex:
    """The residual that follows `onto` where it has weight and changes little from vertex to vertex."""
    if not len(weight):
        return onto
    system = (stiffness * links + diags_array(weight + _HOLD)).tocsc()
    solver = splu(system)
    wanted = weight * onto + stiffness * pull
    return solver.solve(np.ascontiguousarray(wanted.real)) + 1j * solver.solve(
        np.ascontiguousarray(wanted.imag)
    )
