"""How one key becomes the next: regions matched, their motions found, outlines laid onto each other."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.options import InbetweenOptions
from toonctl.engines.cel.inbetween.pairing import Pairing, pair
from toonctl.engines.cel.inbetween.probing import as_complex, neighbors, outlines, probes, target_of
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.regions.depth import depth_order
from toonctl.regions.elastic import lay_on
from toonctl.regions.motion import (
    Complex,
    Floats,
    Motions,
    Probes,
    Target,
    aligned,
    best_of,
    cost_inside,
    edge_distance,
    fitted,
    inverse,
    shifts,
    still,
)
from toonctl.regions.redraw import Sheet, arrange
from toonctl.regions.votes import flow_between

_AGREE_AT_540 = 8.0
_REACH_AT_540 = 24.0
_ROUNDS = 3
_NEAREST_LINE_STEPS = 4
_HELD_AT_540 = 3.0


@dataclass(frozen=True, slots=True)
class Way:
    """The motion of a key's planar map toward another key, by vertex.

    A vertex follows `left` and, for the share `lean` `[V]`, `right`, plus `residual` complex `[V]`; as the
    back side of a split arc it follows `behind`. `score` `[n]` 0..1 is how well each region's motion fits,
    `matched` `[n]` the region it becomes, 0 for one that disappears.
    """

    sheet: Sheet
    left: Motions
    right: Motions
    lean: Floats
    residual: Complex
    behind: Motions
    score: Floats
    matched: NDArray[np.int32]

    def at(self, share: float) -> tuple[Complex, Complex]:
        """Where the vertices are when `share` of the way is done: in front, and as back sides."""
        points = as_complex(self.sheet.planar.points)
        front = (1 - self.lean) * self.left.at(points, share) + self.lean * self.right.at(points, share)
        front = front + share * self.residual
        return np.where(self.sheet.still, points, front), self.behind.at(points, share)


def estimate(
    key: KeyMap, other: KeyMap, held: NDArray[np.bool_], options: InbetweenOptions
) -> tuple[Way, Way]:
    """The way of each key to the other; `held` as `equal_pixels` gives it."""
    pairing = pair(key, other, options)
    turned = pairing.turned()
    forth = _motions(key, other, pairing, None)
    back = _motions(other, key, turned, _reversed(forth, turned))
    forth = _motions(key, other, pairing, _reversed(back, pairing))
    return (
        _way(key, other, pairing, motions=forth, held=held),
        _way(other, key, turned, motions=back, held=held),
    )


def _motions(key: KeyMap, other: KeyMap, pairing: Pairing, hint: Motions | None) -> Motions:
    """The best motion found for every region."""
    seen, target = probes(key), target_of(key, other, pairing)
    center = seen.center
    candidates = [still(center), _along_flow(key, other, center)]
    for rank in range(pairing.best.shape[1]):
        to = pairing.best[:, rank]
        is_known = to >= 0
        goal = np.where(is_known, other.center[np.maximum(to, 0)], center)
        spread = np.where(is_known[:, None], other.spread[np.maximum(to, 0)], key.spread)
        candidates += [shifts(center, goal), aligned(center, key.spread, goal, spread)]
    if hint is not None:
        candidates.append(hint)
    best, least = best_of(candidates, seen, target)
    beside = neighbors(key)
    for _ in range(_ROUNDS):
        best, least = best_of([best, *(best.of(beside[:, k]) for k in range(beside.shape[1]))], seen, target)
        best, least = _nearest_lines(best, least, seen, target)
    return still(center).where(~pairing.is_ground, best)


def _nearest_lines(best: Motions, least: Floats, seen: Probes, target: Target) -> tuple[Motions, Floats]:
    """Motions improved by fitting outlines to the lines they lie next to, step by step."""
    tried = best
    for step in range(_NEAREST_LINE_STEPS):
        moved = tried.apply(seen.outline)
        to, away = target.nearest(moved)
        scale = target.clip_px * (1.5, 1.0, 0.6, 0.4)[step]
        weight = 1 / (1 + (away / scale) ** 2) ** 2
        tried = fitted(seen.center, seen.outline, to, weight, may_scale=step >= 2)
        best, least = best_of([best, tried], seen, target)
    return best, least


def _along_flow(key: KeyMap, other: KeyMap, center: Complex) -> Motions:
    """The similarity nearest to optical flow between the line distances, by region."""
    flow = flow_between(key.view.distance, other.view.distance)
    height, width = flow.shape[:2]
    to_plane = np.array([width, height]) / np.array(key.view.size)
    at = np.minimum((key.view.samples * to_plane).astype(np.int64), [width - 1, height - 1])
    by = flow[at[..., 1], at[..., 0]] / to_plane
    points = as_complex(key.view.samples)
    return fitted(center, points, points + as_complex(by), np.ones(points.shape), may_scale=False)


def _reversed(motions: Motions, pairing: Pairing) -> Motions:
    """For every region the inverse of the motion of the region it matches."""
    back = inverse(motions)
    to = pairing.best[:, 0]
    found = back.of(np.maximum(to, 0))
    none = still(found.center)
    return none.where(to >= 0, found)


def _way(key: KeyMap, other: KeyMap, pairing: Pairing, *, motions: Motions, held: NDArray[np.bool_]) -> Way:
    """Motions by vertex: who leads at each arc, what is split, and the residual onto the other's outlines."""
    planar = key.planar
    unit = key.labels.shape[0] / 540
    points = as_complex(planar.points)
    arc = planar.arc_of()
    left, right = (np.maximum(side[arc], 1) - 1 for side in (planar.left, planar.right))
    by_left, by_right = motions.of(left), motions.of(right)
    to_left, to_right = by_left.apply(points), by_right.apply(points)
    target = target_of(key, other, pairing)
    lead = _leaders(key, pairing, to_left, to_right, target)
    apart = _by_arc(planar.offsets, np.abs(to_left - to_right))
    is_split = apart > _AGREE_AT_540 * unit
    front = np.where(
        is_split & (planar.left != planar.right), np.where(lead < 0.5, planar.left, planar.right), 0
    )
    front = np.where((planar.left == 0) | (planar.right == 0), 0, front).astype(np.int32)
    lean = np.where(is_split, np.round(lead), lead)[arc]
    matched = np.where(pairing.best[:, 0] >= 0, pairing.best[:, 0] + 1, 0).astype(np.int32)
    goal = np.where(lean < 0.5, matched[left], matched[right])
    goal[(planar.left == 0)[arc]] = 0
    moved = (1 - lean) * to_left + lean * to_right
    laid = lay_on(planar, moved, goal, outlines(other), reach_px=_REACH_AT_540 * unit)
    order, front = depth_order(planar, front, (key.labels.shape[1], key.labels.shape[0]))
    is_still = _still_vertices(key, held, moved + laid.residual - points, unit)
    seen = probes(key)
    score = 1 - cost_inside(motions, seen, target) - 0.6 * edge_distance(motions, seen, target)
    behind = np.where((front == planar.left)[arc], right, left)
    return Way(
        sheet=arrange(planar, order, front, is_still),
        left=by_left,
        right=by_right,
        lean=lean,
        residual=laid.residual,
        behind=motions.of(behind),
        score=np.clip(score, 0, 1),
        matched=matched,
    )


def _leaders(key: KeyMap, pairing: Pairing, to_left: Complex, to_right: Complex, target: Target) -> Floats:
    """By arc, how far its right side leads it, 0..1: the side whose motion keeps it on lines of the other key."""
    planar = key.planar
    left_away, right_away = (
        _by_arc(planar.offsets, np.minimum(target.nearest(p)[1], 2 * target.clip_px))
        for p in (to_left, to_right)
    )
    lean = (left_away + 0.5) / (left_away + right_away + 1.0)
    lean = np.clip(1.5 * (lean - 0.5) + 0.5, 0, 1)
    is_ground = np.concatenate([[True], pairing.is_ground])
    lean = np.where(is_ground[planar.left] & ~is_ground[planar.right], 1.0, lean)
    return np.where(is_ground[planar.right] & ~is_ground[planar.left], 0.0, lean)


def _still_vertices(key: KeyMap, held: NDArray[np.bool_], way: Complex, unit: float) -> NDArray[np.bool_]:
    """Vertices around which both keys show the same pixels and whose way is a mere tremble."""
    points = key.planar.points
    height, width = held.shape
    x = np.clip(np.rint(points[:, 0]), 0, width - 1).astype(np.int64)
    y = np.clip(np.rint(points[:, 1]), 0, height - 1).astype(np.int64)
    return held[y, x] & (np.abs(way) < _HELD_AT_540 * unit)


def equal_pixels(key: KeyMap, other: KeyMap) -> NDArray[np.bool_]:
    """Pixels about which both keys are alike, line layers included."""
    same = (key.table[key.codes] == other.table[other.codes]).all(-1) & (key.coverage == other.coverage)
    side = 2 * round(4 * key.labels.shape[0] / 540) + 1
    return cv2.erode(same.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def _by_arc(offsets: NDArray[np.int64], values: Floats) -> Floats:
    """The mean of `values` `[V]` over each arc."""
    return np.add.reduceat(values, offsets[:-1]) / np.diff(offsets)
