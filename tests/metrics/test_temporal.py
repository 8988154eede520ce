"""Flicker, drift and the decay of frequency bands, by hand."""

import math

import numpy as np
import pytest

from toonctl.metrics.pixel import PSNR_CAP, psnr
from toonctl.metrics.temporal import Flicker, band_psnr, decay, drift


def flat(level: int = 100) -> np.ndarray:
    return np.full((10, 20, 3), level, np.uint8)


def test_flicker_counts_changes_the_truth_does_not_have() -> None:
    flicker = Flicker()
    truth, picture = flat(), flat()
    assert flicker.take(picture, truth) is None
    moved = truth.copy()
    moved[:, 10:] = 200  # half of the truth moves; what happens there is not looked at
    picture = picture.copy()
    picture[:, 9:12] = 50
    assert flicker.take(picture, moved) == pytest.approx(10 / 100)
    assert flicker.take(picture, moved) == 0
    assert flicker.take(picture, 255 - moved) is None


def test_a_change_of_eight_levels_is_no_flicker() -> None:
    flicker = Flicker()
    flicker.take(flat(100), flat())
    assert flicker.take(flat(108), flat()) == 0
    assert flicker.take(flat(117), flat()) == 1


def test_drift_compares_the_last_sixth_with_the_first() -> None:
    assert drift([1.0] * 50 + [0.9] * 200 + [0.7] * 50) == pytest.approx(-0.3)
    assert drift([None, 1.0, *[0.5] * 8, 0.4, None]) == pytest.approx(-0.6)
    assert drift([1.0] * 11) is None
    assert drift([None, None, *[1.0] * 10]) is None


def test_an_even_error_is_all_low_and_a_checkerboard_all_high() -> None:
    low, high = band_psnr(flat(151), flat(100))
    assert low == pytest.approx(20 * math.log10(5), abs=1e-4)  # 51 of 255
    assert high == PSNR_CAP
    checks = (flat(100) + 51 * (np.indices((10, 20)).sum(0) % 2)[..., None]).astype(np.uint8)
    low, high = band_psnr(checks, flat(100))
    # 51 on every other pixel: a mean of 25.5, which is low, and +-25.5 around it, which is high.
    assert low == pytest.approx(20, abs=1e-4)
    assert high == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize("shape", [(30, 41), (31, 40)])
def test_the_two_bands_make_up_the_whole_error(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    picture, truth = (random.integers(0, 256, (*shape, 3), np.uint8) for _ in range(2))
    together = sum(10 ** (-band / 10) for band in band_psnr(picture, truth))
    assert -10 * math.log10(together) == pytest.approx(psnr(picture, truth), abs=1e-3)


def test_decay_by_hand() -> None:
    values = [30.0] * 14 + [15.0] * 14
    assert decay(values) == pytest.approx((30 - 22.5) / 30)
    assert decay(values[:14]) is None
