"""A key as motion finding looks at it: probe points by region, and maps on which moved points are judged."""

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.regions.elastic import Outline, directions
from toonctl.regions.joints import ENCLOSED, joining
from toonctl.regions.motion import Beside, Complex, Floats, Probes, Target
from toonctl.regions.planar import PlanarMap, as_complex

_N_OUTLINE = 32
_N_NEIGHBORS = 5
_CLIP_AT_540 = 8.0
_SPECK_AT_540 = 300.0
_SURE_SIDE_AT_540 = 30.0
_SURE = (0.15, 2.0)
_FULL_JOINT = 5
"""Vertices, three pixels apart at 540 lines, from which on two regions meet in earnest."""

# While two keys are related, the same is asked of them again and again.
_targets: deque[tuple[PlanarMap, Target]] = deque(maxlen=2)
_besides: deque[tuple[PlanarMap, NDArray[np.bool_], Beside]] = deque(maxlen=2)


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
    return Probes.of(as_complex(key.view.samples), outline, key.center)


def outlines(key: KeyMap) -> dict[int, Outline]:
    """The outline of every region by label, lines within it included."""
    region, vertex = _vertices_of(key)
    points = as_complex(key.planar.points)
    direction = directions(key.planar, points)
    numbers, first = np.unique(region, return_index=True)
    parts = np.split(vertex, first[1:])
    return {
        int(number): Outline.of(points[part], direction[part])
        for number, part in zip(numbers, parts, strict=True)
        if number > 0
    }


def target_of(other: KeyMap, wrong: NDArray[np.float32]) -> Target:
    """`other` as motions are scored on it; `wrong` `[n, m + 1]` as in `Target`."""
    for planar, target in _targets:
        if planar is other.planar:
            return replace(target, wrong=wrong)
    height = other.labels.shape[0]
    target = Target.of(
        other.labels,
        other.planar.points[other.planar.left[other.planar.arc_of()] > 0],
        wrong,
        step=max(1, height // 540),
        clip_px=_CLIP_AT_540 * height / 540,
    )
    _targets.append((other.planar, target))
    return target


def neighbors(key: KeyMap, is_ground: NDArray[np.bool_]) -> Beside:
    """The regions each is joined to most; what faces the ground is nobody's."""
    for planar, ground, beside in _besides:
        if planar is key.planar and np.array_equal(ground, is_ground):
            return beside
    beside = _neighbors(key, is_ground)
    _besides.append((key.planar, is_ground, beside))
    return beside


def _neighbors(key: KeyMap, is_ground: NDArray[np.bool_]) -> Beside:
    planar, n = key.planar, key.n
    arc = planar.arc_of()
    inner = np.flatnonzero(((planar.left != planar.right) & (planar.left > 0))[arc])
    pair = (planar.left[arc[inner]].astype(np.int64) - 1) * n + planar.right[arc[inner]] - 1
    pairs, at = np.unique(pair, return_inverse=True)
    strength = np.zeros(len(pairs))
    np.maximum.at(strength, at, joining(planar)[arc[inner]])
    # However long they meet, a joint is a joint; a mere touch is little of one.
    strength *= np.minimum(1, np.bincount(at, minlength=len(pairs)) / _FULL_JOINT)
    places = _ends_of(as_complex(planar.points)[inner], at, len(pairs))
    first, second = np.divmod(pairs, n)
    one, other = np.concatenate([first, second]), np.concatenate([second, first])
    strength = np.where(is_ground[other], 0, np.tile(strength, 2))
    # What is held by one region alone follows it, and never leads it.
    strongest = np.zeros(n)
    np.maximum.at(strongest, one, strength)
    is_held = (np.bincount(one, minlength=n) == 1) & (strongest <= ENCLOSED)
    strength = np.where(is_held[other], 0, strength)
    order = np.lexsort((other, -strength, one))
    rank = np.arange(len(order)) - np.searchsorted(one[order], one[order])
    chosen = order[(rank < _N_NEIGHBORS) & (strength[order] > 0)]
    slot = rank[(rank < _N_NEIGHBORS) & (strength[order] > 0)]
    who = np.repeat(np.arange(n)[:, None], _N_NEIGHBORS, 1)
    share, at = np.zeros(who.shape), np.repeat(key.center[:, None, None], 2, 2).repeat(_N_NEIGHBORS, 1)
    who[one[chosen], slot] = other[chosen]
    at[one[chosen], slot] = np.tile(places, (2, 1))[chosen]
    # Someone has to lead a speck.
    is_speck = np.exp(-key.view.area / (_SPECK_AT_540 * (key.labels.shape[0] / 540) ** 2))
    total = np.maximum(np.bincount(one, strength, minlength=n), np.maximum(1 - is_speck, 1e-3))
    share[one[chosen], slot] = strength[chosen] / total[one[chosen]]
    return Beside(who.astype(np.int64), share, at)


def _ends_of(points: Complex, group: NDArray[np.int64], n: int) -> Complex:
    """Two points for each of `n` groups of points, `[n, 2]`: a deviation to either side along its axis."""
    x, y = points.real, points.imag
    count = np.maximum(np.bincount(group, minlength=n), 1)
    x, y, xx, yy, xy = (np.bincount(group, v, minlength=n) / count for v in (x, y, x * x, y * y, x * y))
    axis = _spread(xx - x * x, yy - y * y, xy - x * y)
    return (x + 1j * y)[:, None] + axis[:, None] * np.array([-1, 1])


def _spread(xx: Floats, yy: Floats, xy: Floats) -> Complex:
    """The main axis of points with these variances, as long as their deviation along it."""
    twist = (xx - yy) / 2 + 1j * xy
    length = np.sqrt(np.maximum((xx + yy) / 2 + np.abs(twist), 0))
    return length * np.exp(0.5j * np.angle(twist))


def sureness(key: KeyMap) -> Floats:
    """How much what is seen of each region alone says, by its size, `[n]`."""
    return np.clip(np.sqrt(key.view.area) / (_SURE_SIDE_AT_540 * key.labels.shape[0] / 540), *_SURE)


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
