"""What the engine keeps of one drawing: regions, description, tokens; made in worker processes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import LineFrame, RegionMap, Size
from toonctl.regions.describe import Description, describe, plane_distance
from toonctl.regions.graph import Graph, build_graph
from toonctl.regions.segment import Regions, SegmentOptions, find_regions

Tokens: TypeAlias = NDArray[np.float16]

_LOOKUP_HEIGHT = 540


@dataclass(frozen=True, slots=True)
class View:
    """One drawing with n regions, as matching needs it.

    `lookup` uint16 `[h, w]` is the label map thinned to at most 540 rows, `distance` uint8 the line distance
    at plane scale, `samples` int32 `[n, 32, 2]` in pixels of the full drawing, `geometry` float32 `[n, 19]`,
    `thumb` uint8 a blurred small picture, `tokens` float16 `[n, D]` whatever the matcher wants kept.
    """

    name: str
    size: Size
    runs: RegionMap
    area: NDArray[np.int64]
    box: NDArray[np.int32]
    samples: NDArray[np.int32]
    graph: Graph
    distance: NDArray[np.uint8]
    lookup: NDArray[np.uint16]
    geometry: NDArray[np.float32]
    thumb: NDArray[np.uint8]
    tokens: NDArray[np.float16]

    @property
    def n(self) -> int:
        return len(self.area)


def view_drawing(
    name: str, frame: LineFrame, options: SegmentOptions, to_tokens: Callable[[Description], Tokens]
) -> View:
    """The view of one line drawing; `to_tokens` is the matcher's reading of it."""
    regions = find_regions(frame, options)
    graph = build_graph(regions)
    description = describe(frame, regions, graph)
    return View(
        name=name,
        size=(regions.width, regions.height),
        runs=regions.runs(),
        area=regions.area,
        box=regions.box,
        samples=regions.samples,
        graph=graph,
        distance=plane_distance(frame),
        lookup=_lookup(regions),
        geometry=description.geometry,
        thumb=description.thumb,
        tokens=to_tokens(description),
    )


def _lookup(regions: Regions) -> NDArray[np.uint16]:
    step = max(1, -(-regions.height // _LOOKUP_HEIGHT))
    return np.ascontiguousarray(regions.label_map()[::step, ::step])
