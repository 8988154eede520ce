"""Layers against each other: do they stack to the flat picture, and do shared edges stay together.

Layers are uint8 RGBA `[H, W, 4]`, straight alpha, all of one size, bottom to top. The measures are those that
the LayerPack paper asks for and leaves open: what touches in both keys must touch in between.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels

_BASE_HEIGHT_PX = 540
_TOUCHING_PX = 2  # at 540 lines
_COVERED = 128
_LEAST_EDGE_PX = 8  # a contact shorter than this is chance

Mask = NDArray[np.bool_]


def stacked(layers: Sequence[Pixels]) -> Pixels:
    """The layers laid over each other, RGBA, straight alpha. Raises: ValueError when there are none."""
    if not layers:
        raise ValueError("a stack needs a layer")
    color = np.zeros((*layers[0].shape[:2], 3), np.float32)  # premultiplied
    alpha = np.zeros((*layers[0].shape[:2], 1), np.float32)
    for layer in layers:
        over = layer[..., 3:].astype(np.float32) / 255
        color = layer[..., :3] * over + color * (1 - over)
        alpha = over + alpha * (1 - over)
    straight = np.divide(color, alpha, out=np.zeros_like(color), where=alpha > 0)
    return np.rint(np.concatenate([straight, alpha * 255], -1)).astype(np.uint8)


def composite_error(layers: Sequence[Pixels], flat: Pixels, reach: int = 2) -> float:
    """The share of pixels where the stacked layers miss the flat picture, 0..1.

    A pixel misses when a channel of its color, as seen over black and over white, is off by more than `reach`
    levels. Raises: ValueError without layers.
    """
    ours = stacked(layers)
    wrong = np.zeros(flat.shape[:2], bool)
    for ground in (0, 255):
        wrong |= cv2.absdiff(over_ground(ours, ground), over_ground(flat, ground)).max(-1) > reach
    return float(wrong.mean())


def over_ground(rgba: Pixels, ground: int) -> Pixels:
    """The picture over a gray level, RGB `[H, W, 3]`."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Contact:
    """How two layers hold together in a frame: `kept` 0..1 of the edge they share, `gap_px` opened there."""

    below: str
    above: str
    kept: float
    gap_px: int


class SharedEdges:
    """Watches the edges that pairs of layers share in both keys; frames come one at a time.

    Two outlines share an edge where they lie within 2 px of each other (at 540 lines). In a frame, `kept` is
    the length they share by the lesser length of the keys, at most 1; `gap_px` counts pixels between the two
    that neither covers, over what the keys have.
    """

    def __init__(self, first: Mapping[str, Pixels], last: Mapping[str, Pixels]) -> None:
        """From two keys, layers by name, bottom to top; a layer missing in one key is not watched."""
        self._pairs: dict[tuple[str, str], tuple[int, int]] = {}
        seen = [_Outlines.of({name: key[name] for name in first if name in last}) for key in (first, last)]
        for pair in combinations(seen[0].covered, 2):
            lengths = [outlines.shared_px(*pair) for outlines in seen]
            if min(lengths) >= _LEAST_EDGE_PX:
                self._pairs[pair] = min(lengths), max(outlines.gap_px(*pair) for outlines in seen)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of layers that share an edge in both keys."""
        return tuple(self._pairs)

    def take(self, layers: Mapping[str, Pixels]) -> Iterator[Contact]:
        """How every watched pair holds together in a frame."""
        names = {name for pair in self._pairs for name in pair}
        outlines = _Outlines.of({name: layer for name, layer in layers.items() if name in names})
        for (below, above), (length, gap) in self._pairs.items():
            kept = min(1.0, outlines.shared_px(below, above) / length)
            yield Contact(below, above, kept, max(0, outlines.gap_px(below, above) - gap))


@dataclass(frozen=True, slots=True)
class _Outlines:
    """Of every layer what it covers, its rim, and the distance of every pixel to that rim."""

    covered: Mapping[str, Mask]
    rim: Mapping[str, Mask]
    distance: Mapping[str, NDArray[np.float32]]
    reach: float

    @classmethod
    def of(cls, layers: Mapping[str, Pixels]) -> "_Outlines":
        covered = {name: layer[..., 3] >= _COVERED for name, layer in layers.items()}
        rim = {name: mask & ~_eroded(mask) for name, mask in covered.items()}
        height = next(iter(layers.values())).shape[0] if layers else _BASE_HEIGHT_PX
        reach = max(1.5, _TOUCHING_PX * height / _BASE_HEIGHT_PX)
        return cls(covered, rim, {name: _distance(mask) for name, mask in rim.items()}, reach)

    def shared_px(self, below: str, above: str) -> int:
        """The number of rim pixels of the upper layer that lie at the rim of the lower one."""
        if below not in self.rim or above not in self.rim:
            return 0
        return int((self.distance[below][self.rim[above]] <= self.reach).sum())

    def gap_px(self, below: str, above: str) -> int:
        """Pixels that neither covers with both of them close by, on opposite sides."""
        if below not in self.rim or above not in self.rim:
            return 0
        union = self.covered[below] | self.covered[above]
        side = 2 * round(2 * self.reach) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        closed = cv2.morphologyEx(union.astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
        near = (self.distance[below] <= 2 * self.reach) & (self.distance[above] <= 2 * self.reach)
        return int((closed & ~union & near).sum())


def _eroded(mask: Mask) -> Mask:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    # The frame's border is no rim: what is drawn goes on outside.
    return cast(Mask, cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_REPLICATE) > 0)


def _distance(mask: Mask) -> NDArray[np.float32]:
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cast(
        NDArray[np.float32],
        cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE),
    )
