"""The way of one key to another: where its vertices are when a share of it is done."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.regions.limbs import Limbs
from toonctl.regions.motion import Complex, Floats, Motions
from toonctl.regions.planar import as_complex
from toonctl.regions.redraw import Sheet

Box = tuple[int, int, int, int]

_SMOOTHING_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Bend:
    """How the regions of a key leave the way they would go between two keys alone: by what its speeds at
    both ends differ, complex `[n]`."""

    start: NDArray[np.complex128]
    end: NDArray[np.complex128]

    def at(self, share: float) -> NDArray[np.complex128]:
        """What is added to that way when `share` of it is done, by region."""
        rest = 1 - share
        return share * rest * rest * self.start - share * share * rest * self.end

    def reversed(self, matched: NDArray[np.int32]) -> "Bend":
        """The bend of the way back, for regions of the other key that become `matched` (0: none)."""
        start, end = (np.concatenate([[0j], side])[matched] for side in (self.end, self.start))
        return Bend(-start, -end)


@dataclass(frozen=True, slots=True)
class Way:
    """The motion of a key's planar map toward another key.

    `motions` `[n]` are the regions'; `limbs` say which of them swing about joints. A vertex follows region
    number `left` and, for the share `lean` `[V]`, `right`, plus `residual` complex `[V]`, but stays as far as
    `still` `[V]` 0..1 says; as the back side of a split arc it follows `behind`. `score` `[n]` 0..1 is how
    well each motion fits, `matched` `[n]` the label a region becomes, 0 for one that disappears, `beside`
    `[n, 5]` its neighbors. `covered` `[n]` are those that end up where the other key shows figures, `ends`
    `[V]` what the picture's edge cuts here alone. `is_ground` `[n]` is the ground with its pockets, `ground`
    its own label, 0 without one. `related` and `bad_share` are shares of the foreground's area: with a
    counterpart, and with a motion that fits badly; `fell_back` is what is done with regions in doubt, and
    their boxes.
    """

    sheet: Sheet
    motions: Motions
    limbs: Limbs
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    lean: Floats
    residual: Complex
    still: Floats
    behind: NDArray[np.int64]
    score: Floats
    matched: NDArray[np.int32]
    beside: NDArray[np.int64]
    covered: NDArray[np.bool_]
    ends: NDArray[np.bool_]
    is_ground: NDArray[np.bool_]
    ground: int
    related: float
    bad_share: float
    fell_back: tuple[tuple[str, Box], ...]

    def at(self, share: float, bend: Bend | None) -> tuple[Complex, Complex]:
        """Where the vertices are when `share` of the way is done: in front, and as back sides."""
        points = as_complex(self.sheet.planar.points)
        motions = self.limbs.at(self.motions, share)
        left, right, behind = (motions.of(w).apply(points) for w in (self.left, self.right, self.behind))
        if bend is not None:
            off = bend.at(share)
            left, right, behind = left + off[self.left], right + off[self.right], behind + off[self.behind]
        front = (1 - self.lean) * left + self.lean * right + share * self.residual
        return self.still * points + (1 - self.still) * front, behind

    def smoothed(self, values: Complex) -> Complex:
        """`values` `[n]` made alike among neighbors."""
        for _ in range(_SMOOTHING_ROUNDS):
            values = (values + values[self.beside].mean(1)) / 2
        return values
