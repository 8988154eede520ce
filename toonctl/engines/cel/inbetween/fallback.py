"""Whole frames without regions: the nearer key held, or its pixels carried by optical flow. Never a blend."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Between, FellBack, Pixels
from toonctl.engines.base import DrawnInbetween, KeyPicture

_FLOW_HEIGHT = 270


def hold(between: Between, key: KeyPicture, why: str) -> DrawnInbetween:
    """The key as it is; `why` is empty where that is the right answer, as between two equal keys."""
    height, width = key.picture.shape[:2]
    fell = (FellBack("frame", why, (0, 0, width, height)),) if why else ()
    return DrawnInbetween(
        between.layer, between.name, key.picture, _paint_of(key), key.line, fell, is_flat=True
    )


def carry(between: Between, nearer: KeyPicture, flow: NDArray[np.float32], why: str) -> DrawnInbetween:
    """The nearer key's pixels moved along `flow` `[H, W, 2]` (see `flow_from_to`), winner takes all.

    `why` goes to the manifest.
    """
    height, width = nearer.picture.shape[:2]
    share = between.time if between.time < 0.5 else 1 - between.time
    paint = _paint_of(nearer)
    return DrawnInbetween(
        between.layer,
        between.name,
        carried(nearer.picture, flow, share),
        None if paint is None else carried(paint, flow, share),
        None if nearer.line is None else carried(nearer.line, flow, share),
        (FellBack("frame", why, (0, 0, width, height)),),
    )


def carried(picture: Pixels, flow: NDArray[np.float32], share: float = 1.0) -> Pixels:
    """`picture` when `share` of `flow` is done. Whole pixels are taken: every color stays one of its own."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    at = (x - share * flow[..., 0], y - share * flow[..., 1])
    return np.asarray(cv2.remap(picture, *at, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def unlike(picture: Pixels, other: Pixels) -> float:
    """The share of pixels in which two RGBA pictures `[H, W, 4]` differ, 0..1."""
    return float((picture.view(np.uint32) != other.view(np.uint32)).mean())


def flow_from_to(source: Pixels, target: Pixels) -> NDArray[np.float32]:
    """Displacement in pixels of every pixel of `source` toward `target`, both RGBA, float32 `[H, W, 2]`."""
    height, width = source.shape[:2]
    scale = min(1.0, _FLOW_HEIGHT / height)
    small = [
        _gray(cv2.resize(p, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)) for p in (source, target)
    ]
    engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = engine.calc(small[0], small[1], np.zeros((*small[0].shape, 2), np.float32))
    return np.asarray(cv2.resize(flow, (width, height)) / np.float32(scale), np.float32)


def _gray(rgba: NDArray[np.generic]) -> Pixels:
    pixels = np.asarray(rgba).astype(np.float32)
    alpha = pixels[..., 3:] / 255
    return ((pixels[..., :3] * alpha + 255 * (1 - alpha)) @ np.array([0.3, 0.59, 0.11], np.float32)).astype(
        np.uint8
    )


def _paint_of(key: KeyPicture) -> Pixels | None:
    """What lies under the key's line layer, as the flat picture tells; None without a line layer."""
    if key.line is None:
        return None
    paint = key.picture.copy()
    covered = key.line[..., 3] > 0
    free = (~covered).astype(np.uint8)
    if not free.any():
        return np.zeros_like(paint)
    found = cv2.distanceTransformWithLabels(1 - free, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.asarray(found[1], np.int32)
    source = np.zeros((int(nearest.max()) + 1, 4), np.uint8)
    source[nearest[free > 0]] = paint[free > 0]
    paint[covered] = source[nearest[covered]]
    return paint
