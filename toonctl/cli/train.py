"""Train a network by a recipe.

A recipe that was stopped goes on where it was: run the same command again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.toml", help="The recipe.", show_default=False)]


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session
    from toonctl.core.errors import Stopped

    with session("train", options) as at:
        from toonctl.pipelines import train

        files = train.run(options.recipe, at.reporter, is_stopped=at.stop.is_set)
        document = {"command": "train", "status": "done", "exit_code": 0, "outputs": [str(p) for p in files]}
        at.reporter.close()
        if at.stop.is_set():
            raise Stopped(f"stopped by {at.stop.asked_by}, state saved", hint="the same command goes on")
        at.result([str(path) for path in files], document)
