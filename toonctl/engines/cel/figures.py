"""What a match of two drawings must respect as a whole: figures that correspond, and areas."""

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.view import View

_FOREIGN = 0.15
"""What a match to a foreign figure keeps of its probability; strong evidence still gets through."""
_AREA_GROWTH = 1.3
_AREA_SLACK_PX = 20.0
"""Chosen offline with weights of 12,650 steps; foreground and regions right without, with 1.3 and 20, and
with 1.6 and 40: C3 .937 .830, .947 .846, .944 .838; walker_fence .960 .933, .969 .939, .960 .933; A1 .978
.927, .979 .932, .978 .929; D4 .951 .883, .954 .885, .953 .885; others the same."""


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


def conserve_area(match: NDArray[np.float32], view: View, other: View) -> NDArray[np.float32]:
    """`match` `[n, m + 1]` of neighboring drawings in which no region of `other` becomes many times its size.

    A region may fall to pieces, but what comes out from behind it is new: claims on a region are met in the
    order of their probability until its area is used up, and what is left over matches nothing.
    """
    if not view.n or not other.n:
        return match
    claimed = match[:, :-1] * view.area[:, None].astype(np.float32)
    order = np.argsort(-match[:, :-1], axis=0, kind="stable")
    in_order = np.take_along_axis(claimed, order, 0)
    room = _AREA_GROWTH * other.area.astype(np.float32) + _AREA_SLACK_PX - (in_order.cumsum(0) - in_order)
    met = np.clip(room / np.maximum(in_order, 1e-6), 0, 1)
    kept = np.empty_like(match)
    np.put_along_axis(kept[:, :-1], order, np.take_along_axis(match[:, :-1], order, 0) * met, 0)
    kept[:, -1] = 1 - kept[:, :-1].sum(1)
    return kept
