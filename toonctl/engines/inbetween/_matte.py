"""Alpha of a picture that was drawn on white, from what its two keys leave open.

Letters: H height, W width, P pixels of the rim, N neighbors.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels

_WHITE = 242
"""Level from which all three channels count as white: video coders give it back a few levels darker."""

_SPECK_PX = 6
"""Smaller areas of a key tell nothing about holes: soft rims leave such specks."""

_RIM_PX = 2.5
_REACH_PX = 3
_OFF_INK = 20.0
"""Levels by which a pixel may lie off the mixture of white and an ink."""

_MOST_INKS = 16
_THIN = 0.8
"""Share of ink that the middle of a line one pixel wide has at least."""

Floats = NDArray[np.float32]


def on_white(picture: Pixels) -> Pixels:
    """RGB `[H, W, 3]` of an RGBA picture `[H, W, 4]` laid over white."""
    alpha = picture[..., 3:].astype(np.int32)
    return (255 - ((255 - picture[..., :3].astype(np.int32)) * alpha + 127) // 255).astype(np.uint8)


def matte(picture: Pixels, keys: tuple[Pixels, Pixels]) -> Pixels:
    """RGBA `[H, W, 4]` of an RGB picture `[H, W, 3]` on white that lies between `keys` `[H, W, 4]`.

    Beside paper a pixel is taken as a mixture of it and the strongest ink near it that explains it: that
    ink's color, in the share it has. Keys without a hole give an opaque picture.
    """
    opaque = np.minimum(keys[0][..., 3], keys[1][..., 3]) == 255
    alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
    if opaque.all():
        return np.concatenate([picture, alpha], -1)
    paper = _paper(picture, keys, opaque)
    far = cv2.distanceTransform((~paper).astype(np.uint8), cv2.DIST_L2, 5)
    rim = np.flatnonzero((far > 0) & (far <= _RIM_PX))
    color, share = _unmixed(255 - picture.astype(np.float32), ~paper, rim)
    color, share = _deepened(color, share, _inks(keys))
    flat, cover = picture.reshape(-1, 3).copy(), alpha.reshape(-1)
    flat[rim], cover[rim] = np.rint(255 - color), np.rint(255 * share)
    cover[paper.reshape(-1)] = 0
    return np.concatenate([flat.reshape(picture.shape), cover.reshape(alpha.shape)], -1)


def _paper(picture: Pixels, keys: tuple[Pixels, Pixels], opaque: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pixels `[H, W]` are paper.

    White that hangs together with a border which one of the keys leaves open is. Enclosed white is what the
    enclosed white of the keys that comes closest to it in size is: a hole, or paint. Where it lies tells
    nothing, for it moves.
    """
    areas = _Areas.of(picture)
    border = np.ones_like(opaque)
    border[1:-1, 1:-1] = False
    is_paper = np.zeros(len(areas.sizes), bool)
    is_paper[np.unique(areas.labels[border & ~opaque])] = True
    known = [each for key in keys for each in _enclosed(key)]
    if known:
        sizes, holes = np.log([size for size, _ in known]), np.array([is_hole for _, is_hole in known])
        is_inside = np.ones(len(areas.sizes), bool)
        is_inside[np.unique(areas.labels[border])] = False
        for number in np.flatnonzero(is_inside):
            is_paper[number] = holes[np.abs(sizes - np.log(areas.sizes[number])).argmin()]
    is_paper[0] = False  # what is not white
    return is_paper[areas.labels]


@dataclass(frozen=True, slots=True)
class _Areas:
    """The white areas of a picture: `labels` `[H, W]`, 0 where it is not white, and `sizes` by label."""

    labels: NDArray[np.int32]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, picture: Pixels) -> Self:
        """Those of an RGB picture `[H, W, 3]`; areas that touch at a corner are apart."""
        white = (picture.min(-1) >= _WHITE).astype(np.uint8)
        labels = np.asarray(cv2.connectedComponents(white, connectivity=4)[1], np.int32)
        return cls(labels, np.bincount(labels.ravel()))


def _enclosed(key: Pixels) -> list[tuple[int, bool]]:
    """Size in pixels of every enclosed white area of a key RGBA `[H, W, 4]`, and whether it is a hole."""
    areas = _Areas.of(on_white(key))
    labels = areas.labels
    solid = np.bincount(labels.ravel(), weights=key[..., 3].ravel() >= 128, minlength=len(areas.sizes))
    at_border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1], [0]]))
    inside = np.setdiff1d(np.arange(len(areas.sizes)), at_border)
    return [
        (int(areas.sizes[n]), bool(2 * solid[n] < areas.sizes[n]))
        for n in inside
        if areas.sizes[n] >= _SPECK_PX
    ]


def _unmixed(ink: Floats, drawn: NDArray[np.bool_], at: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Color `[P, 3]` and share `[P]` of the ink in the pixels at flat positions `at`.

    `ink` `[H, W, 3]` is white less the picture. A pixel that no neighbor explains is its own ink.
    """
    height, width = drawn.shape
    y, x = np.divmod(at, width)
    pixel = ink[y, x]
    best, share = pixel.copy(), np.ones(len(at), np.float32)
    strength = np.einsum("pc,pc->p", pixel, pixel)
    for dy, dx in _NEIGHBORS:
        ny, nx = np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)
        near = ink[ny, nx]
        power = np.einsum("pc,pc->p", near, near)
        part = np.clip(np.einsum("pc,pc->p", pixel, near) / np.maximum(power, 1), 0, 1)
        off = np.linalg.norm(pixel - part[:, None] * near, axis=1)
        better = drawn[ny, nx] & (power > strength) & (off <= _OFF_INK)
        best[better], share[better], strength[better] = near[better], part[better], power[better]
    return best, share


def _inks(keys: tuple[Pixels, Pixels]) -> Floats:
    """White less the most frequent solid colors of both keys, `[I, 3]`."""
    solid = np.concatenate([key[key[..., 3] == 255][:, :3] for key in keys]).astype(np.int32)
    codes, counts = np.unique(solid @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    most = codes[np.argsort(-counts, kind="stable")[:_MOST_INKS]]
    return 255 - np.stack([most >> 16, most >> 8 & 255, most & 255], -1).astype(np.float32)


def _deepened(color: Floats, share: Floats, inks: Floats) -> tuple[Floats, Floats]:
    """Color and share of the ink where the keys have it a little stronger: thin lines are never solid."""
    color, share, is_open = color.copy(), share.copy(), np.ones(len(share), bool)
    for ink in inks:
        part = color @ ink / max(float(ink @ ink), 1)
        off = np.linalg.norm(color - part[:, None] * ink, axis=1)
        is_it = is_open & (part >= _THIN) & (off <= _OFF_INK)
        share[is_it] *= np.minimum(part[is_it], 1)
        color[is_it], is_open[is_it] = ink, False
    return color, share


_NEIGHBORS = [
    (dy, dx)
    for dy in range(-_REACH_PX, _REACH_PX + 1)
    for dx in range(-_REACH_PX, _REACH_PX + 1)
    if (dy, dx) != (0, 0)
]
