"""For which command a shot file is, told by its tables: helpers take any shot file without being told."""

from pathlib import Path
from typing import cast

from toonctl.spec.tomlfile import read_toml


def guess_command(path: Path) -> str:
    """The drawing command that the shot file at `path` is for.

    Sketches mean `postkey`, references `colorize-long`, keys `layerpack` when all of them are layered and
    else `inbetween`, as does a sheet alone. Raises: UsageError, SpecError when the file cannot be read.
    """
    tables = read_toml(path).values
    if "sketch" in tables:
        return "postkey"
    if "reference" in tables:
        return "colorize-long"
    keys = tables.get("key")
    if isinstance(keys, list) and keys:
        layered = [
            isinstance(key, dict) and ("layers" in key or "psd" in key) for key in cast("list[object]", keys)
        ]
        return "layerpack" if all(layered) else "inbetween"
    art = tables.get("art")
    has_sheet = isinstance(art, dict) and ("sheet" in art or "exposure" in art)
    return "inbetween" if has_sheet else "colorize-long"
