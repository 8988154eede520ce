"""What a drawing command asks of an engine and what it gets back: records and one Protocol per task."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColoredDrawing, ColorModel, LineFrame

LoadLine = Callable[[], LineFrame]
"""Gives one line drawing; picklable, since worker processes call it."""


@dataclass(frozen=True, slots=True)
class PaintedReference:
    """A painted drawing. `index` is the color-model index of every pixel, uint16 `[H, W]`.

    `drawing` names the drawing of the layer it shows, None when it shows a drawing of its own.
    """

    drawing: str | None
    line: LineFrame
    index: NDArray[np.uint16]


class StateStore(Protocol):
    """Engine memory on disk (`state/`), keyed by name; get gives None when absent or of another job."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class ColorizeRequest:
    """One layer to color.

    `drawings` are the distinct drawings in order of first appearance, `wanted` those whose result is needed
    now (a chunk of the shot, or all), `loader` gives the means to load each. `options` are the engine's own,
    as the shot file gives them.
    """

    drawings: tuple[str, ...]
    wanted: frozenset[str]
    loader: Callable[[str], LoadLine]
    references: tuple[PaintedReference, ...]
    color_model: ColorModel
    options: Mapping[str, object]
    executor: Executor
    state: StateStore


@dataclass(frozen=True, slots=True)
class WeightsFacts:
    """A weights file as the manifest names it."""

    file: str
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine computes with under given options: number format and weights."""

    dtype: str
    weights: tuple[WeightsFacts, ...]


class ColorizeEngine(Protocol):
    """Colors the drawings of one layer."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...

    def colorize(self, request: ColorizeRequest) -> Iterator[ColoredDrawing]:
        """Every wanted drawing once, the references' own first, then in an order of the engine's choosing."""
        ...
