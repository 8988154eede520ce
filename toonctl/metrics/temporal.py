"""Over time: flicker, drift, and how the low and the high frequencies of the error grow.

Every measure sees one frame after the other and keeps at most the one before.
"""

from collections.abc import Sequence
from functools import cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.metrics.pixel import psnr_of

LOW_BAND = 0.125
"""Cycles per pixel up to which a frequency is low: a quarter of what a picture can hold."""

DECAY_FRAMES = 14
_DRIFT_PART = 6
_CALM = 8  # levels


class Flicker:
    """The share of pixels that change although the truth stands still, frame by frame.

    Still: the true color moves by no more than 8 levels in any channel from the frame before; changed: the
    picture's moves by more. Memory is one frame of each.
    """

    def __init__(self) -> None:
        self._before: tuple[Pixels, Pixels] | None = None

    def take(self, picture: Pixels, truth: Pixels) -> float | None:
        """The share at this frame, 0..1, of RGB `[H, W, 3]`; None at the first, or if nothing is still."""
        before, self._before = self._before, (picture, truth)
        if before is None:
            return None
        still = _apart(truth, before[1]) <= _CALM
        n_still = int(still.sum())
        if not n_still:
            return None
        changed = _apart(picture, before[0]) > _CALM
        return float((changed & still).sum()) / n_still


def drift(values: Sequence[float | None]) -> float | None:
    """The mean over the last sixth of the frames minus that over the first sixth.

    Of 300 frames: the last 50 against the first 50. None when either has no value, or under 12 frames.
    """
    n = len(values) // _DRIFT_PART
    early = [value for value in values[:n] if value is not None]
    late = [value for value in values[len(values) - n :] if value is not None]
    if n < 2 or not early or not late:
        return None
    return float(np.mean(late) - np.mean(early))


def band_psnr(picture: Pixels, truth: Pixels) -> tuple[float, float]:
    """PSNR in dB of the low and of the high frequencies, each at most `PSNR_CAP` of `metrics.pixel`.

    LongAnimation, Fig. 8: the 2-D Fourier transform split in two bands. The paper leaves the cut open; here
    it is `LOW_BAND` cycles per pixel, a circle. The transform is linear, so a band's error is the band of the
    error, and by Parseval the two squared errors add up to the whole. RGB uint8 `[H, W, 3]`.
    """
    from scipy import fft  # slow to load, and needed by this alone

    height, width = truth.shape[:2]
    weight, is_low = _bands(height, width)
    low = all_of_it = 0.0
    for ours, theirs in zip(cv2.split(picture), cv2.split(truth), strict=True):
        error = (ours.astype(np.float32) - theirs) / np.float32(255)
        spectrum = cast(NDArray[np.complex64], fft.rfft2(error))
        power = (spectrum.real**2 + spectrum.imag**2) * weight
        low += float(power[is_low].sum(dtype=np.float64))
        all_of_it += float(power.sum(dtype=np.float64))
    n = 3 * float(height * width) ** 2
    return psnr_of(low / n), psnr_of(max(0.0, all_of_it - low) / n)


def decay(values: Sequence[float], first_frames: int = DECAY_FRAMES) -> float | None:
    """How much of the first frames' PSNR is lost over the whole shot: (P_14 - P_n) / P_14.

    LongAnimation, Fig. 8; P_k is the mean over the first k frames. None for a shot no longer than
    `first_frames`.
    """
    if len(values) <= first_frames:
        return None
    early = float(np.mean(values[:first_frames]))
    return (early - float(np.mean(values))) / early if early else None


def _apart(picture: Pixels, other: Pixels) -> Pixels:
    """By how many levels the worst channel differs, `[H, W]`."""
    red, green, blue = cv2.split(cv2.absdiff(picture, other))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


@cache
def _bands(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """How often each frequency of a half spectrum counts in the whole one, and whether it is low."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    weight = np.full(radius.shape, 2, np.float32)
    weight[:, 0] = 1
    if width % 2 == 0:
        weight[:, -1] = 1
    return weight, radius <= LOW_BAND
