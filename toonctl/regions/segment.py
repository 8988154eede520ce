"""Enclosed regions of a line drawing, closed over small gaps in the lines."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import LineFrame, Pixels

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

    def label_map(self) -> NDArray[np.uint16]:
        """The label of every pixel, `[H, W]`."""
        return np.repeat(self.run_labels, self.run_lengths()).reshape(self.height, self.width)


def find_regions(frame: LineFrame, options: SegmentOptions) -> Regions:
    """The enclosed regions of `frame`: 4-connected areas free of ink, split at openings within the gap."""
    white = (frame.ink < options.line_threshold).astype(np.uint8)
    labels = _components(white, options.gap_px)
    area = np.bincount(labels.ravel())
    keep = area >= options.min_region_px
    keep[0] = False
    keep[np.argsort(-np.where(keep, area, 0), kind="stable")[np.iinfo(np.uint16).max - 1 :]] = False
    renumber = np.zeros(len(area), np.uint16)
    renumber[keep] = np.arange(1, int(keep.sum()) + 1, dtype=np.uint16)
    return measure(renumber[labels])


def measure(labels: NDArray[np.uint16]) -> Regions:
    """The regions of a finished label map `[H, W]` whose labels 1..n all occur."""
    height, width = labels.shape
    flat = labels.ravel()
    is_start = np.empty(flat.size, bool)
    is_start[0] = True
    np.not_equal(flat[1:], flat[:-1], out=is_start[1:])
    is_start[::width] = True
    starts = np.flatnonzero(is_start)
    run_labels = flat[starts]
    n = int(run_labels.max(initial=0))

    inside = np.flatnonzero(run_labels)
    inside = inside[np.argsort(run_labels[inside], kind="stable")]
    lengths = np.diff(starts, append=flat.size)[inside]
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


def _components(white: Pixels, gap_px: float) -> NDArray[np.int32]:
    """Label map `[H, W]` int32 of white areas, 0 on ink, split where an opening is narrower than 2 gap_px."""
    n_plain, labels = cv2.connectedComponents(white, connectivity=4, ltype=cv2.CV_32S)
    plain = np.asarray(labels, np.int32)
    if gap_px <= 0:
        return plain
    # Openings are found on blocks of pixels that are paper throughout; above 540 lines that loses nothing and
    # saves most of the time.
    step = max(1, white.shape[0] // _GAP_HEIGHT)
    paper = white
    if step > 1:
        block = np.ones((step, step), np.uint8)
        paper = np.ascontiguousarray(cv2.erode(white, block, anchor=(0, 0))[::step, ::step])
    plain_at = plain[::step, ::step]
    distance = cv2.distanceTransform(paper, cv2.DIST_L2, 3)
    wide = (distance > gap_px / step).astype(np.uint8)
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
    grown = _grow_seeds(np.where(paper > 0, plain_at, 0), seeds, is_split, gap_px / step)
    return grown if step == 1 else _enlarge(plain, grown, is_split, step)


def _enlarge(
    plain: NDArray[np.int32], grown: NDArray[np.int32], is_split: NDArray[np.bool_], step: int
) -> NDArray[np.int32]:
    """`plain` with its split areas labeled as in `grown`, a label map of blocks of `step` pixels."""
    height, width = plain.shape
    inside = is_split[plain]
    blocks = grown.astype(np.float32).repeat(step, 0)[:height].repeat(step, 1)[:, :width]
    blocks = np.where(inside[: len(blocks), : blocks.shape[1]], blocks, 0)
    labels = np.zeros(plain.shape, np.float32)
    labels[: blocks.shape[0], : blocks.shape[1]] = blocks
    # Blocks cut by a line hold no label: what is left of them takes that of the paper beside it.
    for _ in range(step + 1):
        labels = np.where(inside & (labels == 0), cv2.dilate(labels, np.ones((3, 3), np.uint8)), labels)
    return np.where(inside, labels.astype(np.int32), plain)


def _grow_seeds(
    plain: NDArray[np.int32], seeds: NDArray[np.int32], is_split: NDArray[np.bool_], gap_px: float
) -> NDArray[np.int32]:
    """`plain` with every split area divided among its seeds; seedless remainders join what they touch."""
    inside = is_split[plain]
    is_seed = inside & (seeds > 0)
    distance, labeled = cv2.distanceTransformWithLabels(
        np.where(is_seed, 0, 1).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP
    )
    nearest = np.asarray(labeled, np.int32)
    at = np.flatnonzero(is_seed.ravel() & _starts_mask(seeds))
    seed_of = np.zeros(int(nearest.max()) + 1, np.int32)
    owner_of = np.zeros_like(seed_of)
    seed_of[nearest.ravel()[at]] = seeds.ravel()[at]
    owner_of[nearest.ravel()[at]] = plain.ravel()[at]
    # The nearest seed may lie behind a line; such pixels, and thin corridors, are settled by contact below.
    is_near = inside & (owner_of[nearest] == plain) & (distance <= 2.0 * gap_px + 2.0)
    labels = np.where(inside, 0, plain)
    n_plain = len(is_split)
    labels[is_near] = seed_of[nearest[is_near]] + n_plain

    rest = (inside & ~is_near).astype(np.uint8)
    n_rest, rest_labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=4, ltype=cv2.CV_32S)
    next_label = int(labels.max()) + 1
    height, width = labels.shape
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for i in range(1, n_rest):
        x, y, w, h, area = (int(v) for v in stats[i])
        window = np.s_[max(0, y - 1) : min(height, y + h + 1), max(0, x - 1) : min(width, x + w + 1)]
        mine = rest_labels[window] == i
        rim = cv2.dilate(mine.astype(np.uint8), cross).astype(bool) & ~mine
        touching, contact = np.unique(labels[window][rim], return_counts=True)
        contact = contact[touching > 0]
        touching = touching[touching > 0]
        view = labels[window]
        if len(touching) == 1 or (len(touching) > 1 and area < 16 * gap_px**2):
            view[mine] = touching[contact.argmax()]
        else:
            view[mine] = next_label
            next_label += 1
    return labels


def _starts_mask(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    flat = labels.ravel()
    mask = np.empty(flat.size, bool)
    mask[0] = True
    np.not_equal(flat[1:], flat[:-1], out=mask[1:])
    return mask
