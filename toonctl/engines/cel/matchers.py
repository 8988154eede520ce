"""Match probabilities between the regions of two drawings, and the matcher without weights, free of torch.

Every matcher gives float32 `[n, m + 1]` log-probabilities whose last column is "none of these".
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.view import Tokens, View
from toonctl.regions.describe import Description
from toonctl.regions.votes import both_shares, flow_between, flow_votes


class Matcher(Protocol):
    """Compares the regions of a drawing with those of others."""

    def tokens(self, description: Description) -> Tokens:
        """What is kept of a drawing so that it can be compared again and again, `[n, D]`."""
        ...

    def match(self, view: View, others: Sequence[View]) -> list[NDArray[np.float32]]:
        """Log-probabilities `[n, m + 1]` against every one of `others`."""
        ...

    def match_both(self, view: View, other: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `match` for a pair that is compared once: there and back, and nothing is kept of it."""
        ...


def pair_votes(view: View, other: View) -> NDArray[np.float32]:
    """Flow votes from a drawing to another, both shares, `[n, m, 2]`."""
    if view.distance.shape != other.distance.shape:
        return np.zeros((view.n, other.n, 2), np.float32)
    flow = flow_between(view.distance, other.distance)
    votes = flow_votes(view.samples, view.size, flow, target_labels=other.lookup)
    missing = other.n - votes.shape[1]  # regions so small that the thinned label map lost them
    votes = np.pad(votes, ((0, 0), (0, missing)))
    return both_shares(votes, view.area, other.area)


class GeometricMatcher:
    """Flow votes, shape and place, weighed by hand: for comparison and for those who want no learned part."""

    _NONE_SCORE = -6.0

    def tokens(self, description: Description) -> Tokens:
        return np.zeros((len(description.geometry), 0), np.float16)

    def match(self, view: View, others: Sequence[View]) -> list[NDArray[np.float32]]:
        return [self._pair(view, other) for other in others]

    def match_both(self, view: View, other: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._pair(view, other), self._pair(other, view)

    def _pair(self, view: View, other: View) -> NDArray[np.float32]:
        mine, theirs = view.geometry, other.geometry
        votes = pair_votes(view, other)
        apart = mine[:, None] - theirs[None]  # [n, m, G]
        shape = np.abs(apart[..., 2:9]).sum(-1)
        place = np.linalg.norm(apart[..., 13:15], axis=-1) + 0.5 * np.linalg.norm(apart[..., :2], axis=-1)
        score = np.log(votes[..., 0] + 0.05) + np.log(votes[..., 1] + 0.05) - 1.2 * shape - 2.0 * place
        score = np.concatenate([score, np.full((len(mine), 1), self._NONE_SCORE, np.float32)], 1)
        top = score.max(1, keepdims=True)
        return (score - top - np.log(np.exp(score - top).sum(1, keepdims=True))).astype(np.float32)


class Describer:
    """Stands in where the real matcher is not imported yet: keeps what tokens can be made of afterwards."""

    def __init__(self) -> None:
        self._last: Description | None = None

    def tokens(self, description: Description) -> Tokens:
        self._last = description
        return np.zeros((len(description.geometry), 0), np.float16)

    def match(self, view: View, others: Sequence[View]) -> list[NDArray[np.float32]]:
        raise RuntimeError("a drawing without tokens cannot be compared")

    def match_both(self, view: View, other: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        raise RuntimeError("drawings without tokens cannot be compared")

    def take(self) -> Description:
        """The description of the drawing read last. Raises: RuntimeError when there is none."""
        last, self._last = self._last, None
        if last is None:
            raise RuntimeError("no drawing was described")
        return last
