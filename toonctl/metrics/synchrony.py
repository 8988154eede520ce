"""Do quadrants of one picture move alike: LayerPack's test of what a model keeps in step (table 1).

A picture is shown in one or two quadrants of a canvas, the rest white, and a model draws between two such
canvases. Quadrants of one film are compared, or those of two films that show one quadrant each. Canvases are
RGB uint8 `[2 h, 2 w, 3]`, quadrants `[h, w, 3]`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np

from toonctl.core.types import Pixels
from toonctl.metrics.pixel import psnr

PATTERNS: Mapping[str, tuple[str, ...]] = {
    "vertical": ("tl", "bl"),
    "horizontal": ("tl", "tr"),
    "cross": ("tl", "br"),
    **{name: (name,) for name in ("tl", "tr", "bl", "br")},
}
"""The quadrants shown, by name of the pattern: t top, b bottom, l left, r right."""

_NEAR_WHITE = 240
"""Video coders leave white a few levels darker."""
_LEAST_SHOWN = 0.002


def quadrant_canvas(picture: Pixels, quadrants: Collection[str]) -> Pixels:
    """A white canvas twice as wide and high with the RGB picture in these quadrants."""
    height, width = picture.shape[:2]
    canvas = np.full((2 * height, 2 * width, 3), 255, np.uint8)
    for name in quadrants:
        y, x = _corner(name, height, width)
        canvas[y : y + height, x : x + width] = picture
    return canvas


def quadrant(canvas: Pixels, name: str) -> Pixels:
    """The quadrant of that name, `[h, w, 3]`."""
    height, width = canvas.shape[0] // 2, canvas.shape[1] // 2
    y, x = _corner(name, height, width)
    return np.ascontiguousarray(canvas[y : y + height, x : x + width])


def quadrants_shown(canvas: Pixels) -> dict[str, Pixels]:
    """The quadrants that show anything, by name; an odd row or column at the end belongs to none."""
    parts = {name: quadrant(canvas, name) for name in ("tl", "tr", "bl", "br")}
    return {
        name: part
        for name, part in parts.items()
        if float((part.min(-1) < _NEAR_WHITE).mean()) >= _LEAST_SHOWN
    }


def quadrant_pair(canvas: Pixels, other: Pixels) -> tuple[Pixels, Pixels] | None:
    """The two quadrants that `canvas` shows; when it shows one, that and the one that `other` shows.

    None for any other number.
    """
    ours, theirs = quadrants_shown(canvas), quadrants_shown(other)
    if len(ours) == 2:
        one, two = ours.values()
    elif len(ours) == 1 and len(theirs) == 1:
        [one], [two] = ours.values(), theirs.values()
    else:
        return None
    return one, two


def quadrant_psnr(canvas: Pixels, other: Pixels) -> float | None:
    """PSNR in dB, at most 100, between the quadrants of `quadrant_pair`; None when there are none."""
    pair = quadrant_pair(canvas, other)
    return psnr(*pair) if pair else None


@dataclass(frozen=True, slots=True)
class Variance:
    """Whether groups of values differ: F of a one-way analysis of variance, and the chance `p` of such an F.

    `pairs` holds by two group numbers the chance of means as far apart (Tukey's HSD); it is empty when a
    group has one value alone. Chances are those if all groups were alike.
    """

    f: float
    p: float
    pairs: Mapping[tuple[int, int], float]

    @classmethod
    def of(cls, groups: Sequence[Sequence[float]]) -> Self:
        """That of groups of values. Raises: ValueError with fewer than two groups, or no group of two."""
        n_values = sum(len(group) for group in groups)
        if len(groups) < 2 or n_values <= len(groups) or not all(groups):
            raise ValueError("two groups are needed, and values to tell their spread")
        mean = sum(map(sum, groups)) / n_values
        means = [sum(group) / len(group) for group in groups]
        between = sum(len(group) * (own - mean) ** 2 for group, own in zip(groups, means, strict=True))
        within = sum(sum((v - own) ** 2 for v in group) for group, own in zip(groups, means, strict=True))
        numbers = tuple(combinations(range(len(groups)), 2))
        if within == 0:
            pairs = {(a, b): float(means[a] == means[b]) for a, b in numbers}
            return cls(float("inf") if between else 0.0, float(not between), pairs)
        from scipy import stats  # slow to load, and needed by this alone

        freedom = len(groups) - 1, n_values - len(groups)
        f = between / freedom[0] / (within / freedom[1])
        pairs = {}
        if all(len(group) > 1 for group in groups):
            found = stats.tukey_hsd(*groups).pvalue
            pairs = {(a, b): float(found[a, b]) for a, b in numbers}
        return cls(f, float(stats.f.sf(f, *freedom)), pairs)


def _corner(name: str, height: int, width: int) -> tuple[int, int]:
    return (height if name[0] == "b" else 0), (width if name[1] == "r" else 0)
