"""The drawing sheet of the examples: outlined parts hiding what lies below, on paint, ink and trace planes.

Shapes are lists of points in the units of the current transform (`moved`); y points down. A point `(x, y)`
is smooth, `(x, y, 1)` is a corner. Letters: H height, W width, S = H * FINE or W * FINE.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

FINE = (
    3  # every plane is drawn this many times larger; ink is averaged down, paint is read at the pixel centers
)
BITS = 4  # sub-pixel bits of polygon corners

Points = NDArray[np.float64]
Plane = NDArray[np.uint8]
Shape = Sequence[tuple[float, ...]]


def curve(shape: Shape | Points, *, closed: bool = True, steps: int = 9) -> Points:
    """`[N, 2]` points of a smooth line through `shape` (Catmull-Rom), broken at its corners."""
    knots = [tuple(float(v) for v in p) for p in shape]
    corners = [i for i, p in enumerate(knots) if len(p) > 2 and p[2]]
    if closed and corners:
        knots = knots[corners[0] :] + knots[: corners[0] + 1]
    elif closed:
        ring = np.array([p[:2] for p in knots])
        return _catmull(np.vstack([ring[-1:], ring, ring[:2]]), steps)[:-1]
    stops = sorted({0, len(knots) - 1, *(i for i, p in enumerate(knots) if len(p) > 2 and p[2])})
    runs: list[Points] = []
    for first, last in pairwise(stops):
        run = np.array([p[:2] for p in knots[first : last + 1]])
        ends = (2 * run[:1] - run[1:2], 2 * run[-1:] - run[-2:-1])
        runs.append(_catmull(np.vstack([ends[0], run, ends[1]]), steps))
    return np.vstack(runs)


def _catmull(points: Points, steps: int) -> Points:
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
    parts: list[Points] = []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        parts.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.vstack([*parts, points[-2:-1]])


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Points:
    """`[N, 2]` points around an ellipse; `turn` in radians, clockwise on screen."""
    a = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    u, v = rx * np.cos(a), ry * np.sin(a)
    return np.stack(
        [x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], axis=1
    )


def tube(spine: Shape, widths: Sequence[float], *, cap: bool = True) -> Points:
    """`[N, 2]` outline of a limb along `spine`; `widths` are half widths along it, ends round with `cap`."""
    line = curve(spine, closed=False)
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    side = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    half = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(widths)), widths)[:, None]
    left, right = line + side * half, line - side * half
    if not cap:
        return np.vstack([left, right[::-1]])
    a = np.linspace(0.0, np.pi, 9)[1:-1, None]
    end = line[-1] + half[-1] * (np.cos(a) * side[-1] + np.sin(a) * ahead[-1])
    start = line[0] + half[0] * (-np.cos(a) * side[0] - np.sin(a) * ahead[0])
    return np.vstack([left, end, right[::-1], start])


class Sheet:
    """One drawing in the making; `color 0` is paper."""

    def __init__(self, size: tuple[int, int], *, weight: float = 2.4) -> None:
        width, height = size
        self.size = size
        self.weight = weight
        fine = (height * FINE, width * FINE)
        self.paint: Plane = np.zeros(fine, np.uint8)
        self.shade: Plane = np.zeros(fine, np.uint8)
        self.ink: Plane = np.zeros(fine, np.uint8)
        self.red: Plane = np.zeros(fine, np.uint8)
        self.blue: Plane = np.zeros(fine, np.uint8)
        self.matrix: Points = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        self._clip: Plane | None = None

    @contextmanager
    def moved(
        self, x: float, y: float, *, turn: float = 0.0, sx: float = 1.0, sy: float = 1.0
    ) -> Iterator[None]:
        """Everything drawn inside is scaled, turned (radians, clockwise on screen) and moved to (x, y)."""
        before = self.matrix
        c, s = np.cos(turn), np.sin(turn)
        self.matrix = before @ np.array([[c * sx, -s * sy, x], [s * sx, c * sy, y], [0.0, 0.0, 1.0]])
        yield
        self.matrix = before

    @contextmanager
    def inside(self, outline: Points) -> Iterator[None]:
        """Everything drawn inside stays within `outline`."""
        before = self._clip
        mask = np.zeros_like(self.paint)
        cv2.fillPoly(mask, [self._fixed(outline)], 255, shift=BITS)
        self._clip = mask if before is None else mask & before
        yield
        self._clip = before

    def part(self, outline: Points, color: int, *, weight: float = 1.0) -> None:
        """A closed shape of one color with its contour; hides everything under it. `weight` is relative."""
        self._fill(outline, paint=color, clear=True)
        self.line(outline, weight=weight, closed=True)

    def line(self, points: Points, *, weight: float = 1.0, closed: bool = False) -> None:
        """A black line of even weight."""
        self._stroke(self.ink, points, self.weight * weight, closed)

    def shadow(self, outline: Points, *, weight: float = 0.6) -> None:
        """A shadow shape: its blue border is painted as shadow, as the darker side."""
        self._fill(outline, shade=1)
        self._border(outline, self.blue, weight, shade=1)

    def light(self, outline: Points, color: int, under: int, *, weight: float = 0.6) -> None:
        """A highlight of `color` on paint `under`; its red border is painted `under`, the darker side."""
        self._fill(outline, paint=color)
        self._border(outline, self.red, weight, paint=under)

    def fill(self, outline: Points, color: int) -> None:
        """A change of paint without any line."""
        self._fill(outline, paint=color)

    def seam(self, points: Points, color: int) -> None:
        """Wipes the lines inside `points` and paints it: joins two parts into one."""
        self._fill(points, paint=color, clear=True)

    # what comes out

    def coverage(self, plane: Plane) -> Plane:
        """`[H, W]` line coverage 0..255 of one of the line planes."""
        return cv2.resize(plane, self.size, interpolation=cv2.INTER_AREA)

    def indices(self) -> Plane:
        """`[H, W]` color index of every pixel, lines left out."""
        return self.paint[FINE // 2 :: FINE, FINE // 2 :: FINE].copy()

    def shades(self) -> Plane:
        """`[H, W]` 1 where shadow lies."""
        return self.shade[FINE // 2 :: FINE, FINE // 2 :: FINE].copy()

    # the planes

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        placed = points @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return np.round((placed * FINE + (FINE - 1) / 2) * (1 << BITS)).astype(np.int32)

    def _fill(
        self, outline: Points, *, paint: int | None = None, shade: int | None = None, clear: bool = False
    ) -> None:
        box, mask = self._mask(outline)
        if paint is not None:
            self.paint[box][mask] = paint
        if shade is not None:
            self.shade[box][mask] = shade
        if clear:
            for plane in (self.ink, self.red, self.blue, self.shade):
                plane[box][mask] = 0

    def _border(
        self,
        outline: Points,
        plane: Plane,
        weight: float,
        *,
        paint: int | None = None,
        shade: int | None = None,
    ) -> None:
        width = self.weight * weight
        self._stroke(plane, outline, width, closed=True)
        box, mask = self._mask(outline, width=width)
        if paint is not None:
            self.paint[box][mask & (self.paint[box] != 0)] = paint
        if shade is not None:
            self.shade[box][mask] = shade

    def _mask(self, outline: Points, width: float = 0.0) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
        fixed = self._fixed(outline)
        pad = int(width * FINE) + 2
        height, length = self.paint.shape
        low = np.clip((fixed.min(axis=0) >> BITS) - pad, 0, (length, height))
        high = np.clip((fixed.max(axis=0) >> BITS) + pad + 1, 0, (length, height))
        box = (slice(low[1], high[1]), slice(low[0], high[0]))
        mask = np.zeros(self.paint[box].shape, np.uint8)
        if mask.size:
            local = fixed - (low << BITS).astype(np.int32)
            if width:
                cv2.polylines(mask, [local], True, 255, max(1, round(width * FINE)), shift=BITS)
            else:
                cv2.fillPoly(mask, [local], 255, shift=BITS)
        if self._clip is not None:
            mask &= self._clip[box]
        return box, mask > 0

    def _stroke(self, plane: Plane, points: Points, width: float, closed: bool) -> None:
        fixed = self._fixed(points)
        thick = max(1, round(width * FINE))
        if self._clip is None:
            cv2.polylines(plane, [fixed], closed, 255, thick, shift=BITS)
            return
        fresh = np.zeros_like(plane)
        cv2.polylines(fresh, [fixed], closed, 255, thick, shift=BITS)
        np.maximum(plane, fresh & self._clip, out=plane)
