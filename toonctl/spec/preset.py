"""Presets and the site file: where they lie, what there is, which one a name means. No other file knows."""

import os
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path

import toonctl
from toonctl.core.errors import SpecError
from toonctl.spec.problems import nearest

SITE_VARIABLE = "TOONCTL_SITE"


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset file. `command` is its folder (`colorize-long`), `origin` is `shipped`, `site` or `file`."""

    name: str
    command: str
    path: Path
    origin: str

    def summary(self) -> str:
        """The first sentence of the comment on top; its first line is the command that uses the preset."""
        comment = takewhile(lambda line: line.startswith("#"), self.path.read_text("utf-8").splitlines())
        text = " ".join(line.lstrip("# ").rstrip() for line in islice(comment, 1, None))
        return text.split(". ")[0].rstrip(".")


def shipped_folder() -> Path:
    """The presets that came with toonctl: inside the installed package, or beside it in a checkout."""
    package = Path(toonctl.__file__).parent
    installed = package / "presets"
    return installed if installed.is_dir() else package.parent / "presets"


def site_file() -> Path | None:
    """The studio's own defaults: `TOONCTL_SITE`, else `site.toml` of this user, else of this machine.

    Raises: SpecError when `TOONCTL_SITE` names no file.
    """
    named = os.environ.get(SITE_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise SpecError(
                f"`{SITE_VARIABLE}` names `{named}`, which is not a file", SITE_VARIABLE, "fix or unset it"
            )
        return path
    return next(
        (folder / "site.toml" for folder in _config_folders() if (folder / "site.toml").is_file()), None
    )


def list_presets(command: str | None = None) -> tuple[Preset, ...]:
    """All presets, or those of one command; the site's go before the shipped ones of the same name."""
    found: dict[tuple[str, str], Preset] = {}
    for origin, folder in (("site", _site_presets()), ("shipped", shipped_folder())):
        for path in sorted(folder.rglob("*.toml")) if folder else ():
            owner = path.parent.relative_to(folder).as_posix() if folder else ""
            if command in (None, owner):
                found.setdefault((owner, path.stem), Preset(path.stem, owner, path, origin))
    return tuple(found[key] for key in sorted(found))


def find_preset(name: str, *, command: str, engine: str, folder: Path) -> Preset:
    """What `name` means: the preset `<engine>-<name>` or `<name>`, or a `.toml` path from `folder`.

    Raises: SpecError when there is none, with the nearest name.
    """
    if name.endswith(".toml"):
        path = folder / name
        if path.is_file():
            return Preset(path.stem, command, path, "file")
        raise SpecError(f"there is no preset file `{name}`", hint="the path is relative to the shot file")
    known = {preset.name: preset for preset in list_presets(command)}
    for candidate in (f"{engine}-{name}", name):
        if candidate in known:
            return known[candidate]
    raise SpecError(f"`{command}` has no preset `{name}`", hint=nearest(name, known, noun="presets"))


def _site_presets() -> Path | None:
    site = site_file()
    folder = site.parent / "presets" if site else None
    return folder if folder and folder.is_dir() else None


def _config_folders() -> tuple[Path, ...]:
    from platformdirs import site_config_path, user_config_path

    return (user_config_path("toonctl"), site_config_path("toonctl"))
