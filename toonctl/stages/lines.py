"""A drawing's lines as the region code wants them, and as they are laid on top of the paint."""

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, LineFrame, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import line_coverage

_BLACK = 64
"""Brightest channel of what counts as a drawn line in a painted picture that has no line layer."""

_AREA_SHARE = 1 / 30
"""Side of a square of black that is in no line, as a share of the picture's height (18 px at 540 lines)."""


def line_frame(cel: CelPixels) -> LineFrame:
    """The coverage of a drawing's lines; black lines and trace lines both separate regions."""
    planes = [plane for plane in (cel.line, cel.trace) if plane is not None]
    if not planes:
        return painted_lines(cel)
    ink = line_coverage(planes[0])
    trace = np.zeros_like(ink) if cel.trace is None else line_coverage(cel.trace)
    return LineFrame(np.maximum(ink, trace), trace)


def painted_lines(cel: CelPixels) -> LineFrame:
    """The lines in a painted picture that has no layer of them: what tells its regions apart.

    Those are its near-black pixels. Where it has near-black paint too, dark hair for one, they are the colors
    that are too thin to be areas, and their soft rims. Flats that meet without a line, as shadows do, have a
    trace line between them.
    """
    import cv2

    from toonctl.regions.flats import flats_of

    rgba = cel.paint[0].rgba
    flats = flats_of(rgba)
    coverage = np.where(rgba[..., :3].max(-1) < _BLACK, rgba[..., 3], 0).astype(np.uint8)
    side = 2 * round(rgba.shape[0] * _AREA_SHARE / 2) + 1
    if cv2.erode((coverage >= 128).view(np.uint8), np.ones((side, side), np.uint8), borderValue=0).any():
        coverage = flats.coverage
    meet = np.zeros(coverage.shape, bool)
    meet[:, :-1] |= flats.index[:, :-1] != flats.index[:, 1:]
    meet[:-1] |= flats.index[:-1] != flats.index[1:]
    # The soft rim of a line is a flat of its own to nobody.
    near = cv2.dilate((coverage >= 64).view(np.uint8), np.ones((3, 3), np.uint8))
    trace = np.where(meet & (near == 0), 255, 0).astype(np.uint8)
    return LineFrame(np.maximum(coverage, trace), trace)


def off_lines(ink: Pixels) -> NDArray[np.bool_]:
    """Where neither a line of coverage `ink` `[H, W]` nor its soft rim is."""
    import cv2

    return cv2.dilate((ink > 0).view(np.uint8), np.ones((5, 5), np.uint8)) == 0


def ink_color(cel: CelPixels, frame: LineFrame) -> tuple[int, int, int] | None:
    """The RGB of a painted drawing's lines, whose coverage is in `frame`; None when it has none."""
    plane = cel.line if cel.line is not None else cel.paint[0].rgba
    middle = plane[(frame.ink >= 200) & (frame.trace == 0) & (plane[..., 3] >= 200)][:, :3]
    if not len(middle):
        return None
    if cel.line is None:
        # Of inks of two colors the median would be neither.
        colors, counts = np.unique(middle, axis=0, return_counts=True)
        red, green, blue = colors[counts.argmax()].tolist()
    else:
        red, green, blue = np.median(middle, axis=0).astype(int).tolist()
    return red, green, blue


def lines_on_top(cel: CelPixels, *, is_binary: bool, keep_trace: bool) -> Pixels | None:
    """The lines of the finished drawing, RGBA `[H, W, 4]`: the artist's own pixels, trace lines only if kept.

    `is_binary` makes soft edges hard at half coverage.
    """
    line = cel.line
    if keep_trace and cel.trace is not None:
        line = cel.trace if line is None else blend_over(cel.trace, line)
    if line is None or not is_binary:
        return line
    hard = line.copy()
    hard[..., 3] = np.where(line[..., 3] >= 128, 255, 0)
    return hard
