"""Do quadrants of one picture move alike: LayerPack's test of what a model keeps in step (table 1).

A picture is shown in one or two quadrants of a canvas, the rest white, and a model draws between two such
canvases. Quadrants of one film are compared, or those of two films that show one quadrant each. Canvases are
RGB uint8 `[2 h, 2 w, 3]`, quadrants `[h, w, 3]`.
"""

from collections.abc import Collection, Mapping, Sequence

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


def quadrants_shown(canvas: Pixels) -> dict[str, Pixels]:
    """The quadrants that show anything, by name; an odd row or column at the end belongs to none."""
    height, width = canvas.shape[0] // 2, canvas.shape[1] // 2
    shown: dict[str, Pixels] = {}
    for name in ("tl", "tr", "bl", "br"):
        y, x = _corner(name, height, width)
        part = canvas[y : y + height, x : x + width]
        if float((part.min(-1) < _NEAR_WHITE).mean()) >= _LEAST_SHOWN:
            shown[name] = np.ascontiguousarray(part)
    return shown


def quadrant_psnr(canvas: Pixels, other: Pixels) -> float | None:
    """PSNR in dB, at most 100, between the two quadrants that `canvas` shows.

    When it shows one, that is compared with the one that `other` shows. None for any other number.
    """
    ours, theirs = quadrants_shown(canvas), quadrants_shown(other)
    if len(ours) == 2:
        one, two = ours.values()
    elif len(ours) == 1 and len(theirs) == 1:
        [one], [two] = ours.values(), theirs.values()
    else:
        return None
    return psnr(one, two)


def f_ratio(groups: Sequence[Sequence[float]]) -> float:
    """Spread between groups over spread within them, each by its degrees of freedom (one-way ANOVA's F).

    Infinite when groups differ and their members do not. Raises: ValueError with fewer than two groups, or
    no group of two.
    """
    n_values = sum(len(group) for group in groups)
    if len(groups) < 2 or n_values <= len(groups) or not all(groups):
        raise ValueError("two groups are needed, and values to tell their spread")
    mean = sum(sum(group) for group in groups) / n_values
    means = [sum(group) / len(group) for group in groups]
    between = sum(len(group) * (own - mean) ** 2 for group, own in zip(groups, means, strict=True))
    within = sum(sum((value - own) ** 2 for value in group) for group, own in zip(groups, means, strict=True))
    if within == 0:
        return 0.0 if between == 0 else float("inf")
    return between / (len(groups) - 1) / (within / (n_values - len(groups)))


def _corner(name: str, height: int, width: int) -> tuple[int, int]:
    return (height if name[0] == "b" else 0), (width if name[1] == "r" else 0)
