"""The small drawings that `init` writes: a ball with a sprout that bounces once, drawn with Pillow alone.

Letters: H height, W width.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

SIZE: Size = (480, 270)
N_DRAWINGS = 9
INK = (20, 20, 20)  # of the line layers of a PSD; flat drawings are pure black
TRACE = (0, 0, 255)  # blue: the border of a shadow
SHADOW = (188, 182, 216)  # multiplied onto the paint
_FINE = 3  # drawn this many times larger, then averaged down
_WEIGHT = 2.1  # of a line, in pixels
_GROUND = 226.0

_PALETTE = {
    "sky": "E9F2F4",
    "grass": "C7D9B0",
    "spot": "A9C08C",
    "ball": "F0663F",
    "band": "FFD9A0",
    "white": "FFFFFF",
    "eye": "2F3550",
    "cheek": "F9A08C",
    "mouth": "A6364A",
    "leaf": "6FB35A",
    "stem": "4B8A55",
    "shoe": "3D5A80",
}
_COLORS = tuple(_PALETTE.values())
_SKY, _GRASS, _SPOT, _BALL, _BAND, _WHITE, _EYE, _CHEEK, _MOUTH, _LEAF, _STEM, _SHOE = range(len(_COLORS))

Points: TypeAlias = NDArray[np.float64]

_STEPS = np.linspace(0.0, 1.0, 8, endpoint=False)[:, None]  # between two points of a curve


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing at `SIZE`: `line` and `trace` are coverage 0..255, uint8 `[H, W]`.

    `paint` numbers the colors, 0 is bare paper; `shadow` is 255 where shadow lies on it; uint8 `[H, W]`.
    `backdrop` is the color of bare paper, None leaves it clear.
    """

    line: Pixels
    trace: Pixels
    paint: Pixels
    shadow: Pixels
    backdrop: int | None

    def flat(self) -> Pixels:
        """The paint alone: uint8 RGBA `[H, W, 4]`."""
        colors = [bytes.fromhex(code) + b"\xff" for code in _COLORS]
        paper = bytes(4) if self.backdrop is None else colors[self.backdrop]
        return np.frombuffer(paper + b"".join(colors), np.uint8).reshape(-1, 4)[self.paint]

    def painted(self) -> Pixels:
        """The finished picture, all lines on top: uint8 RGB `[H, W, 3]`."""
        flat = self.flat()[..., :3].astype(np.uint16)
        shaded = self.shadow > 0
        flat[shaded] = flat[shaded] * np.array(SHADOW, np.uint16) // 255
        clear = np.uint16(255) - np.maximum(self.line, self.trace)[..., None]
        return ((flat * clear + 127) // 255).astype(np.uint8)


def draw_ball(number: int, *, on_ground: bool) -> Drawing:
    """Drawing `number` of 1..9; with `on_ground` sky and meadow are part of the drawing."""
    share = (number - 1) / (N_DRAWINGS - 1)
    page = _Page()
    x, y = 96 + 288 * share, _GROUND - 88 * max(0.0, 1 - ((share - 0.5) / 0.42) ** 2)
    if on_ground:
        page.part([(-9, 196), (120, 188), (300, 200), (489, 190), (489, 290), (-9, 290)], _GRASS)
        size = 0.55 + 0.45 * (y / _GROUND) ** 3
        page.part(_ellipse(x, _GROUND + 6, 46 * size, 9 * size), _SPOT, weight=0.8)
    _figure(page, x, y, share)
    return page.drawing(_SKY if on_ground else None)


def draw_background() -> Pixels:
    """What lies behind the ball: uint8 RGBA `[H, W, 4]`, without lines."""
    page = _Page()
    page.fill([(-9, 196), (120, 188), (300, 200), (489, 190), (489, 290), (-9, 290)], _GRASS)
    for x, y, size in ((96.0, 60.0, 1.0), (372.0, 44.0, 0.8)):
        for dx, dy, rx, ry in ((-24, 6, 24, 12), (0, -4, 26, 18), (26, 5, 24, 13)):
            page.fill(_ellipse(x + size * dx, y + size * dy, size * rx, size * ry), _WHITE)
    return page.drawing(_SKY).flat()


def _figure(page: "_Page", x: float, y: float, share: float) -> None:
    fall = (share - 0.5) / 0.42  # -1 leaves the ground, 0 highest, +1 lands
    air = max(0.0, 1 - fall * fall)
    tall = 1 + 0.16 * abs(fall) * (air > 0) if abs(fall) < 1 else 0.80
    wide, turn = 1 / tall, 0.22 * fall * (air > 0)
    tuck = 10 * air
    for side, color in ((1, _SHOE), (-1, _SHOE)):
        shoe = [(-13, 3), (-9, -8), (4, -9), (16, -2), (17, 6), (-13, 6)]
        page.part([(x + side * 17 * wide + 4 + a, y - 4 + 0.4 * tuck + b) for a, b in shoe], color)
    with page.moved(x, y - 8, turn=turn, sx=wide, sy=tall):
        lag = -0.55 * fall if air > 0 else 0.25
        page.part(_tube([(0, -88), (3 + 8 * lag, -102), (1 + 20 * lag, -114)], 2.6), _STEM, weight=0.8)
        for way in (-1, 1):
            droop = 10 * lag * way
            leaf = [
                (0, 0),
                (way * 14, -13 + droop),
                (way * 36, -9 + droop),
                (way * 25, 4 + droop),
                (way * 9, 5),
            ]
            page.part([(1 + 20 * lag + a, -114 + b) for a, b in leaf], _LEAF)
        body = _ellipse(0, -46, 46, 46)
        page.part(body, _BALL)
        with page.inside(body):
            page.part(
                [(-60, -30), (-24, -20), (24, -20), (60, -30), (60, -12), (24, -2), (-24, -2), (-60, -12)],
                _BAND,
            )
            page.shade(
                [(-70, -90), (-34, -74), (-30, -40), (-12, -16), (20, -8), (60, -18), (60, 20), (-70, 20)]
            )
        page.outline(body)
        _face(page, 9 + 5 * fall, is_blinking=share > 0.95)


def _face(page: "_Page", x: float, *, is_blinking: bool) -> None:
    for side in (-1, 1):
        eye = x + 15 * side
        page.part(_ellipse(eye + 9 * side, -43, 6, 4), _CHEEK, weight=0.7)
        if is_blinking:
            page.stroke([(eye - 7, -57), (eye, -53), (eye + 7, -57)], weight=1.4)
            continue
        page.part(_ellipse(eye, -58, 8.5, 11), _WHITE)
        page.part(_ellipse(eye + 2.5, -56, 5, 7), _EYE, weight=0.8)
        page.part(_ellipse(eye + 4, -59, 1.9, 2.3), _WHITE, weight=0.5)
    page.part(
        [(x - 9, -43), (x, -41), (x + 9, -43), (x + 5, -34), (x, -32), (x - 5, -34)], _MOUTH, weight=0.9
    )


class _Page:
    """Parts that cover what lies below, on a paint, a line, a trace and a shadow plane at once."""

    def __init__(self) -> None:
        from PIL import Image

        self._fine = (SIZE[0] * _FINE, SIZE[1] * _FINE)
        self._paint, self._line, self._trace, self._shadow = (Image.new("L", self._fine) for _ in range(4))
        self._matrix: Points = np.eye(3)
        self._clip: tuple[tuple[int, int, int, int], Image.Image] | None = None

    @contextmanager
    def moved(self, x: float, y: float, *, turn: float, sx: float, sy: float) -> "Iterator[None]":
        """What is drawn inside is scaled, turned (radians, clockwise) and moved to (x, y)."""
        before, c, s = self._matrix, float(np.cos(turn)), float(np.sin(turn))
        self._matrix = before @ np.array([[c * sx, -s * sy, x], [s * sx, c * sy, y], [0.0, 0.0, 1.0]])
        yield
        self._matrix = before

    @contextmanager
    def inside(self, shape: Points) -> "Iterator[None]":
        """What is drawn inside stays within `shape`."""
        from PIL import Image

        mask = Image.new("L", self._fine)
        self._polygon(mask, self._placed(shape), 255)
        box = mask.getbbox() or (0, 0, 1, 1)
        self._clip = box, mask.crop(box)
        yield
        self._clip = None

    def part(self, shape: Points | Sequence[tuple[float, float]], color: int, *, weight: float = 1.0) -> None:
        """A closed shape with its outline; hides everything under it."""
        points = self._smooth(shape)
        self._lay(points, color)
        self._draw_line(self._line, points, weight)

    def fill(self, shape: Points | Sequence[tuple[float, float]], color: int) -> None:
        """A closed shape without a line."""
        self._lay(self._smooth(shape), color)

    def shade(self, shape: Sequence[tuple[float, float]]) -> None:
        """A shadow with its trace line, which belongs to the shadow."""
        points = self._smooth(shape)
        self._polygon(self._shadow, points, 255)
        self._draw_line(self._trace, points, 0.8)
        self._draw_line(self._shadow, points, 0.8)

    def outline(self, shape: Points) -> None:
        """The outline once more, over what was drawn inside it."""
        self._draw_line(self._line, self._placed(shape), 1.0)

    def stroke(self, points: Sequence[tuple[float, float]], *, weight: float) -> None:
        """An open line."""
        self._draw_line(self._line, self._placed(_curve(points, closed=False)), weight, closed=False)

    def drawing(self, backdrop: int | None) -> Drawing:
        """The finished planes."""
        from PIL.Image import Resampling

        line, trace = (np.asarray(plane.reduce(_FINE)) for plane in (self._line, self._trace))
        paint, shadow = (
            np.asarray(plane.resize(SIZE, Resampling.NEAREST)) for plane in (self._paint, self._shadow)
        )
        return Drawing(line, trace, paint, shadow, backdrop)

    def _lay(self, points: Points, color: int) -> None:
        self._polygon(self._paint, points, color + 1)
        for plane in (self._line, self._trace, self._shadow):
            self._polygon(plane, points, 0)

    def _polygon(self, plane: "Image.Image", points: Points, value: int) -> None:
        from PIL import ImageDraw

        with self._clipped(plane) as (free, x, y):
            ImageDraw.Draw(free).polygon((points - (x, y)).ravel().tolist(), fill=value)

    def _draw_line(self, plane: "Image.Image", points: Points, weight: float, *, closed: bool = True) -> None:
        from PIL import ImageDraw

        ring = np.vstack([points, points[:2]]) if closed else points
        width = max(1, round(_WEIGHT * weight * _FINE))
        with self._clipped(plane) as (free, x, y):
            ImageDraw.Draw(free).line((ring - (x, y)).ravel().tolist(), fill=255, width=width)

    @contextmanager
    def _clipped(self, plane: "Image.Image") -> "Iterator[tuple[Image.Image, int, int]]":
        """A picture to draw on freely and its corner; what lies inside the clip comes onto `plane`."""
        if self._clip is None:
            yield plane, 0, 0
            return
        box, mask = self._clip
        free = plane.crop(box)
        yield free, box[0], box[1]
        plane.paste(free, box, mask)

    def _smooth(self, shape: Points | Sequence[tuple[float, float]]) -> Points:
        return self._placed(shape if isinstance(shape, np.ndarray) else _curve(shape, closed=True))

    def _placed(self, points: Points) -> Points:
        placed = points @ self._matrix[:2, :2].T + self._matrix[:2, 2]
        return placed * _FINE + (_FINE - 1) / 2


def _ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    a = np.linspace(0.0, 2 * np.pi, 56, endpoint=False)
    return np.stack([x + rx * np.cos(a), y + ry * np.sin(a)], axis=1)


def _curve(shape: Sequence[tuple[float, float]], *, closed: bool) -> Points:
    """A smooth line through the points of `shape` (Catmull-Rom)."""
    knots = np.array(shape, np.float64)
    if closed:
        knots = np.vstack([knots[-1:], knots, knots[:2]])
    else:
        knots = np.vstack([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    a, b, c, d = (knots[i : len(knots) - 3 + i, None] for i in range(4))
    u = _STEPS
    runs = 0.5 * (2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3)
    line = runs.reshape(-1, 2)
    return line if closed else np.vstack([line, knots[-2:-1]])


def _tube(spine: Sequence[tuple[float, float]], half: float) -> Points:
    line = _curve(spine, closed=False)
    ahead = np.gradient(line, axis=0)
    side = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.linalg.norm(ahead, axis=1, keepdims=True) * half
    return np.vstack([line + side, (line - side)[::-1]])
