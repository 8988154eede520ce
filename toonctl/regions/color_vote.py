"""Which color of the color model each region of a drawing takes from a painted picture of it.

A region has one color, a generated picture has many: soft edges, drifting shades, lines drawn beside the
artist's. Each region's pixels vote, those far from its lines most.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColorModel, Doubt, Pixels
from toonctl.regions.segment import Regions

RGB = tuple[int, int, int]

_NOWHERE = 1e4

_LAB_STEP = 1.5
"""Colors closer than this are looked up as one; neighbors on a painter's palette are often 4 apart."""

_OFFSET = 256
"""Makes steps of Lab positive, ten bits an axis."""

_EDGE_PX_AT_540 = 4.0
"""How far from a line a pixel is worth its full vote, at 540 lines."""

_LEAST_EDGE_PX = 2.0

_NEAR_LAB = 25.0
"""Distance in Lab below which a generated picture may take one color for the other."""

_TRUSTED = 0.5
"""Margin from which a region is sure enough to tell how far the picture as a whole is off."""

_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Voted:
    """By region 1..n: `colors` uint16 `[n]`, the `second` choice, and by how much it lost: `margin` 0..1."""

    colors: NDArray[np.uint16]
    second: NDArray[np.uint16]
    margin: NDArray[np.float32]


def vote_colors(picture: Pixels, regions: Regions, model: ColorModel, paper: RGB | None) -> Voted:
    """What the regions of a drawing take from `picture`, RGB `[H, W, 3]`.

    `paper` is what shows where nothing is painted (entry 0), None where all is. A picture that is off in
    color as a whole is read as if it were not: the shift of the regions that are sure is taken off, and all
    vote again.
    """
    wanted = _lab(model.colors[:, :3])
    wanted[0] = _NOWHERE if paper is None else _lab(np.array([paper], np.uint8))[0]
    labels = regions.label_map()
    pixels = _lab(picture)
    weight = _weights(labels)
    shift = np.zeros(3, np.float32)
    votes = np.zeros((regions.n, len(wanted)), np.float64)
    for _ in range(_ROUNDS):
        nearest = _nearest(pixels - shift, wanted)
        votes = _counted(labels, nearest, weight, regions.n, len(wanted))
        colors, _, margin = _ranked(votes)
        sure = np.concatenate([[False], margin > _TRUSTED])[labels]
        if not sure.any():
            break
        meant = wanted[np.concatenate([[0], colors])[labels[sure]]]
        shift = np.average(pixels[sure] - meant, axis=0, weights=weight[sure]).astype(np.float32)
    return Voted(*_ranked(votes))


def paper_color(colors: Pixels) -> RGB:
    """The RGB that stands for nothing beside `colors` `[K, 4]`, entry 0 left out: white, or what is far off.

    White only where no color of the model comes near it; else that of some plain papers which is farthest.
    """
    papers = np.array([(255, 255, 255), (192, 192, 192), (128, 160, 144), (96, 96, 128)], np.uint8)
    used = colors[1:, :3]
    if not len(used):
        return 255, 255, 255
    apart = np.linalg.norm(_lab(papers)[:, None] - _lab(used)[None], axis=-1).min(1)
    chosen = 0 if apart[0] > _NEAR_LAB else int(apart.argmax())
    red, green, blue = papers[chosen].tolist()
    return red, green, blue


def doubts_of(voted: Voted, regions: Regions, doubt_below: float) -> tuple[Doubt, ...]:
    """The regions whose vote was narrow, the largest first."""
    narrow = np.flatnonzero(voted.margin < doubt_below)
    order = narrow[np.argsort(-regions.area[narrow] * (1 - voted.margin[narrow]), kind="stable")]
    return tuple(_doubt(voted, regions, int(i)) for i in order)


def _doubt(voted: Voted, regions: Regions, i: int) -> Doubt:
    x0, y0, x1, y1 = (int(v) for v in regions.box[i])
    return Doubt(
        region=i + 1,
        box=(x0, y0, x1 - x0, y1 - y0),
        area_px=int(regions.area[i]),
        color=int(voted.colors[i]),
        runner_up=int(voted.second[i]),
        confidence=round(float(voted.margin[i]), 4),
        is_unseen=False,
    )


def _weights(labels: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The vote of every pixel `[H, W]`: little beside a line, where a generated picture is not sharp."""
    reach = max(_LEAST_EDGE_PX, _EDGE_PX_AT_540 * labels.shape[0] / 540)
    apart = cv2.distanceTransform((labels > 0).astype(np.uint8), cv2.DIST_L2, 3)
    return np.minimum(np.asarray(apart, np.float32) / reach, 1.0) ** 2


def _nearest(pixels: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.int64]:
    """The entry of `wanted` nearest to every pixel `[H, W]`, found once for each step of Lab."""
    cell = np.rint(pixels / _LAB_STEP).astype(np.int64) + _OFFSET
    flat = (cell[..., 0] << 20) + (cell[..., 1] << 10) + cell[..., 2]
    used, inverse = np.unique(flat, return_inverse=True)
    grid = (np.stack([used >> 20, used >> 10 & 1023, used & 1023], -1) - _OFFSET) * _LAB_STEP
    apart = ((grid[:, None] - wanted[None]) ** 2).sum(-1)
    return apart.argmin(1)[inverse].reshape(flat.shape)


def _counted(
    labels: NDArray[np.uint16], nearest: NDArray[np.int64], weight: NDArray[np.float32], n: int, n_colors: int
) -> NDArray[np.float64]:
    """Votes of regions for colors, `[n, K]`."""
    key = labels.astype(np.int64) * n_colors + nearest
    votes = np.bincount(key.ravel(), weight.ravel(), minlength=(n + 1) * n_colors)
    return votes.reshape(n + 1, n_colors)[1:].astype(np.float64)


def _ranked(
    votes: NDArray[np.float64],
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.float32]]:
    """First and second choice of every region, and by how much of its votes the first is ahead."""
    rows = np.arange(len(votes))
    first = votes.argmax(1) if len(votes) else np.zeros(0, np.int64)
    rest = votes.copy()
    rest[rows, first] = -1
    second = rest.argmax(1) if votes.shape[1] > 1 else first
    total = np.maximum(votes.sum(1), 1e-9)
    margin = (votes[rows, first] - np.maximum(rest[rows, second], 0)) / total
    return first.astype(np.uint16), second.astype(np.uint16), margin.astype(np.float32)


def _lab(rgb: Pixels) -> NDArray[np.float32]:
    """CIE Lab of RGB `[..., 3]`."""
    flat = (np.ascontiguousarray(rgb).reshape(-1, 1, 3) / 255).astype(np.float32)
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2LAB), np.float32).reshape(rgb.shape)
