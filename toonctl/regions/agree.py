"""One motion for every region, chosen so that parts which are joined stay together.

Min-sum belief propagation over the regions' neighbors (Pearl; loopy as in Yedidia et al. 2003): every region
weighs what each of its candidates costs alone against where it would leave the places at which it is joined
to others. Letters: n regions, C candidates, E joints.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.motion import Beside, Floats, Motions

_ROUNDS = 8
_KEPT = 0.4
"""Share of a message that stays from round to round, so that rings of regions settle."""


def stacked(candidates: Sequence[Motions]) -> Motions:
    """Motions `[n, C]` of C motions `[n]`."""
    return Motions(
        np.stack([m.center for m in candidates], 1),
        np.stack([m.shift for m in candidates], 1),
        np.stack([m.turn for m in candidates], 1),
    )


def cheapest(candidates: Motions, price: Floats, n_kept: int) -> tuple[Motions, Floats]:
    """The `n_kept` cheapest candidates of every region and their prices, the earlier of equals first."""
    at = np.argsort(price, axis=1, kind="stable")[:, :n_kept]
    return _picked(candidates, at), np.take_along_axis(price, at, 1)


def beside_each(some: Motions, others: Motions) -> Motions:
    """The candidates of both, `[n, C1 + C2]`."""
    parts = ((some.center, others.center), (some.shift, others.shift), (some.turn, others.turn))
    return Motions(*(np.concatenate(part, 1) for part in parts))


def agreed(candidates: Motions, price: Floats, beside: Beside, *, weight: Floats, soft_px: float) -> Motions:
    """The motion of every region `[n]` out of its candidates `[n, C]`.

    `price` `[n, C]` is what each costs alone, `weight` `[n]` what a region pays at most when all its joints
    come apart.
    """
    one, slot = joints(beside)
    other = beside.who[one, slot]
    ends = beside.at[one, slot].T  # [2, E]
    mine, theirs = _moved(candidates, one, ends), _moved(candidates, other, ends)
    first, second = np.abs(mine[:, :, None] - theirs[:, None])  # [C, C, E]
    apart = (first + second) / 2
    strength = np.minimum(weight[one], weight[other]) * beside.share[one, slot]
    belief = min_sum(price, one, other, (strength * apart / (apart + soft_px)).transpose(2, 0, 1))
    chosen = belief.argmin(1)
    best = _picked(candidates, chosen[:, None])
    return Motions(best.center[:, 0], best.shift[:, 0], best.turn[:, 0])


def joints(beside: Beside) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every region and slot of `beside` in which it is joined to another, `[E]` each."""
    one, slot = np.nonzero((beside.who != np.arange(len(beside.who))[:, None]) & (beside.share > 0))
    return one.astype(np.int64), slot.astype(np.int64)


def min_sum(
    price: Floats, one: NDArray[np.int64], other: NDArray[np.int64], torn: Floats | NDArray[np.float32]
) -> Floats:
    """What each candidate costs with the best of all others around it, `[n, C]`.

    `price` `[n, C]` is what it costs alone, `torn` `[E, C, C]` what a candidate of region `one` `[E]` costs
    beside one of `other`, which heeds it only if `one` is among its own neighbors too.
    """
    n, n_candidates = price.shape
    if not len(one):
        return price.copy()
    known, asked = np.sort(one * n + other), other * n + one
    heeds = known[np.minimum(np.searchsorted(known, asked), len(known) - 1)] == asked
    # Joints come last: what is done to all of them at once is done many at a time.
    apart = np.ascontiguousarray(torn.transpose(1, 2, 0), np.float64)  # [C, C, E]
    to_other, to_one = np.zeros((n_candidates, len(one))), np.zeros((n_candidates, len(one)))
    rows = np.arange(n_candidates)[:, None] * n
    place = np.concatenate([np.arange(price.size), (rows + other).ravel(), (rows + one).ravel()])
    belief = price.T
    for _ in range(_ROUNDS):
        forth = heeds * _settled((belief[:, one] - to_one)[:, None] + apart, 0, to_other)
        back = _settled((belief[:, other] - to_other)[None] + apart, 1, to_one)
        to_other, to_one = forth, back
        heard = np.concatenate([price.T.ravel(), to_other.ravel(), to_one.ravel()])
        belief = np.asarray(np.bincount(place, heard), np.float64).reshape(n_candidates, n)
    return np.ascontiguousarray(belief.T)


def _moved(
    candidates: Motions, which: NDArray[np.int64], points: NDArray[np.complex128]
) -> NDArray[np.complex64]:
    """Where every candidate of regions `which` `[E]` takes their `points` `[2, E]`, `[2, C, E]`."""
    center, shift, turn = (m.T[:, which] for m in (candidates.center, candidates.shift, candidates.turn))
    return (center + shift + turn * (points[:, None] - center)).astype(np.complex64)


def _settled(costs: Floats, axis: int, before: Floats) -> Floats:
    """The message `[C, E]` of the cheapest along `axis`, from zero up, part of the one `before` kept."""
    least = costs.min(axis)
    return _KEPT * before + (1 - _KEPT) * (least - least.min(0))


def _picked(candidates: Motions, at: NDArray[np.int64]) -> Motions:
    """The candidates `at` `[n, K]`."""
    parts = candidates.center, candidates.shift, candidates.turn
    return Motions(*(np.take_along_axis(part, at, 1) for part in parts))
