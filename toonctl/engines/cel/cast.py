"""Who is who: which figure of the references each region belongs to, followed from drawing to drawing.

Shape does not tell two figures of one build from each other, and where they stand misleads once they have
changed places. So it is followed apart from the colors, by matches of consecutive drawings alone. A figure
that comes out from behind another takes its identity from nobody, or wrongly from the one in front; when the
figures stand apart again, every one of the cast can be there only once, and that settles it. Who came out
is then told backwards, up to the drawing that hides most.

Letters: n, m regions, K colors, G figures of the cast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.figures import conserve_area
from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.view import View

if TYPE_CHECKING:  # planning a farm's chunks must not load the network
    from toonctl.engines.cel.matchers import Matcher

_MAJOR = 0.2
"""Connected outlines smaller than this share of the largest are props, not figures."""
_ALIKE = 0.5
"""Figures that have this much of their paint in common are one to the cast: a mistake would not show."""
_WITHIN = 0.8
_TRACE = 0.003
_CLEAR = 0.04
"""By how much an assignment of figures must beat the next one, in mean share of the votes."""
_SURE = 0.97
_OTHERS = 0.9
_LEAK = 0.001
_SHARPNESS = 3.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the regions of one drawing are.

    `figures` float32 `[n, G]` as in a memory item, `is_open` float32 `[n, K]` how far each color is open to
    the region, 0..1. `costumes` float32 `[G, K, K]` says what a color becomes on the same part of a figure.
    """

    figures: NDArray[np.float32]
    is_open: NDArray[np.float32]
    costumes: NDArray[np.float32]

    def admit(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """`probability` `[n, K]` of each color without those that belong to somebody else.

        What was taken for a part of another figure is likely that part of this one. What rows lack to 1 is
        unknown and is spread evenly over the open colors.
        """
        admitted = probability * self.is_open
        if self.figures.size:
            closed = probability - admitted
            mine = _completed(self.figures)
            for figure, costume in enumerate(self.costumes):
                admitted += mine[:, figure, None] * (closed @ costume) * self.is_open
        lack = 1 - admitted.sum(1, keepdims=True)
        return (admitted + lack * self.is_open / self.is_open.sum(1, keepdims=True)).astype(np.float32)


def with_figures(references: Sequence[MemoryItem]) -> tuple[MemoryItem, ...]:
    """The references with the figures of the cast told apart by their paint.

    Figures of different references are one when they have most of their colors in common. Where figures
    touch, their parts are told apart by color. With a single figure there is nothing to mistake, and no cast
    (G = 0).
    """
    outlines = [_outlines(item) for item in references]
    paints = [paint for found in outlines for _, paint in found]
    figures: list[NDArray[np.float64]] = []
    for paint in paints:
        if not _is_group(paint, paints) and all(_common(paint, known) <= _ALIKE for known in figures):
            figures.append(paint)
    if len(figures) < 2:
        return tuple(references)
    kinds = np.stack(figures)  # [G, K]
    return tuple(
        replace(item, figures=_owners(item, found, kinds))
        for item, found in zip(references, outlines, strict=True)
    )


class Cast:
    """The figures of painted references, one at least: G >= 2 of them or none at all."""

    def __init__(self, matcher: "Matcher", references: Sequence[MemoryItem]) -> None:
        self.references = tuple(references)
        self.n_figures = references[0].figures.shape[1]
        self._costumes = _costumes(matcher, references)
        used = np.full((references[0].belief.shape[1], self.n_figures), 1e-6)
        for item in references:
            used += (item.belief * item.view.area[:, None]).T @ item.figures
        self._share = (used / used.sum(1, keepdims=True)) if self.n_figures else used  # [K, G]

    def follow(self, matcher: "Matcher", views: Sequence[View], before: MemoryItem | None) -> list[Identity]:
        """Who is who in consecutive drawings; `before` is the drawing they come from."""
        if not self.n_figures:
            return [self.identity(np.zeros((view.n, 0), np.float32)) for view in views]
        figures: list[NDArray[np.float32]] = []
        is_settled: list[bool] = []
        for i, view in enumerate(views):
            if i:
                found = _handed_on(matcher, view, views[i - 1], figures[-1])
            elif before is not None:
                found = _handed_on(matcher, view, before.view, before.figures)
            else:
                found = self._by_references(matcher, view)
            found, settled = _settled(found, view)
            figures.append(found)
            is_settled.append(settled)
        for first, last in _meetings(is_settled):
            fullest = first + int(np.argmin([_shown(view) for view in views[first : last + 1]]))
            after = figures[last + 1]
            for i in range(last, first - 1, -1):
                after = _handed_on(matcher, views[i], views[i + 1], after)
                known, other = (after, figures[i]) if i > fullest else (figures[i], after)
                figures[i] = known + np.maximum(0, 1 - known.sum(1, keepdims=True)) * other
        return [self.identity(found) for found in figures]

    def _by_references(self, matcher: "Matcher", view: View) -> NDArray[np.float32]:
        found = np.zeros((view.n, self.n_figures), np.float32)
        matches = matcher.match(view, [item.view for item in self.references])
        for item, log_match in zip(self.references, matches, strict=True):
            found += np.exp(log_match[:, :-1]) @ item.figures / len(self.references)
        return found

    def identity(self, figures: NDArray[np.float32]) -> Identity:
        """What follows from `figures` `[n, G]` for the colors of a drawing."""
        is_open = np.ones((len(figures), len(self._share)), np.float32)
        if self.n_figures:
            is_open = _openness(_completed(figures) @ self._share.T * self.n_figures)
        return Identity(figures, is_open, self._costumes)


def _costumes(matcher: "Matcher", references: Sequence[MemoryItem]) -> NDArray[np.float32]:
    """What each color becomes on the same part of each figure, `[G, K, K]`; zeros where nothing is known.

    A reference is matched with itself, and of every region only what leads to another figure is regarded.
    """
    n_colors, n_figures = references[0].belief.shape[1], references[0].figures.shape[1]
    found = np.zeros((n_figures, n_colors, n_colors), np.float32)
    if not n_figures:
        return found
    for item in references:
        likeness = np.exp(matcher.match(item.view, [item.view])[0][:, :-1])
        for figure in range(n_figures):
            others = 1 - item.figures[:, figure]
            leading = likeness * item.figures[:, figure]
            leading /= np.maximum(leading.sum(1, keepdims=True), 1e-12)
            found[figure] += (item.belief * (item.view.area * others)[:, None]).T @ (leading @ item.belief)
    return found / np.maximum(found.sum(2, keepdims=True), 1e-6)


def together(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far regions may be of one figure, `[n, m]` in 0..1, from their figures `[n, G]` and `[m, G]`."""
    return _openness(_completed(mine) @ _completed(theirs).T * mine.shape[1])


def _openness(likelihood: NDArray[np.float64]) -> NDArray[np.float32]:
    """1 for what is no less likely than by chance, and next to nothing for what is another figure's."""
    return (_LEAK + np.minimum(1, likelihood) ** _SHARPNESS).astype(np.float32)


def _completed(figures: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rows that sum to 1, the unknown shared out evenly."""
    lack = np.maximum(0, 1 - figures.sum(1, keepdims=True, dtype=np.float64))
    return figures + lack / figures.shape[1]


_Outline: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""The regions of a connected outline, `[n]`, and the share of each color in their area, `[K]`."""


def _outlines(item: MemoryItem) -> list[_Outline]:
    found: list[_Outline] = []
    for members in _major_figures(item.view):
        paint = item.view.area[members] @ item.belief[members].astype(np.float64)
        found.append((members, paint / max(paint.sum(), 1)))
    return found


def _common(paint: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.minimum(paint, other).sum())


def _is_group(paint: NDArray[np.float64], paints: Sequence[NDArray[np.float64]]) -> bool:
    """Whether an outline has the colors of two figures that are seen apart elsewhere: they touch in it."""
    has = paint > _TRACE
    inside = [other for other in paints if other[has].sum() > _WITHIN and _common(other, paint) < _WITHIN]
    return any(_common(one, other) <= _ALIKE for one, other in combinations(inside, 2))


def _owners(
    item: MemoryItem, outlines: Sequence[_Outline], kinds: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The figure of each region `[n, G]`, `kinds` `[G, K]` being their paints; zeros for what is nobody's."""
    n_figures = len(kinds)
    by_color = kinds[:, item.colors].T / np.maximum(kinds.sum(0)[item.colors, None], 1e-9)  # [n, G]
    owners = np.zeros((item.view.n, n_figures), np.float32)
    for members, paint in outlines:
        alike = [_common(paint, kind) for kind in kinds]
        is_one = max(alike) > _ALIKE and sorted(alike)[-2] < max(alike) / 2
        owners[members] = np.eye(n_figures)[int(np.argmax(alike))] if is_one else by_color[members] > _SURE
    return owners


def _major_figures(view: View) -> list[NDArray[np.bool_]]:
    """The regions of each connected outline that is large enough to be a figure."""
    outline = view.graph.figure
    if not len(outline) or outline.max() < 0:
        return []
    size = np.bincount(outline[outline >= 0], view.area[outline >= 0])
    return [outline == number for number in np.flatnonzero(size > _MAJOR * size.max())]


def _handed_on(
    matcher: "Matcher", view: View, other: View, figures: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What a neighboring drawing's `figures` `[m, G]` say of the regions of `view`, `[n, G]`."""
    if not view.n or not other.n:
        return np.zeros((view.n, figures.shape[1]), np.float32)
    match = conserve_area(np.exp(matcher.match(view, [other])[0]), view, other)
    return match[:, :-1] @ figures


def _settled(figures: NDArray[np.float32], view: View) -> tuple[NDArray[np.float32], bool]:
    """One figure for each connected outline when the whole cast stands apart; and whether it does."""
    apart = _major_figures(view)
    n_figures = figures.shape[1]
    if len(apart) != n_figures:
        return figures, False
    weight = np.log1p(view.area)
    votes = np.stack([weight[members] @ figures[members] / weight[members].sum() for members in apart])
    chosen = _assignment(votes)
    best = votes[np.arange(n_figures), chosen].sum()
    if (best - _next_best(votes, chosen)) / 2 < _CLEAR:
        return figures, False
    settled = figures.copy()
    for members, figure, vote in zip(apart, chosen, votes, strict=True):
        if vote.argmax() == figure:  # what touches it may be another's: a hand laid on a shoulder
            members = members & (np.delete(figures, figure, 1).max(1) < _OTHERS)
        settled[members] = _SURE * (np.arange(n_figures) == figure)
    return settled, True


def _assignment(votes: NDArray[np.float64]) -> NDArray[np.int64]:
    """The figure of each outline, every one once, that has the most votes `[G, G]` in all, `[G]`."""
    from scipy.optimize import linear_sum_assignment  # a quarter of a second that most shots need not wait

    return np.asarray(linear_sum_assignment(votes, maximize=True)[1], np.int64)


def _next_best(votes: NDArray[np.float64], chosen: NDArray[np.int64]) -> float:
    """The votes of the best assignment that differs from the `chosen` one."""
    found = -np.inf
    outlines = np.arange(len(votes))
    for outline, figure in enumerate(chosen):
        without = votes.copy()
        without[outline, figure] = -len(votes)
        found = max(found, float(without[outlines, _assignment(without)].sum()))
    return found


def _meetings(is_settled: Sequence[bool]) -> list[tuple[int, int]]:
    """First and last of the drawings in a row in which nobody can tell who is who, if that ends."""
    found: list[tuple[int, int]] = []
    first = 0
    for i, settled in enumerate(is_settled):
        if settled:
            if first < i:
                found.append((first, i - 1))
            first = i + 1
    return found


def _shown(view: View) -> int:
    """How much of the figures is to be seen, in pixels: least where one is most hidden by another."""
    return int(view.area[view.graph.figure >= 0].sum())
