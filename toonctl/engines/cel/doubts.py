"""Saying what is doubtful: the regions of a drawing that deserve a look."""

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColoredDrawing, Doubt
from toonctl.engines.cel.memory import MemoryItem

_UNSEEN = 0.5


def colored_drawing(item: MemoryItem, doubt_below: float) -> ColoredDrawing:
    """The engine's result for one drawing, with its doubtful regions, largest doubt first."""
    view, colors = item.view, item.colors
    is_unseen = item.unseen > _UNSEEN
    doubtful = np.flatnonzero((item.confidence < doubt_below) | is_unseen)
    ranked = doubtful[np.argsort(-view.area[doubtful] * (1 - item.confidence[doubtful]), kind="stable")]
    second = np.argsort(item.belief, axis=1)[:, -2:][:, 0] if item.belief.shape[1] > 1 else colors
    doubts = tuple(
        Doubt(
            region=int(i) + 1,
            box=_box(view.box[i]),
            area_px=int(view.area[i]),
            color=int(colors[i]),
            runner_up=int(second[i]),
            confidence=round(float(item.confidence[i]), 4),
            is_unseen=bool(is_unseen[i]),
        )
        for i in ranked
    )
    return ColoredDrawing(view.name, view.runs, colors, item.confidence, doubts)


def _box(corners: NDArray[np.int32]) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (int(v) for v in corners)
    return x0, y0, x1 - x0, y1 - y0
