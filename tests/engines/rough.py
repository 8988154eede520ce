"""A clean line drawing made rough: strokes drawn several times over, broken, in soft pencil."""

import cv2
import numpy as np

from toonctl.core.types import Pixels


def roughened(ink: Pixels, *, strokes: int = 3, breaks: int = 20, seed: int = 0) -> Pixels:
    """Coverage `[H, W]` of what someone in a hurry draws instead of `ink`; strokes wander by some pixels."""
    chance = np.random.default_rng(seed)
    height, width = ink.shape
    unit = height / 540
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    places = np.argwhere(ink > 128)
    drawn = np.zeros((height, width), np.float32)
    for _ in range(strokes):
        noise = chance.normal(size=(height, width, 2)).astype(np.float32)
        wander = cv2.GaussianBlur(noise, (0, 0), 30 * unit)
        wander *= 4.0 * unit / np.abs(wander).max()
        stroke = cv2.remap(
            ink.astype(np.float32), columns + wander[..., 0], rows + wander[..., 1], cv2.INTER_LINEAR
        )
        gaps = np.zeros((height, width), np.uint8)
        for y, x in places[chance.integers(0, len(places), breaks)]:
            cv2.circle(gaps, (int(x), int(y)), max(1, round(chance.uniform(2, 4) * unit)), 1, -1)
        stroke[gaps > 0] = 0
        drawn = np.maximum(drawn, stroke * chance.uniform(0.6, 0.9))
    grain = cv2.GaussianBlur(chance.random((height, width)).astype(np.float32), (0, 0), 1.0)
    return np.clip(drawn * (0.8 + 0.2 * grain), 0, 255).astype(np.uint8)
