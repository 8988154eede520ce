"""A rough sketch made readable: doubled strokes merged, breaks bridged, lines drawn again at one width.

All lengths are pixels at 540 lines and grow with the picture; they were chosen on roughened drawings of
`tests/engines/rough.py` and on the sketches of `examples/dive`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.engines.postkey._thinning import Mask, ends, thin, without_whiskers

_FAINT, _SURE = 0.22, 0.5
"""Share of the darkest ink from which a pixel is line if it hangs on sure line, and from which it is sure."""
_MERGE_PX = 1.2  # half the distance of strokes that are one wherever they run
_SLIVER_PX = 1.9  # half the width of the paper that two strokes of one line enclose
_LONG = 5.0  # how many times longer than wide such paper is at least: eyes and buttons are rounder
_SPECK_PX = 14.0  # shorter strokes that stand alone are dirt
_WHISKER_PX = 7.0
_BRIDGE_PX = 16.0
_TANGENT_PX = 9.0
_AHEAD = 0.5  # cosine of the angle within which a bridge goes on in the line's direction
_SMOOTH_PX = 0.7  # evens out the steps of lines drawn again
_RIM_PX = 0.6
_MANY_FAULTS, _PENCIL = 8.0, 0.85
"""Above so many faults for each 1000 px of line, or below so dark a line, a sketch is rough; clean drawings
of cartoon-dev have up to 5.5 faults."""


@dataclass(frozen=True, slots=True)
class Strokes:
    """The middle lines of a sketch `[H, W]`.

    `roughness` counts doubled strokes and bridged breaks for each 1000 px of line, `darkness` 0..1 is how
    full the middle of a line usually is.
    """

    middle: Mask
    roughness: float
    darkness: float

    @property
    def is_rough(self) -> bool:
        return self.roughness > _MANY_FAULTS or self.darkness < _PENCIL


def read_strokes(ink: Pixels) -> Strokes:
    """The strokes of a sketch from its ink coverage `[H, W]`, doubled ones as one, breaks bridged."""
    unit = ink.shape[0] / 540
    mask = _line_mask(ink, unit)
    plain = thin(mask)
    length_px = max(1, int(plain.sum()))
    closed = _closed(mask, _MERGE_PX * unit)
    merged, n_slivers = _without_slivers(closed, unit)
    n_slivers += _without_slivers(mask, unit)[1]
    middle = without_whiskers(thin(merged), round(_WHISKER_PX * unit))
    bridged, n_bridges = _bridged(middle, unit)
    darkness = float(np.median(ink[plain])) / 255 if plain.any() else 1.0
    return Strokes(bridged, 1000 * unit * (n_slivers + n_bridges) / length_px, darkness)


def draw_strokes(middle: Mask, width_px: float) -> Pixels:
    """Coverage `[H, W]` of lines `width_px` wide along `middle`, with soft edges."""
    away = cv2.distanceTransform((~middle).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    smooth = np.asarray(cv2.GaussianBlur(away, (0, 0), _SMOOTH_PX), np.float32)
    # On the middle itself the blur makes a distance of up to its own size: lines must stay full there.
    return np.clip((max(width_px, 2.0) / 2 + 0.5 - smooth) * 255, 0, 255).astype(np.uint8)


def line_width_px(ink: Pixels) -> float:
    """The usual width of the lines in `ink` `[H, W]`; 2 px at 540 lines when there are none."""
    mask = ink >= 128
    length = int(thin(mask).sum())
    if not length:
        return 2.0 * ink.shape[0] / 540
    # What was told apart by darkness alone has lost its soft rim.
    is_hard = not ((ink > 24) & (ink < 232)).any()
    return float(mask.sum()) / length + (_RIM_PX if is_hard else 0.0)


def _line_mask(ink: Pixels, unit: float) -> Mask:
    """What is line: sure ink, and fainter ink that hangs on it; lone specks left out."""
    full = float(np.percentile(ink[ink > 24], 95)) if (ink > 24).any() else 255.0
    faint = (ink >= max(16.0, _FAINT * full)).astype(np.uint8)
    n, found, stats, _ = cv2.connectedComponentsWithStats(faint, connectivity=8)
    labels = np.asarray(found, np.int32)
    is_sure = np.zeros(n, bool)
    is_sure[np.unique(labels[ink >= _SURE * full])] = True
    spans = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    is_kept = is_sure & (spans >= _SPECK_PX * unit / 2)
    is_kept[0] = False
    return is_kept[labels]


def _closed(mask: Mask, radius_px: float) -> Mask:
    size = 2 * max(1, round(radius_px)) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    padded = np.pad(mask, size).view(np.uint8)  # closing must not draw lines along the page's edge
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disk)[size:-size, size:-size] > 0


def _without_slivers(mask: Mask, unit: float) -> tuple[Mask, int]:
    """`mask` with the long thin paper between two strokes of one line filled, and how often there was any."""
    white = (~mask).view(np.uint8)
    n, found, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
    labels = np.asarray(found, np.int32)
    depth = cv2.distanceTransform(white, cv2.DIST_L2, 3)
    area = stats[:, cv2.CC_STAT_AREA]
    # The mean distance to the rim of a strip is a quarter of its width.
    width = 4 * np.bincount(labels.ravel(), depth.ravel(), minlength=n) / np.maximum(area, 1)
    is_sliver = (area >= _LONG * width * width) | (area <= 4)
    is_sliver[np.unique(labels[depth > _SLIVER_PX * unit])] = False
    is_sliver[0] = False
    return mask | is_sliver[labels], int(is_sliver.sum())


def _bridged(middle: Mask, unit: float) -> tuple[Mask, int]:
    """`middle` with lines drawn from loose ends to what lies ahead, another end or else a line; how many."""
    loose = ends(middle)
    n_bridges = 0
    if not len(loose):
        return middle, n_bridges
    drawn = middle.astype(np.uint8)
    forward = _directions(middle, loose, _TANGENT_PX * unit)
    reach = _BRIDGE_PX * unit
    is_free = np.ones(len(loose), bool)
    apart = loose[None, :, :] - loose[:, None, :]
    distance = np.hypot(apart[..., 0], apart[..., 1])
    for a, b in zip(
        *np.unravel_index(np.argsort(distance, axis=None, kind="stable"), distance.shape), strict=True
    ):
        gap = distance[a, b]
        if gap > reach:
            break
        if a < b and is_free[a] and is_free[b] and gap > 0:
            way = apart[a, b] / gap
            if forward[a] @ way >= _AHEAD and -(forward[b] @ way) >= _AHEAD:
                cv2.line(drawn, tuple(map(int, loose[a])), tuple(map(int, loose[b])), 1)
                is_free[[a, b]] = False
                n_bridges += 1
    for at in np.flatnonzero(is_free):
        target = _line_ahead(middle, loose[at], forward[at], reach / 2)
        if target is not None:
            cv2.line(drawn, tuple(map(int, loose[at])), target, 1)
    return drawn > 0, n_bridges


def _directions(middle: Mask, loose: NDArray[np.int64], reach_px: float) -> NDArray[np.float64]:
    """The way each loose end points, unit vectors `[n, 2]`: away from the line's own pixels near it."""
    radius = max(2, round(reach_px))
    forward = np.zeros((len(loose), 2))
    for at, (x, y) in enumerate(loose):
        top, left = max(0, y - radius), max(0, x - radius)
        patch = middle[top : y + radius + 1, left : x + radius + 1].view(np.uint8)
        labels = np.asarray(cv2.connectedComponents(patch, connectivity=8)[1], np.int32)
        own = np.argwhere(labels == labels[y - top, x - left])
        away = np.array([x - left, y - top]) - own[:, ::-1].mean(0)
        length = float(np.hypot(*away))
        forward[at] = away / length if length else 0.0
    return forward


def _line_ahead(
    middle: Mask, end: NDArray[np.int64], forward: NDArray[np.float64], reach_px: float
) -> tuple[int, int] | None:
    """The first pixel of another line that the end at x, y would run into."""
    height, width = middle.shape
    for step in range(2, round(reach_px) + 1):
        x, y = (round(float(value)) for value in end + forward * step)
        if not (0 <= x < width and 0 <= y < height):
            return None
        if middle[y, x]:
            return x, y
    return None
