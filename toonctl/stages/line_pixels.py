"""Line art told apart: black outlines, which stay, and color-trace lines, which vanish into paint.

Saturation here is chroma over darkness, `(max - min) / (255 - min)`: what HSV calls saturation would make a
trace line of every stray bit of color in black, and this measure is the same for the soft edge of a stroke as
for its middle. Trace lines lie within 25 degrees of red, green or blue and have a saturation over 0.5
(production.md 1.3).
"""

import numpy as np

from toonctl.core.types import Pixels

_PAPER = 12  # darkness up to which a pixel is paper: scans and JPEG neighbors are not pure white
_LEAST_CHROMA = 12
_HUE_SHARE = 25 / 60  # of the way from a primary color to the next mixed one


def black_lines(coverage: Pixels) -> Pixels:
    """Black with `coverage` as alpha, RGBA `[H, W, 4]`."""
    rgba = np.zeros((*coverage.shape, 4), np.uint8)
    rgba[..., 3] = coverage
    return rgba


def split_lines(rgba: Pixels) -> tuple[Pixels, Pixels | None]:
    """Outlines and trace lines of line art `[H, W, 4]`, each RGBA; None when there are no trace lines.

    Opaque art is ink on paper: outlines become black with alpha by darkness, trace lines the pure color they
    were painted with. Art with transparency keeps its pixels, less the paper in it.
    """
    import cv2

    red, green, blue, alpha = cv2.split(rgba)
    brightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    chroma = cv2.subtract(brightest, darkest)
    is_opaque = rgba.size > 0 and int(alpha.min()) == 255
    if is_opaque:
        line = black_lines(cv2.bitwise_not(darkest).astype(np.uint8, copy=False))
    else:
        line = rgba.copy()
        line[..., 3] = np.where(darkest >= 255 - _PAPER, 0, alpha)
    colored = np.flatnonzero((chroma > _LEAST_CHROMA).astype(bool) & (line[..., 3] > 0))
    if not len(colored):
        return line, None
    inks = rgba.reshape(-1, 4)[colored]
    is_trace = _is_trace(inks[:, :3])
    if not is_trace.any():
        return line, None
    places, inks = colored[is_trace], inks[is_trace]
    if is_opaque:
        inks = _off_paper(inks)
    trace = np.zeros_like(rgba)
    trace.reshape(-1, 4)[places] = inks
    line.reshape(-1, 4)[places] = 0
    return line, trace


def _is_trace(rgb: Pixels) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    low, middle, high = np.sort(rgb.astype(np.int32), axis=1).T
    return (2 * (high - low) > 255 - low) & (middle - low <= _HUE_SHARE * (high - low))


def _off_paper(inks: Pixels) -> Pixels:
    """The strokes `[n, 4]` that, laid over white, give the opaque colors of `inks`."""
    darkness = 255 - inks[:, :3].astype(np.int32)
    coverage = darkness.max(axis=1, keepdims=True)
    colors = 255 - (darkness * 255 + coverage // 2) // coverage
    return np.concatenate((colors, coverage), axis=1).astype(np.uint8)
