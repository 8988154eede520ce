"""Which regions lie side by side, which openings join them, and which regions form one figure."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.regions.segment import Regions

_LINE_SPAN = 1 / 60
"""Widest line that two neighbors may lie across, as a share of the picture's height (9 px at 540 lines)."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Neighbors among n regions.

    `pairs` int32 `[P, 2]` (0-based, first < second) with `shared` float32 `[P]`, the length in pixels along
    which the two face each other across a line, and `opening` float32 `[P]`, the length along which they
    touch with no line between (a closed gap). `figure` int32 `[n]` numbers the connected figure of each
    region, -1 for ground.
    """

    pairs: NDArray[np.int32]
    shared: NDArray[np.float32]
    opening: NDArray[np.float32]
    figure: NDArray[np.int32]

    def degree(self, n: int) -> NDArray[np.int32]:
        """Number of neighbors of each region, `[n]`."""
        return np.bincount(self.pairs.ravel(), minlength=n).astype(np.int32)


def build_graph(regions: Regions) -> Graph:
    """The region graph of a drawing, from runs along rows and along every second column."""
    labels = regions.label_map()
    span = max(3, round(regions.height * _LINE_SPAN))
    n = regions.n
    key_rows, ink_rows = _facing(labels, n, span)
    key_columns, ink_columns = _facing(np.ascontiguousarray(labels[:, ::2].T), n, span)
    keys = np.concatenate([key_rows, key_columns])
    ink = np.concatenate([ink_rows, ink_columns])
    weight = np.concatenate([np.ones(len(key_rows)), np.full(len(key_columns), 2.0)])
    unique, at = np.unique(keys, return_inverse=True)
    shared = np.bincount(at, weight * ink, minlength=len(unique))
    opening = np.bincount(at, weight * ~ink, minlength=len(unique))
    pairs = np.stack(np.divmod(unique, n + 1), -1).astype(np.int32) - 1
    return Graph(
        pairs=pairs.reshape(-1, 2),
        shared=shared.astype(np.float32),
        opening=opening.astype(np.float32),
        figure=_figures(labels, regions),
    )


def _facing(labels: NDArray[np.uint16], n: int, span: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs that meet along a row, as `smaller * (n + 1) + larger`, and whether ink lies between them."""
    width = labels.shape[1]
    flat = labels.ravel()
    is_start = np.empty(flat.size, bool)
    is_start[0] = True
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    is_start[::width] = True
    starts = np.flatnonzero(is_start)
    value = flat[starts].astype(np.int64)
    row = starts // width
    left, middle, right = value[:-2], value[1:-1], value[2:]
    across = (
        (middle == 0)
        & (left > 0)
        & (right > 0)
        & (left != right)
        & (row[:-2] == row[2:])
        & (starts[2:] - starts[1:-1] <= span)
    )
    touch = (value[:-1] > 0) & (value[1:] > 0) & (row[:-1] == row[1:])
    a = np.concatenate([left[across], value[:-1][touch]])
    b = np.concatenate([right[across], value[1:][touch]])
    is_ink = np.zeros(len(a), bool)
    is_ink[: int(across.sum())] = True
    return np.minimum(a, b) * (n + 1) + np.maximum(a, b), is_ink


def ground_region(regions: Regions) -> int:
    """The 0-based region most likely the ground around the figures, -1 when nothing touches the frame."""
    box = regions.box
    touches = (
        (box[:, 0] == 0) | (box[:, 1] == 0) | (box[:, 2] == regions.width) | (box[:, 3] == regions.height)
    )
    if not touches.any():
        return -1
    return int(np.where(touches, regions.area, -1).argmax())


def _figures(labels: NDArray[np.uint16], regions: Regions) -> NDArray[np.int32]:
    """Connected outlines: what remains joined when the ground is taken away, by region; -1 is ground."""
    figure = np.full(regions.n, -1, np.int32)
    ground = ground_region(regions)
    if ground < 0:
        return np.zeros(regions.n, np.int32)
    step = max(1, regions.height // 270)
    solid = (labels[::step, ::step] != ground + 1).astype(np.uint8)
    _, which = cv2.connectedComponents(solid, connectivity=8)
    at = np.minimum(regions.samples // step, np.array([solid.shape[1] - 1, solid.shape[0] - 1]))
    votes = which[at[..., 1], at[..., 0]]  # [n, 32]
    # A thin region can fall between the coarse grid's points; the highest component number it hits is its
    # figure.
    figure = votes.max(-1).astype(np.int32) - 1
    figure[ground] = -1
    return figure
