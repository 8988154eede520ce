"""Figures first, parts second: regions are matched inside figures that match."""

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.view import View

_FOREIGN = 0.15
"""What a match to a foreign figure keeps of its probability; strong evidence still gets through."""


def keep_to_figures(match: NDArray[np.float32], view: View, other: View) -> NDArray[np.float32]:
    """`match` `[n, m + 1]` with probability moved toward the figures that correspond as wholes.

    Each figure (connected outline) of the drawing is related to the figures of the other by where the
    probability of its regions goes, big regions counting more; a single region then cannot wander to another
    figure alone.
    """
    mine, theirs = view.graph.figure, other.graph.figure
    if not view.n or not other.n or (mine.max() <= 0 and theirs.max() <= 0):
        return match
    into = np.zeros((other.n, int(theirs.max()) + 2), np.float32)
    into[np.arange(other.n), theirs + 1] = 1
    weight = np.log1p(view.area).astype(np.float32)
    flow = (match[:, :-1] @ into) * weight[:, None]  # [n, figures of other]
    by_figure = np.zeros((int(mine.max()) + 2, flow.shape[1]), np.float32)
    np.add.at(by_figure, mine + 1, flow)
    by_figure /= np.maximum(by_figure.max(1, keepdims=True), 1e-6)
    affinity = _FOREIGN + (1 - _FOREIGN) * by_figure  # [figures, figures of other]
    kept = match[:, :-1] * affinity[mine + 1][:, theirs + 1]
    before = match[:, :-1].sum(1, keepdims=True)
    kept *= before / np.maximum(kept.sum(1, keepdims=True), 1e-9)
    return np.concatenate([kept, match[:, -1:]], 1)
