"""Pixel by pixel against the truth: PSNR, SSIM, MS-SSIM, on 8-bit values 0..255.

Pictures are uint8 `[H, W]` or `[H, W, C]` of equal shape; channels count alike.
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels

PSNR_CAP = 100.0
"""What equal pictures get, in dB, and nothing gets more: a mean over frames must stay finite."""

SSIM_LEAST_PX = 11
MS_SSIM_LEAST_PX = 176
"""The shorter side a picture needs: at the coarsest of five scales the window must still fit."""

_SIGMA, _REACH = 1.5, 5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, fine to coarse: Wang et al. 2003
_BAND = 64  # rows done together: what they need fits the processor's cache
_MIDDLE = 127.5  # taken off before squaring, so that single precision suffices

_Plane = NDArray[np.float32]


def psnr(picture: Pixels, truth: Pixels) -> float:
    """Peak signal to noise in dB, at most `PSNR_CAP`: 10 log10(255^2 / MSE).

    MSE is the mean over all pixels and channels. Raises: ValueError when the shapes differ.
    """
    _check(picture, truth, 1)
    squared = cv2.norm(picture, truth, cv2.NORM_L2SQR)
    return psnr_of(squared / picture.size / 255**2)


def psnr_of(mean_squared: float) -> float:
    """PSNR in dB for a mean squared error of values in 0..1, at most `PSNR_CAP`."""
    if mean_squared <= 10 ** (-PSNR_CAP / 10):
        return PSNR_CAP
    return -10 * float(np.log10(mean_squared))


def ssim(picture: Pixels, truth: Pixels) -> float:
    """Structural similarity, -1..1, mean over pixels and channels.

    Wang et al. 2004: Gaussian window of 11 x 11, sigma 1.5, K 0.01 and 0.03, no downsampling; only pixels
    whose window lies in the picture. Raises: ValueError when shapes differ or the window does not fit.
    """
    _check(picture, truth, SSIM_LEAST_PX)
    return _similarity(_plane(picture), _plane(truth))[0]


def ms_ssim(picture: Pixels, truth: Pixels) -> float:
    """Multi-scale structural similarity, 0..1: five scales, each half of the one before.

    Wang, Simoncelli, Bovik 2003: contrast and structure of every scale and luminance of the coarsest,
    weighted; a scale's negative mean counts as 0. Raises: ValueError when shapes differ or a side is shorter
    than `MS_SSIM_LEAST_PX`.
    """
    _check(picture, truth, MS_SSIM_LEAST_PX)
    ours, theirs = _plane(picture), _plane(truth)
    product = 1.0
    for weight in _WEIGHTS[:-1]:
        product *= max(_similarity(ours, theirs)[1], 0.0) ** weight
        ours, theirs = _halved(ours), _halved(theirs)
    return float(product * max(_similarity(ours, theirs)[0], 0.0) ** _WEIGHTS[-1])


def _check(picture: Pixels, truth: Pixels, least_px: int) -> None:
    if picture.shape != truth.shape or picture.dtype != np.uint8 or truth.dtype != np.uint8:
        raise ValueError(
            f"two uint8 pictures of one shape are compared, not {picture.dtype} {picture.shape} "
            f"with {truth.dtype} {truth.shape}"
        )
    if min(picture.shape[:2]) < least_px:
        raise ValueError(f"a picture of {picture.shape[:2]} is too small: {least_px} px are needed")


def _plane(picture: Pixels) -> _Plane:
    return cast(_Plane, picture.astype(np.float32) - np.float32(_MIDDLE))


def _similarity(x: _Plane, y: _Plane) -> tuple[float, float]:
    """Mean SSIM, and the mean of its contrast and structure term alone."""
    height = x.shape[0] - 2 * _REACH
    total = np.zeros(2)
    for top in range(0, height, _BAND):
        rows = slice(top, min(top + _BAND, height) + 2 * _REACH)
        total += np.multiply(_similarity_of_band(x[rows], y[rows]), min(_BAND, height - top))
    return float(total[0] / height), float(total[1] / height)


def _similarity_of_band(x: _Plane, y: _Plane) -> tuple[float, float]:
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    covariance = _local_mean(x * y) - mean_x * mean_y
    variances = _local_mean(cast(_Plane, x * x + y * y)) - mean_x * mean_x - mean_y * mean_y
    structure = (2 * covariance + _C2) / (variances + _C2)
    mean_x += _MIDDLE
    mean_y += _MIDDLE
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x * mean_x + mean_y * mean_y + _C1)
    return float((luminance * structure).mean(dtype=np.float64)), float(structure.mean(dtype=np.float64))


def _local_mean(plane: _Plane) -> _Plane:
    blurred = cv2.GaussianBlur(plane, (2 * _REACH + 1,) * 2, _SIGMA, borderType=cv2.BORDER_REFLECT)
    return cast(_Plane, blurred[_REACH:-_REACH, _REACH:-_REACH])


def _halved(plane: _Plane) -> _Plane:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    even = plane[: 2 * height, : 2 * width]
    return cast(_Plane, cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
