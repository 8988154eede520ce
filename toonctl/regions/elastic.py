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

_ROUNDS = ((30.0, 1.0), (10.0, 0.7), (4.0, 0.45), (2.0, 0.35))
"""Stiffness and reach, as a share of the greatest, of each round."""

_HOLD = 0.01
_ALONG = 0.3


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
    links = _links(planar, moved, reach_px / 6)
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
        residual = _solved(links, weight, onto, stiffness)
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


def _links(planar: PlanarMap, moved: Complex, near_px: float) -> csc_array:
    """The graph Laplacian of the vertices: along arcs, and across junctions whose ends moved alike."""
    inner = np.ones(len(moved), bool)
    inner[planar.offsets[1:] - 1] = False
    first = np.flatnonzero(inner)
    tips = np.concatenate([planar.offsets[:-1], planar.offsets[1:] - 1])
    node = planar.ends.T.ravel()
    order = np.argsort(node, kind="stable")
    tips, node = tips[order], node[order]
    joined = np.flatnonzero((node[1:] == node[:-1]) & (node[1:] >= 0))
    a, b = tips[joined], tips[joined + 1]
    alike = np.abs(moved[a] - moved[b]) < near_px
    closed = np.flatnonzero((planar.ends[:, 0] < 0) & (planar.left != planar.right))
    i = np.concatenate([first, a[alike], planar.offsets[closed]])
    j = np.concatenate([first + 1, b[alike], planar.offsets[closed + 1] - 1])
    strength = np.concatenate([np.ones(len(first)), np.full(int(alike.sum()) + len(closed), 20.0)])
    n = len(moved)
    weights = coo_array((strength, (i, j)), shape=(n, n))
    both = (weights + weights.T).tocsc()
    return (diags_array(np.asarray(both.sum(0)).ravel()) - both).tocsc()


def _solved(links: csc_array, weight: Floats, onto: Complex, stiffness: float) -> Complex:
    """The residual that follows `onto` where it has weight and changes little from vertex to vertex."""
    if not len(weight):
        return onto
    system = (stiffness * links + diags_array(weight + _HOLD)).tocsc()
    solver = splu(system)
    wanted = weight * onto
    return solver.solve(np.ascontiguousarray(wanted.real)) + 1j * solver.solve(
        np.ascontiguousarray(wanted.imag)
    )
