"""The engine's global-local memory: references, colored drawings, and a bank of those that differ most.

LongAnimation's idea of a dynamic global-local memory, on regions instead of latents.
Letters: n regions of the drawing in hand, K colors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.figures import keep_to_figures
from toonctl.engines.cel.matchers import Matcher
from toonctl.engines.cel.view import View

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
    """

    probability: NDArray[np.float32]
    certainty: NDArray[np.float32]
    unseen: NDArray[np.float32]
    weight: float


def ask(
    matcher: Matcher, view: View, items: Sequence[tuple[MemoryItem, float]], *, by_figure: bool
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
        found.append(
            Evidence(
                probability.astype(np.float32),
                certainty.astype(np.float32),
                match[:, -1].astype(np.float32),
                weight,
            )
        )
    return found


def fuse(view: View, found: Sequence[Evidence]) -> MemoryItem:
    """One belief out of several pieces of evidence: weighted sum of log(P + .02), normalized."""
    total = sum(e.weight for e in found)
    score = sum(_word(e) * np.log(e.probability.astype(np.float64) + _EVIDENCE_FLOOR) for e in found)
    belief = np.exp(score - np.max(score, axis=1, keepdims=True, initial=-np.inf))
    belief /= belief.sum(1, keepdims=True)
    chosen = belief.argmax(1)[:, None]
    # A neighbor's word counts as far as it was sure itself, or one wrong guess would be believed ever after.
    agreed = (
        sum(e.weight * e.certainty * np.take_along_axis(e.probability, chosen, 1)[:, 0] for e in found)
        / total
    )
    unseen = sum(e.weight * e.unseen for e in found) / total
    return MemoryItem(
        view, belief.astype(np.float32), np.asarray(agreed, np.float32), np.asarray(unseen, np.float32)
    )


def _word(evidence: Evidence) -> NDArray[np.float64]:
    """How much each region's evidence weighs, `[n, 1]`: an undecided item says little."""
    decided = evidence.probability.max(1, keepdims=True, initial=0).astype(np.float64)
    return evidence.weight * decided**_TRUST


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

    def nearest(self, view: View, count: int) -> list[MemoryItem]:
        """Up to `count` of the kept drawings that look most like `view`; ties by age."""
        order = sorted(range(len(self.kept)), key=lambda i: (thumb_distance(view, self.kept[i].view), i))
        return [self.kept[i] for i in order[:count]]
