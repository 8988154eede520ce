"""How parts that hang on others move between two keys: each goes with its holder's joint and turns about it.

A limb that swings draws an arc; led along a straight line it would shrink on the way. Places are inherited
and angles interpolated, as with the pegs of a cutout rig. Letters: n regions.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.motion import Beside, Complex, Floats, Motions

_LEAST_JOINT = 0.2
"""Share of what joins a region to others from which on it hangs on one of them."""

_MOST_TURN = np.radians(110)
"""How far a part may turn against its holder; beyond, the way round is anybody's guess."""

_MOMENT = 1e-3


@dataclass(frozen=True, slots=True)
class Limbs:
    """The regions that hang on others: int64 `[k]` which, `holder` on which, `joint` complex `[k]` where.

    Every region comes after its holder.
    """

    region: NDArray[np.int64]
    holder: NDArray[np.int64]
    joint: Complex

    @classmethod
    def of(
        cls, beside: Beside, motions: Motions, area: Floats, *, is_loose: NDArray[np.bool_], apart_px: float
    ) -> "Limbs":
        """Trees of the strongest joints, the largest region of each at its root.

        What `is_loose` `[n]` hangs on nothing and holds nothing. Parts whose `motions` take their joint more
        than `apart_px` apart, or turn about it by more than a limb does, move by themselves.
        """
        found: list[tuple[int, int, complex]] = []
        for region, holder, joint in _grown(beside, area, is_loose):
            pair = motions.of(np.array([region, holder]))
            is_apart = abs(np.diff(pair.apply(np.array([joint, joint])))[0]) > apart_px
            is_turned = abs(np.angle(pair.turn[0] * np.conj(pair.turn[1]))) > _MOST_TURN
            if not (is_apart or is_turned):
                found.append((region, holder, joint))
        region, holder, joint = zip(*found, strict=True) if found else ((), (), ())
        return cls(np.array(region, np.int64), np.array(holder, np.int64), np.array(joint, np.complex128))

    def at(self, motions: Motions, share: float) -> Motions:
        """`motions` when `share` of them is done: turned by angle, scaled by power, along lines or joints."""
        center, full = motions.center, motions.turn
        turn = np.asarray(np.abs(full) ** share * np.exp(1j * share * np.angle(full)), np.complex128)
        shift = share * motions.shift
        for region, holder, joint in zip(self.region, self.holder, self.joint, strict=True):
            off_holder, off_region = joint - center[holder], joint - center[region]
            here = center[holder] + shift[holder] + turn[holder] * off_holder
            there = center[holder] + motions.shift[holder] + full[holder] * off_holder
            arrived = center[region] + motions.shift[region] + full[region] * off_region
            # With its holder, and bit by bit to where it ends up beside it.
            place = here + share * (arrived - there)
            shift[region] = place - turn[region] * off_region - center[region]
        return Motions(center, shift, turn)

    def speeds(self, motions: Motions) -> tuple[Complex, Complex]:
        """How fast the regions' centers leave and arrive, complex `[n]` each, in pixels for the whole way."""
        leaves = self.at(motions, _MOMENT).shift
        arrives = motions.shift - self.at(motions, 1 - _MOMENT).shift
        return leaves / _MOMENT, arrives / _MOMENT


def _grown(beside: Beside, area: Floats, is_loose: NDArray[np.bool_]) -> list[tuple[int, int, complex]]:
    """Region, holder and joint along maximum spanning trees, holders first (Prim 1957)."""
    share = np.where(is_loose[:, None] | is_loose[beside.who], 0, beside.share)
    links: list[list[tuple[float, int, complex]]] = [[] for _ in area]
    for one, slot in zip(*np.nonzero(share >= _LEAST_JOINT), strict=True):
        other, joint = int(beside.who[one, slot]), complex(beside.at[one, slot].mean())
        links[one].append((-float(share[one, slot]), other, joint))
        links[other].append((-float(share[one, slot]), int(one), joint))
    found: list[tuple[int, int, complex]] = []
    is_placed = np.zeros(len(area), bool)
    for root in np.argsort(-area, kind="stable").tolist():
        if is_placed[root]:
            continue
        is_placed[root] = True
        edges = [(strength, other, root, number) for number, (strength, other, _) in enumerate(links[root])]
        heapq.heapify(edges)
        while edges:
            _, region, holder, number = heapq.heappop(edges)
            if is_placed[region]:
                continue
            is_placed[region] = True
            found.append((region, holder, links[holder][number][2]))
            for further, (strength, other, _) in enumerate(links[region]):
                heapq.heappush(edges, (strength, other, region, further))
    return found
