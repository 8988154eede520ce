"""A picture that a network painted, brought back to the references' exact colors, lines apart from paint.

Letters: H height, W width, K colors.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColorModel, Pixels

MOST_COLORS = 200
"""With more colors than this the references are no flat paint, and there is nothing to snap to."""

_LEVELS = 64
"""Steps of a channel in the table of nearest colors."""

_APART = 12.0
"""Lab distance from which paper can be told from paint."""

_DOUBT = 8.0
"""Levels by which ink has to explain a color better than two paints do, to count as ink."""

_RIM_PX_AT_540 = 8
"""Widest soft rim between two flats: pictures drawn small are enlarged."""

_SPECK_PX_AT_540 = 24
_AT_HEIGHT = 540

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Snap:
    """What is snapped to: RGB `[K, 3]` of the paints, `ink` of the lines, `paper` where nothing is painted.

    `paper` is None when the references are painted all over, or have a paint too near to it.
    """

    paints: NDArray[np.uint8]
    ink: Rgb
    paper: Rgb | None

    @classmethod
    def of(cls, model: ColorModel, ink: Rgb, paper: Rgb | None) -> "Snap | None":
        """The paints of a color model; None when there are none, or too many to be flats."""
        opaque = model.colors[1:][model.colors[1:, 3] == 255][:, :3]
        if not 0 < len(opaque) <= MOST_COLORS:
            return None
        if (
            paper is not None
            and np.linalg.norm(_lab(opaque) - _lab(np.array([paper], np.uint8)), axis=1).min() < _APART
        ):
            paper = None
        return cls(opaque, ink, paper)

    def layers(self, picture: Pixels) -> tuple[Pixels, Pixels]:
        """Paint and line, RGBA `[H, W, 4]`, of an opaque picture RGBA `[H, W, 4]`."""
        rgb = np.ascontiguousarray(picture[..., :3])
        colors = self._colors()
        label = self._labels(rgb, colors)
        n_paints = len(colors) - 1
        is_ink = label == n_paints
        is_flat = _is_inside(label) & ~is_ink
        _drop_specks(is_flat, label)
        coverage = np.where(is_ink, 255, 0).astype(np.uint8)
        if is_flat.any():
            label = self._unmixed(rgb, label, is_flat, coverage)
        paint = np.zeros_like(picture)
        paint[..., :3] = colors[label]
        paint[..., 3] = 255 if self.paper is None else np.where(label == n_paints - 1, 0, 255)
        paint[paint[..., 3] == 0] = 0
        line = np.zeros_like(picture)
        line[coverage > 0, :3] = self.ink
        line[..., 3] = coverage
        return paint, line

    def _colors(self) -> NDArray[np.uint8]:
        """Paints, then paper if it counts, then ink, `[n, 3]`."""
        rest = [self.ink] if self.paper is None else [self.paper, self.ink]
        return np.concatenate([self.paints, np.array(rest, np.uint8)])

    def _labels(self, rgb: Pixels, colors: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The nearest color of every pixel, single odd pixels leveled out first, `[H, W]`."""
        smooth = np.asarray(cv2.medianBlur(rgb, 3))
        step = 256 // _LEVELS
        axis = np.arange(_LEVELS, dtype=np.uint8) * step + step // 2
        cells = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        place, palette = _lab(cells), _lab(colors)
        nearest, least = np.zeros(len(cells), np.int32), np.full(len(cells), np.inf, np.float32)
        for number, color in enumerate(palette):
            apart = ((place - color) ** 2).sum(-1)
            is_nearer = apart < least
            nearest[is_nearer], least[is_nearer] = number, apart[is_nearer]
        cell = (smooth // step).astype(np.int32)
        return nearest[(cell[..., 0] * _LEVELS + cell[..., 1]) * _LEVELS + cell[..., 2]]

    def _unmixed(
        self, rgb: Pixels, label: NDArray[np.int32], is_flat: NDArray[np.bool_], coverage: Pixels
    ) -> NDArray[np.int32]:
        """The paint under every pixel; the share of ink on soft rims goes into `coverage`, in place.

        A rim is explained by the two paints nearest to it where that is possible, else by ink on one of them.
        """
        colors = self._colors().astype(np.float32)
        first, second = _two_nearest(label, is_flat)
        under = first.copy()
        at = np.flatnonzero(~is_flat & (coverage == 0))
        pixel = rgb.reshape(-1, 3)[at].astype(np.float32)
        a, b = first.ravel()[at], second.ravel()[at]
        along, off = _project(pixel, colors[a], colors[b])
        paint = np.where(along > 0.5, b, a)
        share = np.zeros(len(at), np.float32)
        for beneath in (a, b):
            inked, aside = _project(pixel, colors[beneath], colors[-1:])
            better = aside + _DOUBT < off
            share[better], paint[better], off[better] = inked[better], beneath[better], aside[better]
        coverage.ravel()[at] = np.rint(255 * share).astype(np.uint8)
        under.ravel()[at] = paint
        return under


def _two_nearest(
    label: NDArray[np.int32], is_flat: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The labels of the flat nearest to every pixel and of the nearest other one, `[H, W]` each.

    They are the same where no other lies within the width of a rim.
    """
    reach = max(3.0, _RIM_PX_AT_540 * label.shape[0] / _AT_HEIGHT)
    shape = label.shape
    first, second = np.zeros(shape, np.int32), np.full(shape, -1, np.int32)
    least, next_least = np.full(shape, np.inf, np.float32), np.full(shape, reach, np.float32)
    for number in np.unique(label[is_flat]).tolist():
        outside = (~(is_flat & (label == number))).astype(np.uint8)
        away = np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, 5), np.float32)
        is_first = away < least
        is_second = ~is_first & (away < next_least)
        passed = is_first & (least < reach)
        second[passed], next_least[passed] = first[passed], least[passed]
        second[is_second], next_least[is_second] = number, away[is_second]
        first[is_first], least[is_first] = number, away[is_first]
    return first, np.where(second < 0, first, second)


def _project(
    pixel: NDArray[np.float32], start: NDArray[np.float32], end: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far along `start`..`end` each color lies, 0..1, and how far off that line."""
    way = end - start
    along = ((pixel - start) * way).sum(-1) / np.maximum((way * way).sum(-1), 1)
    along = along.clip(0, 1).astype(np.float32)
    return along, np.linalg.norm(pixel - start - along[:, None] * way, axis=-1).astype(np.float32)


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Lab of RGB colors `[n, 3]`."""
    planes = (rgb[None].astype(np.float32)) / 255
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_RGB2LAB), np.float32)[0]


def _is_inside(label: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where a pixel and its eight neighbors have one label, `[H, W]`."""
    kernel = np.ones((3, 3), np.uint8)
    plane = label.astype(np.float32)
    return np.asarray(cv2.erode(plane, kernel) == cv2.dilate(plane, kernel))


def _drop_specks(is_flat: NDArray[np.bool_], label: NDArray[np.int32]) -> None:
    """Takes small islands out of `is_flat`, in place: what lies around them goes on there."""
    least = max(1, round(_SPECK_PX_AT_540 * (label.shape[0] / _AT_HEIGHT) ** 2))
    for number in np.unique(label[is_flat]).tolist():
        mask = (is_flat & (label == number)).astype(np.uint8)
        _, islands, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        is_small = np.asarray(facts)[:, cv2.CC_STAT_AREA] < least
        is_small[0] = False
        is_flat[is_small[np.asarray(islands)]] = False
