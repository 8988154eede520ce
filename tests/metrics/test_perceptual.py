"""LPIPS: the published code's values with the same weights, and files that are old, wrong or foreign."""

from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.lpips_golden import backbone_weights, head_weights, pictures
from toonctl.core.errors import CheckpointError
from toonctl.metrics.perceptual import LpipsMeter

PUBLISHED = {"alex": 0.186330765, "vgg": 0.245437905}
"""What the package `lpips` 0.1.4 gives: `lpips_golden.py`."""


def stored(folder: Path, name: str) -> tuple[Path, Path]:
    """Backbone and heads as torch wrote files before 1.6, which is how the published ones are; no zip."""
    paths = folder / "features.pth", folder / "heads.pth"
    classifier = {"classifier.6.weight": torch.zeros(2, 2)}
    for path, tensors in zip(paths, (backbone_weights(name) | classifier, head_weights(name)), strict=True):
        torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return paths


@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_the_values_are_the_published_codes(name: str, tmp_path: Path) -> None:
    meter = LpipsMeter(name, *stored(tmp_path, name))  # type: ignore[arg-type]
    picture, truth = pictures()
    # Convolutions add up in another order on another processor.
    assert meter.take(picture, truth) == pytest.approx(PUBLISHED[name], rel=1e-4)
    assert meter.take(truth, truth) == 0


def test_small_pictures_and_wrong_files(tmp_path: Path) -> None:
    features, heads = stored(tmp_path, "alex")
    small = np.zeros((63, 200, 3), np.uint8)
    assert LpipsMeter("alex", features, heads).take(small, small) is None
    with pytest.raises(CheckpointError, match="features"):
        LpipsMeter("vgg", features, heads)
    heads.write_bytes(b"no weights at all")
    with pytest.raises(CheckpointError, match="heads"):
        LpipsMeter("alex", features, heads)
