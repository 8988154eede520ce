"""The options that commands share, as records: a command file names the record it takes and gets it filled.

A record's fields are the command's parameters, in order; `takes` shows them to Typer.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer


class ProgressMode(StrEnum):
    """How progress is told."""

    AUTO = "auto"
    BAR = "bar"
    PLAIN = "plain"
    OPENJD = "openjd"
    AFANASY = "afanasy"
    JSON = "json"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What every command takes: how it talks."""

    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False
    progress: Annotated[
        ProgressMode, typer.Option("--progress", help="How progress is told.", show_choices=True)
    ] = ProgressMode.AUTO
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say more.", show_default=False)
    ] = 0
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False
    log_file: Annotated[
        Path | None,
        typer.Option("--log-file", metavar="FILE", help="Write the log here.", show_default=False),
    ] = None
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotOptions(OutputOptions):
    """What every command that reads a shot file takes: the file and what overrides it."""

    shot: Annotated[Path, typer.Argument(metavar="SHOT.toml", help="The shot file.", show_default=False)]
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Where `<shot>/` goes; `out` beside the shot file by default."
        ),
    ] = None
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="A preset; see `toonctl presets list`.")
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override a key, as in `engine.gap_px=4`; repeatable."
        ),
    ] = None
    engine: Annotated[str | None, typer.Option("--engine", metavar="NAME", help="Who draws.")] = None
    device: Annotated[
        str | None, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:1.")
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="The same seed, the same pictures.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawOptions(ShotOptions):
    """What every drawing command takes."""

    frames: Annotated[
        str | None,
        typer.Option(
            "--frames", metavar="RANGE", help="Draw only these frames: `1-48`, `1-100x2`, `1,3,5-9`."
        ),
    ] = None
    resume: Annotated[bool, typer.Option("--resume", help="Keep what an equal run has already written.")] = (
        False
    )
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is already written.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; touch nothing.")] = False
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="CPU threads; all by default.")
    ] = None
    record_host: Annotated[
        bool, typer.Option("--record-host", help="Put the host's name in the manifest.")
    ] = False
    break_lock: Annotated[
        bool, typer.Option("--break-lock", help="Take over the lock of a run that has died.")
    ] = False


RecordT = TypeVar("RecordT", bound=OutputOptions)


def takes(record: type[RecordT]) -> Callable[[Callable[[RecordT], None]], Callable[..., None]]:
    """Makes a function of one `record` into a command whose options are the record's fields."""

    def wrap(command: Callable[[RecordT], None]) -> Callable[..., None]:
        @wraps(command)
        def run(**values: Any) -> None:
            command(record(**values))

        parameters = _parameters(record)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        vars(run)["__signature__"] = inspect.Signature(parameters)
        return run

    return wrap


def _parameters(record: type[OutputOptions]) -> list[inspect.Parameter]:
    hints = get_type_hints(record, include_extras=True)
    own = [field for field in fields(record) if field.name not in OutputOptions.__slots__]
    shared = [field for field in fields(record) if field.name in OutputOptions.__slots__]
    defaults = inspect.signature(record).parameters
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[field.name].default,
            annotation=hints[field.name],
        )
        for field in (*own, *shared)  # in `--help`, what is special to a command stands first
    ]
