"""A drawing's lines as the region code wants them, and as they are laid on top of the paint."""

import numpy as np

from toonctl.core.types import CelPixels, LineFrame, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import line_coverage

_BLACK = 64
"""Brightest channel of what counts as a drawn line in a painted picture that has no line layer."""


def line_frame(cel: CelPixels) -> LineFrame:
    """The coverage of a drawing's lines; black lines and trace lines both separate regions."""
    planes = [plane for plane in (cel.line, cel.trace) if plane is not None]
    if not planes:
        return painted_lines(cel)
    ink = line_coverage(planes[0])
    trace = np.zeros_like(ink) if cel.trace is None else line_coverage(cel.trace)
    return LineFrame(np.maximum(ink, trace), trace)


def painted_lines(cel: CelPixels) -> LineFrame:
    """The near-black pixels of a painted picture: what tells its regions apart without line art."""
    rgba = cel.paint[0].rgba
    darkness = np.where(rgba[..., :3].max(-1) < _BLACK, rgba[..., 3], 0).astype(np.uint8)
    return LineFrame(darkness, np.zeros_like(darkness))


def ink_color(cel: CelPixels, frame: LineFrame) -> tuple[int, int, int] | None:
    """The RGB of a painted drawing's black lines, whose coverage is in `frame`; None when it has none."""
    plane = cel.line if cel.line is not None else cel.paint[0].rgba
    middle = plane[(frame.ink >= 200) & (frame.trace == 0) & (plane[..., 3] >= 200)]
    if not len(middle):
        return None
    red, green, blue = np.median(middle[:, :3], axis=0).astype(int).tolist()
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
