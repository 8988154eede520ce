"""Draw the frames between two or more keys, or where a sheet marks inbetweens.

Reads the shot file, moves every region of the keys on its way and draws it again. Writes frames, cels,
movies, sheets and a preview page into `out/<shot>/` beside the shot file; the keys come out as they went in.
"""

from toonctl.cli._options import DrawOptions, takes


@takes(DrawOptions)
def run(options: DrawOptions) -> None:
    from toonctl.cli._run import run_drawing_command
    from toonctl.pipelines import inbetween

    run_drawing_command("inbetween", options, inbetween.run)
