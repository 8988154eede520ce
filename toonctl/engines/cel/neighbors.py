"""Which colors lie side by side: stripes alternate, a lip lies between skin and mouth.

Letters: n regions, P pairs of neighbors, K colors.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.view import View

_SAY = 0.2
_PRIOR = 2.0
_MOST = 2.0
_LONG = 5.0
"""Chosen offline with weights of 12,650 steps. Foreground and regions right without, and with a say of .2: A1
.979 .932, .982 .938; C3 .947 .846, .952 .852; D4 .949 .881, .957 .889; duo_cross .995 .952, .997 .974;
stars_party .701 .329, .824 .381; squirrel_close .982 .897, .981 .888; others within .003. With .4: C3 .961
.866, D4 .953 .890. After the tracks instead of before them: a third of the gain. More rounds: no more."""


class ColorNeighbors:
    """What references show of colors side by side, as a say in every region's color."""

    def __init__(self, references: Sequence[MemoryItem]) -> None:
        n_colors = references[0].belief.shape[1]
        counts = np.zeros((n_colors, n_colors))
        self._is_unseen = np.ones(n_colors, bool)
        for item in references:
            self._is_unseen[item.colors] = False
            pairs, length = _figure_pairs(item.view)
            colors = item.colors[pairs]
            np.add.at(counts, (colors[:, 0], colors[:, 1]), length)
            np.add.at(counts, (colors[:, 1], colors[:, 0]), length)
        by_chance = np.outer(counts.sum(1), counts.sum(0)) / max(counts.sum(), 1e-9)
        liking = np.log((counts + _PRIOR) / (by_chance + _PRIOR))
        self._liking = np.clip(liking, -_MOST, _MOST)  # [K, K]

    def consider(self, item: MemoryItem) -> MemoryItem:
        """The item with beliefs that take into account what each region's neighbors seem to be."""
        pairs, length = _figure_pairs(item.view)
        if not len(pairs):
            return item
        first, second = pairs.T
        weight = np.minimum(1, length / _LONG)
        if item.figures.size:  # one figure before another says nothing of either
            weight = weight * (item.figures[first] * item.figures[second]).sum(1)
        liked = item.belief @ self._liking  # [n, K]
        said = np.zeros_like(liked)
        np.add.at(said, first, weight[:, None] * liked[second])
        np.add.at(said, second, weight[:, None] * liked[first])
        total = np.log(item.belief + 1e-3) + _SAY * said
        total[:, self._is_unseen] = -np.inf  # nobody dislikes what was never seen: it must not win by that
        belief = np.exp(total - total.max(1, keepdims=True))
        return replace(item, belief=(belief / belief.sum(1, keepdims=True)).astype(np.float32))


def _figure_pairs(view: View) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Neighbors of which neither is ground, `[P, 2]`, and a measure of how long they meet, `[P]`."""
    graph = view.graph
    is_inside = (graph.figure[graph.pairs] >= 0).all(1)
    meet = (graph.shared + graph.opening)[is_inside].astype(np.float64)
    return graph.pairs[is_inside], np.log1p(meet)
