"""Training samples of the region matcher: frames of one drawn shot, described, with colors and votes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from toonctl.core.types import LineFrame
from toonctl.regions.describe import Description, describe, plane_distance
from toonctl.regions.graph import build_graph
from toonctl.regions.segment import N_SAMPLES, Regions, SegmentOptions, find_regions
from toonctl.regions.votes import both_shares, flow_between, flow_votes
from toonctl.training.drawings import DrawnFrame, draw_shot

FRAMES_PER_SHOT = 4
PAIRS = tuple(combinations(range(FRAMES_PER_SHOT), 2))
_SHOT_FRAMES = 200
_MAX_REGIONS = 160
_MIN_PURITY = 0.8


@dataclass(frozen=True, slots=True)
class ShotBatch:
    """S shots of F = 4 frames and R = 6 pairs each, padded to N regions.

    planes `[S F, 3, H, W]`, points `[S F, N, 32, 2]`, geometry `[S F, N, 19]`, adjacency `[S F, N, N]`,
    mask `[S F, N]`, color `[S F, N]` (-1 where a region has no single color), weight `[S F, N]`,
    votes `[S R, N, N, 2]`. Pair r of shot s joins frames `PAIRS[r]`.
    """

    planes: Tensor
    points: Tensor
    geometry: Tensor
    adjacency: Tensor
    mask: Tensor
    color: Tensor
    weight: Tensor
    votes: Tensor


@dataclass(frozen=True, slots=True)
class _Frame:
    regions: Regions
    labels: NDArray[np.uint16]
    distance: NDArray[np.uint8]
    kept: NDArray[np.int64]
    description: Description
    color: NDArray[np.int64]


class DrawnShots(IterableDataset[ShotBatch]):
    """Endless batches of freshly drawn shots; batch i depends on (seed, i) alone, whatever the workers."""

    def __init__(self, seed: int, *, shots_per_batch: int, first_batch: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.shots_per_batch = shots_per_batch
        self.first_batch = first_batch

    def __iter__(self) -> Iterator[ShotBatch]:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        worker = get_worker_info()
        step, number = (worker.num_workers, worker.id) if worker else (1, 0)
        index = self.first_batch + number
        while True:
            yield self.batch(index)
            index += step

    def batch(self, index: int) -> ShotBatch:
        """Batch number `index`."""
        first = index * self.shots_per_batch
        shots = [self._shot(first + i) for i in range(self.shots_per_batch)]
        return _collate(shots)

    def _shot(self, number: int) -> tuple[list[_Frame], list[NDArray[np.float32]]]:
        """The first shot of `number`'s seeds of whose frames one at most shows less than two regions."""
        for attempt in range(100):
            rng = np.random.default_rng([self.seed, number, attempt])
            shot = draw_shot(int(rng.integers(2**31)), n_frames=_SHOT_FRAMES)
            options = SegmentOptions(
                gap_px=float(rng.choice([0.0, 1.5, 3.0], p=[0.15, 0.15, 0.7])),
                line_threshold=int(rng.integers(40, 100)),
            )
            is_mirrored = rng.random() < 0.5
            frames = [
                _frame(shot.frame(int(i)), options, is_mirrored=is_mirrored, rng=rng)
                for i in _pick_frames(rng)
            ]
            if sum(len(f.color) >= 2 for f in frames) >= FRAMES_PER_SHOT - 1 and all(
                len(f.color) for f in frames
            ):
                return frames, [_votes(frames[a], frames[b], rng) for a, b in PAIRS]
        raise RuntimeError(f"no usable shot after 100 seeds from number {number}")


def _pick_frames(rng: np.random.Generator) -> NDArray[np.int64]:
    """Two close neighbors and two frames anywhere, or four in a row at a random step."""
    if rng.random() < 0.3:
        step = int(rng.integers(1, 9))
        first = int(rng.integers(0, _SHOT_FRAMES - 3 * step))
        return first + step * np.arange(FRAMES_PER_SHOT)
    first = int(rng.integers(0, _SHOT_FRAMES - 4))
    return np.concatenate([[first, first + int(rng.integers(1, 5))], rng.integers(0, _SHOT_FRAMES, 2)])


def _frame(
    drawn: DrawnFrame, options: SegmentOptions, *, is_mirrored: bool, rng: np.random.Generator
) -> _Frame:
    line, trace, color = drawn.line, drawn.trace, drawn.color
    if is_mirrored:
        line, trace = np.ascontiguousarray(line[:, ::-1]), np.ascontiguousarray(trace[:, ::-1])
        color = np.ascontiguousarray(color[:, ::-1])
    frame = LineFrame(np.maximum(line, trace), trace)
    regions = find_regions(frame, options)
    labels = regions.label_map()
    description = describe(frame, regions, build_graph(regions))
    n, n_colors = regions.n, int(color.max()) + 1
    counts = np.bincount(
        labels.ravel().astype(np.int64) * n_colors + color.ravel(), minlength=(n + 1) * n_colors
    )
    counts = counts.reshape(n + 1, n_colors)[1:]
    majority = counts.argmax(1)
    purity = counts.max(1, initial=0) / np.maximum(counts.sum(1), 1)
    majority[purity < _MIN_PURITY] = -1
    keep = _kept_regions(regions, rng)
    return _Frame(regions, labels, plane_distance(frame), keep, _select(description, keep), majority[keep])


def _kept_regions(regions: Regions, rng: np.random.Generator) -> NDArray[np.int64]:
    """All regions; when they are too many, the largest half of the limit and some of the rest by chance."""
    if regions.n <= _MAX_REGIONS:
        return np.arange(regions.n)
    order = np.argsort(-regions.area, kind="stable")
    half = _MAX_REGIONS // 2
    return np.sort(
        np.concatenate([order[:half], rng.choice(order[half:], _MAX_REGIONS - half, replace=False)])
    )


def _select(description: Description, keep: NDArray[np.int64]) -> Description:
    if len(keep) == len(description.geometry):
        return description
    return Description(
        planes=description.planes,
        points=description.points[keep],
        geometry=description.geometry[keep],
        adjacency=description.adjacency[np.ix_(keep, keep)],
        log_area=description.log_area[keep],
        thumb=description.thumb,
    )


def _votes(a: _Frame, b: _Frame, rng: np.random.Generator) -> NDArray[np.float32]:
    """Both shares of the flow votes of a pair `[n_a, n_b, 2]`; nothing at all in a fifth of the pairs.

    The matcher must not lean on flow: it misleads where limbs move their own length between drawings.
    """
    n_a, n_b = len(a.color), len(b.color)
    if rng.random() < 0.2:
        return np.zeros((n_a, n_b, 2), np.float32)
    flow = flow_between(a.distance, b.distance)
    size = (a.regions.width, a.regions.height)
    votes = flow_votes(a.regions.samples, size, flow, target_labels=b.labels)
    shares = both_shares(votes, a.regions.area, b.regions.area)
    return shares[np.ix_(a.kept, b.kept)]


def _collate(shots: list[tuple[list[_Frame], list[NDArray[np.float32]]]]) -> ShotBatch:
    frames = [frame for shot, _ in shots for frame in shot]
    votes = [matrix for _, matrices in shots for matrix in matrices]
    n = max(len(frame.color) for frame in frames)
    batch = len(frames)
    points = np.zeros((batch, n, N_SAMPLES, 2), np.float32)
    geometry = np.zeros((batch, n, frames[0].description.geometry.shape[1]), np.float32)
    adjacency = np.zeros((batch, n, n), np.float32)
    mask = np.zeros((batch, n), bool)
    color = np.full((batch, n), -1, np.int64)
    weight = np.zeros((batch, n), np.float32)
    for i, frame in enumerate(frames):
        k, seen = len(frame.color), frame.description
        points[i, :k], geometry[i, :k], adjacency[i, :k, :k] = seen.points, seen.geometry, seen.adjacency
        mask[i, :k], color[i, :k], weight[i, :k] = True, frame.color, 1 + seen.log_area
    padded = np.zeros((len(votes), n, n, 2), np.float32)
    for i, matrix in enumerate(votes):
        padded[i, : matrix.shape[0], : matrix.shape[1]] = matrix
    weight[color < 0] = 0
    return ShotBatch(
        planes=torch.from_numpy(np.stack([f.description.planes for f in frames])).float(),
        points=torch.from_numpy(points),
        geometry=torch.from_numpy(geometry),
        adjacency=torch.from_numpy(adjacency),
        mask=torch.from_numpy(mask),
        color=torch.from_numpy(color),
        weight=torch.from_numpy(weight),
        votes=torch.from_numpy(padded),
    )
