"""A planar map painted again with its vertices elsewhere: its regions as labels, back to front."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Size
from toonctl.regions.planar import PlanarMap, Points
from toonctl.regions.rings import Rings

_SHIFT = 5
_OUT_PX = 4096
_PULL = 0.03


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is painted, made once for all frames between two keys.

    `rings` holds by region, back to front, the vertex numbers of its outlines; numbers from V on mean the
    same vertex as its back side moves it. `place` int64 `[n + 1]` is the place of each label in that order,
    -1 for none. `front` int32 `[A]` names the side that owns a split arc, else 0. `still` bool `[V]` marks
    vertices that do not move. `base` is the label of what lies under everything, 0 for nothing.
    """

    planar: PlanarMap
    rings: tuple[tuple[int, tuple[NDArray[np.int64], ...]], ...]
    place: NDArray[np.int64]
    front: NDArray[np.int32]
    still: NDArray[np.bool_]
    base: int


def arrange(
    planar: PlanarMap,
    rings: Rings,
    *,
    order: Sequence[int],
    front: NDArray[np.int32],
    still: NDArray[np.bool_],
    base: int,
) -> Sheet:
    """The sheet that paints regions in `order`; `front` `[A]` names the owner of a split arc, else 0."""
    n_vertices = len(planar.points)
    drawn = []
    for region in order:
        outlines = []
        for ring in rings.get(region, []):
            parts = []
            for arc, backward in ring:
                part = np.arange(planar.offsets[arc], planar.offsets[arc + 1])
                part = part[::-1] if backward else part
                parts.append(part + n_vertices if front[arc] not in (0, region) else part)
            outlines.append(np.concatenate(parts))
        drawn.append((region, tuple(outlines)))
    n = max([0, *order, *planar.left.tolist(), *planar.right.tolist()])
    place = np.full(n + 1, -1, np.int64)
    place[list(order)] = np.arange(len(order))
    return Sheet(planar, tuple(drawn), place, front, still, base)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture: columns `x0` to `x1`, rows `y0` to `y1`, half-open."""

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def around(cls, points: Points, margin_px: float, size: Size) -> "Window":
        """The window of all `points` `[P, 2]` with a margin, within a picture of `size`; empty for none."""
        if not len(points):
            return cls(0, 0, 0, 0)
        low, high = points.min(0) - margin_px, points.max(0) + margin_px + 1
        (x0, x1), (y0, y1) = (np.clip([low[i], high[i]], 0, size[i]).astype(int).tolist() for i in (0, 1))
        return cls(x0, y0, max(x0, x1), max(y0, y1))

    @property
    def cut(self) -> tuple[slice, slice]:
        """Rows and columns of a picture."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def moved(self, x: int, y: int) -> "Window":
        """This window, `x` columns and `y` rows further."""
        return Window(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    @property
    def is_empty(self) -> bool:
        return self.x0 >= self.x1 or self.y0 >= self.y1


def painted(sheet: Sheet, moved: Points, behind: Points, *, window: Window) -> NDArray[np.uint16]:
    """The labels within `window` with vertices at `moved`, and back sides of split arcs at `behind`."""
    corner = np.array([window.x0, window.y0], np.float32)
    labels = np.full((window.y1 - window.y0, window.x1 - window.x0), sheet.base, np.uint16)
    fixed = np.rint((np.concatenate([moved, behind]) - corner) * (1 << _SHIFT)).astype(np.int32)
    for region, outlines in sheet.rings:
        for outline in outlines:
            cv2.fillPoly(labels, [fixed[outline]], region, cv2.LINE_8, _SHIFT)
    return labels


def pulled_out(points: Points, moved: Points, ends: NDArray[np.bool_], size: Size) -> Points:
    """`moved` `[V, 2]` with what lies on the picture's edge pulled outward: parts cut by it stay whole.

    What `ends` `[V]` there is whole within the picture a little later, and is not pulled.
    """
    pulled = moved.copy()
    for axis, extent in enumerate(size):
        pulled[(points[:, axis] <= -0.5) & ~ends, axis] -= _PULL * extent
        pulled[(points[:, axis] >= extent - 0.5) & ~ends, axis] += _PULL * extent
    return np.clip(pulled, -_OUT_PX, 2 * _OUT_PX + max(size))
