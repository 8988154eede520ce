"""Toy weights on disk and the whole command on the CPU, in this process."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engines.tooncomposer.toyweights import write_models
from engines.toys import AtOnce
from toonctl.stages import pool


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights for `TOONCTL_MODELS`."""
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def at_once(models: Path) -> Generator[None]:
    """Workers' work is done on the spot, weights lie in the toy folder."""

    @contextmanager
    def spot(_n_workers: int | None) -> Generator[AtOnce]:
        yield AtOnce()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "worker_pool", spot)
        yield
