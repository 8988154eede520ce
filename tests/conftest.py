"""Every test sees a machine without site file, presets of its own or variables, and may not log an error."""

import gc
import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A process of tests per core: with more threads than that they would mostly wait for each other. Libraries
# look when they are loaded, which tests do while they are collected.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(_name, "1")

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")

_SET_BY_HOSTS = ("OPENJD_SESSION_WORKING_DIR", "SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS")


def pytest_collection_finish() -> None:
    """Keeps what was imported out of every later collection of garbage, of which engines ask for many."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in list(os.environ):
        if name.startswith("TOONCTL_") or name in _SET_BY_HOSTS:
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    for name in (
        "XDG_CONFIG_HOME",
        "XDG_CONFIG_DIRS",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "HF_HOME",
    ):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(autouse=True)
def no_logged_error(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors, "the test logged at ERROR"
