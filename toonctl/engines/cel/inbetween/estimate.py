"""How one key becomes the next: regions matched, their motions found, outlines laid onto each other."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.laying import Moved, lay
from toonctl.engines.cel.inbetween.pairing import Pairing, pair
from toonctl.engines.cel.inbetween.probing import neighbors, probes, sureness, target_of
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.inbetween.shared import Shared
from toonctl.engines.cel.inbetween.way import Way
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.regions.agree import agreed, beside_each, cheapest, stacked
from toonctl.regions.motion import (
    Beside,
    Complex,
    Floats,
    Motions,
    Probes,
    Target,
    aligned,
    as_around,
    best_of,
    cost,
    fitted,
    inverse,
    landing,
    shifts,
    still,
    tear,
)
from toonctl.regions.planar import as_complex
from toonctl.regions.votes import flow_between

_ROUNDS = 3
_SCALES = (2.5, 1.5, 1.0, 0.6, 0.4)
_TURNS = (-0.5, -0.25, 0.25, 0.5)
_OWN_MOTION_GAIN = 0.05
_LEAST_TOGETHER = 3
_TOGETHER_AT_540 = (60.0, 200.0)
_APART_AT_540 = 12.0
_TEAR_WEIGHT, _SMALL_TEAR_WEIGHT = 0.5, 1.5
_SMALL_AREA_AT_540 = 200.0
_SOFT_AT_540 = 12.0
_AT_ONCE, _KEPT = 14, 6


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
    seen, target = probes(key), target_of(other, pairing.wrong())
    beside = neighbors(key, pairing.is_ground)
    unit = key.labels.shape[0] / 540
    best = _together(key, _candidates(key, other, pairing, hint), seen, target, beside)
    if shared is not None:
        is_as_good = cost(shared.motions, seen, target) < cost(best, seen, target) + _OWN_MOTION_GAIN
        best = best.where(is_as_good & shared.is_known, shared.motions)
    best = still(seen.center).where(~pairing.is_ground, best)
    matched = _matched(best, pairing, landing(best, seen, target), _APART_AT_540 * unit)
    return _with_hosts(best, matched, pairing.is_ground, beside), matched


def _candidates(key: KeyMap, other: KeyMap, pairing: Pairing, hint: Motions | None) -> list[Motions]:
    """Motions every region may have: none, along flow, to its likeliest counterparts, as all around it."""
    center = key.center
    found = [still(center), _along_flow(key, other, center)]
    for rank in range(pairing.best.shape[1]):
        to = pairing.best[:, rank]
        is_known = to >= 0
        goal = np.where(is_known, other.center[np.maximum(to, 0)], center)
        spread = np.where(is_known[:, None], other.spread[np.maximum(to, 0)], key.spread)
        found += [shifts(center, goal), aligned(center, key.spread, goal, spread)]
        if rank == 0:
            # Round and square parts have no main axis to be aligned by.
            found += [Motions(center, goal - center, np.full(key.n, np.exp(1j * a))) for a in _TURNS]
    found += _with_neighbors(key, other, pairing)
    return found if hint is None else [*found, hint]


def _together(
    key: KeyMap, candidates: list[Motions], seen: Probes, target: Target, beside: Beside
) -> Motions:
    """The motions that fit best and tear least, each improved from round to round by what lies around it."""
    unit = key.labels.shape[0] / 540
    soft_px = _SOFT_AT_540 * unit
    # What lands right alone may still be the wrong part, the more so the smaller it is.
    weight = _TEAR_WEIGHT + _SMALL_TEAR_WEIGHT * np.exp(-key.view.area / (_SMALL_AREA_AT_540 * unit**2))
    sure = sureness(key)
    leads = np.ones(key.n, bool)
    price = np.stack([cost(m, seen, target) for m in candidates], 1)
    pool, prices = cheapest(stacked(candidates), price, _KEPT)
    few, price = cheapest(stacked(candidates), price, _AT_ONCE)
    for _ in range(_ROUNDS):
        around = agreed(few, sure[:, None] * price, beside, weight=sure * weight, soft_px=soft_px)

        def judge(motions: Motions, around: Motions = around) -> Floats:
            return cost(motions, seen, target) + weight * tear(motions, around, beside, soft_px)

        more = [around, _nearest_lines(around, judge, seen, target), *_with_joints(around, beside, leads)]
        more += [around.of(beside.who[:, k]) for k in range(beside.who.shape[1])]
        price = np.concatenate([np.stack([cost(m, seen, target) for m in more], 1), prices], 1)
        few = beside_each(stacked(more), pool)
    return agreed(few, sure[:, None] * price, beside, weight=sure * weight, soft_px=soft_px)


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


def _with_joints(motions: Motions, beside: Beside, known: NDArray[np.bool_]) -> list[Motions]:
    """Every region moved as the `known` regions it is joined to have moved the places where it meets them."""
    n = len(motions.center)
    is_other = (beside.who != np.arange(n)[:, None]) & known[beside.who]
    weight = np.repeat(np.where(is_other, beside.share, 0), 2, axis=1)
    at, to = beside.at.reshape(n, -1), as_around(motions, beside).reshape(n, -1)
    return [fitted(motions.center, at, to, weight, may_scale=scale) for scale in (False, True)]


def _with_hosts(
    motions: Motions, matched: NDArray[np.int32], is_ground: NDArray[np.bool_], beside: Beside
) -> Motions:
    """Motions in which what has no counterpart goes as those it is joined to lead it."""
    is_led = (matched > 0) & ~is_ground
    lost = (matched == 0) & ~is_ground
    motions = motions.where(lost, still(motions.center))
    for region, host, slot in _chain(is_led, lost, beside):
        joint = beside.at[region, slot]
        at, to = joint.mean(), motions.of(np.array([host])).apply(joint[None]).mean()
        turn = motions.turn[host] / max(abs(motions.turn[host]), 1e-6)
        motions.turn[region] = turn
        motions.shift[region] = to + turn * (motions.center[region] - at) - motions.center[region]
    return motions


def _chain(is_led: NDArray[np.bool_], lost: NDArray[np.bool_], beside: Beside) -> list[tuple[int, int, int]]:
    """The `lost` regions that something leads: region, whom it hangs on, and that one's slot in `beside`.

    The strongest joints come first, so that a foot hangs on its own leg.
    """
    is_led = is_led.copy()
    found: list[tuple[int, int, int]] = []
    while True:
        share = np.where((lost & ~is_led)[:, None] & is_led[beside.who], beside.share, 0)
        region, slot = divmod(int(share.argmax()), share.shape[1])
        if share[region, slot] <= 0:
            return found
        found.append((region, int(beside.who[region, slot]), slot))
        is_led[region] = True


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
