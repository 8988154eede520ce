"""Start a shot: a commented shot file, its schema for editors, and small art to try it on.

Nothing that is already there is replaced.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes


class Kind(StrEnum):
    """What the drawings are, or the command they are for."""

    FLAT = "flat"
    PSD = "psd"
    INBETWEEN = "inbetween"
    LAYERPACK = "layerpack"
    POSTKEY = "postkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the shot goes.", show_default="here")
    ] = Path()
    kind: Annotated[
        Kind,
        typer.Option(
            "--kind",
            help="flat: line drawings to color; psd: the same in PSDs with a sheet; or a command's name.",
        ),
    ] = Kind.FLAT


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session

    with session("init", options) as at:
        from toonctl.pipelines import init

        started = init.run(options.folder, kind=init.Kind(options.kind))
        at.result(
            [str(started.shot), f"next: {started.next_command}"],
            {
                "command": "init",
                "status": "done",
                "exit_code": 0,
                "shot": str(started.shot),
                "outputs": [str(path) for path in started.files],
                "next": started.next_command,
            },
        )
