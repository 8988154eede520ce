"""Draw the frames between two or more keys, or where a sheet marks inbetweens.

Reads the shot file, moves every region of the keys on its way and draws it again. Writes frames, cels,
movies, sheets and a preview page into `out/<shot>/` beside the shot file; the keys come out as they went in.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from toonctl.cli._options import DrawOptions, takes


@dataclass(frozen=True, slots=True, kw_only=True)
class InbetweenOptions(DrawOptions):
    """What `inbetween` takes beside."""

    watch_latents: Annotated[
        bool,
        typer.Option(
            "--watch-latents",
            help="Plot the latents of every step and stop when a drawing collapses; `--engine tooncrafter`.",
        ),
    ] = False


@takes(InbetweenOptions)
def run(options: InbetweenOptions) -> None:
    from toonctl.cli._run import run_drawing_command
    from toonctl.pipelines import inbetween

    if options.watch_latents:
        options = replace(options, set_=[*(options.set_ or []), "engine.watch_latents=true"])
    run_drawing_command("inbetween", options, inbetween.run)
