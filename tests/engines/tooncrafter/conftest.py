"""The published file at toy size, made once, and the command in this process."""

from pathlib import Path

import pytest

from engines.tooncrafter.toycrafter import published
from pipelines.conftest import toonctl

__all__ = ["toonctl"]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model.ckpt` with windows of four frames."""
    return published(tmp_path_factory.mktemp("tooncrafter"))
