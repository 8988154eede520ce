"""How good a middle frame is against the true one between two keys.

All in the figures' box: what differs from the ground (the truth's commonest color) in the truth or a key.
Chamfer: `toonctl.metrics.line`, lines found in the finished pictures alike. Off-palette: pixels further than
8 levels from every color the keys are painted with, minus the same of the truth: negative is cleaner than the
truth's own line rims. Wrong color: of the truth's figure pixels clear of lines, those off by more than 8
levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from toonctl.core.types import Pixels
from toonctl.metrics.color import (
    OFF_PALETTE,
    Mask,
    Palette,
    clear_of_lines,
    color_codes,
    colors_of,
    flat_colors,
    right_share,
)
from toonctl.metrics.line import drawn_lines, line_chamfer
from toonctl.metrics.pixel import ssim

_RIM_PX = 8
_LEAST_PX = 24


@dataclass(frozen=True, slots=True)
class Judged:
    """The figures of one middle frame; shares 0..1, `wrong` None when no figure pixel is clear of lines."""

    chamfer: float
    off_palette: float
    ssim: float
    wrong: float | None


class Judge:
    """Judges pictures of one moment, RGB `[H, W, 3]`, against the truth; `coverage` are its true lines."""

    def __init__(self, truth: Pixels, coverage: Pixels, keys: Sequence[Pixels]) -> None:
        self._ground = _ground(truth)
        is_figure = np.any([_apart(each, self._ground) for each in (truth, *keys)], axis=0)
        self.box = _box_of(is_figure)
        self._truth = truth[self.box]
        self._lines = drawn_lines(truth)[self.box]
        self._clear = (clear_of_lines(coverage) & _apart(truth, self._ground))[self.box]
        painted = [flat_colors(key) for key in keys]
        self._palette = Palette(np.concatenate([*painted, self._ground[None]]))
        self._true_share = self._palette.share_outside(self._truth)

    def judge(self, picture: Pixels) -> Judged:
        """The figures of one contestant's picture."""
        inside = np.ascontiguousarray(picture[self.box])
        right = right_share(inside, self._truth, self._clear, reach=OFF_PALETTE)
        return Judged(
            chamfer=_scaled_chamfer(drawn_lines(picture)[self.box], self._lines, picture.shape[0]),
            off_palette=self._palette.share_outside(inside) - self._true_share,
            ssim=ssim(inside, np.ascontiguousarray(self._truth)),
            wrong=None if right is None else 1 - right,
        )


def _scaled_chamfer(lines: Mask, true_lines: Mask, height: int) -> float:
    """`line_chamfer` of a cut-out from a picture of `height` lines."""
    return line_chamfer(lines, true_lines) * lines.shape[0] / height


def _ground(picture: Pixels) -> Pixels:
    codes, counts = np.unique(color_codes(picture), return_counts=True)
    return colors_of(codes[counts.argmax()])


def _apart(picture: Pixels, color: Pixels) -> Mask:
    """Where a picture is another color, by more than 8 levels."""
    return np.abs(picture.astype(np.int16) - color).max(-1) > OFF_PALETTE


def _box_of(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns around what `mask` says, with a rim; the whole picture when that is little."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    if min(width, height) < _LEAST_PX:
        return slice(None), slice(None)
    rows = slice(max(0, y - _RIM_PX), y + height + _RIM_PX)
    return rows, slice(max(0, x - _RIM_PX), x + width + _RIM_PX)
