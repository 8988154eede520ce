"""Draw the frames between layered keys, all layers in step.

Reads the shot file, draws every layer of the keys on its own transparent canvas, and writes RGBA frames of
each layer, their composite, layered PSDs, movies, sheets and a preview page into `out/<shot>/` beside the
shot file.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from toonctl.cli._options import DrawOptions, takes


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerpackOptions(DrawOptions):
    """What drawing layers takes beside."""

    no_pack: Annotated[
        bool,
        typer.Option("--no-pack", help="Draw the layers one by one with the same seed, for comparison."),
    ] = False


@takes(LayerpackOptions)
def run(options: LayerpackOptions) -> None:
    from toonctl.cli._run import run_drawing_command
    from toonctl.pipelines import layerpack

    if options.no_pack:
        options = replace(options, set_=[*(options.set_ or ()), "engine.pack=false"])
    run_drawing_command("layerpack", options, layerpack.run)
