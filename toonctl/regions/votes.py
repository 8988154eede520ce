"""Optical-flow votes: which region of one drawing the points of another drawing's regions land in."""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Size
from toonctl.regions.segment import N_SAMPLES

_kept: deque[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]] = deque(maxlen=4)
"""Flow found last, with its pictures: the matcher and the motions of regions ask for the same."""


def flow_between(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Displacement from every pixel of `source` to `target`, x and y, `[h, w, 2]`.

    Both are line-distance pictures uint8 `[h, w]` (`describe.plane_distance`); DIS flow, fast preset.
    """
    for before, after, flow in _kept:
        if before is source and after is target:
            return flow
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    start = np.zeros((*source.shape, 2), np.float32)
    flow = np.asarray(engine.calc(source, target, start), np.float32)
    _kept.append((source, target, flow))
    return flow


def flow_votes(
    samples: NDArray[np.int32], size: Size, flow: NDArray[np.float32], *, target_labels: NDArray[np.uint16]
) -> NDArray[np.float32]:
    """Share of each region's 32 points that land in each target region, float32 `[n_source, n_target]`.

    `samples` x, y `[n_source, 32, 2]` in pixels of a drawing of `size`; `flow` is at plane scale;
    `target_labels` may have any resolution of the same picture. Points that land on ink or outside vote for
    nothing.
    """
    h, w = flow.shape[:2]
    to_plane = np.array([w / size[0], h / size[1]], np.float32)
    at = np.minimum((samples * to_plane).astype(np.int64), [w - 1, h - 1])
    th, tw = target_labels.shape
    moved = (samples + 0.5 + flow[at[..., 1], at[..., 0]] / to_plane) * np.array(
        [tw / size[0], th / size[1]], np.float32
    )
    moved = np.floor(moved).astype(np.int64)
    is_inside = (moved >= 0).all(-1) & (moved < [tw, th]).all(-1)
    moved = np.clip(moved, 0, [tw - 1, th - 1])
    hit = np.where(is_inside, target_labels[moved[..., 1], moved[..., 0]], 0).astype(np.int64)
    n, n_target = len(samples), int(target_labels.max(initial=0))
    key = np.arange(n)[:, None] * (n_target + 1) + hit
    counts = np.bincount(key.ravel(), minlength=n * (n_target + 1)).reshape(n, n_target + 1)
    return (counts[:, 1:] / N_SAMPLES).astype(np.float32)


def both_shares(
    votes: NDArray[np.float32], area: NDArray[np.int64], target_area: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Votes for the matcher `[n, n_target, 2]`: share that lands, share of the target that is hit."""
    covered = votes * area[:, None] / np.maximum(target_area[None], 1)
    return np.stack([votes, np.minimum(covered, 1)], -1).astype(np.float32)
