"""Figures for packing, with soft edges of known coverage."""

import cv2
import numpy as np

from toonctl.core.types import Pixels

RED, BLUE, INK, CREAM = (200, 60, 50), (60, 90, 160), (20, 16, 24), (250, 246, 236)
SIZE = (144, 96)
_FINE = 8


def coverage(center: tuple[float, float], radius: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    """How much of every pixel a disc covers, 0..1 float."""
    width, height = size
    fine = np.zeros((height * _FINE, width * _FINE), np.uint8)
    at = tuple(round((c + 0.5) * _FINE * 16) for c in center)
    cv2.circle(fine, at, round(radius * _FINE * 16), 255, -1, cv2.LINE_8, 4)
    return cv2.resize(fine, size, interpolation=cv2.INTER_AREA) / 255


def disc(
    center: tuple[float, float],
    radius: float,
    color: tuple[int, int, int],
    *,
    line_px: float = 0.0,
    size: tuple[int, int] = SIZE,
) -> Pixels:
    """A disc, RGBA straight, with an outline of `line_px` inside its rim."""
    outer = coverage(center, radius, size)
    share = np.zeros_like(outer)
    if line_px:
        inner = coverage(center, radius - line_px, size)
        share = 1 - np.divide(inner, outer, out=np.zeros_like(outer), where=outer > 0)
    rgb = np.array(color) * (1 - share[..., None]) + np.array(INK) * share[..., None]
    rgba = np.dstack([rgb, 255 * outer])
    rgba[outer == 0] = 0
    return np.rint(rgba).astype(np.uint8)


def on(rgba: Pixels, ground: tuple[int, int, int]) -> np.ndarray:
    """The picture over a color, float."""
    alpha = rgba[..., 3:] / 255
    return rgba[..., :3] * alpha + np.array(ground) * (1 - alpha)
