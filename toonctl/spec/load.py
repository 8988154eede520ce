"""From files, variables and options to one checked record, with the origin of every value.

Precedence: command line > `TOONCTL_<TABLE>_<KEY>` > shot file > preset > site file > defaults.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, cast

from pydantic import ValidationError, create_model
from typing_extensions import TypeVar

from toonctl.core.errors import Problem, SpecError, UsageError
from toonctl.spec.commands import COMMANDS, engines_of, shot_model
from toonctl.spec.keylines import KeyLines, KeyPath
from toonctl.spec.preset import Preset
from toonctl.spec.problems import nearest, problems_of
from toonctl.spec.shot import ShotSpec
from toonctl.spec.sources import (
    SHARED_TABLES,
    Source,
    merge,
    option_source,
    owner_of,
    preset_source,
    read_preset,
    shot_source,
    site_source,
    toml_value,
    variable_sources,
)
from toonctl.spec.table import Table
from toonctl.spec.tomlfile import key_path, key_text, read_toml

SpecT = TypeVar("SpecT", bound=ShotSpec, default=Any)


@dataclass(frozen=True, slots=True)
class LoadedShot(Generic[SpecT]):
    """A checked shot file.

    `folder` is where its relative paths start. `origins` says by dotted key where each value came from:
    `command line`, `TOONCTL_ENGINE_NAME`, `shot.toml:12`, `preset cel`, `site file site.toml:3` or `default`.
    `sha256` is that of the shot file's bytes.
    """

    spec: SpecT
    path: Path
    folder: Path
    origins: Mapping[str, str]
    sha256: str
    lines: KeyLines

    def file(self, path: str) -> Path:
        """Where a path of the shot file lies."""
        return self.folder / path

    def output_folder(self, out: Path | None) -> Path:
        """The only folder this shot may write to: `<out>/<shot>`, `out` beside the shot file by default."""
        return (out if out is not None else self.folder / "out") / self.spec.shot.name

    def where(self, *key: str | int) -> str:
        """The place of a key for a message: `shot.toml:14: reference[1].image`; `key` counts from 0."""
        return f"{self.path.name}:{self.lines.line_of(key)}: {key_text(key)}"

    @contextmanager
    def naming_lines(self) -> Generator[None]:
        """Gives problems that the block raises with keys of the shot file the lines of these.

        Raises: SpecError.
        """
        try:
            yield
        except SpecError as error:
            raise SpecError.listing([self._placed(problem) for problem in error.problems]) from error

    def _placed(self, problem: Problem) -> Problem:
        if problem.where is None:
            return replace(problem, where=self.path.name)
        tables = {field.alias or name for name, field in type(self.spec).model_fields.items()}
        key = key_path(problem.where)
        return problem if key is None or key[0] not in tables else replace(problem, where=self.where(*key))


def load_shot(
    path: Path, *, command: str, preset: str | None = None, overrides: Sequence[tuple[str, object]] = ()
) -> LoadedShot[Any]:
    """The shot file of `command` with everything that may override it.

    `overrides` are dotted keys with their values, from the command line; the last of equals wins. Raises:
    UsageError when `path` is not a readable file, an override names no key or `command` takes no shot file;
    SpecError with every problem of all files at once.
    """
    if command not in COMMANDS:
        raise UsageError(f"`{command}` takes no shot file", hint=nearest(command, COMMANDS, noun="commands"))
    file = read_toml(path)
    folder = path.absolute().parent
    options = [*overrides, *([("engine.preset", preset)] if preset is not None else [])]
    shot = shot_source(file)
    above = [*(option_source(key, value) for key, value in reversed(options)), *variable_sources(), shot]
    site, problems = site_source()
    shared, more = preset_source(
        [*above, site], command=command, default_engine=next(iter(engines_of(command))), folder=folder
    )
    problems += more
    values, owners = merge([*above, shared, site])

    def where(key: KeyPath) -> str:
        inside = (source for path, source in owners.items() if path[: len(key)] == key)
        return (owner_of(key, owners) or next(inside, shot)).where(key)

    model = _model_of(command, values, where, problems)
    try:
        spec = model.model_validate(values)
    except ValidationError as error:
        raise SpecError.listing(
            [*problems, *problems_of(error, model, where=where, lines=file.lines)]
        ) from error
    if problems:
        raise SpecError.listing(problems)
    origins = {key_text(key): _origin(owner_of(key, owners), key) for key, _ in _leaves(resolved(spec))}
    return LoadedShot(spec, path, folder, origins, file.sha256, file.lines)


def resolved(spec: ShotSpec) -> dict[str, Any]:
    """Every value in force, JSON-ready and itself a valid shot file; keys without a value are left out."""
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def values_by_key(spec: ShotSpec) -> dict[str, object]:
    """`resolved`, flat: dotted key -> value, in the order of the tables."""
    return {key_text(key): value for key, value in _leaves(resolved(spec))}


def parse_set(text: str) -> tuple[str, object]:
    """Key and value of one `--set key=value`; the value is TOML, a bare word stands for itself.

    Raises: UsageError when there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"`--set {text}` is not `key=value`", "--set", "as in `--set engine.gap_px=4`")
    return key.strip(), toml_value(value.strip())


def preset_problems(preset: Preset) -> list[Problem]:
    """Everything wrong with a drawing command's preset on its own. Raises: SpecError when it is not TOML."""
    source, problems = read_preset(preset)
    lines = read_toml(preset.path).lines
    values = {name: source.values[name] for name in SHARED_TABLES if name in source.values}
    fields = _model_of(preset.command, values, source.where, problems).model_fields
    tables: dict[str, Any] = {name: (fields[name].annotation, fields[name]) for name in SHARED_TABLES}
    model = create_model("PresetTables", __base__=Table, **tables)
    try:
        model.model_validate(values)
    except ValidationError as error:
        problems += problems_of(error, model, where=source.where, lines=lines)
    return problems


def _model_of(
    command: str, values: dict[str, object], where: Callable[[KeyPath], str], problems: list[Problem]
) -> type[ShotSpec]:
    """The model for the engine that `values` name; an unknown one goes to `problems`, with its table."""
    known = engines_of(command)
    engine = values.get("engine")
    named = cast("dict[str, object]", engine).get("name") if isinstance(engine, dict) else None
    if not isinstance(named, str) or named in known:
        return shot_model(command, named if isinstance(named, str) else next(iter(known)))
    what = f"there is no engine `{named}` for `{command}`"
    problems.append(Problem(what, where(("engine", "name")), nearest(named, known, noun="engines")))
    del values["engine"]  # its other keys belong to an engine we do not know
    return COMMANDS[command]


def _origin(source: Source | None, key: KeyPath) -> str:
    return source.origin(key) if source is not None else "default"


def _leaves(values: object, at: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(values, dict) and values:
        for name, value in cast("dict[str, object]", values).items():
            yield from _leaves(value, (*at, name))
    elif isinstance(values, list) and values and isinstance(values[0], dict):
        for index, value in enumerate(cast("list[object]", values)):
            yield from _leaves(value, (*at, index))
    else:
        yield at, values
