"""A toy figure that walks across a page, as an engine sees it: lines, and the color of each area."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColoredDrawing, ColorModel, LineFrame, Pixels
from toonctl.engines.base import ColorizeRequest, PaintedReference
from toonctl.engines.colorize_long.cel import Engine
from toonctl.spec.engine_tables import CelColorize

WIDTH, HEIGHT = 192, 108
SKY, COAT, SKIN, HAT, EYE, SHOE, SUN = range(7)


@dataclass(frozen=True)
class Toy:
    """A drawing and its answer, the color index of every pixel `[H, W]`."""

    frame: LineFrame
    index: NDArray[np.uint16]


def toy(x: float, *, size: float = 1.0) -> Toy:
    """The figure at `x` pixels from the left, beside a sun."""
    index = np.zeros((HEIGHT, WIDTH), np.uint8)
    ink = np.zeros_like(index)

    def shape(color: int, corners: Sequence[tuple[float, float]]) -> None:
        points = np.array([(x + size * px, 60 + size * py) for px, py in corners]).round().astype(np.int32)
        cv2.fillPoly(index, [points], color)
        cv2.fillPoly(ink, [points], 0)
        cv2.polylines(ink, [points], isClosed=True, color=255, thickness=2)

    def ball(color: int, at: tuple[float, float], radius: float) -> None:
        center, r = (round(at[0]), round(at[1])), round(radius)
        cv2.circle(index, center, r, color, -1)
        cv2.circle(ink, center, r, 0, -1)
        cv2.circle(ink, center, r, 255, 2)

    ball(SUN, (168, 22), 14)
    shape(SHOE, [(-16, 30), (-2, 30), (-2, 40), (-20, 40)])
    shape(SHOE, [(2, 30), (16, 30), (20, 40), (2, 40)])
    shape(COAT, [(-14, -8), (14, -8), (20, 30), (-20, 30)])
    ball(SKIN, (x, 60 - 22 * size), 15 * size)
    shape(HAT, [(-17, -28), (17, -28), (0, -52)])
    for side in (-6, 6):
        ball(EYE, (x + side * size, 60 - 20 * size), 4 * size)
    return Toy(LineFrame(ink, np.zeros_like(ink)), index.astype(np.uint16))


def blank(coverage: int) -> Toy:
    """A page without a region's outline: white (0) or all ink (255)."""
    page = np.full((HEIGHT, WIDTH), coverage, np.uint8)
    return Toy(LineFrame(page, np.zeros_like(page)), np.zeros(page.shape, np.uint16))


def walk(n: int = 8) -> dict[str, Toy]:
    """The drawings `1` to `n` of the figure walking from left to right."""
    return {str(i + 1): toy(x) for i, x in enumerate(np.linspace(34, 124, n))}


class AtOnce(Executor):
    """Does what is submitted on the spot."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Memory:
    """A state store in memory."""

    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.kept[name] = data


def palette() -> ColorModel:
    """Seven colors, the first of them none."""
    colors: Pixels = np.array(
        [(0, 0, 0, 0), *((40 * i, 255 - 30 * i, 90, 255) for i in range(1, 7))], np.uint8
    )
    return ColorModel(colors, colors, np.zeros_like(colors), np.zeros_like(colors))


def request(
    drawings: Mapping[str, Toy],
    references: Iterable[str | Toy],
    *,
    wanted: Iterable[str] | None = None,
    state: Memory | None = None,
    **options: object,
) -> ColorizeRequest:
    """The request to color `drawings`; a reference is the name of one of them or a drawing of its own."""
    painted = [(r, drawings[r]) if isinstance(r, str) else (None, r) for r in references]
    return ColorizeRequest(
        drawings=tuple(drawings),
        wanted=frozenset(drawings if wanted is None else wanted),
        loader=lambda name: lambda: drawings[name].frame,
        references=tuple(PaintedReference(name, toy.frame, toy.index) for name, toy in painted),
        color_model=palette(),
        options={**CelColorize().model_dump(), **options},
        executor=AtOnce(),
        state=state or Memory(),
    )


def share_right(colored: Iterable[ColoredDrawing], drawings: Mapping[str, Toy]) -> float:
    """The share of regions that got the color that most of their pixels have in the answer."""
    right: list[bool] = []
    for drawing in colored:
        labels, truth = drawing.regions.label_map(), drawings[drawing.name].index
        for region, color in enumerate(drawing.colors.tolist(), 1):
            right.append(int(np.bincount(truth[labels == region]).argmax()) == color)
    return sum(right) / len(right)


def color(asked: ColorizeRequest) -> dict[str, ColoredDrawing]:
    """The engine's answer by name; every drawing comes once."""
    colored = list(Engine().colorize(asked))
    by_name = {drawing.name: drawing for drawing in colored}
    assert len(by_name) == len(colored)
    return by_name


def assert_equal(found: ColoredDrawing, wanted: ColoredDrawing) -> None:
    """Passes when both are the same to the byte."""
    assert found.colors.tobytes() == wanted.colors.tobytes()
    assert found.confidence.tobytes() == wanted.confidence.tobytes()
    assert found.doubts == wanted.doubts
    assert (found.regions.label_map() == wanted.regions.label_map()).all()
