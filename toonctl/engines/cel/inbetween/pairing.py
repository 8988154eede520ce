"""Which region of one key becomes which of the other: matcher in both directions, colors as a hard gate."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.inbetween.probing import neighbors, sureness
from toonctl.engines.cel.inbetween.reading import KeyMap, look_alike
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.cel.worker import matcher
from toonctl.regions.agree import joints, min_sum
from toonctl.regions.motion import Beside

_CANDIDATES = 3
_AT_ONCE = 6
_TORN = 4.0
"""What it costs, as a log-probability, that two counterparts have nothing to do with each other."""

_NEVER = 12.0
_JOINED = 2.0
_CLAIMED = 0.5
_LOST = 1.0
_SURE_PAIR = -3.0
_AROUND_AT_540, _STRAY_AT_540, _STRAYING = 200.0, 30.0, 1.6
_FITS = 3
_CLOSE, _CLOSE_AT_540 = 0.8, 15.0
_NONE_NEAR = 0.6
_LEAST = -9.0
"""Sum of both log-probabilities below which two regions are not taken for the same part."""

_DECIDED = 1.0
_ANOTHER_PART = 0.6
_COVERED = 0.8
_BEYOND_FRAME = 0.3


@dataclass(frozen=True, slots=True)
class Pairing:
    """Regions n of a key against m of the other.

    `best` int64 `[n, C]` are the likeliest counterparts, likeliest first, -1 for none. `likelihood`
    float32 `[n, m]` 0..1 relative to the best of the row, 0 for other colors. `same_color` `[n, m]`.
    `score` is the sum of both log-probabilities.
    `is_ground` `[n]`, `other_ground` `[m]`: the flat ground and what has its color. `ground` and `other_main`
    are the labels of the grounds themselves, 0 without one.
    """

    best: NDArray[np.int64]
    likelihood: NDArray[np.float32]
    same_color: NDArray[np.bool_]
    score: NDArray[np.float32]
    is_ground: NDArray[np.bool_]
    other_ground: NDArray[np.bool_]
    ground: int
    other_main: int

    def turned(self) -> "Pairing":
        """The pairing seen from the other key."""
        turned = _pairing(self.score.T, self.same_color.T, self.other_ground, self.is_ground)
        return replace(turned, ground=self.other_main, other_main=self.ground)

    def wrong(self) -> NDArray[np.float32]:
        """What a point costs that lands in each region of the other, `[n, m + 1]`; last: beyond the frame."""
        inside = np.where(self.same_color, _ANOTHER_PART * (1 - self.likelihood), _COVERED)
        # Nothing is covered by the ground.
        inside[np.ix_(~self.is_ground, self.other_ground)] = 1
        beyond = np.full((len(inside), 1), _BEYOND_FRAME)
        return np.concatenate([inside, beyond], 1).astype(np.float32)


def pair(key: KeyMap, other: KeyMap, options: InbetweenOptions) -> Pairing:
    """The pairing of two keys of one layer: what the matcher says, and what is joined stays joined."""
    there, back = matcher(options.matcher).match_both(key.view, other.view)
    # Two regions that would both rather match nothing are not forced on each other.
    is_alone = (there[:, :-1] < there[:, -1:] - _DECIDED) & (back[:, :-1] < back[:, -1:] - _DECIDED).T
    same = look_alike(key.colors[key.color][:, None], other.colors[other.color][None])
    (ground, is_ground), (other_main, other_ground) = _ground(key), _ground(other)
    same &= is_ground[:, None] == other_ground[None]
    score = np.where(is_alone, 2 * _LEAST, there[:, :-1] + back[:, :-1].T).astype(np.float32)
    score -= _far(np.where(same, score, -np.inf), key, other, is_ground)
    gated = np.where(same, score, -4 * _NEVER).astype(np.float32)
    mine, theirs = neighbors(key, is_ground), neighbors(other, other_ground)
    forth = _kept_together(gated, there[:, -1], mine, near=_nearness(other, theirs), sure=sureness(key))
    score += (
        forth
        + _kept_together(gated.T, back[:, -1], theirs, near=_nearness(key, mine), sure=sureness(other)).T
    )
    found = _pairing(score, same, is_ground, other_ground)
    return replace(found, ground=ground, other_main=other_main)


def _far(
    score: NDArray[np.float32], key: KeyMap, other: KeyMap, is_ground: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What is taken off `score` `[n, m]`, -inf for other colors, for going elsewhere than all around goes.

    The matcher, which knows drawings far apart in time, has no opinion on that; keys are close in time.
    """
    to = score.argmax(1)
    value = score[np.arange(key.n), to]
    back = score.argmax(0)[to] == np.arange(key.n)
    known = np.flatnonzero(back & (value > _SURE_PAIR) & ~is_ground)
    unit = key.labels.shape[0] / 540
    around = np.zeros(key.n, np.complex128)
    if len(known):
        way = other.center[to[known]] - key.center[known]
        apart = np.abs(key.center[:, None] - key.center[known][None]) / (_AROUND_AT_540 * unit)
        weight = (
            np.exp(-(apart**2)) * np.sqrt(np.minimum(key.view.area[known], other.view.area[to[known]])) + 1e-9
        )
        fit = weight
        for _ in range(_FITS):
            around = (fit * way).sum(1) / fit.sum(1)
            fit = weight / (1 + (np.abs(way - around[:, None]) / (_STRAY_AT_540 * unit)) ** 2)
    stray = np.abs(other.center[None] - key.center[:, None] - around[:, None]) / (_STRAY_AT_540 * unit)
    return (_STRAYING * np.log1p(stray**2)).astype(np.float32)


def _kept_together(
    score: NDArray[np.float32],
    none: NDArray[np.float32],
    beside: Beside,
    *,
    near: NDArray[np.float64],
    sure: NDArray[np.float64],
) -> NDArray[np.float32]:
    """What is added to `score` `[n, m]` (0 or less) for tearing apart what is joined.

    Every region takes one of its likeliest counterparts or `none` `[n]`; two that are joined should take two
    that are `near` `[m + 1, m + 1]`, or one.
    """
    n, m = score.shape
    k = min(_AT_ONCE, m)
    # What another claims much more surely is hardly free.
    score = score - _CLAIMED * np.maximum(score.max(0) - score, 0)
    top = np.argsort(-score, axis=1, kind="stable")[:, :k]
    price = np.concatenate([-np.take_along_axis(score, top, 1) / 2, _LOST - none[:, None]], 1)
    price = np.minimum(price, _NEVER).astype(np.float64)
    one, slot = joints(beside)
    two = beside.who[one, slot]
    label = np.concatenate([top, np.full((n, 1), m)], 1)
    torn = 1 - near[label[one][:, :, None], label[two][:, None, :]]
    # A cuff says little of itself, but sleeve and arm hang together by it.
    strength = _TORN * beside.share[one, slot][:, None, None]
    belief = min_sum(sure[:, None] * price, one, two, strength * torn) / np.maximum(sure, 1)[:, None]
    found = np.zeros((n, m), np.float64)
    gain = (belief.min(1, keepdims=True) - belief) - (price.min(1, keepdims=True) - price)
    np.put_along_axis(found, top, gain[:, :k], 1)
    return found.astype(np.float32)


def _nearness(key: KeyMap, beside: Beside) -> NDArray[np.float64]:
    """How near two regions are, 0..1, `[n + 1, n + 1]`; the last is none.

    What is joined is nearest; what lies close by may be joined behind something else.
    """
    low, high = key.view.box[:, :2].astype(np.float64), key.view.box[:, 2:].astype(np.float64)
    gap = np.maximum(np.maximum(low[:, None] - high[None], low[None] - high[:, None]), 0).max(2)
    near = np.full((key.n + 1, key.n + 1), _NONE_NEAR)
    near[:-1, :-1] = _CLOSE * np.exp(-gap / (_CLOSE_AT_540 * key.labels.shape[0] / 540))
    one, slot = joints(beside)
    two, strength = beside.who[one, slot], np.minimum(1, _JOINED * beside.share[one, slot])
    np.maximum.at(near, (one, two), strength)
    np.maximum.at(near, (two, one), strength)
    np.fill_diagonal(near, 1)
    return near


def _pairing(
    score: NDArray[np.float32],
    same: NDArray[np.bool_],
    ground: NDArray[np.bool_],
    other_ground: NDArray[np.bool_],
) -> Pairing:
    gated = np.where(same, score, -np.inf)
    order = np.argsort(-gated, axis=1, kind="stable")[:, :_CANDIDATES]
    value = np.take_along_axis(gated, order, 1)
    best = np.where(value > _LEAST, order, -1)
    if best.shape[1] < _CANDIDATES:
        best = np.pad(best, ((0, 0), (0, _CANDIDATES - best.shape[1])), constant_values=-1)
    top = np.maximum(value[:, :1] if value.shape[1] else np.zeros((len(score), 1)), _LEAST)
    with np.errstate(over="ignore"):
        likelihood = np.exp(np.minimum((gated - top) / 2, 0)).astype(np.float32)
    return Pairing(best, likelihood, same, score, ground, other_ground, 0, 0)


def _ground(key: KeyMap) -> tuple[int, NDArray[np.bool_]]:
    """The label of the flat ground around the figures; and which regions are it or pockets of it."""
    box = key.view.box
    height, width = key.labels.shape
    touches = (box[:, 0] == 0) | (box[:, 1] == 0) | (box[:, 2] == width) | (box[:, 3] == height)
    is_ground = np.zeros(key.n, bool)
    if not len(key.view.area) or not touches.any():
        return 0, is_ground
    largest = int(np.where(touches, key.view.area, -1).argmax())
    has_its_color = look_alike(key.colors[key.color], key.colors[key.color[largest]])
    # In a line drawing everything has the paper's color: only the paper around the figures is ground.
    if key.n > 1 and has_its_color.mean() > 0.5:
        is_ground[largest] = True
        return largest + 1, is_ground
    return largest + 1, has_its_color
