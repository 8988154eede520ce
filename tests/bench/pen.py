"""Hand-drawn shapes as two planes: coverage of the lines and color index of the paint."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""x, y in drawing units, `[n, 2]`."""

_SUPER = 2  # canvas pixels per pixel; lines are anti-aliased on the canvas as well
_SHIFT = 4  # fractional bits of OpenCV's coordinates
_CURVE = 4  # pieces between two vertices


@dataclass(slots=True)
class Pen:
    """Draws at `scale` pixels per unit around the middle of the picture's foot; every vertex trembles.

    `tremble_px` is the deviation of the hand in units, `line` the thickness of a line in units.
    """

    size: tuple[int, int]
    scale: float
    random: np.random.Generator
    tremble: float
    line: float = 2.0
    index: NDArray[np.uint8] = field(init=False)
    ink: NDArray[np.uint8] = field(init=False)
    zoom: float = field(init=False, default=1.0)
    origin: tuple[float, float] = field(init=False, default=(0.0, 0.0))

    def __post_init__(self) -> None:
        shape = (self.size[1] * _SUPER, self.size[0] * _SUPER)
        self.index = np.zeros(shape, np.uint8)
        self.ink = np.zeros(shape, np.uint8)

    def place(self, x: float, y: float, zoom: float) -> None:
        """What follows is drawn `zoom` times as large with its origin at x, y units of the picture."""
        self.origin, self.zoom = (x, y), zoom

    def curve(self, points: Points | Sequence[tuple[float, float]], *, is_closed: bool) -> Points:
        """The line a hand draws through `points`, in picture units: trembling, then smooth."""
        at = np.asarray(points, np.float64) * self.zoom + self.origin
        at = at + self.random.normal(0, self.tremble, at.shape)
        return _catmull(at, is_closed)

    def shape(self, points: Points | Sequence[tuple[float, float]], color: int) -> None:
        """A smooth closed shape."""
        self.patch(self.curve(points, is_closed=True), color)

    def patch(self, outline: Points, color: int) -> None:
        """A closed shape whose finished outline comes from `curve`: covers what is below, then its line."""
        corners = [self._canvas(outline)]
        cv2.fillPoly(self.index, corners, color, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.ink, corners, 0, cv2.LINE_8, _SHIFT)
        self._stroke(corners, is_closed=True)

    def mark(self, points: Points | Sequence[tuple[float, float]]) -> None:
        """An open line that encloses nothing: a wrinkle."""
        self._stroke([self._canvas(self.curve(points, is_closed=False))], is_closed=False)

    def coverage(self) -> NDArray[np.uint8]:
        """Coverage of the lines 0..255, `[H, W]`."""
        return np.asarray(cv2.resize(self.ink, self.size, interpolation=cv2.INTER_AREA), np.uint8)

    def colors(self) -> NDArray[np.uint8]:
        """Color index of every pixel, under the lines too, `[H, W]`."""
        return np.ascontiguousarray(self.index[::_SUPER, ::_SUPER])

    def _canvas(self, points: Points) -> NDArray[np.int32]:
        # Far-off points would overflow the fixed-point coordinates.
        far = 20_000.0
        return np.round(np.clip(points * self.scale * _SUPER, -far, far) * (1 << _SHIFT)).astype(np.int32)

    def _stroke(self, lines: list[NDArray[np.int32]], *, is_closed: bool) -> None:
        thickness = max(1, round(self.line * self.scale * _SUPER))
        cv2.polylines(self.ink, lines, is_closed, 255, thickness, cv2.LINE_AA, _SHIFT)


@dataclass(frozen=True, slots=True)
class Tube:
    """A limb or trunk as two finished sides from start to end, `[m, 2]` each."""

    left: Points
    right: Points

    @classmethod
    def along(cls, pen: Pen, spine: Points, radius: NDArray[np.float64]) -> "Tube":
        """The tube of `radius` `[n]` around the points `spine` `[n, 2]`."""
        ahead = np.gradient(spine, axis=0)
        ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-6)
        across = np.stack([-ahead[:, 1], ahead[:, 0]], 1) * radius[:, None]
        return cls(pen.curve(spine + across, is_closed=False), pen.curve(spine - across, is_closed=False))

    def band(self, pen: Pen, start: float, end: float, *, color: int, bulge: float = 0.35) -> None:
        """The part between two shares of the length, its ends bent by `bulge` half widths along the tube."""
        last = len(self.left) - 1
        i, j = round(start * last), round(end * last)
        if j > i:
            ends = [self._end(i, bulge), self._end(j, bulge)]
            sides = [self.left[i : j + 1], self.right[i : j + 1][::-1]]
            pen.patch(np.concatenate([sides[0], ends[1], sides[1], ends[0][::-1]]), color)

    def at(self, along: float, across: float) -> Points:
        """The point at a share of the length, `across` -1..1 from side to side, in picture units."""
        i = round(along * (len(self.left) - 1))
        return (self.left[i] * (1 - across) + self.right[i] * (1 + across)) / 2

    def _end(self, i: int, bulge: float) -> Points:
        """The bent cut from the left to the right side at a vertex."""
        k = min(max(i, 1), len(self.left) - 2)
        ahead = self.left[k + 1] + self.right[k + 1] - self.left[k - 1] - self.right[k - 1]
        ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
        share = np.linspace(0, 1, 7)[1:-1, None]
        half = float(np.linalg.norm(self.right[i] - self.left[i])) / 2
        straight = self.left[i] * (1 - share) + self.right[i] * share
        return straight + ahead * (bulge * half * (1 - (2 * share - 1) ** 2))


def _catmull(points: Points, is_closed: bool) -> Points:
    """A Catmull-Rom curve through `points`, `_CURVE` pieces between neighbors."""
    if is_closed:
        ring = np.concatenate([points[-1:], points, points[:2]])
    else:
        ring = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, a, b, after = ring[:-3], ring[1:-2], ring[2:-1], ring[3:]
    t = (np.arange(_CURVE) / _CURVE)[None, :, None]
    before, a, b, after = (p[:, None] for p in (before, a, b, after))
    curve = 0.5 * (
        2 * a
        + (b - before) * t
        + (2 * before - 5 * a + 4 * b - after) * t**2
        + (3 * a - before - 3 * b + after) * t**3
    )
    curve = curve.reshape(-1, 2)
    return curve if is_closed else np.concatenate([curve, points[-1:]])
