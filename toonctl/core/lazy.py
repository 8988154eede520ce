"""Optional packages: imported where needed, with the line that installs them when absent."""

from importlib import import_module
from types import ModuleType

from toonctl.core.errors import EngineError

_INSTALL = {
    "deepspeed": "pip install 'toonctl[deepspeed]'",
    "OpenEXR": "pip install 'toonctl[exr]'",
    "opentimelineio": "pip install 'toonctl[otio]'",
}


def need(module: str, *, for_: str) -> ModuleType:
    """The imported `module`.

    Raises: EngineError when it is not installed, naming the feature `for_` and the install line.
    """
    try:
        return import_module(module)
    except ImportError as error:
        line = _INSTALL.get(module, f"pip install {module}")
        raise EngineError(f"{for_} needs the package `{module}`", hint=line) from error
