"""A shot file to run commands on."""

from pathlib import Path

import pytest

from spec.shots import FLAT


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    path = tmp_path / "shot.toml"
    path.write_text(FLAT)
    return path
