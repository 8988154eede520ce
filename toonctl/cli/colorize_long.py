"""Color the line art of a whole shot from painted references.

Reads the shot file, colors every drawing of every cel layer, and writes frames, cels, movies, layered PSD,
sheets and a preview page into `out/<shot>/` beside the shot file.
"""

from toonctl.cli._options import DrawOptions, takes


@takes(DrawOptions)
def run(options: DrawOptions) -> None:
    from toonctl.cli._run import run_drawing_command
    from toonctl.pipelines import colorize_long

    run_drawing_command("colorize-long", options, colorize_long.run)
