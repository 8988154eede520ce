"""The peer that coloring is compared with: colors carried from frame to frame by optical flow.

DIS flow (fast preset) between 480x270 line-distance pictures; every pixel of a region votes for the color
that it lands on in the frame before, and the majority colors the region. Regions, distance pictures and
painting are toonctl's own, so that only the matching differs.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import LineFrame, Pixels
from toonctl.regions.describe import plane_distance
from toonctl.regions.paint import paint_index
from toonctl.regions.segment import Regions, SegmentOptions, find_regions
from toonctl.regions.votes import flow_between

from .stored import StoredShot


@dataclass(slots=True)
class FlowPeer:
    """Colors a shot frame by frame, starting anew from each of `references` (0-based frames)."""

    shot: StoredShot
    references: Collection[int]
    palette: list[int] = field(init=False, default_factory=list[int])
    _distance: Pixels = field(init=False)
    _index: NDArray[np.uint16] = field(init=False)

    def frames(self) -> Iterator[Pixels]:
        """Every frame in order, painted, uint8 RGB `[H, W, 3]`."""
        first = min(self.references)
        # What lies before the first reference is colored backward from it; kept are the colors of its
        # regions.
        early = {index: self._color(index) for index in range(first, -1, -1)}
        for index in range(self.shot.n_frames):
            self._color(index, known=early.get(index))
            codes = np.array(self.palette, np.uint32)
            rgb = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.uint8)
            yield rgb[self._index]

    def _color(self, index: int, known: NDArray[np.uint16] | None = None) -> NDArray[np.uint16]:
        """The colors of a frame's regions, `[n]`; the frame becomes the one that colors are carried from."""
        frame = self.shot.line_frame(index)
        regions = find_regions(frame, SegmentOptions.for_height(self.shot.size[1]))
        labels, distance = regions.label_map(), plane_distance(frame)
        if known is not None:
            colors = known
        elif index in self.references:
            colors = self._from_reference(index, frame, labels, regions.n)
        else:
            colors = self._from_before(regions, labels, distance)
        self._index = paint_index(regions.runs(), colors, None, darkness_rank=None)
        self._distance = distance
        return colors

    def _from_reference(
        self, index: int, frame: LineFrame, labels: NDArray[np.uint16], n: int
    ) -> NDArray[np.uint16]:
        """The commonest color of every region in the painted frame, `[n]`."""
        picture = self.shot.painted(index).astype(np.uint32)
        codes = picture[..., 0] << 16 | picture[..., 1] << 8 | picture[..., 2]
        inside = (labels > 0) & (frame.ink < 16)
        seen, which = np.unique(codes[inside], return_inverse=True)
        self.palette += [int(code) for code in seen if int(code) not in self.palette]
        place = {code: i for i, code in enumerate(self.palette)}
        lut = np.array([place[int(code)] for code in seen], np.int64)
        return _majority(labels[inside], lut[which], n, len(self.palette))[0]

    def _from_before(
        self, regions: Regions, labels: NDArray[np.uint16], distance: Pixels
    ) -> NDArray[np.uint16]:
        """The color most pixels of each region land on in the frame before, `[n]`."""
        flow = flow_between(distance, self._distance)
        h, w = distance.shape
        scale = np.array([regions.width / w, regions.height / h])
        ys, xs = np.mgrid[:h, :w]
        at = np.floor((np.stack([xs, ys], -1) + 0.5) * scale).astype(np.int64)
        here = labels[at[..., 1], at[..., 0]]
        landed = self._landed(np.stack([xs, ys], -1) + 0.5 + flow, scale)
        colors, is_voted = _majority(here, landed, regions.n, len(self.palette))
        # Regions that the small grid misses vote with their sample points.
        for label in np.flatnonzero(~is_voted):
            points = regions.samples[label] / scale
            shift = flow[
                np.clip(points[:, 1], 0, h - 1).astype(int), np.clip(points[:, 0], 0, w - 1).astype(int)
            ]
            colors[label] = np.bincount(self._landed(points + shift, scale)).argmax()
        return colors

    def _landed(self, plane: NDArray[np.floating], scale: NDArray[np.float64]) -> NDArray[np.int64]:
        """The color index of the frame before at places x, y of the plane; outside counts as the rim."""
        height, width = self._index.shape
        at = np.clip(np.floor(plane * scale), 0, [width - 1, height - 1]).astype(np.int64)
        return self._index[at[..., 1], at[..., 0]].astype(np.int64)


def _majority(
    labels: NDArray[np.uint16], colors: NDArray[np.int64], n: int, n_colors: int
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """The commonest of `colors` under each label 1..n, and whether the label occurs at all, `[n]` each."""
    key = labels.astype(np.int64).ravel() * n_colors + colors.ravel()
    votes = np.bincount(key, minlength=(n + 1) * n_colors).reshape(n + 1, n_colors)[1:]
    return votes.argmax(1).astype(np.uint16), votes.sum(1) > 0
