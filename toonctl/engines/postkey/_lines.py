"""The lines that a sketch is colored by: cleaned, completed in its free areas, moved as its neighbors say."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import ColorModel, LineFrame, Pixels
from toonctl.engines.base import KeyPicture, SketchPicture
from toonctl.engines.postkey._cleaning import draw_strokes, read_strokes

_REACH_PX = 24.0
"""How far, at 540 lines, lines may be moved towards where their neighbors have them."""
_NEAR_PX = 10.0  # within which a line feels another
_SOFT = 16  # coverage from which the soft edge of a line tints a pixel
_DARK = 64
"""Brightest channel of what counts as a line in a key that has no line layer."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How sketches are cleaned: `auto`, `clean` (not at all) or `rough`; `width_px` of lines drawn again."""

    kind: str
    width_px: float


@dataclass(frozen=True, slots=True)
class CleanSketch:
    """The lines of a sketch as they are to be colored by, and its matte where it has one.

    `given` is the color-model index uint16 `[H, W]` that the neighbors show, None before they were asked.
    """

    lines: LineFrame
    free: Pixels | None
    given: NDArray[np.uint16] | None = None


def clean_sketch(sketch: SketchPicture, cleaning: Cleaning) -> CleanSketch:
    """The sketch with its lines as they are when it is clean, else drawn again at one width.

    What lies in its free area does not count; a matte without white is none.
    """
    free = sketch.free if sketch.free is not None and (sketch.free >= 128).any() else None
    ink, trace = sketch.lines.ink, sketch.lines.trace
    if free is not None:
        ink, trace = (np.where(free >= 128, 0, plane).astype(np.uint8) for plane in (ink, trace))
    if cleaning.kind != "clean":
        strokes = read_strokes(ink)
        if cleaning.kind == "rough" or strokes.is_rough:
            ink = draw_strokes(strokes.middle, cleaning.width_px)
            trace = np.zeros_like(ink)
    return CleanSketch(LineFrame(ink, trace), free)


def completed(sketch: CleanSketch, around: KeyPicture, model: ColorModel) -> CleanSketch:
    """The sketch with lines and colors of the neighbors (`around`) in its free area."""
    if sketch.free is None:
        return sketch
    is_free = sketch.free >= 128
    ink = np.where(is_free, line_of(around), sketch.lines.ink).astype(np.uint8)
    lines = LineFrame(ink, np.where(is_free, 0, sketch.lines.trace).astype(np.uint8))
    return CleanSketch(lines, sketch.free, _index_of(around, model))


def _index_of(key: KeyPicture, model: ColorModel) -> NDArray[np.uint16]:
    """The nearest color-model entry of every pixel of a key, `[H, W]`; under its lines that of the side."""
    words = np.ascontiguousarray(key.picture).view(np.uint32)[..., 0]
    shown, place = np.unique(words, return_inverse=True)
    colors = shown.view(np.uint8).reshape(-1, 4).astype(np.int32)
    nearest = np.empty(len(colors), np.uint16)
    for start in range(0, len(colors), 1024):
        apart = colors[start : start + 1024, None] - model.colors[None].astype(np.int32)
        nearest[start : start + 1024] = (apart**2).sum(-1).argmin(1)
    index = nearest[place].reshape(words.shape)
    is_line = line_of(key) >= _SOFT
    if is_line.any() and not is_line.all():
        labeled = cv2.distanceTransformWithLabels(
            is_line.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        sides = np.asarray(labeled[1], np.int32)
        color = np.zeros(int(sides.max()) + 1, np.uint16)
        color[sides[~is_line]] = index[~is_line]
        index = color[sides]
    return index


def moved(lines: LineFrame, around: KeyPicture, share: float) -> LineFrame:
    """`lines` moved `share` 0..1 of the way to where the neighbors (`around`) have them.

    Dense inverse search flow between distance images, smoothed; lines with no counterpart near stay.
    """
    wanted = line_of(around)
    if share <= 0 or not wanted.any() or not lines.ink.any():
        return lines
    unit = lines.ink.shape[0] / 540
    target, source = (_nearness(ink, unit) for ink in (wanted, lines.ink))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = np.asarray(search.calc(target, source, np.zeros((*target.shape, 2), np.float32)), np.float32)
    weight = np.minimum(target, source).astype(np.float32) / 255
    sigma = 8 * unit
    total = cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-3
    smooth = np.stack([cv2.GaussianBlur(flow[..., c] * weight, (0, 0), sigma) / total for c in (0, 1)], -1)
    length = np.hypot(smooth[..., 0], smooth[..., 1])
    smooth *= (share * np.minimum(1, _REACH_PX * unit / np.maximum(length, 1e-6)))[..., None]
    height, width = lines.ink.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    at_x, at_y = columns + smooth[..., 0], rows + smooth[..., 1]
    ink, trace = (
        np.asarray(cv2.remap(plane, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        for plane in (lines.ink, lines.trace)
    )
    return LineFrame(ink, trace)


def line_of(key: KeyPicture) -> Pixels:
    """The coverage of a key's lines `[H, W]`: its line layer, or what is near black in it."""
    if key.line is not None:
        return key.line[..., 3]
    return np.where(key.picture[..., :3].max(-1) < _DARK, key.picture[..., 3], 0).astype(np.uint8)


def _nearness(ink: Pixels, unit: float) -> NDArray[np.uint8]:
    """How near the next line is, 255 on it, 0 from some way off: what flow can follow."""
    away = cv2.distanceTransform((ink < 128).view(np.uint8), cv2.DIST_L2, 3)
    return np.clip(255 * (1 - away / (_NEAR_PX * unit * 2)), 0, 255).astype(np.uint8)
