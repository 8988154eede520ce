"""The lines of a sketch as it came from the drawing board, and what makes a picture no sketch."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, LineFrame, Pixels
from toonctl.stages.lines import line_frame

_CLEAN_PAPER = 12
"""Darkness up to which paper counts as white."""
_DARK = 128
_FAINT = 24
_MOST_INK = 0.5
_TONE_AT_540 = 8
_AT_HEIGHT = 540
_MOST_TONE = 0.01


@dataclass(frozen=True, slots=True)
class SketchFault:
    """What is odd about a sketch, and whether nothing can be made of it."""

    what: str
    hint: str
    is_fatal: bool


def sketch_frame(cel: CelPixels) -> LineFrame:
    """The lines of a sketch; gray paper, as scanners and photographs give it, is taken for white."""
    lines = line_frame(cel)
    paper = int(np.bincount(lines.ink.ravel(), minlength=256).argmax())
    if not _CLEAN_PAPER < paper < _DARK:
        return lines
    # As far as paper is lighter than the most of it, so far it is darker elsewhere.
    lightest = int(np.percentile(lines.ink[lines.ink <= paper], 1))
    white = min(2 * paper - lightest + 2, 254)
    levels = np.arange(256)
    table = np.clip((levels - white) * 255 / (255 - white), 0, 255).round().astype(np.uint8)
    return replace(lines, ink=np.maximum(table[lines.ink], lines.trace))


def sketch_fault(lines: LineFrame, *, has_matte: bool) -> SketchFault | None:
    """What is odd about a sketch of these lines; with a matte it need not have any."""
    if float((lines.ink >= _DARK).mean()) > _MOST_INK:
        hint = "a sketch has dark lines on light or clear paper: invert the picture"
        return SketchFault("is dark nearly all over", hint, is_fatal=True)
    if not has_matte and not (lines.ink >= _FAINT).any():
        hint = "its frame becomes an empty picture; leave the sketch out, or give it a `region`"
        return SketchFault("has no line", hint, is_fatal=False)
    if float(_tone(lines).mean()) > _MOST_TONE:
        hint = "what is painted or toned counts as line; give the lines alone"
        return SketchFault("has areas and not only lines", hint, is_fatal=False)
    return None


def _tone(lines: LineFrame) -> NDArray[np.bool_]:
    """What is neither paper nor black over more than the width of a stroke, `[H, W]`."""
    import cv2

    is_gray = (lines.ink >= _FAINT) & (lines.ink < 255 - _FAINT)
    mask: Pixels = (is_gray | (lines.trace > 0)).view(np.uint8)
    side = 1 + 2 * max(3, round(_TONE_AT_540 * mask.shape[0] / _AT_HEIGHT))
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)).astype(bool)
