"""A key as motion finding looks at it: probe points by region, and maps on which moved points are judged."""

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.pairing import Pairing
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.regions.elastic import Outline, directions
from toonctl.regions.motion import Beside, Complex, Probes, Target

_N_OUTLINE = 32
_N_NEIGHBORS = 5
_CLIP_AT_540 = 8.0


def probes(key: KeyMap) -> Probes:
    """32 points inside every region and 32 along its outline and the lines in it."""
    region, vertex = _vertices_of(key)
    points = as_complex(key.planar.points)
    first = np.searchsorted(region, np.arange(1, key.n + 1))
    count = np.searchsorted(region, np.arange(1, key.n + 1), side="right") - first
    step = (np.arange(_N_OUTLINE) + 0.5) / _N_OUTLINE
    at = first[:, None] + (step[None] * count[:, None]).astype(np.int64)
    outline = np.where(
        count[:, None] > 0, points[vertex[np.minimum(at, len(vertex) - 1)]], key.center[:, None]
    )
    return Probes(as_complex(key.view.samples), outline, key.center)


def outlines(key: KeyMap) -> dict[int, Outline]:
    """The outline of every region by label, lines within it included."""
    region, vertex = _vertices_of(key)
    points = as_complex(key.planar.points)
    direction = directions(key.planar, points)
    numbers, first = np.unique(region, return_index=True)
    parts = np.split(vertex, first[1:])
    return {
        int(number): Outline(points[part], direction[part])
        for number, part in zip(numbers, parts, strict=True)
        if number > 0
    }


def target_of(key: KeyMap, other: KeyMap, pairing: Pairing) -> Target:
    """`other` as motions of `key`'s regions are scored on it."""
    height = other.labels.shape[0]
    return Target.of(
        other.labels,
        other.planar.points[other.planar.left[other.planar.arc_of()] > 0],
        pairing.wrong(),
        step=max(1, height // 540),
        clip_px=_CLIP_AT_540 * height / 540,
    )


def neighbors(key: KeyMap, is_ground: NDArray[np.bool_]) -> Beside:
    """The regions each shares most outline with; what faces the ground is nobody's."""
    planar, n = key.planar, key.n
    arcs = np.flatnonzero((planar.left != planar.right) & (planar.left > 0))
    left, right = planar.left[arcs] - 1, planar.right[arcs] - 1
    count = np.diff(planar.offsets)
    points = as_complex(planar.points)
    total = np.add.reduceat(points, planar.offsets[:-1]) if len(points) else np.zeros(0, np.complex128)
    length, place = np.zeros((n, n), np.float64), np.zeros((n, n), np.complex128)
    np.add.at(length, (left, right), count[arcs])
    np.add.at(place, (left, right), total[arcs])
    length, place = length + length.T, place + place.T
    length[:, is_ground] = 0
    who = np.argsort(-length, axis=1, kind="stable")[:, :_N_NEIGHBORS]
    met = np.take_along_axis(length, who, 1)
    at = np.take_along_axis(place, who, 1) / np.maximum(met, 1)
    who = np.where(met > 0, who, np.arange(n)[:, None])
    share = met / np.maximum(length.sum(1), 1)[:, None]
    return Beside(who.astype(np.int64), share, np.where(met > 0, at, key.center[:, None]))


def as_complex(points: NDArray[np.generic]) -> Complex:
    """x + iy of `[..., 2]`."""
    pairs = np.asarray(points, np.float64)
    return pairs[..., 0] + 1j * pairs[..., 1]


def _vertices_of(key: KeyMap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of region and vertex, sorted by region, the vertices in the order of their arcs."""
    planar = key.planar
    arc = planar.arc_of()
    left, right = planar.left[arc].astype(np.int64), planar.right[arc].astype(np.int64)
    is_twofold = left != right
    vertex = np.arange(len(arc))
    region = np.concatenate([left, right[is_twofold]])
    vertex = np.concatenate([vertex, vertex[is_twofold]])
    order = np.argsort(region, kind="stable")
    return region[order], vertex[order]
