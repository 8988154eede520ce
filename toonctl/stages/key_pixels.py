"""A key as it shows, with its line layer: what inbetweens are drawn from and what is delivered of the key."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, Pixels, Size
from toonctl.formats.compositing import blend_over
from toonctl.stages.lines import lines_on_top
from toonctl.stages.show import flattened

_SAME_INK = 24
"""Levels by which the ink in a picture may differ from the line layer that it was flattened with."""
_MOSTLY = 0.9
_SOLID = 0.9
"""Share of the fullest coverage from which a pixel of a line is its solid middle."""


@dataclass(frozen=True, slots=True)
class KeyPixels:
    """A key, RGBA `[H, W, 4]`: the whole `picture`, and its `line` and `paint` where they lie apart."""

    picture: Pixels
    line: Pixels | None
    paint: Pixels | None


def key_pixels(cel: CelPixels, size: Size, *, is_binary: bool = False) -> KeyPixels:
    """The key of `size` (width, height) that `cel` shows; `is_binary` makes the edges of its lines hard.

    Lines that the painted picture has already are not laid over it again. A key of lines alone keeps its
    colored trace lines.
    """
    has_paint = bool(cel.paint)
    line = lines_on_top(cel, is_binary=is_binary, keep_trace=not has_paint)
    paint = flattened(CelPixels(None, None, cel.paint), size) if has_paint else None
    if line is None or paint is None:
        nothing = np.zeros((size[1], size[0], 4), np.uint8)
        picture = paint if paint is not None else line if line is not None else nothing
        return KeyPixels(picture, line, None)
    if _has_lines(paint, line):
        return KeyPixels(paint, line, paint)
    return KeyPixels(blend_over(paint, line), line, paint)


def pixel_digest(key: KeyPixels) -> str:
    """SHA-256, hex, of how a drawing shows and of its lines: equal for equal drawings in any files."""
    digest = hashlib.sha256()
    for plane in (key.picture, key.line):
        if plane is not None:
            digest.update(np.where(plane[..., 3:] > 0, plane, 0).astype(np.uint8).tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def _has_lines(paint: Pixels, line: Pixels) -> bool:
    """Whether the painted picture shows the solid part of the lines already."""
    coverage = line[..., 3]
    solid = coverage >= max(1, _SOLID * int(coverage.max(initial=0)))
    if not solid.any():
        return False
    shown, wanted = (_on_white(plane[solid]) for plane in (paint, line))
    return float((np.abs(shown - wanted).max(-1) <= _SAME_INK).mean()) >= _MOSTLY


def _on_white(pixels: Pixels) -> NDArray[np.int32]:
    """RGB `[n, 3]` of RGBA `[n, 4]` laid over white."""
    alpha = pixels[:, 3:].astype(np.int32)
    return 255 - ((255 - pixels[:, :3].astype(np.int32)) * alpha + 127) // 255
