"""The engine's global-local memory: references, colored drawings, and a bank of those that differ most.

LongAnimation's idea of a dynamic global-local memory, on regions instead of latents.
Letters: n regions of the drawing in hand, K colors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.figures import keep_to_figures
from toonctl.engines.cel.view import View

if TYPE_CHECKING:  # planning a farm's chunks must not load the network
    from toonctl.engines.cel.matchers import Matcher

_EVIDENCE_FLOOR = 0.05
_TRUST = 2.0
"""Chosen with the shipped weights on the first frames of ten development shots; means of foreground right and
of regions right: floor .02, trust 2 .922, .800; floor .05 .926, .803; trust 3 .913, .800. Trust 3 loses by a
flip of one shape in stars_party and of another in long_squirrel; seven of the other eight shots gain."""
_BANK_DISTANCE = 12.0


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """A drawing whose colors are known or believed.

    `belief` float32 `[n, K]` is the probability of each color, `confidence` `[n]` how far all evidence agrees
    on the likeliest one, `unseen` `[n]` how likely the region is in no item that was asked.
    """

    view: View
    belief: NDArray[np.float32]
    confidence: NDArray[np.float32]
    unseen: NDArray[np.float32]

    @property
    def colors(self) -> NDArray[np.uint16]:
        """The likeliest color of each region, `[n]`."""
        return self.belief.argmax(1).astype(np.uint16)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one memory item says: `probability` `[n, K]` of each color, and the item's `weight`.

    `certainty` `[n]` is how sure the item was of the regions that match, `unseen` `[n]` how likely none does.
    `nearest` `[n]` is the item's likeliest region (-1 where it has none), `nearest_share` `[n]` how likely.
    """

    probability: NDArray[np.float32]
    certainty: NDArray[np.float32]
    unseen: NDArray[np.float32]
    nearest: NDArray[np.int64]
    nearest_share: NDArray[np.float32]
    weight: float


def ask(
    matcher: "Matcher", view: View, items: Sequence[tuple[MemoryItem, float]], *, by_figure: bool
) -> list[Evidence]:
    """The evidence of each item, by its weight.

    A region may match any part that has a color: the columns of equal color are added up. "None of these"
    says nothing about the color and is spread evenly.
    """
    found: list[Evidence] = []
    matches = matcher.match(view, [item.view for item, _ in items])
    for (item, weight), log_match in zip(items, matches, strict=True):
        match = np.exp(log_match)
        if by_figure:
            match = keep_to_figures(match, view, item.view)
        n_colors = item.belief.shape[1]
        probability = match[:, :-1] @ item.belief + match[:, -1:] / n_colors
        certainty = match[:, :-1] @ item.confidence
        is_empty = not item.view.n
        found.append(
            Evidence(
                probability.astype(np.float32),
                certainty.astype(np.float32),
                match[:, -1].astype(np.float32),
                np.full(len(match), -1, np.int64) if is_empty else match[:, :-1].argmax(1),
                match[:, :-1].max(1, initial=0),
                weight,
            )
        )
    return found


def fuse(view: View, found: Sequence[Evidence]) -> MemoryItem:
    """One belief out of several pieces of evidence: weighted sum of log(P + .05), normalized."""
    total = sum(e.weight for e in found)
    belief = normalized(np.sum([score(e) for e in found], axis=0))
    agreed = sum(e.weight * agreement(e, belief.argmax(1)) for e in found) / total
    unseen = sum(e.weight * e.unseen for e in found) / total
    return MemoryItem(
        view, belief.astype(np.float32), np.asarray(agreed, np.float32), np.asarray(unseen, np.float32)
    )


def score(evidence: Evidence) -> NDArray[np.float64]:
    """What evidence says for each color, `[n, K]`; an undecided item says little."""
    decided = evidence.probability.max(1, keepdims=True, initial=0).astype(np.float64)
    return evidence.weight * decided**_TRUST * log_share(evidence.probability)


def log_share(share: NDArray[np.float32]) -> NDArray[np.float64]:
    """The logarithm, bounded below so that nothing is ever ruled out."""
    return np.log(share.astype(np.float64) + _EVIDENCE_FLOOR)


def normalized(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities `[n, K]` out of scores."""
    belief = np.exp(total - np.max(total, axis=1, keepdims=True, initial=-np.inf))
    return belief / belief.sum(1, keepdims=True)


def agreement(evidence: Evidence, colors: NDArray[np.integer]) -> NDArray[np.float32]:
    """How far evidence stands behind each region's color, `[n]`.

    An item's word counts as far as it was sure itself, or one wrong guess would be believed ever after.
    """
    return evidence.certainty * np.take_along_axis(evidence.probability, colors[:, None], 1)[:, 0]


def certain(view: View, colors: NDArray[np.uint16], n_colors: int) -> MemoryItem:
    """The memory of a painted reference, `colors` `[n]`."""
    belief = np.zeros((view.n, n_colors), np.float32)
    belief[np.arange(view.n), colors] = 1
    return MemoryItem(view, belief, np.ones(view.n, np.float32), np.zeros(view.n, np.float32))


def thumb_distance(a: View, b: View) -> float:
    """How different two drawings look, mean absolute difference of their thumbnails, 0..255."""
    if a.thumb.shape != b.thumb.shape:
        return 255.0
    return float(np.abs(a.thumb.astype(np.int16) - b.thumb).mean())


class Bank:
    """Colored drawings that look different from each other and from the references."""

    def __init__(self, references: Sequence[MemoryItem], limit: int) -> None:
        self._references = tuple(references)
        self._limit = limit
        self.kept: list[MemoryItem] = []

    def offer(self, item: MemoryItem) -> None:
        """Takes `item` in when it is unlike everything known and there is room."""
        known = (*self._references, *self.kept)
        if len(self.kept) < self._limit and all(
            thumb_distance(item.view, other.view) > _BANK_DISTANCE for other in known
        ):
            self.kept.append(item)

    def revise(self, items: Sequence[MemoryItem]) -> None:
        """Takes what is believed of drawings by now in place of what was when they came in."""
        believed = {id(item.view): item for item in items}
        self.kept = [believed.get(id(item.view), item) for item in self.kept]

    def nearest(self, view: View, count: int) -> list[MemoryItem]:
        """Up to `count` of the kept drawings that look most like `view`; ties by age."""
        order = sorted(range(len(self.kept)), key=lambda i: (thumb_distance(view, self.kept[i].view), i))
        return [self.kept[i] for i in order[:count]]
