"""Doubtful regions of a sketch asked once more: what lies there in the nearest painted drawing?

A line that the painted drawing does not have, such as a strand in hair, bounds a region that has no
counterpart there; but all of it lies in one color.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColoredDrawing, LineFrame
from toonctl.engines.base import PaintedReference
from toonctl.regions.describe import plane_distance
from toonctl.regions.votes import flow_between

_ALL = 0.95
_LEAST_PX_AT_540 = 300
"""Smaller regions may have moved by their own size: flow knows less of them than of broad ones."""
_AT_HEIGHT = 540


def settled(colored: ColoredDrawing, lines: LineFrame, beside: PaintedReference) -> ColoredDrawing:
    """The drawing with broad doubtful regions in the color that optical flow finds where they were.

    `lines` are the drawing's, `beside` is the painted drawing nearest in time. Regions that flow leads onto
    the ground keep their color: something new came there. They all stay among the doubts.
    """
    least = _LEAST_PX_AT_540 * (colored.regions.height / _AT_HEIGHT) ** 2
    broad = [doubt for doubt in colored.doubts if doubt.area_px >= least]
    if not broad:
        return colored
    flow = flow_between(plane_distance(lines), plane_distance(beside.line))
    labels, colors = colored.regions.label_map(), colored.colors.copy()
    ground = _ground(beside.index)
    changed: dict[int, int] = {}
    for doubt in broad:
        found = _found(labels, doubt.region, flow, beside.index)
        color = int(found.argmax())
        if found[color] >= _ALL * found.sum() and color not in (0, ground, doubt.color):
            changed[doubt.region] = color
            colors[doubt.region - 1] = color
    doubts = tuple(
        replace(doubt, color=changed[doubt.region], runner_up=doubt.color)
        if doubt.region in changed
        else doubt
        for doubt in colored.doubts
    )
    return replace(colored, colors=colors, doubts=doubts)


def _found(
    labels: NDArray[np.uint16], region: int, flow: NDArray[np.float32], index: NDArray[np.uint16]
) -> NDArray[np.int64]:
    """How many pixels of a region lie in each color of `index` `[H, W]`, as `flow` `[h, w, 2]` leads them."""
    y, x = np.nonzero(labels == region)
    height, width = labels.shape
    rows, columns = flow.shape[:2]
    by = flow[y * rows // height, x * columns // width]
    to_x = np.clip(np.rint(x + by[:, 0] * width / columns), 0, width - 1).astype(np.int64)
    to_y = np.clip(np.rint(y + by[:, 1] * height / rows), 0, height - 1).astype(np.int64)
    return np.bincount(index[to_y, to_x], minlength=int(index.max()) + 1)


def _ground(index: NDArray[np.uint16]) -> int:
    """The color that most of the picture's edge shows."""
    edge = np.concatenate([index[0], index[-1], index[:, 0], index[:, -1]])
    return int(np.bincount(edge).argmax())
