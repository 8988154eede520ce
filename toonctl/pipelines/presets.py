"""`presets`: see what there is, read one, copy one out to edit."""

from pathlib import Path

from toonctl.core.errors import DeliveryError, UsageError
from toonctl.core.files import write_whole
from toonctl.spec.preset import Preset, list_presets
from toonctl.spec.problems import nearest


def find(name: str) -> Preset:
    """The preset called `name`, with the engine's name before it or not; `command/name` names it in full.

    Raises: UsageError when there is none or more than one, with the names to choose from.
    """
    presets = list_presets()
    full = {f"{preset.command}/{preset.name}": preset for preset in presets}
    if name in full:
        return full[name]
    matches = [key for key, preset in full.items() if preset.name == name]
    matches = matches or [key for key in full if key.endswith(f"-{name}")]
    if len(matches) == 1:
        return full[matches[0]]
    if matches:
        raise UsageError(f"several commands have a preset `{name}`", hint=f"say one of: {', '.join(matches)}")
    names = [preset.name for preset in presets]
    raise UsageError(f"there is no preset `{name}`", hint=nearest(name, dict.fromkeys(names), noun="presets"))


def copy(name: str, target: Path | None, *, overwrite: bool) -> Path:
    """The copy: `target`, in it when it is a folder, or here.

    Raises: UsageError as `find`; DeliveryError when the file is there already and may not be replaced.
    """
    preset = find(name)
    path = target or Path()
    path = path / preset.path.name if path.is_dir() else path
    if path.exists() and not overwrite:
        raise DeliveryError(f"`{path}` is already there", hint="name another file, or give `--overwrite`")
    write_whole(path, preset.path.read_bytes())
    return path
