"""Which line runs between which paints, as a painted picture shows it: black, colored, or none at all."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.flats import Flats

_REACH_AT_540 = 4.0
"""How far from the middle of a line the border of its two sides may lie."""
_AT_HEIGHT = 540
_LINE, _PAPER = 128, 64
_LEAST_VOTES_AT_540 = 12
_MOST, _MOST_NONE = 0.7, 0.85
"""Shares of the votes from which a pair has one kind of line; losing a line is worse than a wrong color."""
_NONE, _OPEN = -1, -2
_UNMIXED = 40
"""Levels by which a pixel may be off every mix of two paints where they meet without a line."""

Rgb = tuple[int, int, int]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LineColors:
    """Lines by what lies on their two sides.

    `inks` uint8 `[I, 3]`, the first for lines about which nothing is known; `between` has the number of the
    ink, -1 for no line, by the pair of colors, the smaller first; equal ones for a line in one color.
    """

    inks: Pixels
    between: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, pictures: Iterable[tuple[Pixels, Flats]], colors: Pixels, ink: Rgb) -> Self:
        """What `pictures`, RGBA `[H, W, 4]` and taken apart, show between the paints `colors` `[K, 4]`.

        `ink` is that of unknown lines. A picture without any line says nothing: its lines may be elsewhere.
        """
        inks: dict[Rgb, int] = {ink: 0}
        votes: dict[tuple[int, int], Counter[int]] = {}
        least = 1.0
        for picture, flats in pictures:
            if not (flats.coverage >= _LINE).any():
                continue
            least = max(least, _LEAST_VOTES_AT_540 * flats.coverage.shape[0] / _AT_HEIGHT)
            index = _nearest(flats.colors, colors)[flats.index]
            own = [inks.setdefault(_rgb(color), len(inks)) for color in flats.inks]
            number = np.array(own or [0], np.int16)[flats.ink]
            for first, second, kind, count in _votes(picture, flats, index, number):
                votes.setdefault((first, second), Counter())[kind] += count
        kinds = {pair: _elected(counted, least) for pair, counted in votes.items()}
        between = {pair: kind for pair, kind in kinds.items() if kind is not None}
        return cls(np.array(list(inks), np.uint8).reshape(-1, 3), between)

    def drawn(self, index: NDArray[np.uint16], coverage: Pixels) -> tuple[Pixels, Pixels]:
        """What shows of lines over paints `index` `[H, W]`: coverage and ink of every pixel, `[H, W]`."""
        ink = np.zeros(coverage.shape, np.uint8)
        at = np.flatnonzero(coverage)
        if not len(at) or not self.between:
            return coverage, ink
        sides = _sides(index, at)
        pairs, place = np.unique(sides, axis=0, return_inverse=True)
        kinds = np.array([self.between.get((int(a), int(b)), 0) for a, b in pairs], np.int16)[place.ravel()]
        ink.ravel()[at] = np.maximum(kinds, 0)
        shown = coverage.copy()
        shown.ravel()[at[kinds == _NONE]] = 0
        return shown, ink


def _elected(votes: Counter[int], least: float) -> int | None:
    """The kind of line that a pair has, None when that is open; not all borders need have the line."""
    if votes[_NONE] >= max(least, _MOST_NONE * votes.total()):
        return _NONE
    lines = votes.total() - votes[_NONE]
    kind, count = max(((k, n) for k, n in votes.items() if k >= 0), key=lambda each: each[1], default=(0, 0))
    return kind if count >= max(least, _MOST * lines) else None


def _is_mixed(shown: Floats, paint: Floats, other: Floats) -> NDArray[np.bool_]:
    """Which colors `shown` `[n, 3]` lie between the paints on their two sides: no line is there unseen."""
    way, off = other - paint, shown - paint
    share = np.clip((way * off).sum(1) / np.maximum((way * way).sum(1), 1), 0, 1)[:, None]
    return np.asarray(np.abs(off - share * way).max(1) <= _UNMIXED)


def _votes(
    picture: Pixels, flats: Flats, index: NDArray[np.uint16], ink: NDArray[np.int16]
) -> Iterable[tuple[int, int, int, int]]:
    """For each pair of colors that meet, and each color with lines in it: the kind of line, and how often."""
    coverage, found = flats.coverage, list[NDArray[np.integer]]()
    shown, paint = (plane[..., :3].astype(np.float32) for plane in (picture, flats.colors[flats.index]))
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        meet = index[one] != index[other]
        a, b = index[one][meet].astype(np.int64), index[other][meet].astype(np.int64)
        cover = np.stack([coverage[one][meet], coverage[other][meet]])
        inks = np.where(cover[0] >= cover[1], ink[one][meet], ink[other][meet])
        sides = paint[one][meet], paint[other][meet]
        is_bare = _is_mixed(shown[one][meet], *sides) & _is_mixed(shown[other][meet], *sides)
        bare = np.where(is_bare, _NONE, _OPEN)
        kind = np.where(cover.max(0) >= _LINE, inks, bare).astype(np.int64)
        # The soft rim of a line is neither with nor without it.
        is_clear = (cover.max(0) >= _LINE) | (cover.max(0) < _PAPER)
        found.append(np.stack([np.minimum(a, b), np.maximum(a, b), kind], 1)[is_clear])
    at = np.flatnonzero(coverage >= _LINE)
    sides = _sides(index, at).astype(np.int64)
    alone = sides[:, 0] == sides[:, 1]
    found.append(np.column_stack([sides[alone], ink.ravel()[at][alone]]))
    rows, counts = np.unique(np.concatenate(found), axis=0, return_counts=True)
    return ((*row, count) for row, count in zip(rows.tolist(), counts.tolist(), strict=True))


def _sides(index: NDArray[np.uint16], at: NDArray[np.int64]) -> NDArray[np.uint16]:
    """The colors on both sides of the line pixels `at` `[n]`, the smaller first, `[n, 2]`."""
    pair = np.stack([index, index], -1)
    border = np.zeros(index.shape, bool)
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        meet = index[one] != index[other]
        both = np.sort(np.stack([index[one][meet], index[other][meet]], -1), -1)
        for side in (one, other):
            pair[side][meet] = both
            border[side] |= meet
    if not border.any():
        return pair.reshape(-1, 2)[at]
    away, label = cv2.distanceTransformWithLabels(
        (~border).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    label = np.asarray(label, np.int32)
    nearest = np.zeros((int(label.max()) + 1, 2), np.uint16)
    nearest[label[border]] = pair[border]
    reach = max(2.0, _REACH_AT_540 * index.shape[0] / _AT_HEIGHT)
    is_near = (np.asarray(away).ravel()[at] <= reach)[:, None]
    return np.where(is_near, nearest[label.ravel()[at]], pair.reshape(-1, 2)[at])


def _nearest(colors: Pixels, paints: Pixels) -> NDArray[np.uint16]:
    """The paint of `[K, 4]` nearest to each of `colors` `[n, 4]`."""
    apart = colors[:, None].astype(np.int32) - paints[None].astype(np.int32)
    return (apart**2).sum(-1).argmin(1).astype(np.uint16)


def _rgb(color: Pixels) -> Rgb:
    red, green, blue = color[:3].tolist()
    return red, green, blue
