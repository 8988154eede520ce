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
    at = beside.at[one, slot][:, None]  # [E, 1, 2]
    mine, theirs = _moved(candidates, one, at), _moved(candidates, other, at)
    apart = np.abs(mine[:, :, None] - theirs[:, None]).mean(-1)  # [E, C, C]
    strength = np.minimum(weight[one], weight[other]) * beside.share[one, slot]
    belief = min_sum(price, one, other, strength[:, None, None] * apart / (apart + soft_px))
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
    heeds = np.isin(other * len(price) + one, one * len(price) + other)[:, None]
    to_other, to_one = np.zeros((len(one), price.shape[1])), np.zeros((len(one), price.shape[1]))
    belief = price.copy()
    for _ in range(_ROUNDS):
        forth = heeds * _settled((belief[one] - to_one)[:, :, None] + torn, 1, to_other)
        back = _settled((belief[other] - to_other)[:, None] + torn, 2, to_one)
        to_other, to_one = forth, back
        belief = price.copy()
        np.add.at(belief, other, to_other)
        np.add.at(belief, one, to_one)
    return belief


def _moved(
    candidates: Motions, which: NDArray[np.int64], at: NDArray[np.complex128]
) -> NDArray[np.complex64]:
    """Where every candidate of regions `which` `[E]` takes the points `at` `[E, 1, 2]`, `[E, C, 2]`."""
    center, shift, turn = (
        m[which][..., None] for m in (candidates.center, candidates.shift, candidates.turn)
    )
    return (center + shift + turn * (at - center)).astype(np.complex64)


def _settled(costs: Floats, axis: int, before: Floats) -> Floats:
    """The message of the cheapest along `axis`, from zero up, part of the one `before` kept."""
    least = costs.min(axis)
    return _KEPT * before + (1 - _KEPT) * (least - least.min(1, keepdims=True))


def _picked(candidates: Motions, at: NDArray[np.int64]) -> Motions:
    """The candidates `at` `[n, K]`."""
    parts = candidates.center, candidates.shift, candidates.turn
    return Motions(*(np.take_along_axis(part, at, 1) for part in parts))
