"""How regions move from one picture to another: similarity transforms, tried and scored all regions at once.

After the idea of As-Rigid-As-Possible registration of cartoons (Sykora et al., NPAR 2009), by region instead
of by lattice. Points are complex numbers x + iy in pixels. Letters: n regions, m regions of the other
picture, C candidates, P points a region.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.regions.color_table import nearest_number

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]

_EDGE_WEIGHT = 0.6
_SCALE_WEIGHT = 0.25
_TURN_WEIGHT = 0.06
_LEAST_SCALE, _MOST_SCALE = 0.5, 2.0


@dataclass(frozen=True, slots=True)
class Motions:
    """A similarity per region: z moves to `center + shift + turn * (z - center)`; all complex `[n]`."""

    center: Complex
    shift: Complex
    turn: Complex

    def of(self, which: NDArray[np.int64]) -> "Motions":
        """Those of the regions `which`."""
        return Motions(self.center[which], self.shift[which], self.turn[which])

    def apply(self, points: Complex) -> Complex:
        """`points` `[n, ...]` moved, each row by its own motion."""
        extra = (...,) + (None,) * (points.ndim - self.center.ndim)
        center = self.center[extra]
        return center + self.shift[extra] + self.turn[extra] * (points - center)

    def where(self, chosen: NDArray[np.bool_], other: "Motions") -> "Motions":
        """These, and `other` where `chosen`; centers stay."""
        shift = other.center + other.shift + other.turn * (self.center - other.center) - self.center
        return Motions(
            self.center, np.where(chosen, shift, self.shift), np.where(chosen, other.turn, self.turn)
        )


@dataclass(frozen=True, slots=True)
class Target:
    """The other picture as motions are scored on it.

    `labels` int32 `[h, w]`, `distance` float32 `[h, w]` to its nearest line in pixels and that place, `line`
    complex64 `[h, w]`, may be thinned: `step` pixels of the picture lie between two of theirs. A rim one wide
    around each stands for all beyond the frame, with label 0. `wrong` float32 `[n, m + 1]` is what a point of
    a region costs that lands in each of the other's, last beyond the frame; `clip_px` bounds distances.
    """

    labels: NDArray[np.int32]
    distance: NDArray[np.float32]
    line: NDArray[np.complex64]
    wrong: NDArray[np.float32]
    step: int
    clip_px: float

    @classmethod
    def of(
        cls,
        labels: NDArray[np.uint16],
        line_points: NDArray[np.float32],
        wrong: NDArray[np.float32],
        *,
        step: int,
        clip_px: float,
    ) -> "Target":
        """The target of a full label map `[H, W]` whose lines run through `line_points` `[V, 2]`."""
        thin = np.ascontiguousarray(labels[::step, ::step])
        height, width = thin.shape
        cell = np.clip(np.rint(line_points / step), 0, [width - 1, height - 1]).astype(np.int64)
        flat = cell[:, 1] * width + cell[:, 0]
        place = np.zeros(height * width, np.complex64)
        place[flat] = line_points[:, 0] + 1j * line_points[:, 1]
        mask = np.zeros(thin.shape, bool)
        mask.ravel()[flat] = True
        away, line = np.full(thin.shape, 1e4, np.float32), np.zeros(thin.shape, np.complex64)
        if len(flat):
            away = step * np.asarray(
                cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), np.float32
            )
            line = place[np.flatnonzero(mask)][nearest_number(mask)]
        return cls(
            labels=np.pad(thin.astype(np.int32), 1),
            distance=np.pad(np.minimum(away, clip_px), 1, constant_values=0.5 * clip_px),
            line=np.pad(line, 1, mode="edge"),
            wrong=wrong,
            step=step,
            clip_px=clip_px,
        )

    def nearest(self, points: Complex) -> tuple[Complex, Floats]:
        """The point on a line nearest to each of `points`, and how far it is."""
        to = self.line.ravel()[_cells(points, self)].astype(np.complex128)
        return to, np.abs(to - points)


@dataclass(frozen=True, slots=True)
class Probes:
    """Points by which regions are compared: `inside`, `outline` complex `[n, P]`, `both`; `center` `[n]`."""

    inside: Complex
    outline: Complex
    both: Complex
    center: Complex

    @classmethod
    def of(cls, inside: Complex, outline: Complex, center: Complex) -> "Probes":
        """The probes at these points."""
        return cls(inside, outline, np.concatenate([inside, outline], 1), center)


def still(center: Complex) -> Motions:
    """No motion at all."""
    return Motions(center, np.zeros_like(center), np.ones_like(center))


def cost(motions: Motions, probes: Probes, target: Target) -> Floats:
    """How badly each region's motion fits, 0 good to about 1.6, `[n]`."""
    cells = _cells(motions.apply(probes.both), target)
    n = probes.inside.shape[1]
    return _inside(cells[:, :n], target) + _EDGE_WEIGHT * _off_lines(cells[:, n:], target) + strain(motions)


def strain(motions: Motions) -> Floats:
    """What a motion costs for turning and scaling."""
    scale = np.abs(np.log(np.maximum(np.abs(motions.turn), 1e-6)))
    return _SCALE_WEIGHT * scale + _TURN_WEIGHT * np.abs(np.angle(motions.turn))


def cost_inside(motions: Motions, probes: Probes, target: Target) -> Floats:
    """Mean cost of where a region's inner points land, 0..1, `[n]`."""
    return _inside(_cells(motions.apply(probes.inside), target), target)


def landing(motions: Motions, probes: Probes, target: Target) -> NDArray[np.int64]:
    """The region of the other picture most inner points of each region land in, `[n]`; -1 outside."""
    label = target.labels.ravel()[_cells(motions.apply(probes.inside), target)]
    n, m = len(label), target.wrong.shape[1] - 1
    counts = np.bincount((np.arange(n)[:, None] * (m + 1) + label).ravel(), minlength=n * (m + 1))
    return counts.reshape(n, m + 1).argmax(1) - 1


def edge_distance(motions: Motions, probes: Probes, target: Target) -> Floats:
    """Mean distance of the moved outline from the other's lines, clipped, 0..1, `[n]`."""
    return _off_lines(_cells(motions.apply(probes.outline), target), target)


@dataclass(frozen=True, slots=True)
class Beside:
    """Neighbors of n regions: `who` int64 `[n, 5]` (a region itself where it has fewer), the `share` each has
    in what joins the region to others `[n, 5]`, and two points where they meet, `at` complex `[n, 5, 2]`."""

    who: NDArray[np.int64]
    share: Floats
    at: Complex


def tear(motions: Motions, around: Motions, beside: Beside, soft_px: float) -> Floats:
    """How far regions so moved part from their neighbors, which move as in `around`, 0..1, `[n]`."""
    apart = np.abs(motions.apply(beside.at) - as_around(around, beside)).mean(2)
    return (beside.share * apart / (apart + soft_px)).sum(1)


def as_around(around: Motions, beside: Beside) -> Complex:
    """Where neighbors that move as in `around` take the points at which they meet, `[n, 5, 2]`."""
    n, k, two = beside.at.shape
    return around.of(beside.who.ravel()).apply(beside.at.reshape(n * k, two)).reshape(n, k, two)


def best_of(candidates: list[Motions], judge: Callable[[Motions], Floats]) -> tuple[Motions, Floats]:
    """The candidate of every region that `judge` finds cheapest, the earlier of equals, and its cost."""
    best, least = candidates[0], judge(candidates[0])
    for other in candidates[1:]:
        price = judge(other)
        is_better = price < least - 1e-6
        best, least = best.where(is_better, other), np.where(is_better, price, least)
    return best, least


def shifts(center: Complex, to: Complex) -> Motions:
    """Each center to its place in `to`."""
    return Motions(center, to - center, np.ones_like(center))


def aligned(center: Complex, spread: Floats, to: Complex, to_spread: Floats) -> Motions:
    """Centers, sizes and main axes brought together; `spread` `[n, 3]` is variance of x, covariance, of y."""
    angle = (_axis(to_spread) - _axis(spread) + np.pi / 2) % np.pi - np.pi / 2
    size = np.sqrt(
        np.maximum(to_spread[:, 0] + to_spread[:, 2], 1e-3) / np.maximum(spread[:, 0] + spread[:, 2], 1e-3)
    )
    scale = np.clip(size, _LEAST_SCALE, _MOST_SCALE)
    return Motions(center, to - center, scale * np.exp(1j * angle))


def fitted(center: Complex, points: Complex, to: Complex, weight: Floats, *, may_scale: bool) -> Motions:
    """The similarity of each region that brings `points` nearest `to`, `[n, P]`: weighted least squares."""
    total = np.maximum(weight.sum(1), 1e-9)
    mean, mean_to = (weight * points).sum(1) / total, (weight * to).sum(1) / total
    away, away_to = points - mean[:, None], to - mean_to[:, None]
    power = (weight * np.abs(away) ** 2).sum(1)
    turn = (weight * np.conj(away) * away_to).sum(1) / np.maximum(power, 1e-9)
    # Few or nearly coinciding points say nothing of turning.
    turn = np.where(power > 4 * total, turn, 1)
    size = np.abs(turn)
    turn = np.where(size > 1e-6, turn / np.maximum(size, 1e-6), 1)
    if may_scale:
        turn = turn * np.clip(size, _LEAST_SCALE, _MOST_SCALE)
    return Motions(center, mean_to + turn * (center - mean) - center, turn)


def inverse(motions: Motions) -> Motions:
    """The motions back; their centers are where these lead."""
    return Motions(motions.center + motions.shift, -motions.shift, 1 / motions.turn)


def _axis(spread: Floats) -> Floats:
    """Direction of the main axis, radians."""
    return 0.5 * np.arctan2(2 * spread[:, 1], spread[:, 0] - spread[:, 2])


def _inside(cells: NDArray[np.int64], target: Target) -> Floats:
    """The mean of `target.wrong` at each region's `cells` `[n, P]`, `[n]`."""
    rows = np.arange(len(cells))[:, None]
    label = target.labels.ravel()[cells]
    return target.wrong[rows, label - 1].mean(1).astype(np.float64)  # 0 - 1 is the last: beyond the frame


def _off_lines(cells: NDArray[np.int64], target: Target) -> Floats:
    """The mean distance from lines at each region's `cells` `[n, P]`, clipped, 0..1, `[n]`."""
    return target.distance.ravel()[cells].mean(1) / target.clip_px


def _cells(points: Complex, target: Target) -> NDArray[np.int64]:
    """The cell of the target's maps at each point, counted row by row."""
    height, width = target.labels.shape
    column = np.minimum(np.fmax(np.rint(points.real / target.step), -1), width - 2)
    row = np.minimum(np.fmax(np.rint(points.imag / target.step), -1), height - 2)
    return (row * width + column + (width + 1)).astype(np.int64)
