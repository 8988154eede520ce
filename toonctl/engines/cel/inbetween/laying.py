"""A key's outlines laid onto the other key's: who leads each arc, what splits, what is left over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from toonctl.engines.cel.inbetween.pairing import Pairing
from toonctl.engines.cel.inbetween.probing import neighbors, outlines, probes, target_of
from toonctl.engines.cel.inbetween.reading import KeyMap
from toonctl.engines.cel.inbetween.way import Box, Way
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.regions.depth import depth_order
from toonctl.regions.elastic import Outline, as_pairs, lay_on
from toonctl.regions.joints import in_front, joining
from toonctl.regions.limbs import Limbs
from toonctl.regions.motion import Complex, Floats, Motions, Probes, Target, cost_inside, edge_distance
from toonctl.regions.planar import as_complex
from toonctl.regions.redraw import arrange
from toonctl.regions.rings import outer_rings

_AGREE_AT_540 = 8.0
_REACH_AT_540 = 24.0
_HELD_AT_540 = 3.0
_PASSAGE = 8
_BESIDE_AT_540 = 10.0
_INSIDE_WEIGHT, _EDGE_WEIGHT = 0.5, 0.6
_SURE = 0.6
_TOLD_AT_540 = 40.0
_UNSURE, _STRETCH = 3.0, 4.0
_JOINT = 0.45
_BARE = 0.25
_CONTACT = 4
_SLIDE_AT_540 = 60.0
_JUNCTION = 0.6
_HANGING_AT_540 = 5.0
_OFF = 4.0


@dataclass(frozen=True, slots=True)
class Moved:
    """A key, the other, and by region of the key the motion toward it and the label it becomes (0: none)."""

    key: KeyMap
    other: KeyMap
    pairing: Pairing
    motions: Motions
    matched: NDArray[np.int32]


def lay(found: Moved, held: NDArray[np.bool_], options: InbetweenOptions) -> Way:
    """The way of a key to the other; `held` is where both show the same."""
    key, other, pairing = found.key, found.other, found.pairing
    motions, matched = found.motions, found.matched
    planar = key.planar
    unit = key.labels.shape[0] / 540
    points = as_complex(planar.points)
    arc = planar.arc_of()
    leads = _leads(key, pairing, _BESIDE_AT_540 * unit)
    left, right = (np.maximum(side[arc], 1) - 1 for side in leads)
    to_left, to_right = motions.of(left).apply(points), motions.of(right).apply(points)
    seen, target = probes(key), target_of(other, pairing.wrong())
    theirs = outlines(other)
    lead = _leaders(found, leads, (to_left, to_right), target, theirs)
    apart = _by_arc(planar.offsets, np.abs(to_left - to_right))
    trust = _trust(found, seen, target)
    # Parts that part a little do so only when both are sure of it; no outline stretches for long.
    is_sure = np.minimum(trust[planar.left], trust[planar.right]) > _SURE
    is_joint = joining(planar) > _JOINT
    is_split = apart > _AGREE_AT_540 * unit * np.where(is_joint, _STRETCH, np.where(is_sure, 1, _UNSURE))
    is_split &= (planar.left != planar.right) & (planar.left > 0)
    is_split &= ~_stay_joined(key, other, matched) | (apart > _SLIDE_AT_540 * unit)
    is_ground = np.concatenate([[True], pairing.is_ground])
    # A pocket of ground has the shape of what is around it.
    is_pocket = is_ground & ~np.isin(np.arange(key.n + 1), (0, pairing.ground))
    is_split &= ~(is_pocket[planar.left] | is_pocket[planar.right])
    on_ground = is_ground[planar.left] | is_ground[planar.right]
    says = lead - np.where(on_ground, 0, _JUNCTION * in_front(planar))
    owner = np.where(is_split, np.where(says < 0.5, planar.left, planar.right), 0).astype(np.int32)
    rings = outer_rings(planar)
    order, front = depth_order(
        planar, rings, front=owner, is_ground=is_ground, size=(key.labels.shape[1], key.labels.shape[0])
    )
    # Where the two sides part without being sure of it, the surer one takes the line along.
    is_apart = apart > _AGREE_AT_540 * unit / 2
    surer = (trust[leads[1]] > trust[leads[0]]).astype(np.float64)
    lead = np.where(is_split, np.round(lead), np.where(is_apart & (lead > 0) & (lead < 1), surer, lead))
    lead = np.where(front > 0, front == planar.right, lead)
    lean = lead[arc].astype(np.float64)
    moved = (1 - lean) * to_left + lean * to_right
    led_by = np.where(lean < 0.5, left, right)
    goal = _goals(key, matched, led_by)
    laid = lay_on(planar, moved, goal, theirs, reach_px=_REACH_AT_540 * unit)
    off = np.minimum(laid.distance, target.clip_px) / target.clip_px
    count = np.bincount(led_by[goal > 0], minlength=key.n)
    edge = np.bincount(led_by[goal > 0], off[goal > 0], minlength=key.n) / np.maximum(count, 1)
    inside = cost_inside(motions, seen, target)
    score = np.clip(1 - _INSIDE_WEIGHT * inside - _EDGE_WEIGHT * edge, 0, 1)
    is_bad = (score < options.region_score) & ~pairing.is_ground & (matched > 0)
    if is_bad.any():
        # A fit that far off says nothing of the shape: the part goes as it is, and what meets it still does.
        goal[is_bad[led_by]] = 0
        laid = lay_on(planar, moved, goal, theirs, reach_px=_REACH_AT_540 * unit)
    residual = laid.residual
    # A stroke keeps its shape.
    mean = _by_arc(planar.offsets, np.real(residual)) + 1j * _by_arc(planar.offsets, np.imag(residual))
    residual = np.where((planar.left == planar.right)[arc], mean[arc], residual)
    still = _stillness(key, held, moved + residual - points)
    area = np.where(pairing.is_ground, 0, key.view.area).astype(np.float64)
    beside = neighbors(key, pairing.is_ground)
    return Way(
        sheet=arrange(planar, rings, order=order, front=front, still=still >= 1, base=pairing.ground),
        motions=motions,
        limbs=Limbs.of(beside, motions, area, is_loose=pairing.is_ground, apart_px=_HANGING_AT_540 * unit),
        left=left,
        right=right,
        lean=lean,
        residual=residual,
        still=still,
        behind=np.where((front == planar.left)[arc], right, left),
        score=score,
        matched=matched,
        beside=beside.who,
        covered=_covered(motions, seen, target, pairing),
        ends=_ends(key, other, matched, pairing.is_ground),
        is_ground=pairing.is_ground,
        ground=pairing.ground,
        related=float(area[matched > 0].sum() / area.sum()) if area.any() else 1.0,
        bad_share=float(area[is_bad].sum() / area.sum()) if area.any() else 0.0,
        fell_back=_doubts(key, is_bad, (matched == 0) & ~pairing.is_ground),
    )


def _stay_joined(key: KeyMap, other: KeyMap, matched: NDArray[np.int32]) -> NDArray[np.bool_]:
    """By arc, whether its two sides meet in both keys: so they do between them, if they do not slide."""
    n = other.n + 1
    meets = np.zeros((n, n), np.int64)
    length = np.diff(other.planar.offsets)
    np.add.at(meets, (other.planar.left, other.planar.right), length)
    meets += meets.T
    to = np.concatenate([[0], matched])
    left, right = to[key.planar.left], to[key.planar.right]
    return (left > 0) & (right > 0) & (left != right) & (meets[left, right] >= _CONTACT)


def _covered(motions: Motions, seen: Probes, target: Target, pairing: Pairing) -> NDArray[np.bool_]:
    """Regions that end up where the other key shows no ground: what it does not show of them is hidden."""
    other_ground = np.concatenate([pairing.other_ground, [False]]).astype(np.float32)
    bare = replace(target, wrong=np.broadcast_to(other_ground, (len(seen.center), len(other_ground))))
    return (cost_inside(motions, seen, bare) < _BARE) & ~pairing.is_ground


def _ends(
    key: KeyMap, other: KeyMap, matched: NDArray[np.int32], is_ground: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """By vertex, whether a region there is cut by the picture's edge in this key but not in the other."""
    height, width = key.labels.shape
    box = np.concatenate([[[0, 0, width, height]], other.view.box])[matched]
    is_cut = (box[:, :2] == 0).any(1) | (box[:, 2] == width) | (box[:, 3] == height)
    ends = np.concatenate([[False], ~is_cut & ~is_ground])
    arc = key.planar.arc_of()
    return ends[key.planar.left[arc]] | ends[key.planar.right[arc]]


def _doubts(
    key: KeyMap, is_bad: NDArray[np.bool_], is_lost: NDArray[np.bool_]
) -> tuple[tuple[str, Box], ...]:
    """What is done with the regions whose motion is in doubt, and their boxes; specks are not told."""
    is_seen = key.view.area >= _TOLD_AT_540 * (key.labels.shape[0] / 540) ** 2
    found: list[tuple[str, Box]] = []
    for how, which in (("moved in one piece", is_bad), ("no counterpart: goes with its neighbor", is_lost)):
        boxes = key.view.box[which & is_seen].tolist()
        found += [(how, (x, y, u - x, v - y)) for x, y, u, v in boxes]
    return tuple(found)


def _trust(found: Moved, seen: Probes, target: Target) -> Floats:
    """By label, how sure a region's motion is, 0..1; the ground, which stays, is sure."""
    away = edge_distance(found.motions, seen, target)
    fit = 1 - cost_inside(found.motions, seen, target) - _EDGE_WEIGHT * away
    fit = np.where(found.matched == 0, 0, fit)
    return np.concatenate([[1.0], np.where(found.pairing.is_ground, 1, fit)])


def _goals(key: KeyMap, matched: NDArray[np.int32], led_by: NDArray[np.int64]) -> NDArray[np.int32]:
    """By vertex, the region of the other key whose outline it belongs on, 0 for none."""
    planar = key.planar
    arc = planar.arc_of()
    goal = matched[led_by]
    # A stroke is looked for in the region it is drawn in, whatever leads it.
    is_stroke = (planar.left == planar.right)[arc]
    goal[is_stroke] = matched[planar.left[arc][is_stroke] - 1]
    goal[(planar.left == 0)[arc]] = 0
    return goal


def _leads(key: KeyMap, pairing: Pairing, near_px: float) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The two regions by arc that may lead it: its sides, or for a stroke its region and one close by.

    What is drawn on the ground beside a figure (a stem, a whisker) goes with the figure.
    """
    planar = key.planar
    left, right = planar.left.copy(), planar.right.copy()
    strokes = np.flatnonzero(left == right)
    bounds = np.flatnonzero((left != right) & (left > 0))
    if not len(strokes) or not len(bounds):
        return left, right
    arc = planar.arc_of()
    edge = np.flatnonzero(np.isin(arc, bounds))
    ink = np.flatnonzero(np.isin(arc, strokes))
    found = KDTree(planar.points[edge]).query(planar.points[ink])
    away, at = np.asarray(found[0], np.float64), np.asarray(found[1], np.int64)
    order = np.lexsort((away, arc[ink]))
    nearest = order[np.unique(arc[ink][order], return_index=True)[1]]
    is_near = away[nearest] < near_px
    stroke, beside = arc[ink][nearest][is_near], arc[edge][at[nearest]][is_near]
    is_ground = np.concatenate([[True], pairing.is_ground])
    inner = np.where(is_ground[left[beside]], right[beside], left[beside])
    other = np.where(inner == left[stroke], left[beside] + right[beside] - inner, inner)
    other = np.where(is_ground[other], left[stroke], other)
    left[stroke] = other
    right[stroke] = np.where(is_ground[right[stroke]], other, right[stroke])
    return left, right


def _leaders(
    found: Moved,
    leads: tuple[NDArray[np.int32], NDArray[np.int32]],
    moved: tuple[Complex, Complex],
    target: Target,
    theirs: Mapping[int, Outline],
) -> Floats:
    """By arc, how far its right side leads it, 0..1: the side whose motion keeps it on its own outline there.

    `theirs` are the outlines of the other key's regions; without a counterpart any line will do.
    """
    offsets = found.key.planar.offsets
    arc = found.key.planar.arc_of()
    to = np.concatenate([[0], found.matched])
    most = _OFF * target.clip_px
    left_away, right_away = (
        _by_arc(offsets, np.minimum(_away(p, to[side[arc]], target, theirs), most))
        for side, p in zip(leads, moved, strict=True)
    )
    left, right = leads
    lean = (left_away + 0.5) / (left_away + right_away + 1.0)
    lean = np.clip(1.5 * (lean - 0.5) + 0.5, 0, 1)
    is_ground = np.concatenate([[True], found.pairing.is_ground])
    lean = np.where(is_ground[left] & ~is_ground[right], 1.0, lean)
    return np.where(is_ground[right] & ~is_ground[left], 0.0, lean)


def _away(
    points: Complex, goal: NDArray[np.int32], target: Target, theirs: Mapping[int, Outline]
) -> NDArray[np.float64]:
    """How far `points` `[V]` are from the outline of the region `goal` `[V]`, or from any line for 0."""
    away = np.minimum(target.nearest(points)[1], 2 * target.clip_px)
    order = np.argsort(goal, kind="stable")
    for which in np.split(order, np.flatnonzero(np.diff(goal[order])) + 1):
        outline = theirs.get(int(goal[which[0]]))
        if outline is not None:
            away[which] = outline.tree.query(as_pairs(points[which]))[0]
    return away


def _stillness(key: KeyMap, held: NDArray[np.bool_], way: Complex) -> Floats:
    """By vertex how far it stays, 0..1, `[V]`.

    1 where both keys show the same pixels around it and its way is a mere tremble, 0 where it goes along,
    and a smooth passage between the two.
    """
    planar = key.planar
    points = planar.points
    height, width = held.shape
    unit = height / 540
    x = np.clip(np.rint(points[:, 0]), 0, width - 1).astype(np.int64)
    y = np.clip(np.rint(points[:, 1]), 0, height - 1).astype(np.int64)
    still = (held[y, x] & (np.abs(way) < _HELD_AT_540 * unit)).astype(np.float64)
    tips = np.concatenate([planar.offsets[:-1], planar.offsets[1:] - 1])
    node = planar.ends.T.ravel()
    tips, node = tips[node >= 0], node[node >= 0]
    _, node = np.unique(node, return_inverse=True)
    arc = planar.arc_of()
    joined = arc[1:] == arc[:-1]
    for _ in range(_PASSAGE):
        low = np.full(int(node.max(initial=-1)) + 1, 1.0)
        np.minimum.at(low, node, still[tips])
        still[tips] = low[node]
        # Never more than a step above either neighbor.
        steep = still + 1 / _PASSAGE
        still[1:] = np.where(joined, np.minimum(still[1:], steep[:-1]), still[1:])
        still[:-1] = np.where(joined, np.minimum(still[:-1], steep[1:]), still[:-1])
    return still


def equal_pixels(key: KeyMap, other: KeyMap) -> NDArray[np.bool_]:
    """Pixels about which both keys are alike, line layers included."""
    same = (
        np.ascontiguousarray(key.table).view(np.uint32)[:, 0][key.codes]
        == np.ascontiguousarray(other.table).view(np.uint32)[:, 0][other.codes]
    ) & (key.coverage == other.coverage)
    side = 2 * round(4 * key.labels.shape[0] / 540) + 1
    return cv2.erode(same.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


def _by_arc(offsets: NDArray[np.int64], values: Floats) -> Floats:
    """The mean of `values` `[V]` over each arc."""
    return np.add.reduceat(values, offsets[:-1]) / np.diff(offsets)
