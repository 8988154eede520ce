"""What the matcher sees of a drawing: small picture planes, sample points, shape numbers, neighbors."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import LineFrame
from toonctl.regions.graph import Graph, ground_region
from toonctl.regions.segment import Regions

PLANE_PX = 480 * 270
"""Pixels of the matcher's picture, whatever the drawing's size: its cost does not grow with it."""

N_GEOMETRY = 19
_MULTIPLE = 16
_THUMB = (48, 27)
_UNIT = np.arange(256, dtype=np.float16) / np.float16(255)


@dataclass(frozen=True, slots=True)
class Description:
    """The matcher's view of a drawing with n regions.

    `planes` float16 `[3, h, w]`: ink, trace, distance to the nearest line (0..1); h and w multiples of 16.
    `points` float32 `[n, 32, 2]` sample points x, y in -1..1 of the planes. `geometry` float32 `[n, 19]`.
    `adjacency` float16 `[n, n]`: share of the row region's outline that faces the column region.
    `log_area` float32 `[n]`. `thumb` uint8 `[27, 48]`, a blurred view by which similar drawings are found.
    """

    planes: NDArray[np.float16]
    points: NDArray[np.float32]
    geometry: NDArray[np.float32]
    adjacency: NDArray[np.float16]
    log_area: NDArray[np.float32]
    thumb: NDArray[np.uint8]


def plane_scale(width: int, height: int) -> float:
    """Factor from drawing pixels to plane pixels."""
    return float(np.sqrt(PLANE_PX / (width * height)))


def plane_distance(frame: LineFrame) -> NDArray[np.uint8]:
    """Distance to the nearest line, 255 on a line and 0 far away, uint8 `[h, w]` at plane scale."""
    return _distance(_shrink(frame.ink))


def describe(frame: LineFrame, regions: Regions, graph: Graph) -> Description:
    """The matcher's view of `frame`."""
    ink = _shrink(frame.ink)
    h, w = ink.shape
    padded = np.zeros((3, -(-h // _MULTIPLE) * _MULTIPLE, -(-w // _MULTIPLE) * _MULTIPLE), np.float16)
    padded[0, :h, :w] = _UNIT[ink]
    if frame.trace.any():
        padded[1, :h, :w] = _UNIT[_shrink(frame.trace)]
    distance = _distance(ink)
    padded[2, :h, :w] = _UNIT[distance]
    scale = plane_scale(regions.width, regions.height)
    at = (regions.samples.astype(np.float32) + 0.5) * np.float32(scale)
    points = at / np.array([padded.shape[2], padded.shape[1]], np.float32) * 2 - 1
    return Description(
        planes=padded,
        points=points.astype(np.float32),
        geometry=_geometry(regions, graph),
        adjacency=_adjacency(regions.n, graph),
        log_area=np.log(np.maximum(regions.area * scale * scale, 1.0)).astype(np.float32),
        thumb=_thumb(distance),
    )


def _shrink(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = plane.shape
    scale = plane_scale(width, height)
    if abs(scale - 1) < 1e-6:
        return plane
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=method), np.uint8)


def _distance(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    away = cv2.distanceTransform((ink < 64).astype(np.uint8), cv2.DIST_L2, 3)
    # On a page without a line everything is immeasurably far away: clip first, then multiply.
    return np.asarray(255 - np.minimum(np.minimum(away, 16) * 16, 255), np.uint8)


def _thumb(distance: NDArray[np.uint8]) -> NDArray[np.uint8]:
    soft = cv2.GaussianBlur(distance, (0, 0), 4)
    return np.asarray(cv2.resize(soft, _THUMB, interpolation=cv2.INTER_AREA), np.uint8)


def _geometry(regions: Regions, graph: Graph) -> NDArray[np.float32]:
    """Place, size and shape of every region in units that do not depend on resolution, `[n, 19]`."""
    n = regions.n
    size = np.array([regions.width, regions.height], np.float32)
    unit = float(np.sqrt(size.prod()))
    box = regions.box.astype(np.float32)
    extent = np.maximum(box[:, 2:] - box[:, :2], 1)
    area = np.maximum(regions.area.astype(np.float32), 1)
    spread = np.sqrt(np.maximum(regions.moments[:, [0, 2]], 0.08)) / np.sqrt(area)[:, None]
    skew = regions.moments[:, 1] / np.sqrt(
        np.maximum(regions.moments[:, 0], 0.08) * np.maximum(regions.moments[:, 2], 0.08)
    )
    figure_center = np.zeros((n, 2), np.float32)
    figure_extent = np.full((n, 1), unit, np.float32)
    for number in np.unique(graph.figure):
        members = graph.figure == number
        low, high = box[members, :2].min(0), box[members, 2:].max(0)
        figure_center[members] = (low + high) / 2
        figure_extent[members] = max(float((high - low).max()), 1.0)
    touches = np.stack(
        [
            box[:, 0] <= 0,
            box[:, 1] <= 0,
            box[:, 2] >= regions.width,
            box[:, 3] >= regions.height,
        ],
        -1,
    )
    degree = graph.degree(n).astype(np.float32)
    is_ground = np.zeros(n, np.float32)
    ground = ground_region(regions)
    if ground >= 0:
        is_ground[ground] = 1
    return np.concatenate(
        [
            (regions.center - size / 2) / unit,
            np.log(area / unit**2)[:, None] / 4 + 1,
            np.log(extent / unit) / 2 + 1,
            (area / extent.prod(-1))[:, None],
            spread,
            skew[:, None],
            touches.astype(np.float32),
            (regions.center - figure_center) / figure_extent,
            np.sqrt(area)[:, None] / figure_extent,
            (degree == 1).astype(np.float32)[:, None],
            np.log1p(degree)[:, None] / 2,
            is_ground[:, None],
        ],
        -1,
    ).astype(np.float32)


def _adjacency(n: int, graph: Graph) -> NDArray[np.float16]:
    length = np.zeros((n, n), np.float32)
    if len(graph.pairs):
        total = graph.shared + graph.opening
        length[graph.pairs[:, 0], graph.pairs[:, 1]] = total
        length[graph.pairs[:, 1], graph.pairs[:, 0]] = total
    return (length / np.maximum(length.sum(-1, keepdims=True), 1)).astype(np.float16)
