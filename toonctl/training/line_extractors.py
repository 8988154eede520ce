"""Sketches taken from finished frames, by several rules of our own, so that no one hand is learned by heart.

Every extractor takes a picture `[H, W, 3]` 8-bit sRGB and gives lines `[H, W]` 8-bit, dark on white 255.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Lines = NDArray[np.uint8]

_PAPER = 255


def ink_lines(picture: Picture) -> Lines:
    """Dark strokes narrower than about a hundredth of the height: the drawn line art itself (black hat)."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    side = max(3, 2 * (picture.shape[0] // 120) + 3)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    hat = cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, kernel).astype(np.float32)
    return _inverted(hat / max(32.0, float(hat.max())) * 255)


def color_borders(picture: Picture) -> Lines:
    """One-pixel borders wherever the color changes clearly, inked or not (CIELAB, morphological gradient)."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    step = np.zeros(picture.shape[:2], np.float32)
    step[:, :-1] = np.linalg.norm(lab[:, 1:] - lab[:, :-1], axis=-1)
    step[:-1] = np.maximum(step[:-1], np.linalg.norm(lab[1:] - lab[:-1], axis=-1))
    return _inverted((step > 10) * 255.0)


def canny_edges(picture: Picture) -> Lines:
    """Canny edges (IEEE PAMI 8, 1986) of the smoothed picture, thresholds around its median brightness."""
    gray = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    middle = float(np.median(gray))
    return _inverted(cv2.Canny(gray, 0.4 * middle, max(40.0, 0.9 * middle)).astype(np.float32))


def soft_pencil(picture: Picture) -> Lines:
    """Grey pencil: the picture divided by its blurred self, so that flats vanish and edges stay."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    blurred = cv2.GaussianBlur(gray, (0, 0), max(1.5, picture.shape[0] / 200))
    return np.clip(255 * (gray + 1) / (blurred + 1), 0, 255).astype(np.uint8)


def xdog_lines(picture: Picture) -> Lines:
    """Rough brush: extended difference of Gaussians, soft threshold (Winnemöller et al., 2012, eq. 7)."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    narrow, wide = (cv2.GaussianBlur(gray, (0, 0), sigma) for sigma in (0.8, 1.28))
    sharp = 20 * (narrow - wide) + narrow
    toned = np.where(sharp >= 0.35, 1.0, 1.0 + np.tanh(8.0 * (sharp - 0.35)))
    # Dark paint is no line: what stays dark far from any edge is lifted back to paper.
    edge = np.abs(narrow - wide) > 0.004
    near = cv2.dilate(edge.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(near, 255 * toned, _PAPER).astype(np.uint8)


EXTRACTORS: Mapping[str, Callable[[Picture], Lines]] = {
    "ink": ink_lines,
    "borders": color_borders,
    "canny": canny_edges,
    "pencil": soft_pencil,
    "xdog": xdog_lines,
}
"""By the name a recipe uses."""


def _inverted(strength: NDArray[np.float32]) -> Lines:
    return (255 - np.clip(strength, 0, 255)).astype(np.uint8)
