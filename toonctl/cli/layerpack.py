"""Draw the frames between layered keys, all layers in step.

Reads the shot file, draws every layer of the keys on its own transparent canvas, and writes RGBA frames of
each layer, their composite, layered PSDs, movies, sheets and a preview page into `out/<shot>/` beside the
shot file.
"""

from toonctl.cli._options import DrawOptions, takes


@takes(DrawOptions)
def run(options: DrawOptions) -> None:
    from toonctl.cli._run import run_drawing_command
    from toonctl.pipelines import layerpack

    run_drawing_command("layerpack", options, layerpack.run)
