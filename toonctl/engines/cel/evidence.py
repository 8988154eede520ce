"""What remembered drawings say of the colors of another one, and how that becomes one belief.

Letters: n regions of the drawing in hand, m of the one asked, K colors, G figures of the cast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.cast import Identity, together
from toonctl.engines.cel.figures import conserve_area, keep_to_figures
from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.view import View

if TYPE_CHECKING:  # planning a farm's chunks must not load the network
    from toonctl.engines.cel.matchers import Matcher

_EVIDENCE_FLOOR = 0.05
_TRUST = 2.0
"""Chosen with the shipped weights on the first frames of ten development shots; means of foreground right and
of regions right: floor .02, trust 2 .922, .800; floor .05 .926, .803; trust 3 .913, .800. Trust 3 loses by a
flip of one shape in stars_party and of another in long_squirrel; seven of the other eight shots gain."""


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


@dataclass(frozen=True, slots=True)
class Asked:
    """A memory item that is asked, and what its word weighs; a neighbor's regions must keep their areas."""

    item: MemoryItem
    weight: float
    is_neighbor: bool = False


def ask(
    matcher: "Matcher", view: View, asked: Sequence[Asked], *, identity: Identity, by_figure: bool
) -> list[Evidence]:
    """The evidence of each item, by its weight.

    A region may match any part that has a color: the columns of equal color are added up. "None of these"
    says nothing about the color and is spread evenly.
    """
    found: list[Evidence] = []
    matches = matcher.match(view, [source.item.view for source in asked])
    for source, log_match in zip(asked, matches, strict=True):
        item = source.item
        match = np.exp(log_match)
        if by_figure:
            match = keep_to_figures(match, view, item.view)
            match = _keep_identity(match, identity.figures, item.figures)
        if source.is_neighbor:
            match = conserve_area(match, view, item.view)
        certainty = match[:, :-1] @ item.confidence
        is_empty = not item.view.n
        found.append(
            Evidence(
                identity.admit(match[:, :-1] @ item.belief),
                certainty.astype(np.float32),
                match[:, -1].astype(np.float32),
                np.full(len(match), -1, np.int64) if is_empty else match[:, :-1].argmax(1),
                match[:, :-1].max(1, initial=0),
                source.weight,
            )
        )
    return found


def _keep_identity(
    match: NDArray[np.float32], mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`match` `[n, m + 1]` with probability moved to regions of the same figure of the cast."""
    if not mine.size or not theirs.size:
        return match
    kept = match[:, :-1] * together(mine, theirs)
    kept *= match[:, :-1].sum(1, keepdims=True) / np.maximum(kept.sum(1, keepdims=True), 1e-9)
    return np.concatenate([kept, match[:, -1:]], 1)


def fuse(view: View, found: Sequence[Evidence], identity: Identity) -> MemoryItem:
    """One belief out of several pieces of evidence: weighted sum of log(P + .05), normalized."""
    total = sum(e.weight for e in found)
    belief = normalized(np.sum([score(e) for e in found], axis=0)) * identity.is_open
    belief /= belief.sum(1, keepdims=True)
    agreed = sum(e.weight * agreement(e, belief.argmax(1)) for e in found) / total
    unseen = sum(e.weight * e.unseen for e in found) / total
    return MemoryItem(
        view,
        belief.astype(np.float32),
        np.asarray(agreed, np.float32),
        np.asarray(unseen, np.float32),
        identity.figures,
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
