"""PSNR, SSIM and MS-SSIM: by hand, and beside scikit-image and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from toonctl.metrics.pixel import PSNR_CAP, ms_ssim, psnr, ssim


def gray(level: int, shape: tuple[int, ...] = (20, 30)) -> np.ndarray:
    return np.full(shape, level, np.uint8)


def noisy(size: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of soft shapes, and the same with noise; RGB."""
    random = np.random.default_rng(seed)
    ys, xs = np.mgrid[: size[0], : size[1]]
    waves = [127 + 90 * np.sin(xs / (9 + c)) * np.cos(ys / (14 - c)) for c in range(3)]
    truth = np.stack(waves, -1).round().astype(np.uint8)
    picture = np.clip(truth + random.normal(0, 20, truth.shape), 0, 255).astype(np.uint8)
    return picture, truth


def test_psnr_by_hand() -> None:
    # A tenth of the pixels off by 51 of 255: MSE 0.1 * 0.2^2 = 0.004, so 10 log10(250).
    picture = gray(100)
    picture[:2] = 151
    assert psnr(picture, gray(100)) == pytest.approx(10 * math.log10(250))


def test_equal_pictures_get_the_cap_and_nothing_more() -> None:
    assert psnr(gray(7), gray(7)) == PSNR_CAP
    almost = gray(7, (2000, 2000))
    almost[0, 0] = 8
    assert psnr(almost, gray(7, (2000, 2000))) == PSNR_CAP


def test_ssim_of_flat_pictures_by_hand() -> None:
    # No variance anywhere: only luminance is left, (2ab + C1) / (a^2 + b^2 + C1) with C1 = 2.55^2.
    wanted = (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025)
    assert ssim(gray(100), gray(150)) == pytest.approx(wanted, abs=5e-6)  # single precision
    assert ssim(gray(100), gray(100)) == pytest.approx(1)


@pytest.mark.parametrize("size", [(64, 96), (75, 51), (151, 40)])
def test_psnr_and_ssim_are_scikit_images(size: tuple[int, int]) -> None:
    picture, truth = noisy(size, seed=size[0])
    assert psnr(picture, truth) == pytest.approx(peak_signal_noise_ratio(truth, picture), abs=1e-9)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    wanted = structural_similarity(truth, picture, channel_axis=2, **options)
    assert ssim(picture, truth) == pytest.approx(wanted, abs=2e-6)
    wanted = structural_similarity(truth[..., 0], picture[..., 0], **options)
    assert ssim(picture[..., 0], truth[..., 0]) == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("size", [(192, 208), (187, 301)])
def test_ms_ssim_is_torchmetrics(size: tuple[int, int]) -> None:
    picture, truth = noisy(size, seed=size[1])
    planes = [torch.from_numpy(p).permute(2, 0, 1)[None].double() for p in (picture, truth)]
    wanted = multiscale_structural_similarity_index_measure(*planes, data_range=255.0)
    assert ms_ssim(picture, truth) == pytest.approx(float(wanted), abs=2e-5)
    assert ms_ssim(truth, truth) == pytest.approx(1)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnr(gray(1), gray(1, (30, 20)))
    with pytest.raises(ValueError, match="uint8"):
        psnr(gray(1).astype(np.float32), gray(1))
    with pytest.raises(ValueError, match="11 px"):
        ssim(gray(1, (10, 40)), gray(1, (10, 40)))
    with pytest.raises(ValueError, match="176 px"):
        ms_ssim(gray(1, (175, 400)), gray(1, (175, 400)))
