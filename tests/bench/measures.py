"""How well a shot is colored, pixel by pixel and region by region, against its truth.

Clear pixels: no line on them, and no line (coverage 16 or more of 255) on any of their eight neighbors.
Foreground: clear pixels whose true color is not the background, the commonest color of the first reference. A
pixel is right when it has exactly its true color. A true color within 12 levels (every channel) of a color
the references show counts as that color, for everybody alike: no engine that keeps to the references' colors
can paint it otherwise. `reachable` is the share of the foreground that is right when every region gets the
reference color that most of its clear pixels have: a shadow on the ground without a line around it is not.
Reference frames themselves are not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.metrics.color import ColorIds, clear_of_lines, color_codes, commonest
from toonctl.regions.segment import Regions, SegmentOptions, find_regions

from .stored import StoredShot

_LINE = 16
_NEAR = 12
_SAME_REGION = 0.7
_LEAST_FOREGROUND_PX = 200  # a frame with less has no figure worth a share
_WORST = 50
RANGES = ((2, 30), (31, 100), (101, 300))
"""Frames, inclusive, over which the study averages."""

DoubtKey = tuple[tuple[int, int, int, int], int]
"""Box (x, y, width, height) and area of a doubtful region: what tells it apart within a drawing."""


@dataclass(frozen=True, slots=True)
class Measures:
    """The figures of one colored shot; None where the shot is too short or has nothing to say.

    Shares are 0..1. `worst` is the mean of the 50 worst frames, `drift` frames 250-300 minus 2-50. `flicker`
    is the share of region tracks that change color while the truth does not. `wrong_listed` is the share of
    wrong regions that the doubts name, `listed` the share of all regions named. `outside_px` counts clear
    pixels with a color that no reference shows.
    """

    foreground: float | None
    worst: float | None
    ranges: tuple[float | None, ...]
    regions: float | None
    reachable: float | None
    drift: float | None
    flicker: float | None
    n_tracks: int
    n_wrong: int
    wrong_listed: float | None
    listed: float | None
    doubts_unplaced: int
    outside_px: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a frame's truth says, by its m clear pixels and its n regions; colors are ids, 0 = none."""

    frame: int
    is_reference: bool
    clear: NDArray[np.int64]
    label: NDArray[np.int64]
    truth: NDArray[np.int64]
    is_foreground: NDArray[np.bool_]
    region_truth: NDArray[np.int64]
    regions: Regions
    track: NDArray[np.int64]
    before: NDArray[np.int64]  # region of the frame before that continues here, -1 = none


@dataclass(slots=True)
class _Score:
    """The running figures of one contestant."""

    shares: dict[int, float] = field(default_factory=dict[int, float])
    n_right: int = 0
    n_wrong: int = 0
    n_wrong_listed: int = 0
    n_listed: int = 0
    n_unplaced: int = 0
    outside_px: int = 0
    flickered: set[int] = field(default_factory=set[int])
    colors_before: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class ShotMeasurer:
    """Measures one or more colorings of a shot side by side; frames are given in order."""

    def __init__(self, shot: StoredShot, references: Sequence[int], contestants: Sequence[str]) -> None:
        self.shot, self.references = shot, tuple(references)
        self.colors = ColorIds()
        self.scores = {name: _Score() for name in contestants}
        self.reachable: list[float] = []
        self.n_regions = 0
        self.tracks: list[int] = []  # frames by track
        self._labels_before: NDArray[np.uint16] | None = None
        self._track_before = np.zeros(0, np.int64)
        self._truth_before = np.zeros(0, np.int64)
        self._options = SegmentOptions.for_height(shot.size[1])
        self._shown = self._reference_colors()

    def take(
        self, index: int, painted: Mapping[str, Pixels], doubts: Mapping[str, frozenset[DoubtKey]]
    ) -> None:
        """One frame as every contestant painted it, RGB `[H, W, 3]`, and the doubts that some have."""
        seen = self._look(index)
        for name, picture in painted.items():
            self._score(self.scores[name], seen, picture, doubts.get(name))
        self._track_before, self._truth_before = seen.track, seen.region_truth

    def result(self, name: str) -> Measures:
        """The figures of a contestant."""
        score = self.scores[name]
        shares = score.shares

        def mean(first: int, last: int) -> float | None:
            inside = [share for frame, share in shares.items() if first <= frame <= last]
            return float(np.mean(inside)) if inside else None

        n_regions = score.n_right + score.n_wrong
        early, late = mean(2, 50), mean(250, 300)
        n_tracks = sum(length > 1 for length in self.tracks)
        has_list = score.n_listed + score.n_unplaced > 0
        return Measures(
            foreground=mean(1, self.shot.n_frames),
            worst=float(np.mean(sorted(shares.values())[:_WORST])) if len(shares) >= 2 * _WORST else None,
            ranges=tuple(mean(*frames) for frames in RANGES),
            regions=score.n_right / n_regions if n_regions else None,
            reachable=float(np.mean(self.reachable)) if self.reachable else None,
            drift=late - early if early is not None and late is not None else None,
            flicker=len(score.flickered) / n_tracks if n_tracks else None,
            n_tracks=n_tracks,
            n_wrong=score.n_wrong,
            wrong_listed=score.n_wrong_listed / score.n_wrong if has_list and score.n_wrong else None,
            listed=(score.n_listed + score.n_unplaced) / self.n_regions if has_list else None,
            doubts_unplaced=score.n_unplaced,
            outside_px=score.outside_px,
        )

    def _reference_colors(self) -> NDArray[np.bool_]:
        """Whether a color id shows in a reference; ids are those given so far."""
        ids: set[int] = set()
        for place, index in enumerate(self.references):
            free = self.shot.coverage(index).ravel() < _LINE
            found, counts = np.unique(
                self.colors.ids(color_codes(self.shot.painted(index)).ravel()[free]), return_counts=True
            )
            ids |= {int(i) for i in found}
            if place == 0:
                self.ground = int(found[counts.argmax()])
        shown = np.zeros(self.colors.n, bool)
        shown[list(ids)] = True
        return shown

    def _clear(self, index: int) -> NDArray[np.int64]:
        """The clear pixels of a frame as flat places."""
        return np.flatnonzero(clear_of_lines(self.shot.coverage(index), _LINE))

    def _look(self, index: int) -> _Frame:
        regions = find_regions(self.shot.line_frame(index), self._options)
        labels = regions.label_map()
        clear = self._clear(index)
        label = labels.ravel()[clear].astype(np.int64)
        raw = self.colors.ids(color_codes(self.shot.truth(index)).ravel()[clear])
        truth = self._snapped()[raw]
        # A color out of reach stays itself: nobody is right there, and regions of it keep a true color.
        truth = np.where(truth > 0, truth, raw)
        is_foreground = truth != self.ground
        is_reference = index in self.references
        if not is_reference:
            self.n_regions += regions.n
            if int(is_foreground.sum()) >= _LEAST_FOREGROUND_PX:
                self.reachable.append(self._best_share(label, truth, is_foreground))
        track, before = self._follow(labels, regions.n)
        return _Frame(
            frame=index + 1,
            is_reference=is_reference,
            clear=clear,
            label=label,
            truth=truth,
            is_foreground=is_foreground,
            region_truth=commonest(label, truth, regions.n),
            regions=regions,
            track=track,
            before=before,
        )

    def _snapped(self) -> NDArray[np.int64]:
        """The reference color within 12 levels of each color id, 0 where there is none."""
        rgb = self.colors.rgb()
        shown = np.flatnonzero(np.pad(self._shown, (0, len(rgb) - len(self._shown))))
        apart = np.abs(rgb[:, None] - rgb[shown][None]).max(-1)
        nearest = apart.argmin(1)
        return np.where(apart[np.arange(len(rgb)), nearest] <= _NEAR, shown[nearest], 0)

    def _best_share(
        self, label: NDArray[np.int64], truth: NDArray[np.int64], is_foreground: NDArray[np.bool_]
    ) -> float:
        is_shown = np.pad(self._shown, (0, self.colors.n - len(self._shown)))[truth] & (label > 0)
        n = int(label.max(initial=0)) + 1
        votes = np.bincount(
            label[is_shown] * self.colors.n + truth[is_shown], minlength=n * self.colors.n
        ).reshape(n, -1)
        best = votes.argmax(1)
        return float(((best[label] == truth) & is_shown)[is_foreground].mean())

    def _follow(self, labels: NDArray[np.uint16], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The track of every region, and the region of the frame before that it continues (-1 = none)."""
        before = np.full(n, -1, np.int64)
        if self._labels_before is not None and n and len(self._track_before):
            m = len(self._track_before)
            key = self._labels_before.ravel().astype(np.int64) * (n + 1) + labels.ravel()
            common = np.bincount(key, minlength=(m + 1) * (n + 1)).reshape(m + 1, n + 1)
            union = common.sum(1, keepdims=True) + common.sum(0, keepdims=True) - common
            share = (common / np.maximum(union, 1))[1:, 1:]
            best = share.argmax(0)
            before = np.where(share[best, np.arange(n)] >= _SAME_REGION, best, -1)
        self._labels_before = labels
        track = np.empty(n, np.int64)
        for region, origin in enumerate(before):
            if origin >= 0:
                track[region] = self._track_before[origin]
                self.tracks[track[region]] += 1
            else:
                track[region] = len(self.tracks)
                self.tracks.append(1)
        return track, before

    def _score(
        self, score: _Score, seen: _Frame, picture: Pixels, doubts: frozenset[DoubtKey] | None
    ) -> None:
        painted = self.colors.ids(color_codes(picture).ravel()[seen.clear])
        colors = commonest(seen.label, painted, seen.regions.n)
        went_on = np.flatnonzero((seen.before >= 0) & (seen.region_truth > 0))
        origin = seen.before[went_on]
        if len(went_on):
            is_calm = self._truth_before[origin] == seen.region_truth[went_on]
            has_both = (score.colors_before[origin] > 0) & (colors[went_on] > 0)
            changed = is_calm & has_both & (score.colors_before[origin] != colors[went_on])
            score.flickered |= {int(t) for t in seen.track[went_on[changed]]}
        score.colors_before = colors
        if seen.is_reference:
            return
        right = painted == seen.truth
        if int(seen.is_foreground.sum()) >= _LEAST_FOREGROUND_PX:
            score.shares[seen.frame] = float(right[seen.is_foreground].mean())
        score.outside_px += int((~np.pad(self._shown, (0, self.colors.n - len(self._shown)))[painted]).sum())
        is_known = seen.region_truth > 0
        is_wrong = is_known & (colors != seen.region_truth)
        score.n_wrong += int(is_wrong.sum())
        score.n_right += int((is_known & ~is_wrong).sum())
        if doubts is not None:
            is_listed = _listed(seen.regions, doubts)
            score.n_listed += int(is_listed.sum())
            score.n_unplaced += len(doubts) - int(is_listed.sum())
            score.n_wrong_listed += int((is_listed & is_wrong).sum())


def _listed(regions: Regions, doubts: frozenset[DoubtKey]) -> NDArray[np.bool_]:
    """Whether each region is among the doubts, `[n]`."""
    x0, y0, x1, y1 = regions.box.T.tolist()
    boxes = zip(x0, y0, x1, y1, regions.area.tolist(), strict=True)
    keys = [((a, b, c - a, d - b), area) for a, b, c, d, area in boxes]
    return np.array([key in doubts for key in keys], bool)
