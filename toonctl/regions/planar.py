"""A label map as a planar map: outlines cut into arcs between junctions, each shared by two regions.

Coordinates are pixels, the center of the first pixel at (0, 0). Letters: V vertices, A arcs, n regions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

OUTSIDE = 0
"""The label beyond the picture's edge."""


@dataclass(frozen=True, slots=True)
class PlanarMap:
    """The arcs of a picture.

    `points` float32 `[V, 2]` x, y; arc i owns vertices `offsets[i]` to `offsets[i + 1]`. `left` and
    `right` int32 `[A]` are the labels on its sides, equal for a stroke that bounds nothing. `ends` int64
    `[A, 2]` names its end junctions, -1 for a closed arc. `half` float32 `[V]` is half the line's width, 0
    without a line, and `ink` uint8 `[V]` the number of its ink.
    """

    points: Points
    offsets: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    ends: NDArray[np.int64]
    half: NDArray[np.float32]
    ink: NDArray[np.uint8]

    @property
    def n_arcs(self) -> int:
        return len(self.left)

    def arc_of(self) -> NDArray[np.int64]:
        """The arc of every vertex, `[V]`."""
        return np.repeat(np.arange(self.n_arcs), np.diff(self.offsets))


def as_complex(points: NDArray[np.generic]) -> NDArray[np.complex128]:
    """x + iy of `[..., 2]`."""
    pairs = np.asarray(points, np.float64)
    return pairs[..., 0] + 1j * pairs[..., 1]


def trace_arcs(labels: NDArray[np.uint16], step_px: float) -> PlanarMap:
    """The arcs between the regions of a label map `[H, W]` without 0, a vertex about every `step_px`."""
    start, end, left, right = _cracks(labels)
    stride = labels.shape[1] + 1
    degree = np.bincount(np.concatenate([start, end]), minlength=(labels.shape[0] + 1) * stride)
    root, rank = _chains(start, end, degree)
    order = np.lexsort((rank, root))
    is_head = np.diff(root[order], prepend=-1) != 0
    heads = np.flatnonzero(is_head)
    lengths = np.diff(heads, append=len(order))
    chain_start, chain_end = start[order], end[order]
    first, last = chain_start[heads], chain_end[heads + lengths - 1]
    is_closed = (first == last) & (degree[first] == 2)
    points, offsets = _thinned(_corners(chain_start, stride), _corners(last, stride), heads, lengths, step_px)
    ends = np.where(is_closed[:, None], -1, np.stack([first, last], 1))
    return PlanarMap(
        points=points,
        offsets=offsets,
        left=left[order][heads],
        right=right[order][heads],
        ends=ends.astype(np.int64),
        half=np.zeros(len(points), np.float32),
        ink=np.zeros(len(points), np.uint8),
    )


def _cracks(
    labels: NDArray[np.uint16],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Unit edges between unlike pixels: start and end corner, and the labels to their left and right.

    Every edge runs so that the smaller label lies on its left (y grows downward).
    """
    height, width = labels.shape
    stride = width + 1
    padded = np.zeros((height + 2, width + 2), np.int32)
    padded[1:-1, 1:-1] = labels
    above, below = padded[:-1, 1:-1], padded[1:, 1:-1]
    y, x = np.divmod(np.flatnonzero(above != below), width)
    corner = y * stride + x
    # Going right, what lies above is on the left.
    horizontal = _oriented(corner, corner + 1, above[y, x], below[y, x])
    before, after = padded[1:-1, :-1], padded[1:-1, 1:]
    y, x = np.divmod(np.flatnonzero(before != after), stride)
    corner = y * stride + x
    # Going up, what lies before is on the left.
    vertical = _oriented(corner + stride, corner, before[y, x], after[y, x])
    start, end, left, right = (np.concatenate(pair) for pair in zip(horizontal, vertical, strict=True))
    return start.astype(np.int64), end.astype(np.int64), left.astype(np.int32), right.astype(np.int32)


def _oriented(
    start: NDArray[np.int64], end: NDArray[np.int64], left: NDArray[np.int32], right: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    is_turned = left > right
    return (
        np.where(is_turned, end, start).astype(np.int64),
        np.where(is_turned, start, end).astype(np.int64),
        np.minimum(left, right),
        np.maximum(left, right),
    )


def _chains(
    start: NDArray[np.int64], end: NDArray[np.int64], degree: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every edge the first edge of its arc and its place in it, by pointer doubling."""
    n = len(start)
    ends_at = np.full(len(degree), -1, np.int64)
    ends_at[end] = np.arange(n)
    before = np.where(degree[start] == 2, ends_at[start], -1)
    own = np.arange(n)
    pointer = np.where(before < 0, own, before)
    lowest = own.copy()
    jump = pointer.copy()
    for _ in range(max(1, n).bit_length()):
        lowest = np.minimum(lowest, lowest[jump])
        jump = jump[jump]
    # What has come round has no head: its lowest edge becomes one.
    is_round = pointer[jump] != jump
    pointer[is_round & (lowest == own)] = own[is_round & (lowest == own)]
    rank = (pointer != own).astype(np.int64)
    for _ in range(max(1, n).bit_length()):
        rank = rank + rank[pointer]
        pointer = pointer[pointer]
    return pointer, rank


def _corners(corner: NDArray[np.int64], stride: int) -> Points:
    y, x = np.divmod(corner, stride)
    return np.stack([x - 0.5, y - 0.5], 1).astype(np.float32)


def _thinned(
    starts: Points, lasts: Points, heads: NDArray[np.int64], lengths: NDArray[np.int64], step_px: float
) -> tuple[Points, NDArray[np.int64]]:
    """Vertices of all arcs: their two ends exactly, between them means over a few corners."""
    n_arcs = len(heads)
    # All corners of arc i at heads[i] + i .. , one more than it has edges.
    total = len(starts) + n_arcs
    at_last = heads + lengths + np.arange(n_arcs)
    is_last = np.zeros(total, bool)
    is_last[at_last] = True
    corners = np.empty((total, 2), np.float32)
    corners[~is_last], corners[is_last] = starts, lasts
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(corners, 0, dtype=np.float64)])
    pieces = np.maximum(1, np.rint(lengths * 0.85 / step_px).astype(np.int64))
    offsets = np.concatenate([[0], np.cumsum(pieces + 1)])
    arc = np.repeat(np.arange(n_arcs), pieces + 1)
    number = np.arange(offsets[-1]) - offsets[arc]
    first = heads[arc] + arc
    place = np.rint(number * lengths[arc] / pieces[arc]).astype(np.int64)
    reach = np.minimum(np.minimum(place, lengths[arc] - place), max(1, round(step_px * 0.7)))
    low, high = first + place - reach, first + place + reach + 1
    mean = (sums[high] - sums[low]) / (high - low)[:, None]
    return mean.astype(np.float32), offsets.astype(np.int64)
