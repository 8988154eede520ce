"""Enclosed regions of a line drawing, closed over small gaps in the lines."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import LineFrame, Pixels, RegionMap, Size

GAP_PX_AT_540 = 3.0
"""Default radius that closes gaps: openings up to twice this many pixels wide, at 540 lines."""

N_SAMPLES = 32

_GAP_HEIGHT = 540


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """How lines become regions. `gap_px` 0 closes nothing; `line_threshold` is ink coverage 1..255."""

    gap_px: float
    line_threshold: int = 64
    min_region_px: int = 6

    @classmethod
    def for_height(cls, height: int, **changes: float | int) -> "SegmentOptions":
        """The default options for a picture `height` pixels high; `changes` replace single values."""
        values: dict[str, float | int] = {"gap_px": GAP_PX_AT_540 * height / 540}
        values.update(changes)
        return cls(
            gap_px=float(values["gap_px"]),
            line_threshold=int(values.get("line_threshold", 64)),
            min_region_px=int(values.get("min_region_px", 6)),
        )


@dataclass(frozen=True, slots=True)
class Regions:
    """The n regions of a drawing; arrays are indexed by label - 1, label 0 is ink.

    Run lengths `[S]` describe the label map row by row. `box` is x0, y0, x1, y1 (half-open) int32 `[n, 4]`,
    `center` float32 `[n, 2]` x, y, `moments` float32 `[n, 3]` variance of x, covariance, variance of y,
    `samples` int32 `[n, 32, 2]` x, y of pixels inside the region, spread evenly over its area.
    """

    width: int
    height: int
    run_starts: NDArray[np.int64]
    run_labels: NDArray[np.uint16]
    area: NDArray[np.int64]
    box: NDArray[np.int32]
    center: NDArray[np.float32]
    moments: NDArray[np.float32]
    samples: NDArray[np.int32]

    @property
    def n(self) -> int:
        return len(self.area)

    def run_lengths(self) -> NDArray[np.int64]:
        """Length of every run in pixels, `[S]`."""
        return np.diff(self.run_starts, append=self.width * self.height)

    def runs(self) -> RegionMap:
        """The label map alone, as it travels between rooms."""
        return RegionMap(self.width, self.height, self.run_lengths().astype(np.uint32), self.run_labels)

    def label_map(self) -> NDArray[np.uint16]:
        """The label of every pixel, `[H, W]`."""
        return np.repeat(self.run_labels, self.run_lengths()).reshape(self.height, self.width)


def find_regions(frame: LineFrame, options: SegmentOptions) -> Regions:
    """The enclosed regions of `frame`: 4-connected areas free of ink, split at openings within the gap."""
    starts, run_labels = _region_runs(frame.ink < options.line_threshold, options)
    return _measure_runs(starts, run_labels, size=(frame.ink.shape[1], frame.ink.shape[0]))


def label_areas(is_free: NDArray[np.bool_], options: SegmentOptions) -> NDArray[np.uint16]:
    """The label map `[H, W]` alone, of a drawing with ink wherever it is not `is_free`."""
    starts, run_labels = _region_runs(is_free, options)
    return np.repeat(run_labels, np.diff(starts, append=is_free.size)).reshape(is_free.shape)


def _region_runs(
    is_free: NDArray[np.bool_], options: SegmentOptions
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Where the runs of the label map of what is free of ink begin, and their labels."""
    labels = _components_around_ink(is_free.view(np.uint8), options.gap_px)
    starts = _run_starts(labels)
    run_labels = labels.ravel()[starts]
    area = np.bincount(run_labels, np.diff(starts, append=labels.size)).astype(np.int64)
    keep = area >= options.min_region_px
    keep[0] = False
    keep[np.argsort(-np.where(keep, area, 0), kind="stable")[np.iinfo(np.uint16).max - 1 :]] = False
    renumber = np.zeros(len(area), np.uint16)
    renumber[keep] = np.arange(1, int(keep.sum()) + 1, dtype=np.uint16)
    run_labels = renumber[run_labels]
    # Dropped specks are ink now: runs of it that meet within a row become one.
    is_first = np.ones(len(starts), bool)
    is_first[1:] = (run_labels[1:] != run_labels[:-1]) | (starts[1:] % labels.shape[1] == 0)
    return starts[is_first], run_labels[is_first]


def measure(labels: NDArray[np.uint16]) -> Regions:
    """The regions of a finished label map `[H, W]` whose labels 1..n all occur."""
    starts = _run_starts(labels)
    return _measure_runs(starts, labels.ravel()[starts], size=(labels.shape[1], labels.shape[0]))


def _run_starts(labels: NDArray[np.uint16] | NDArray[np.int32]) -> NDArray[np.int64]:
    """Where a row begins or a pixel differs from the one before, as positions in the flattened map."""
    is_start = _starts_mask(labels)
    is_start[:: labels.shape[1]] = True
    return np.flatnonzero(is_start)


def _measure_runs(starts: NDArray[np.int64], run_labels: NDArray[np.uint16], *, size: Size) -> Regions:
    """The regions of a label map of `size` (width, height) given by its runs."""
    width, height = size
    n = int(run_labels.max(initial=0))

    inside = np.flatnonzero(run_labels)
    inside = inside[np.argsort(run_labels[inside], kind="stable")]
    lengths = np.diff(starts, append=width * height)[inside]
    label = run_labels[inside].astype(np.int64) - 1
    y, x = np.divmod(starts[inside], width)
    last = x + lengths - 1

    def per_region(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(label, values, minlength=n).astype(np.float64)

    area = per_region(lengths)
    safe = np.maximum(area, 1)
    mean_x = per_region(lengths * (x + last) / 2) / safe
    mean_y = per_region(lengths * y.astype(np.float64)) / safe
    # Sum of squares of consecutive integers x..last, exactly.
    squares = (last * (last + 1) * (2 * last + 1) - (x - 1) * x * (2 * x - 1)) / 6.0
    moments = np.stack(
        [
            per_region(squares) / safe - mean_x**2,
            per_region(lengths * (x + last) / 2 * y) / safe - mean_x * mean_y,
            per_region(lengths * y.astype(np.float64) ** 2) / safe - mean_y**2,
        ],
        -1,
    )
    first = np.searchsorted(label, np.arange(n))
    if n:
        box = np.stack(
            [
                np.minimum.reduceat(x, first),
                np.minimum.reduceat(y, first),
                np.maximum.reduceat(last, first) + 1,
                np.maximum.reduceat(y, first) + 1,
            ],
            -1,
        )
    else:
        box = np.zeros((0, 4), np.int64)
    return Regions(
        width=width,
        height=height,
        run_starts=starts,
        run_labels=run_labels,
        area=area.astype(np.int64),
        box=box.astype(np.int32),
        center=np.stack([mean_x, mean_y], -1).astype(np.float32),
        moments=moments.astype(np.float32),
        samples=_sample(area.astype(np.int64), x, y, lengths),
    )


def _sample(
    area: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Pixels at even steps through each region's area, x and y `[n, 32, 2]`; runs are sorted by region."""
    before = np.cumsum(area) - area
    steps = (np.arange(N_SAMPLES) + 0.5) / N_SAMPLES
    # Even steps in scan order line up in columns on wide flat shapes; a fixed golden-ratio shift breaks that.
    shift = (np.arange(N_SAMPLES) * 0.618034) % 1.0 - 0.5
    wanted = before[:, None] + np.minimum(
        np.floor((steps + shift / N_SAMPLES)[None] * area[:, None]).astype(np.int64), area[:, None] - 1
    )
    ends = np.cumsum(lengths)
    run = np.searchsorted(ends, wanted.ravel(), side="right")
    offset = wanted.ravel() - (ends[run] - lengths[run])
    return np.stack([x[run] + offset, y[run]], -1).reshape(-1, N_SAMPLES, 2).astype(np.int32)


def _components_around_ink(white: Pixels, gap_px: float) -> NDArray[np.int32]:
    """`_components` of a picture, worked out only where there is ink, and some paper around it.

    All beyond is paper that nothing divides, and as far as it touches that window, of one label along it.
    """
    height, width = white.shape
    rows = np.flatnonzero(white.min(1) == 0)
    if not len(rows):
        return np.ones(white.shape, np.int32)
    columns = np.flatnonzero(white[rows[0] : rows[-1] + 1].min(0) == 0)
    step = _block_px(height)
    margin = int(3 * gap_px) + 6 * step  # seeds of a gap lie this near to its ink
    top, left = (max(0, int(line[0]) - margin) // step * step for line in (rows, columns))
    bottom, right = min(height, int(rows[-1]) + margin), min(width, int(columns[-1]) + margin)
    within = _components(np.ascontiguousarray(white[top:bottom, left:right]), gap_px, step=step)
    around = (top, height - bottom, left, width - right)
    return np.asarray(cv2.copyMakeBorder(within, *around, cv2.BORDER_REPLICATE), np.int32)


def _block_px(height: int) -> int:
    """Side of the blocks on which openings are found: above 540 lines that loses nothing and is quick."""
    return max(1, height // _GAP_HEIGHT)


@lru_cache(maxsize=16)
def ball(radius: float) -> Pixels:
    """The pixels that are at most `radius` from the middle one, as OpenCV's 3x3 distance transform counts."""
    reach = int(radius) + 2
    apart = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    apart[reach, reach] = 0
    near = cv2.distanceTransform(apart, cv2.DIST_L2, 3) <= radius
    return near.astype(np.uint8)


def _components(white: Pixels, gap_px: float, *, step: int) -> NDArray[np.int32]:
    """Label map `[H, W]` int32 of white areas, 0 on ink, split where an opening is narrower than 2 gap_px."""
    n_plain, labels = cv2.connectedComponents(white, connectivity=4, ltype=cv2.CV_32S)
    plain = np.asarray(labels, np.int32)
    if gap_px <= 0:
        return plain
    paper = white  # blocks count as paper when all their pixels are
    if step > 1:
        block = np.ones((step, step), np.uint8)
        paper = np.ascontiguousarray(cv2.erode(white, block, anchor=(0, 0))[::step, ::step])
    plain_at = plain[::step, ::step]
    wide = cv2.erode(paper, ball(gap_px / step))
    n_seeds, found = cv2.connectedComponents(wide, connectivity=4, ltype=cv2.CV_32S)
    seeds = np.asarray(found, np.int32)
    owner = np.zeros(n_seeds, np.int32)
    at = np.flatnonzero(_starts_mask(seeds))
    owner[seeds.ravel()[at]] = plain_at.ravel()[at]
    owner[0] = 0
    is_split = np.bincount(owner[1:], minlength=n_plain) > 1
    is_split[0] = False
    if not is_split.any():
        return plain
    within = plain_at if step == 1 else np.where(paper > 0, plain_at, 0)
    inside = np.take(is_split, within)
    x, y, w, h = cv2.boundingRect(inside.view(np.uint8))
    cut = np.s_[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1]
    grown = within.copy()
    grown[cut] = _grow_seeds(within[cut], seeds[cut], inside[cut], gap_px=gap_px / step, n_plain=n_plain)
    return grown if step == 1 else _enlarge(plain, grown, is_split, step)


def _enlarge(
    plain: NDArray[np.int32], grown: NDArray[np.int32], is_split: NDArray[np.bool_], step: int
) -> NDArray[np.int32]:
    """`plain` with its split areas labeled as in `grown`, a label map of blocks of `step` pixels."""
    height, width = plain.shape
    inside = np.take(is_split, plain)
    n_rows, n_columns = grown.shape
    blocks = np.empty((n_rows, step, n_columns, step), np.int32)
    blocks[:] = grown[:, None, :, None]
    blocks = blocks.reshape(n_rows * step, n_columns * step)[:height, :width]
    # A rim of zeros around, so that every pixel has eight neighbors.
    rimmed = np.zeros((height + 2, width + 2), np.int32)
    np.copyto(rimmed[1:-1, 1:-1], blocks, where=inside)
    labels = rimmed.ravel()
    # Blocks cut by a line hold no label: what is left of them takes that of the paper beside it.
    open_at = np.flatnonzero(inside & (rimmed[1:-1, 1:-1] == 0))
    open_at += 2 * (open_at // width) + width + 3
    beside = [dy * (width + 2) + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    for _ in range(step + 1):
        highest = labels[open_at + beside[0]]
        for offset in beside[1:]:
            np.maximum(highest, labels[open_at + offset], out=highest)
        labels[open_at] = highest
        open_at = open_at[highest == 0]
    return np.where(inside, rimmed[1:-1, 1:-1], plain)


def _grow_seeds(
    plain: NDArray[np.int32],
    seeds: NDArray[np.int32],
    inside: NDArray[np.bool_],
    *,
    gap_px: float,
    n_plain: int,
) -> NDArray[np.int32]:
    """`plain`, labels below `n_plain`, with every split area divided among its seeds.

    `inside` are the split areas. Seedless remainders join what they touch.
    """
    is_seed = inside & (seeds > 0)
    distance, labeled = cv2.distanceTransformWithLabels(
        np.logical_not(is_seed).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP
    )
    nearest = np.asarray(labeled, np.int32)
    at = np.flatnonzero(is_seed.ravel() & _starts_mask(seeds))
    seed, owner, group = (plane.ravel()[at] for plane in (seeds, plain, nearest))
    # Seeds that touch at a corner are one group to the distance transform: one of them stands for all.
    seed_of = np.zeros(int(nearest.max()) + 1, np.int32)
    owner_of = np.zeros_like(seed_of)
    seed_of[group], owner_of[group] = seed, owner
    label_of = np.zeros(int(seeds.max(initial=0)) + 1, np.int32)
    label_of[seed] = np.where(owner_of[group] == owner, seed_of[group] + np.int32(n_plain), 0)
    labels = np.take(label_of, seeds)
    between = np.flatnonzero(inside & (labels == 0))
    np.copyto(labels, plain, where=~inside)
    from_group = nearest.ravel()[between]
    # The nearest seed may lie behind a line; such pixels, and thin corridors, are settled by contact below.
    is_near = (owner_of[from_group] == plain.ravel()[between]) & (
        np.asarray(distance).ravel()[between] <= 2.0 * gap_px + 2.0
    )
    labels.ravel()[between] = np.where(is_near, seed_of[from_group] + np.int32(n_plain), 0)
    _settle(labels, between[~is_near], gap_px)
    return labels


def _settle(labels: NDArray[np.int32], rest: NDArray[np.int64], gap_px: float) -> None:
    """Labels the pixels at `rest` (flat positions), area by area: as what they touch most, or anew.

    An area between several regions stays one of its own unless it is small.
    """
    if not len(rest):
        return
    is_rest = np.zeros(labels.shape, np.uint8)
    is_rest.ravel()[rest] = 1
    n_areas, found = cv2.connectedComponents(is_rest, connectivity=4, ltype=cv2.CV_32S)
    area_of = np.asarray(found, np.int32).ravel()[rest].astype(np.int64)
    area, place = _rim(rest, area_of, is_rest)
    touched, next_label = labels.ravel()[place], int(labels.max()) + 1
    key, contact = np.unique((area * next_label + touched)[touched > 0], return_counts=True)
    area, touched = np.divmod(key, next_label)
    # Of several labels the one touched longest, of equals the lowest: the last to be assigned counts.
    order = np.lexsort((-touched, contact, area))
    joined = np.zeros(n_areas, np.int64)
    joined[area[order]] = touched[order]
    n_touched = np.bincount(area, minlength=n_areas)
    is_small = np.bincount(area_of, minlength=n_areas) < 16 * gap_px**2
    is_own = (n_touched == 0) | ((n_touched > 1) & ~is_small)
    is_own[0] = False
    joined[is_own] = next_label + np.arange(int(is_own.sum()))
    labels.ravel()[rest] = joined[area_of]


def _rim(
    rest: NDArray[np.int64], area_of: NDArray[np.int64], is_rest: Pixels
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pixel beside an area, once for each area it is beside: the areas and the flat positions."""
    height, width = is_rest.shape
    column, n_areas = rest % width, int(area_of.max()) + 1
    keys: list[NDArray[np.int64]] = []
    for offset, is_inside in (
        (-1, column > 0),
        (1, column < width - 1),
        (-width, rest >= width),
        (width, rest < (height - 1) * width),
    ):
        place, area = rest[is_inside] + offset, area_of[is_inside]
        is_free = is_rest.ravel()[place] == 0
        keys.append(place[is_free] * n_areas + area[is_free])
    place, area = np.divmod(np.unique(np.concatenate(keys)), n_areas)
    return area, place


def _starts_mask(labels: NDArray[np.uint16] | NDArray[np.int32]) -> NDArray[np.bool_]:
    flat = labels.ravel()
    mask = np.empty(flat.size, bool)
    mask[0] = True
    np.not_equal(flat[1:], flat[:-1], out=mask[1:])
    return mask
