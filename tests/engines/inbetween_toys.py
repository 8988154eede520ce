"""Figures that move by known amounts, as the inbetween engine sees its keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.toys import AtOnce, Memory
from toonctl.core.types import Between, Pixels
from toonctl.engines.base import DrawnInbetween, InbetweenRequest, Key, KeyPicture
from toonctl.engines.inbetween.cel import Engine
from toonctl.spec.engine_tables import CelInbetween

WIDTH, HEIGHT = 320, 180
SKY, COAT, SKIN, HAT, EYE = (200, 220, 235), (61, 90, 128), (242, 193, 150), (180, 60, 50), (250, 250, 250)
INK = (20, 16, 24)
PALETTE = (SKY, COAT, SKIN, HAT, EYE, INK)

_FINE = 4


@dataclass(frozen=True)
class Place:
    """Where a figure stands: its center, turn in radians, and size."""

    x: float
    y: float
    turn: float = 0.0
    size: float = 1.0

    def points(self, corners: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
        """Corners given around the figure's center, on the page."""
        c, s = np.cos(self.turn) * self.size, np.sin(self.turn) * self.size
        return np.array(corners) @ np.array([[c, s], [-s, c]]) + [self.x, self.y]


@dataclass
class Page:
    """A page drawn four times too large and made smaller: `paint` hard, `line` soft."""

    sky: tuple[int, int, int] | None = SKY
    paint: Pixels = field(init=False)
    line: Pixels = field(init=False)

    def __post_init__(self) -> None:
        self.paint = np.zeros((HEIGHT * _FINE, WIDTH * _FINE, 4), np.uint8)
        if self.sky is not None:
            self.paint[:] = (*self.sky, 255)
        self.line = np.zeros(self.paint.shape[:2], np.uint8)

    def shape(self, color: tuple[int, int, int], corners: NDArray[np.float64], width: float = 2.0) -> None:
        """An area with an outline `width` pixels wide (0: none)."""
        fixed = [np.rint((corners + 0.5) * _FINE * 16).astype(np.int32)]
        cv2.fillPoly(self.paint, fixed, (*color, 255), cv2.LINE_8, 4)
        cv2.fillPoly(self.line, fixed, 0, cv2.LINE_8, 4)
        if width:
            cv2.polylines(self.line, fixed, True, 255, round(width * _FINE), cv2.LINE_8, 4)

    def stroke(self, corners: NDArray[np.float64], width: float = 2.0) -> None:
        """An open line."""
        fixed = [np.rint((corners + 0.5) * _FINE * 16).astype(np.int32)]
        cv2.polylines(self.line, fixed, False, 255, round(width * _FINE), cv2.LINE_8, 4)

    def coverage(self) -> Pixels:
        """The lines' coverage `[H, W]`."""
        return np.asarray(cv2.resize(self.line, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)

    def flats(self) -> Pixels:
        """The paint `[H, W, 4]`, hard edges."""
        return np.ascontiguousarray(self.paint[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE])

    def layered(self, ink: tuple[int, int, int] = INK) -> KeyPicture:
        """The page as a key with a line layer."""
        line = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        line[..., :3], line[..., 3] = ink, self.coverage()
        line[line[..., 3] == 0] = 0
        return KeyPicture(laid(self.flats(), line), line)

    def flat(self, ink: tuple[int, int, int] = INK) -> KeyPicture:
        """The page as a key in one picture."""
        return KeyPicture(self.layered(ink).picture, None)

    def lines_only(self) -> KeyPicture:
        """Black lines on white paper."""
        paper = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        paper[..., :3] -= self.coverage()[..., None]
        return KeyPicture(paper, None)


def laid(paint: Pixels, line: Pixels) -> Pixels:
    """`line` over `paint`."""
    cover = line[..., 3:].astype(np.float64) / 255
    alpha = cover + paint[..., 3:] / 255 * (1 - cover)
    color = line[..., :3] * cover + paint[..., :3] * (paint[..., 3:] / 255) * (1 - cover)
    return np.rint(np.concatenate([color / np.maximum(alpha, 1e-9), 255 * alpha], -1)).astype(np.uint8)


def man(page: Page, at: Place, width: float = 2.0) -> Page:
    """A man of coat, head, hat and eyes, with a fold in his coat."""
    page.shape(COAT, at.points([(-22, 0), (22, 0), (30, 50), (-30, 50)]), width)
    page.stroke(at.points([(0, 20), (4, 34), (2, 44)]), width)
    page.shape(SKIN, at.points(round_(0, -20, 22, 20)), width)
    page.shape(HAT, at.points([(-26, -30), (26, -30), (6, -62), (-4, -60)]), width)
    for side in (-8, 8):
        page.shape(EYE, at.points(round_(side, -20, 5, 6)), width)
    return page


def round_(x: float, y: float, rx: float, ry: float) -> list[tuple[float, float]]:
    """Corners of an ellipse."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return [(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angles]


def draw(
    keys: Sequence[Mapping[str, KeyPicture] | KeyPicture], times: Sequence[float] = (0.5,), **options: object
) -> dict[str, list[DrawnInbetween]]:
    """By layer, the drawings at `times` of the way from each key to the next; keys are eight frames apart."""
    layered = [{"A": key} if isinstance(key, KeyPicture) else key for key in keys]
    layers = tuple(dict.fromkeys(name for key in layered for name in key))
    height, width = next(iter(layered[0].values())).picture.shape[:2]
    given = {**CelInbetween().model_dump(), **options}
    request = InbetweenRequest(
        size=(width, height),
        layers=layers,
        keys=tuple(
            Key(8 * i, {name: lambda p=picture: p for name, picture in key.items()})
            for i, key in enumerate(layered)
        ),
        wanted=tuple(
            Between(layer, f"{first}+{time}", first, time)
            for first in range(len(keys) - 1)
            for time in times
            for layer in layers
        ),
        options=dict.fromkeys(layers, given),
        deliver=lambda drawing: drawing,
        executor=AtOnce(),
        state=Memory(),
    )
    found: dict[str, list[DrawnInbetween]] = {layer: [] for layer in layers}
    for drawing in Engine().draw(request):
        assert isinstance(drawing, DrawnInbetween)
        found[drawing.layer].append(drawing)
    return found


def off_palette(picture: Pixels, allowed: Sequence[tuple[int, ...]] = PALETTE) -> int:
    """Pixels whose color is none of those `allowed`."""
    is_known = np.zeros(picture.shape[:2], bool)
    for color in allowed:
        is_known |= (picture[..., : len(color)] == color).all(-1)
    return int((~is_known).sum())


def line_gap(found: Pixels, wanted: Pixels) -> float:
    """Mean distance in pixels between two drawings' lines (coverage `[H, W]`), both ways."""
    one, two = found >= 128, wanted >= 128
    there, back = (
        cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)[other].mean()
        for mask, other in ((one, two), (two, one))
    )
    return float(there + back) / 2
