"""Where values may come from, and how they are laid over one another."""

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from toonctl.core.errors import Problem, SpecError, UsageError
from toonctl.spec.keylines import KeyPath
from toonctl.spec.preset import Preset, find_preset, site_file
from toonctl.spec.tomlfile import TomlFile, key_text, read_toml

SHARED_TABLES = ("engine", "output", "psd")
"""What a preset or the site file may set; the rest belongs to one shot."""

_VARIABLE_TABLES = frozenset({"shot", "art", *SHARED_TABLES})


@dataclass(frozen=True, slots=True)
class Source:
    """One set of values: how a message names the place of a key in it, and how `check --resolved` does."""

    values: Mapping[str, object]
    where: Callable[[KeyPath], str]
    origin: Callable[[KeyPath], str]


NOTHING = Source({}, key_text, key_text)


def shot_source(file: TomlFile) -> Source:
    """The shot file itself."""
    return Source(file.values, file.where, lambda key: f"{file.path.name}:{file.lines.line_of(key)}")


def option_source(dotted: str, value: object) -> Source:
    """One option of the command line. Raises: UsageError when `dotted` is not a key."""
    values = value
    for name in reversed(_split_key(dotted)):
        values = {name: values}
    return Source(
        cast("dict[str, object]", values),
        lambda key: f"command line: {key_text(key)}",
        lambda _key: "command line",
    )


def variable_sources() -> list[Source]:
    """The environment variables `TOONCTL_<TABLE>_<KEY>`, one source each."""
    sources: list[Source] = []
    for variable, text in sorted(os.environ.items()):
        prefix, _, rest = variable.partition("_")
        table, _, key = rest.lower().partition("_")
        if prefix == "TOONCTL" and table in _VARIABLE_TABLES and key:

            def name(_key: KeyPath, variable: str = variable) -> str:
                return variable

            sources.append(Source({table: {key: toml_value(text)}}, name, name))
    return sources


def site_source() -> tuple[Source, list[Problem]]:
    """The studio's own defaults, and what is wrong with their file."""
    try:
        path = site_file()
        file = read_toml(path) if path else None
    except SpecError as error:
        return NOTHING, list(error.problems)
    if file is None:
        return NOTHING, []
    source = Source(
        file.values,
        lambda key: f"site file {file.where(key)}",
        lambda key: f"site file {file.path.name}:{file.lines.line_of(key)}",
    )
    return source, _foreign_tables(source)


def preset_source(
    sources: Sequence[Source], *, command: str, default_engine: str, folder: Path
) -> tuple[Source, list[Problem]]:
    """The preset that the first of `sources` to name one asks for, and what is wrong with it."""
    asking = next((source for source in sources if isinstance(_engine_key(source, "preset"), str)), None)
    if asking is None:
        return NOTHING, []
    named = (_engine_key(source, "name") for source in sources)
    engine = next((name for name in named if isinstance(name, str)), default_engine)
    try:
        preset = find_preset(
            str(_engine_key(asking, "preset")), command=command, engine=engine, folder=folder
        )
        return read_preset(preset)
    except SpecError as error:
        problem = error.problems[0]
        where = problem.where or asking.where(("engine", "preset"))
        return NOTHING, [Problem(problem.what, where, problem.hint)]


def read_preset(preset: Preset) -> tuple[Source, list[Problem]]:
    """A preset's values, and which of them no preset may set. Raises: SpecError when it is not TOML."""
    file = read_toml(preset.path)
    source = Source(
        file.values, lambda key: f"preset {file.where(key)}", lambda _key: f"preset {preset.name}"
    )
    problems = _foreign_tables(source)
    if _engine_key(source, "preset") is not None:
        where = source.where(("engine", "preset"))
        problems.append(Problem("a preset cannot name a preset", where, "copy the other preset's values"))
    return source, problems


def merge(sources: Sequence[Source]) -> tuple[dict[str, object], dict[KeyPath, Source]]:
    """One tree of values, earlier sources winning, and who owns each leaf of it."""
    values: dict[str, object] = {}
    owners: dict[KeyPath, Source] = {}

    def lay_over(below: dict[str, object], above: Mapping[str, object], at: KeyPath, source: Source) -> None:
        for name, value in above.items():
            path = (*at, name)
            if isinstance(value, dict):
                inner = below.get(name)
                if not isinstance(inner, dict):
                    inner = below[name] = {}
                    owners[path] = source
                if value:
                    owners.pop(path, None)
                lay_over(cast("dict[str, object]", inner), cast("dict[str, object]", value), path, source)
            else:
                for key in [key for key in owners if key[: len(path)] == path]:
                    del owners[key]
                below[name] = value
                owners[path] = source

    for source in reversed(sources):
        lay_over(values, source.values, (), source)
    return values, owners


def owner_of(key: KeyPath, owners: Mapping[KeyPath, Source]) -> Source | None:
    """Who set `key`, or the array it stands in; None when nobody did."""
    return next((owners[key[:n]] for n in range(len(key), 0, -1) if key[:n] in owners), None)


def toml_value(text: str) -> object:
    """The TOML value that `text` spells; a bare word stands for itself."""
    try:
        document = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    return document["value"] if len(document) == 1 else text


def _split_key(dotted: str) -> list[str]:
    try:
        node: object = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"`{dotted}` is not a key", "--set", "as in `--set engine.gap_px=4`") from error
    names: list[str] = []
    while isinstance(node, dict):
        name, node = next(iter(cast("dict[str, object]", node).items()))
        names.append(name)
    return names


def _engine_key(source: Source, key: str) -> object:
    engine = source.values.get("engine")
    return cast("dict[str, object]", engine).get(key) if isinstance(engine, dict) else None


def _foreign_tables(source: Source) -> list[Problem]:
    return [
        Problem(
            f"`{table}` belongs to a shot file",
            source.where((table,)),
            "here stand `[engine]`, `[output]`, `[psd]`",
        )
        for table in source.values
        if table not in SHARED_TABLES
    ]
