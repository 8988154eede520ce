"""Pattern fields on flat and turning shapes: stripes, checks, dots, scales, bricks, feathers, patches."""

import math
from dataclasses import dataclass

import numpy as np

from toonctl.training.drawings.brush import Brush
from toonctl.training.drawings.curves import Points, ellipse, lock, star
from toonctl.training.drawings.paints import Paints

KINDS = (
    "hoops",
    "columns",
    "slants",
    "checks",
    "dots",
    "scales",
    "bricks",
    "chevrons",
    "stars",
    "feathers",
    "diamonds",
)
ODDS = (0.2, 0.12, 0.06, 0.1, 0.16, 0.08, 0.06, 0.06, 0.06, 0.05, 0.05)
_UNIT = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


@dataclass(frozen=True, slots=True)
class Field:
    """Where a pattern lies: around (x, y), half as wide as `w`, half as high as `h`.

    `turn` radians turns it around the upright axis like the print on a can; None = flat.
    """

    x: float
    y: float
    w: float
    h: float
    turn: float | None = None


class Pattern:
    """A field of look-alike cells, in two colors by turns, in a few, or each in one of its own."""

    def __init__(self, build: np.random.Generator, paints: Paints, role: str) -> None:
        self.kind = str(build.choice(KINDS, p=ODDS))
        self.across = int(build.integers(5, 13))
        self.down = int(build.integers(3, 8))
        self.size = float(build.uniform(0.35, 0.7))
        self.slant = float(build.choice([0.0, 0.25, -0.3]))
        n_colors = int(build.choice([1, 2, 4, 12], p=[0.3, 0.38, 0.2, 0.12]))
        self.colors = [paints.pick(f"{role} {number}") for number in range(n_colors)]
        self.order = build.permutation(97)
        self.in_turn = bool(build.random() < 0.5)
        self.smooth = self.kind in ("dots", "scales", "feathers")

    def draw(self, brush: Brush, outline: Points, field: Field) -> None:
        """The cells that show, clipped by `outline` (pixels, from `fill`)."""
        if brush.is_outside(outline) or self._is_too_fine(brush, field):
            return
        with brush.clipped(outline):
            if self.kind in ("hoops", "slants"):
                self._bands(brush, field)
            else:
                self._cells(brush, field)

    def _is_too_fine(self, brush: Brush, field: Field) -> bool:
        """Whether the lines of the pattern would run together, as when its wearer is far away."""
        wide = 2 * field.w / self.across if self.kind not in ("hoops", "slants") else math.inf
        tall = 2 * field.h / self.down if self.kind != "columns" else math.inf
        return min(wide, tall) * brush.scale() < (2.5 * brush.look.weight + 3.0) * brush.unit

    def _color(self, row: int, column: int) -> int:
        if self.in_turn:
            return self.colors[(row + column) % len(self.colors)]
        return self.colors[int(self.order[(row * 13 + column) % 97]) % len(self.colors)]

    def _bands(self, brush: Brush, field: Field) -> None:
        step = 2 * field.h / self.down
        lean = 1.6 * field.w * (1 if self.kind == "slants" else self.slant * 0.4)
        sag = 0.0 if field.turn is None else 0.15 * step
        extra = math.ceil(abs(lean) / step) if self.kind == "slants" else 1
        for row in range(-extra, self.down + extra):
            y = field.y - field.h + (row + 0.5) * step
            half = step * self.size * 0.6
            band = [[-1.4, y - half - lean], [0, y - half + sag], [1.4, y - half + lean]]
            band += [[1.4, y + half + lean], [0, y + half + sag], [-1.4, y + half - lean]]
            points = np.array(band) * (field.w, 1) + (field.x, 0)
            brush.fill(points, self._color(row, 0), smooth=False, weight=0.6)

    def _cells(self, brush: Brush, field: Field) -> None:
        flat = field.turn is None
        columns = self.across if flat else 2 * self.across
        wide = 1.0 / columns  # half a cell, where -1..1 is the whole width or the whole way around
        tall = 1.0 / self.down
        rows = 1 if self.kind == "columns" else self.down
        for row in range(-1, rows + 1) if rows > 1 else range(1):
            shift = 0.5 * (row % 2) if self.kind in ("scales", "bricks", "dots", "feathers") else 0.0
            for column in range(-1 if flat else 0, columns + 1 if flat else columns):
                if self.kind in ("columns", "checks") and (row + column) % 2 and len(self.colors) < 4:
                    continue
                u = -1 + 2 * (column + 0.5 + shift) * wide
                v = -1 + (2 * row + 1) * tall if rows > 1 else 0.0
                shape = self._shape() * (wide, tall if rows > 1 else 1.4)
                placed = _laid(shape, u, v, field)
                if placed is not None:
                    brush.fill(placed, self._color(row, column), smooth=self.smooth, weight=0.6)

    def _shape(self) -> Points:
        """One cell around the origin, -1..1 its share of the field."""
        size = self.size
        match self.kind:
            case "columns":
                return _UNIT * ((size, 1) if len(self.colors) < 4 else (1, 1))
            case "dots":
                return ellipse(0, 0, size, size, 8)
            case "scales":
                return ellipse(0, 0.5, 1.05, 1.7, 10)
            case "stars":
                return star(0, 0, size * 1.2, 0.5, 5)
            case "feathers":
                return lock(np.array([0.0, -1.0]), np.array([0.0, 1.9]), 0.8, 0.0)
            case "chevrons":
                return np.array([[-1, -0.9], [0, -0.1], [1, -0.9], [1, 0.2], [0, 1.0], [-1, 0.2]])
            case "diamonds":
                return np.array([[0, -1.0], [1, 0], [0, 1], [-1, 0]])
            case _:
                return _UNIT


def _laid(shape: Points, u: float, v: float, field: Field) -> Points | None:
    """A cell at (u, v) of a field, None where it has turned out of sight."""
    y = field.y + field.h * (v + shape[:, 1])
    if field.turn is None:
        return np.stack([field.x + field.w * (u + shape[:, 0]), y], axis=1)
    middle = (u * math.pi + field.turn + math.pi) % (2 * math.pi) - math.pi
    reach = math.pi * float(np.abs(shape[:, 0]).max())
    if abs(middle) > math.pi / 2 + 0.8 * reach:
        return None
    angle = np.clip(middle + math.pi * shape[:, 0], -math.pi / 2, math.pi / 2)
    return np.stack([field.x + field.w * np.sin(angle), y], axis=1)
