"""The drawing tool: parts, strokes and clipped shapes on an ink, a trace and a color plane at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.training.drawings.curves import CAP, Points, spline, tube

FINE = 2  # the ink plane is drawn this many times larger and averaged down: smooth lines of any weight
BITS = 4  # sub-pixel bits of polygon corners
Border = Literal["ink", "trace", "none"]


@dataclass(frozen=True, slots=True)
class LineLook:
    """How the lines of a shot are drawn; lengths in pixels at 540 lines."""

    weight: float  # of a contour
    inner: float  # weight of inner lines relative to contours
    jitter: float  # standard deviation of a control point from drawing to drawing
    vary: float  # share by which the weight changes along a stroke
    passes: int  # strokes laid over each other, > 1 = sketchy
    spread: float  # how far those passes lie apart
    gap_rate: float  # gaps per stroke
    gap: float  # largest gap
    holes: int  # most gaps anywhere in a drawing, 2 to 6 pixels long
    boil: float  # pixels by which whole stretches of line stray from drawing to drawing
    breath: float  # standard deviation of the line weight from drawing to drawing, as a share


@dataclass(frozen=True, slots=True)
class CelShade:
    """Shadows painted into every part of some colors, on the side away from the light."""

    pairs: dict[int, int]  # shadow color by color
    light: tuple[float, float]  # shift of the lit shape, as a share of the part's smaller extent
    border: Border


class Brush:
    """Draws one frame. Points are given in the local units of the current transform (see `moved`)."""

    def __init__(self, size: tuple[int, int], look: LineLook, rng: np.random.Generator) -> None:
        width, height = size
        self.size = size
        self.look = look
        self.rng = rng
        self.unit = height / 540.0
        self.color: NDArray[np.uint16] = np.zeros((height, width), np.uint16)
        self.ink: NDArray[np.uint8] = np.zeros((height * FINE, width * FINE), np.uint8)
        self.trace: NDArray[np.uint8] = np.zeros((height, width), np.uint8)
        self.traced = False
        self.matrix: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) * self.unit
        self.shade: CelShade | None = None
        self.heft = 1.0  # extra line weight of the figure at hand
        self.tone = 255  # coverage of its lines: gray ones below 255
        self.gaps: list[tuple[float, ...]] = []  # x, y, angle, gap, thickness

    @contextmanager
    def moved(
        self, x: float, y: float, *, turn: float = 0.0, sx: float = 1.0, sy: float | None = None
    ) -> Iterator[None]:
        """What is drawn inside is scaled by (sx, sy), turned (radians, clockwise) and moved to (x, y)."""
        sy = abs(sx) if sy is None else sy
        before = self.matrix
        cosine, sine = np.cos(turn), np.sin(turn)
        local = np.array([[cosine * sx, -sine * sy, x], [sine * sx, cosine * sy, y], [0.0, 0.0, 1.0]])
        self.matrix = before @ local
        try:
            yield
        finally:
            self.matrix = before

    @contextmanager
    def clipped(self, outer: Points) -> Iterator[None]:
        """What is drawn inside shows only within `outer` (pixels, from `fill`), whose own line stays.

        Outlines given back meanwhile are good for this brush until the end of the block only.
        """
        whole = (self.size, self.matrix, self.color, self.ink, self.trace, self.gaps)
        low = np.clip(np.floor(outer.min(axis=0)).astype(int) - 2, 0, np.array(self.size) - 1)
        high = np.clip(np.ceil(outer.max(axis=0)).astype(int) + 3, low + 1, self.size)
        (x0, y0), (x1, y1) = low, high
        color = self.color[y0:y1, x0:x1]
        ink = self.ink[y0 * FINE : y1 * FINE, x0 * FINE : x1 * FINE]
        trace = self.trace[y0:y1, x0:x1]
        self.size = (int(x1 - x0), int(y1 - y0))
        self.matrix = self.matrix - np.array([[0.0, 0.0, x0], [0.0, 0.0, y0]])
        self.color, self.ink, self.trace, self.gaps = color.copy(), ink.copy(), trace.copy(), []
        drawn = self.color, self.ink, self.trace, self.gaps
        try:
            yield
        finally:
            self.size, self.matrix, self.color, self.ink, self.trace, self.gaps = whole
        self.gaps += [(x + x0, y + y0, *rest) for x, y, *rest in drawn[3]]
        window = np.zeros(color.shape, np.uint8)
        cv2.fillPoly(window, [_fixed(outer - low)], 1, cv2.LINE_8, BITS)
        np.copyto(color, drawn[0], where=window.view(bool))
        if self.traced:
            np.copyto(trace, drawn[2], where=window.view(bool))
        fine = np.zeros(ink.shape, np.uint8)
        cv2.fillPoly(fine, [_finer(outer - low)], 255, cv2.LINE_8, BITS)
        kept = cv2.bitwise_not(fine)
        cv2.polylines(
            kept, [_finer(outer - low)], True, 255, round(1.5 * self._thickness(1.0)) + 1, cv2.LINE_8, BITS
        )
        np.maximum(cv2.bitwise_and(ink, kept), cv2.bitwise_and(drawn[1], fine), out=ink)

    def to_pixels(self, points: Points) -> Points:
        """Local points [N, 2] in pixels of the frame, with the hand's jitter."""
        placed = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        if self.look.jitter > 0:
            placed += self.rng.standard_normal(placed.shape) * (
                self.look.jitter * self.unit * self._modesty(placed)
            )
        return placed

    def scale(self) -> float:
        """Pixels to a local unit."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def _modesty(self, placed: Points) -> float:
        """Share of the jitter a shape gets: small shapes would fall apart under the full amount."""
        extent = float(np.ptp(placed, axis=0).max())
        return min(1.0, extent / (40.0 * self.unit))

    def is_outside(self, points: Points) -> bool:
        """Whether pixel points lie wholly beyond one side of the frame."""
        low, high = points.min(axis=0), points.max(axis=0)
        margin = 12 * self.unit
        return bool(
            high[0] < -margin
            or high[1] < -margin
            or low[0] > self.size[0] + margin
            or low[1] > self.size[1] + margin
        )

    def fill(self, controls: Points, color: int, *, smooth: bool = True, weight: float = 1.0) -> Points:
        """Paints a closed part and its outline; gives its outline in pixels, to clip other shapes by."""
        placed = self.to_pixels(controls)
        outline = spline(placed) if smooth else placed
        if not self.is_outside(outline):
            self._paint_part(outline, color)
            if weight > 0:
                self._stroke(outline, closed=True, weight=weight)
        return outline

    def tube(
        self,
        joints: Points,
        radii: Points | tuple[float, ...],
        color: int,
        *,
        open_start: bool = False,
        weight: float = 1.0,
        cap: float = 1.0,
    ) -> Points:
        """A fat stroke through `joints`, one radius each; `open_start` leaves the root without a line."""
        widths = np.asarray(radii, np.float64)[:, None] * self.scale()
        both = np.concatenate([self.to_pixels(joints), widths], axis=1)
        if len(both) == 2:
            both = np.stack([both[0], (both[0] + both[1]) / 2, both[1]])
        else:
            both = spline(both, closed=False, steps=8)
        placed = tube(both[:, :2], both[:, 2], cap=cap)
        if self.is_outside(placed):
            return placed
        is_open = open_start and self._is_all(placed[-CAP - 1 :], placed[:1], color)
        self._paint_part(placed, color)
        if weight > 0:
            self._stroke(placed[:-CAP] if is_open else placed, closed=not is_open, weight=weight)
        return placed

    def union(self, parts: list[Points], color: int, *, smooth: bool = True, weight: float = 1.0) -> None:
        """Paints several closed shapes [N, 2] as one, with a line around all of them and none between."""
        placed = [spline(self.to_pixels(part)) if smooth else self.to_pixels(part) for part in parts]
        outlines = [outline for outline in placed if not self.is_outside(outline)]
        for outline in outlines:
            self._paint(outline, color)
            self._stroke(outline, closed=True, weight=weight)
        for outline in outlines:
            self._paint(outline, color, ease=0.5 * self._thickness(weight) / FINE)

    def blot(self, controls: Points, color: int) -> None:
        """A small part inked solid black, as pupils often are."""
        outline = spline(self.to_pixels(controls))
        if self.is_outside(outline):
            return
        self._paint(outline, color)
        cv2.fillPoly(self.ink, [_finer(outline)], 255, cv2.LINE_8, BITS)

    def line(
        self, controls: Points, *, weight: float = 0.7, smooth: bool = True, taper: bool = False
    ) -> None:
        """An open ink line: a wrinkle, a closed mouth, a fold."""
        placed = self.to_pixels(controls)
        if not self.is_outside(placed):
            self._stroke(
                spline(placed, closed=False) if smooth else placed, closed=False, weight=weight, taper=taper
            )

    def inside(
        self,
        outer: Points,
        controls: Points,
        color: int,
        *,
        border: Border = "ink",
        smooth: bool = True,
        weight: float = 0.7,
    ) -> None:
        """Paints a shape clipped by `outer` (pixels, from `fill`): an iris, a stripe, a shadow."""
        placed = self.to_pixels(controls)
        self._clip(outer, spline(placed) if smooth else placed, color, border, weight)

    def _clip(self, outer: Points, shape: Points, color: int, border: Border, weight: float) -> None:
        if self.is_outside(outer):
            return
        margin = 4 * self.unit
        low = np.maximum(np.maximum(outer.min(axis=0), shape.min(axis=0) - margin).astype(int) - 2, 0)
        high = np.minimum(
            np.minimum(outer.max(axis=0), shape.max(axis=0) + margin).astype(int) + 3, self.size
        )
        if high[0] <= low[0] or high[1] <= low[1]:
            return
        (x0, y0), (x1, y1) = low, high
        outer, shape = outer - low, shape - low
        window = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(window, [_fixed(outer)], 255, cv2.LINE_8, BITS)
        matte = np.zeros_like(window)  # of ones, so that it can be read as flags
        cv2.fillPoly(matte, [_fixed(shape)], 1, cv2.LINE_8, BITS)
        cv2.bitwise_and(window, matte, matte)
        self.color[y0:y1, x0:x1][matte.view(bool)] = color
        if border == "trace":
            self.traced = True
            edge = np.zeros_like(window)
            thick = max(1, round(min(1.6, self.look.weight * 0.6) * self.unit))
            cv2.polylines(edge, [_fixed(shape)], True, 255, thick, cv2.LINE_AA, BITS)
            part = self.trace[y0:y1, x0:x1]
            np.maximum(part, cv2.bitwise_and(edge, window), out=part)
        elif border == "ink":
            fine = np.zeros(((y1 - y0) * FINE, (x1 - x0) * FINE), np.uint8)
            cv2.fillPoly(fine, [_finer(outer)], 255, cv2.LINE_8, BITS)
            hidden = np.zeros_like(fine)
            cv2.fillPoly(hidden, [_finer(shape)], 255, cv2.LINE_8, BITS)
            cv2.bitwise_and(hidden, fine, hidden)
            # The outer contour stays; older lines within the shape go.
            cv2.polylines(
                hidden, [_finer(outer)], True, 0, round(1.5 * self._thickness(1.0)) + 1, cv2.LINE_8, BITS
            )
            edge = np.zeros_like(fine)
            cv2.polylines(edge, [_finer(shape)], True, self.tone, self._thickness(weight), cv2.LINE_8, BITS)
            part = self.ink[y0 * FINE : y1 * FINE, x0 * FINE : x1 * FINE]
            np.maximum(cv2.subtract(part, hidden), cv2.bitwise_and(edge, fine), out=part)
            if self.traced:
                self.trace[y0:y1, x0:x1][matte.view(bool)] = 0

    def _is_all(self, cap: Points, last: Points, color: int) -> bool:
        """Whether `color` lies under all of a root's cap, so that the root needs no line there."""
        corners = np.concatenate([cap, last])
        path = np.concatenate([corners, (corners[1:] + corners[:-1]) / 2])
        spots = np.clip(np.rint(path).astype(int), 0, np.array(self.size) - 1)
        return bool((self.color[spots[:, 1], spots[:, 0]] == color).all())

    def _paint(self, outline: Points, color: int, *, ease: float = 0.0) -> None:
        """Fills color and clears ink within an outline, but for `ease` pixels along its edge."""
        if ease > 0:
            middle = outline.mean(axis=0)
            reach = np.hypot(*(outline - middle).T)[:, None] + 1e-9
            outline = middle + (outline - middle) * np.maximum(0.0, 1 - ease / reach)
        cv2.fillPoly(self.color, [_fixed(outline)], int(color), cv2.LINE_8, BITS)
        cv2.fillPoly(self.ink, [_finer(outline)], 0, cv2.LINE_8, BITS)
        if self.traced:
            cv2.fillPoly(self.trace, [_fixed(outline)], 0, cv2.LINE_8, BITS)

    def _paint_part(self, outline: Points, color: int) -> None:
        """Paints a part, with its cel shadow where the figure has them and the part is large enough."""
        shade = self.shade
        extent = float(np.ptp(outline, axis=0).min())
        if shade is None or color not in shade.pairs or extent < 20 * self.unit:
            self._paint(outline, color)
            return
        self._paint(outline, shade.pairs[color])
        self._clip(outline, outline + np.array(shade.light) * extent, color, shade.border, 0.4)

    def _thickness(self, weight: float) -> int:
        relative = weight if weight >= 1 else self.look.inner * weight + (1 - self.look.inner) * weight**2
        return max(FINE, round(FINE * self.look.weight * self.unit * relative * self.heft))

    def _stroke(self, points: Points, *, closed: bool, weight: float, taper: bool = False) -> None:
        thick = self._thickness(weight)
        for number in range(self.look.passes):
            path = points
            if number:
                path = points + self.rng.standard_normal((1, 2)) * self.look.spread * self.unit
            if (self.look.vary > 0 and thick > 1) or taper:
                self._stroke_varied(path, thick, closed=closed, taper=taper)
            else:
                cv2.polylines(self.ink, [_finer(path)], closed, self.tone, thick, cv2.LINE_8, BITS)
        if self.look.gap_rate > 0 and self.rng.random() < self.look.gap_rate and len(points) > 6:
            at = int(self.rng.integers(1, len(points) - 1))
            x, y = points[at]
            along = points[at] - points[at - 1]
            self.gaps.append(
                (
                    x,
                    y,
                    float(np.arctan2(along[1], along[0])),
                    float(self.rng.uniform(1, self.look.gap)),
                    thick,
                )
            )

    def _stroke_varied(self, path: Points, thick: int, *, closed: bool, taper: bool) -> None:
        """A stroke whose weight swells and fades, drawn in runs of equal thickness."""
        if closed:
            path = np.concatenate([path, path[:1]])
        place = np.linspace(0, 1, len(path) - 1)
        swell = 1 + self.look.vary * np.sin(
            place * 2 * np.pi * int(self.rng.integers(1, 3)) + self.rng.random() * 6.3
        )
        if taper:
            swell = swell * np.sqrt(np.sin(np.pi * (0.04 + 0.92 * place)))
        widths = np.maximum(FINE, np.rint(thick * swell)).astype(int)
        corners = _finer(path)
        breaks = [0, *(np.flatnonzero(np.diff(widths)) + 1).tolist(), len(widths)]
        for begin, end in pairwise(breaks):
            cv2.polylines(
                self.ink, [corners[begin : end + 1]], False, self.tone, int(widths[begin]), cv2.LINE_8, BITS
            )

    def finish_ink(self) -> NDArray[np.uint8]:
        """The ink plane [H, W] at frame size, with the gaps that were asked for punched into it."""
        for x, y, angle, gap, thick in self.gaps:
            reach = thick / FINE + 1.5 * self.unit
            across = np.array([-np.sin(angle), np.cos(angle)]) * reach
            ends = np.array([x, y]) + np.stack([-across, across])
            cv2.polylines(
                self.ink, [_finer(ends)], False, 0, max(1, round(FINE * gap * self.unit)), cv2.LINE_8, BITS
            )
        return np.asarray(cv2.resize(self.ink, self.size, interpolation=cv2.INTER_AREA), np.uint8)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Points in the fixed-point form of OpenCV's drawing calls."""
    return np.rint(points * (1 << BITS)).astype(np.int32)


def _finer(points: Points) -> NDArray[np.int32]:
    """The same for the ink plane."""
    return np.rint(points * (FINE << BITS) + (FINE - 1) * (1 << BITS) / 2).astype(np.int32)
