"""Toy weights once, a drawn layer for the engine itself, and the command on a drawn shot."""

from collections.abc import Mapping

import pytest

from engines.longanimation.weights import toy_weights
from pipelines.conftest import toonctl

__all__ = ["toonctl", "weights"]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """File or folder by role."""
    return toy_weights(tmp_path_factory.mktemp("longanimation"))
