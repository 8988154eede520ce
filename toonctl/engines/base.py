"""What a drawing command asks of an engine and what it gets back: records and one Protocol per task."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColorModel, Doubt, LineFrame

Fetch = Callable[[str], LineFrame]
"""Gives the line drawing of a name; picklable, since worker processes call it."""


@dataclass(frozen=True, slots=True)
class PaintedReference:
    """A painted drawing. `index` is the color-model index of every pixel, uint16 `[H, W]`.

    `drawing` names the drawing of the layer it shows, None when it shows a drawing of its own.
    """

    drawing: str | None
    line: LineFrame
    index: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class RegionMap:
    """The regions of one drawing as run lengths over the flattened picture (row by row).

    `lengths` uint32 `[S]` and `labels` uint16 `[S]` give the label map; label 0 is ink, 1..n are regions.
    """

    width: int
    height: int
    lengths: NDArray[np.uint32]
    labels: NDArray[np.uint16]

    def label_map(self) -> NDArray[np.uint16]:
        """The label of every pixel, uint16 `[H, W]`."""
        return np.repeat(self.labels, self.lengths).reshape(self.height, self.width)


@dataclass(frozen=True, slots=True)
class ColoredDrawing:
    """One colored drawing: `colors` uint16 `[n]` color-model index and `confidence` float32 `[n]` by region 1..n."""

    name: str
    regions: RegionMap
    colors: NDArray[np.uint16]
    confidence: NDArray[np.float32]
    doubts: tuple[Doubt, ...]


class StateStore(Protocol):
    """Engine memory on disk (`state/`), keyed by name; get gives None when absent or of another job."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class ColorizeRequest:
    """One layer to color.

    `drawings` are the distinct drawings in order of first appearance, `wanted` those whose result is needed now
    (a chunk of the shot, or all). `options` are the engine's own, as the shot file gives them.
    """

    drawings: tuple[str, ...]
    wanted: frozenset[str]
    fetch: Fetch
    references: tuple[PaintedReference, ...]
    color_model: ColorModel
    options: Mapping[str, object]
    executor: Executor
    state: StateStore


class ColorizeEngine(Protocol):
    """Colors the drawings of one layer."""

    def colorize(self, request: ColorizeRequest) -> Iterator[ColoredDrawing]:
        """Every wanted drawing once, the references' own first, then in an order of the engine's choosing."""
        ...
