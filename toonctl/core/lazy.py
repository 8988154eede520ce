"""Packages imported where needed: optional ones with the line that installs them, large ones quickly."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from toonctl.core.errors import EngineError

_INSTALL = {
    "deepspeed": "pip install 'toonctl[deepspeed]'",
    "OpenEXR": "pip install 'toonctl[exr]'",
    "opentimelineio": "pip install 'toonctl[otio]'",
}


@contextmanager
def uncollected() -> Generator[None]:
    """For importing what is large: nothing of it is garbage, yet a tenth of the time goes into looking."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def need(module: str, *, for_: str) -> ModuleType:
    """The imported `module`.

    Raises: EngineError when it is not installed, naming the feature `for_` and the install line.
    """
    try:
        return import_module(module)
    except ImportError as error:
        line = _INSTALL.get(module, f"pip install {module}")
        raise EngineError(f"{for_} needs the package `{module}`", hint=line) from error
