"""From a picture on a known ground to color and alpha: by the inks of the keys, or by luminance as published.

Letters: H height, W width, K inks, P mixed pixels.
"""

from collections.abc import Sequence
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.regions.color_table import color_table, nearest_of, premultiplied
from toonctl.regions.packing.plan import Color

Floats = NDArray[np.float32]

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_DARKEST, _LIGHTEST = 0.85, 0.98
"""Where the published matte's ramp begins and ends is not said; these are ours."""

_SAME = 32.0
"""Levels (Euclidean) by which a pixel may miss an ink and still show it: video coders are not exact."""
_THIN = 10.0
"""How much better an ink must explain a pixel when it shows nowhere near."""
_EXACT, _SUPPORT = 1.5, 4
"""A pixel this close to an ink shows it if four of its neighborhood do: rims that hit an ink stand alone."""
_NEXT_TO_PX = 3
_MOST_INKS = 64
_LEAST_OF_PAINTED = 0.002
_MIXED = 6.0
_FLAT = 0.5
_BLOCK = np.ones((3, 3), np.uint8)
_GROUNDS: dict[str, Color] = {
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "green": (0, 255, 0),
    "magenta": (255, 0, 255),
    "black": (0, 0, 0),
}
_CLEAR_OF_WHITE = 48.0


def luminance_matte(picture: Pixels) -> Pixels:
    """RGBA `[H, W, 4]` of an RGB picture on white: white is keyed out by its luma (LayerPack, sec. 4.3).

    The color stays as it is, white rims included, and light paint becomes translucent.
    """
    luma = picture.astype(np.float32) @ _LUMA / 255
    ramp = np.clip((_LIGHTEST - luma) / (_LIGHTEST - _DARKEST), 0, 1)
    alpha = ramp * ramp * (3 - 2 * ramp)
    return np.dstack([picture, np.rint(255 * alpha).astype(np.uint8)])


def inks_of(keys: Sequence[Pixels]) -> Pixels:
    """The colors that RGBA pictures are drawn in, the commonest first, at most 64, uint8 `[K, 4]`.

    Those are the colors that fill an area somewhere, and lines' colors: these show pure too seldom for that,
    but often, and no two commoner ones could mix them. Pictures that are painted in shades rather than flats,
    so that these colors are the lesser part of them, have no inks.
    """
    counts: dict[tuple[int, ...], int] = {}
    n_painted = 0
    filling: set[tuple[int, ...]] = set()
    for key in keys:
        table, codes = color_table(key)
        numbers = codes.astype(np.float32)
        core = np.asarray(cv2.erode(numbers, _BLOCK) == cv2.dilate(numbers, _BLOCK))
        shown = np.bincount(codes.ravel(), minlength=len(table))
        n_painted += int(shown[table[:, 3] > 0].sum())
        fills = np.bincount(codes[core], minlength=len(table)) > 0
        is_ink = fills | (shown >= _LEAST_OF_PAINTED * shown[table[:, 3] > 0].sum())
        filling |= {tuple(color) for color in table[fills].tolist()}
        for color, count in zip(table[is_ink], shown[is_ink], strict=True):
            name = tuple(int(part) for part in color)
            counts[name] = counts.get(name, 0) + int(count)
    ordered = sorted((name for name in counts if name[3]), key=lambda name: (-counts[name], name))
    kept: list[tuple[int, ...]] = []
    for name in ordered:
        if len(kept) < _MOST_INKS and (name in filling or not _is_mixture(name, [(0, 0, 0, 0), *kept])):
            kept.append(name)
    if sum(counts[name] for name in kept) < _FLAT * n_painted:
        kept = []
    return np.array(kept, np.uint8).reshape(-1, 4)


def _is_mixture(color: tuple[int, ...], others: Sequence[tuple[int, ...]]) -> bool:
    """Whether two of the other RGBA colors could mix this one."""
    shown = premultiplied(np.array([color, *others], np.uint8))
    pairs = np.array(list(combinations(range(1, len(shown)), 2)), np.intp).reshape(-1, 2)
    _, off = _projected(shown[:1].repeat(len(pairs), 0), shown[pairs[:, 0]], shown[pairs[:, 1]])
    return bool((off <= _MIXED).any())


def ground_for(inks: Pixels, wanted: str) -> Color:
    """The color that a layer of these inks `[K, 4]` lies on; "auto" is white where no ink is close to it."""
    if wanted != "auto":
        return _GROUNDS[wanted]
    colors = inks[:, :3].astype(np.float32)

    def clearance(ground: Color) -> float:
        return float(np.linalg.norm(colors - np.array(ground, np.float32), axis=1).min(initial=np.inf))

    white = _GROUNDS["white"]
    return white if clearance(white) >= _CLEAR_OF_WHITE else max(_GROUNDS.values(), key=clearance)


def ink_matte(picture: Pixels, inks: Pixels, ground: Color | None) -> Pixels:
    """RGBA `[H, W, 4]` of an RGB picture on `ground`, None if it fills its frame, drawn in `inks` `[K, 4]`.

    Pixels that show an ink get exactly that ink, its own alpha included; those between two of them, the
    ground being one, get the mixture that explains them. What no inks explain keeps its color, opaque
    except where it borders on the ground.
    """
    entries = inks if ground is None else np.concatenate([np.zeros((1, 4), np.uint8), inks])
    if not len(entries):
        return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    shown = premultiplied(entries)
    if ground is not None:
        shown[:, :3] += (255 - shown[:, 3:]) / 255 * np.array(ground, np.float32)
    labels, off = _nearest_entry(picture.astype(np.float32), shown[:, :3])
    alike = _alike(labels)
    # Beside an edge a pixel near an ink may be the foot of a soft rim: there only the ink itself is pure.
    is_pure = ((alike == 9) & (off <= _SAME)) | ((alike >= _SUPPORT) & (off <= _EXACT))
    made = premultiplied(entries)[labels]
    strange = off > _SAME
    if is_pure.any() and not is_pure.all():
        at = np.flatnonzero(~is_pure)
        color, aside = _unmixed(
            picture, at, labels.ravel()[_beside(is_pure, at)], shown, premultiplied(entries)
        )
        made.reshape(-1, 4)[at] = color
        strange.ravel()[at] = aside > 2 * _SAME
    made[strange, :3], made[strange, 3] = picture[strange], 255
    return straight(made)


def straight(premultiplied_rgba: Floats) -> Pixels:
    """Straight RGBA uint8 of premultiplied float RGBA 0..255; what is clear has no color."""
    alpha = np.clip(premultiplied_rgba[..., 3:], 0, 255)
    color = np.divide(
        255 * premultiplied_rgba[..., :3],
        alpha,
        out=np.zeros_like(premultiplied_rgba[..., :3]),
        where=alpha >= 0.5,
    )
    return np.rint(np.clip(np.concatenate([color, alpha], -1), 0, 255)).astype(np.uint8)


def _nearest_entry(picture: Floats, colors: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The nearest of `colors` for every pixel, and how far off it is."""
    best = np.full(picture.shape[:2], np.inf, np.float32)
    labels = np.zeros(picture.shape[:2], np.intp)
    for number, color in enumerate(colors):
        apart = ((picture - color) ** 2).sum(-1)
        closer = apart < best
        labels[closer], best[closer] = number, apart[closer]
    return labels, np.sqrt(best)


def _alike(labels: NDArray[np.intp]) -> NDArray[np.int8]:
    """How many of a pixel and its eight neighbors carry its label, 1 to 9."""
    padded = np.pad(labels, 1, mode="edge")
    height, width = labels.shape
    alike = sum(
        (padded[dy : dy + height, dx : dx + width] == labels).astype(np.int8)
        for dy in range(3)
        for dx in range(3)
    )
    return np.asarray(alike, np.int8)


def _beside(is_pure: NDArray[np.bool_], at: NDArray[np.intp]) -> NDArray[np.int64]:
    """Flat positions `[T, P]` of pure pixels around those `at`: the nearest, and the nearest farther out."""
    height, width = is_pure.shape
    nearest = nearest_of(is_pure).ravel()
    y, x = np.divmod(at, width)
    steps = [(0, 0)] + [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    taps = [
        nearest[
            np.clip(y + _NEXT_TO_PX * dy, 0, height - 1) * width + np.clip(x + _NEXT_TO_PX * dx, 0, width - 1)
        ]
        for dy, dx in steps
    ]
    return np.stack(taps)


def _unmixed(
    picture: Pixels,
    at: NDArray[np.intp],
    around: NDArray[np.intp],
    shown: Floats,
    entries: Floats,
) -> tuple[Floats, Floats]:
    """Premultiplied color `[P, 4]` of mixed pixels, and how far they lie off that mixture.

    `around` `[T, P]` are the entries shown beside them, the nearest first; `shown` are all as they show.
    """
    pixel = picture.reshape(-1, 3)[at].astype(np.float32)
    made = entries[around[0]].copy()
    off = np.linalg.norm(pixel - shown[around[0], :3], axis=1)

    def attempt(one: NDArray[np.intp], other: NDArray[np.intp], handicap: float) -> None:
        share, aside = _projected(pixel, shown[one, :3], shown[other, :3])
        better = aside + handicap < off
        off[better] = aside[better] + handicap
        mixed = entries[one] + share[:, None] * (entries[other] - entries[one])
        made[better] = mixed[better]

    for one, other in combinations(range(len(around)), 2):
        attempt(around[one], around[other], 0.0)
    # An ink too thin to show pure anywhere near, over what does.
    for ink in np.flatnonzero(entries[:, 3]).tolist():
        attempt(around[0], np.full(len(at), ink), _THIN)
    return made, off


def _projected(pixel: Floats, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """How far along `start`..`end` each pixel lies (0..1), and how far off that line."""
    way = end - start
    along = np.einsum("pc,pc->p", pixel - start, way) / np.maximum(np.einsum("pc,pc->p", way, way), 1)
    along = np.clip(along, 0, 1)
    return along, np.linalg.norm(pixel - start - along[:, None] * way, axis=1)
