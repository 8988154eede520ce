"""How one key becomes the next: regions matched, their motions found, outlines laid onto each other."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.laying import Moved, lay
from toonctl.engines.cel.inbetween.pairing import Pairing, pair
from toonctl.engines.cel.inbetween.probing import as_complex, neighbors, probes, target_of
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.inbetween.shared import Shared
from toonctl.engines.cel.inbetween.way import Way
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.regions.motion import (
    Complex,
    Floats,
    Motions,
    Probes,
    Target,
    aligned,
    best_of,
    cost,
    fitted,
    inverse,
    landing,
    shifts,
    still,
    tear,
)
from toonctl.regions.votes import flow_between

_ROUNDS = 3
_SCALES = (2.5, 1.5, 1.0, 0.6, 0.4)
_TURNS = (-0.5, -0.25, 0.25, 0.5)
_OWN_MOTION_GAIN = 0.05
_LEAST_TOGETHER = 3
_TOGETHER_AT_540 = (60.0, 200.0)
_APART_AT_540 = 12.0
_TEAR_WEIGHT, _SMALL_TEAR_WEIGHT = 0.25, 0.5
_SMALL_AREA_AT_540 = 200.0


def estimate(
    key: KeyMap,
    other: KeyMap,
    held: NDArray[np.bool_],
    options: InbetweenOptions,
    shared: tuple[Shared, Shared] | None = None,
) -> tuple[Way, Way]:
    """The way of each key to the other.

    `held` is as `equal_pixels` gives it; `shared` are the motions of all layers together for the regions of
    both keys.
    """
    pairing = pair(key, other, options)
    turned = pairing.turned()
    there, again = shared or (None, None)
    forth, _ = _motions(key, other, pairing, hint=None, shared=there)
    back, matched_back = _motions(other, key, turned, hint=_reversed(forth, turned), shared=again)
    forth, matched = _motions(key, other, pairing, hint=_reversed(back, pairing), shared=there)
    return (
        lay(Moved(key, other, pairing, forth, matched), held, options),
        lay(Moved(other, key, turned, back, matched_back), held, options),
    )


def _motions(
    key: KeyMap, other: KeyMap, pairing: Pairing, *, hint: Motions | None, shared: Shared | None
) -> tuple[Motions, NDArray[np.int32]]:
    """The best motion found for every region, and the label each becomes, 0 for one that disappears."""
    seen, target = probes(key), target_of(key, other, pairing)
    center = seen.center
    candidates = [still(center), _along_flow(key, other, center)]
    for rank in range(pairing.best.shape[1]):
        to = pairing.best[:, rank]
        is_known = to >= 0
        goal = np.where(is_known, other.center[np.maximum(to, 0)], center)
        spread = np.where(is_known[:, None], other.spread[np.maximum(to, 0)], key.spread)
        candidates += [shifts(center, goal), aligned(center, key.spread, goal, spread)]
        if rank == 0:
            # Round and square parts have no main axis to be aligned by.
            candidates += [Motions(center, goal - center, np.full(key.n, np.exp(1j * a))) for a in _TURNS]
    candidates += _with_neighbors(key, other, pairing)
    if hint is not None:
        candidates.append(hint)
    best = best_of(candidates, lambda m: cost(m, seen, target))[0]
    beside = neighbors(key, pairing.is_ground)
    # What lands right alone may still be the wrong part, the more so the smaller it is.
    unit = key.labels.shape[0] / 540
    weight = _TEAR_WEIGHT + _SMALL_TEAR_WEIGHT * np.exp(-key.view.area / (_SMALL_AREA_AT_540 * unit**2))
    for _ in range(_ROUNDS):
        around = best

        def judge(motions: Motions, around: Motions = around) -> Floats:
            return cost(motions, seen, target) + weight * tear(motions, around, beside, target.clip_px)

        others = [best.of(beside.who[:, k]) for k in range(beside.who.shape[1])]
        best = best_of([best, *candidates, *others], judge)[0]
        best = _nearest_lines(best, judge, seen, target)
    least = cost(best, seen, target)
    if shared is not None:
        is_as_good = cost(shared.motions, seen, target) < least + _OWN_MOTION_GAIN
        best = best.where(is_as_good & shared.is_known, shared.motions)
    best = still(center).where(~pairing.is_ground, best)
    matched = _matched(best, pairing, landing(best, seen, target), _APART_AT_540 * unit)
    return _with_hosts(best, matched, pairing.is_ground, beside.who), matched


def _matched(
    motions: Motions, pairing: Pairing, land: NDArray[np.int64], apart_px: float
) -> NDArray[np.int32]:
    """The label of the other key each region becomes, 0 where another region has taken that part.

    Several regions may become one, if they move together as the pieces of one do.
    """
    rows = np.arange(len(land))
    is_there = (land >= 0) & pairing.same_color[rows, land] & (pairing.best[:, 0] >= 0)
    to = np.where(is_there, land, pairing.best[:, 0])
    claimer = np.where(pairing.same_color, pairing.score, -np.inf).argmax(0)[to]
    place = motions.center + motions.shift
    with_claimer = motions.of(claimer).apply(motions.center)
    is_taken = (claimer != rows) & (np.abs(place - with_claimer) > apart_px)
    is_lost = (to < 0) | (is_taken & ~pairing.is_ground)
    return np.where(is_lost, 0, to + 1).astype(np.int32)


def _with_hosts(
    motions: Motions, matched: NDArray[np.int32], is_ground: NDArray[np.bool_], who: NDArray[np.int64]
) -> Motions:
    """Motions in which what has no counterpart goes with the neighbor it shares most outline with."""
    is_led = (matched > 0) & ~is_ground
    lost = (matched == 0) & ~is_ground
    motions = motions.where(lost, still(motions.center))
    for _ in range(_ROUNDS):
        leads = is_led[who] & (who != np.arange(len(who))[:, None])
        host = np.take_along_axis(who, leads.argmax(1)[:, None], 1)[:, 0]
        goes = ~is_led & lost & leads.any(1)
        motions = motions.where(goes, motions.of(host))
        is_led = is_led | goes
    return motions


def _with_neighbors(key: KeyMap, other: KeyMap, pairing: Pairing) -> list[Motions]:
    """Each region moved as the regions around it together have moved, near ones counting more."""
    to = pairing.best[:, 0]
    known = np.flatnonzero((to >= 0) & ~pairing.is_ground)
    if len(known) < _LEAST_TOGETHER:
        return []
    points, goal = key.center[known], other.center[to[known]]
    apart = np.abs(key.center[:, None] - points[None])
    size = np.sqrt(np.minimum(key.view.area[known], other.view.area[to[known]]))
    found: list[Motions] = []
    for reach in _TOGETHER_AT_540:
        weight = np.exp(-((apart / (reach * key.labels.shape[0] / 540)) ** 2)) * size
        shape = apart.shape
        fit = fitted(
            key.center, np.broadcast_to(points, shape), np.broadcast_to(goal, shape), weight, may_scale=False
        )
        # Once more without those that went elsewhere.
        off = np.abs(fit.apply(np.broadcast_to(points, shape)) - goal)
        weight = weight / (1 + (off / (_APART_AT_540 * key.labels.shape[0] / 540)) ** 4)
        found.append(
            fitted(
                key.center,
                np.broadcast_to(points, shape),
                np.broadcast_to(goal, shape),
                weight,
                may_scale=True,
            )
        )
    return found


def _nearest_lines(
    best: Motions, judge: Callable[[Motions], Floats], seen: Probes, target: Target
) -> Motions:
    """Motions improved by fitting outlines to the lines they lie next to, step by step."""
    tried = best
    for step in range(len(_SCALES)):
        moved = tried.apply(seen.outline)
        to, away = target.nearest(moved)
        scale = target.clip_px * _SCALES[step]
        weight = 1 / (1 + (away / scale) ** 2) ** 2
        tried = fitted(seen.center, seen.outline, to, weight, may_scale=step >= len(_SCALES) // 2)
        best = best_of([best, tried], judge)[0]
    return best


def _along_flow(key: KeyMap, other: KeyMap, center: Complex) -> Motions:
    """The similarity nearest to optical flow between the line distances, by region."""
    points = as_complex(key.view.samples)
    by = _flow_at(key, other, points)
    return fitted(center, points, points + by, np.ones(points.shape), may_scale=False)


def _flow_at(key: KeyMap, other: KeyMap, points: Complex) -> Complex:
    """Optical flow between the line distances of two keys at `points`, in pixels."""
    flow = flow_between(key.view.distance, other.view.distance)
    height, width = flow.shape[:2]
    to_plane = np.array([width, height]) / np.array(key.view.size)
    x = np.clip(points.real * to_plane[0], 0, width - 1).astype(np.int64)
    y = np.clip(points.imag * to_plane[1], 0, height - 1).astype(np.int64)
    return as_complex(flow[y, x] / to_plane)


def _reversed(motions: Motions, pairing: Pairing) -> Motions:
    """For every region the inverse of the motion of the region it matches."""
    back = inverse(motions)
    to = pairing.best[:, 0]
    found = back.of(np.maximum(to, 0))
    none = still(found.center)
    return none.where(to >= 0, found)
