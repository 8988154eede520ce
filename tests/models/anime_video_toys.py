"""Weights of Real-ESRGAN's network as a package carries them, made here."""

import sys
from pathlib import Path

import pytest
from torch import nn

from toonctl.engines.inbetween import _enlarging
from toonctl.models.anime_video import AnimeVideo

_HALVES = b"\x47\x6b\x30\x01"


def packed(model: AnimeVideo, kind: str = "<f2") -> bytes:
    """The model's parameters as ncnn writes them, weights of convolutions in halves or in singles."""
    parts: list[bytes] = []
    for layer in model.body:
        parameters = list(layer.parameters())
        if isinstance(layer, nn.Conv2d):
            parts.append(_HALVES if kind == "<f2" else bytes(4))
            weight = parameters.pop(0).detach().numpy().astype(kind).tobytes()
            parts.append(weight + bytes(-len(weight) % 4))
        parts += [parameter.detach().numpy().astype("<f4").tobytes() for parameter in parameters]
    return b"".join(parts)


def blank(**sizes: int) -> AnimeVideo:
    """A network of zeros."""
    model = AnimeVideo(**sizes).eval()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    return model


def install(folder: Path, weights: bytes, monkeypatch: pytest.MonkeyPatch, *, package: str) -> None:
    """A package with a file of weights where that package keeps it; it cannot be imported."""
    path = folder / package / dict(_enlarging._PACKAGES)[package]
    path.parent.mkdir(parents=True)
    path.write_bytes(weights)
    (folder / package / "__init__.py").write_text("raise ImportError('not to be run')\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, package, raising=False)
