"""Color the sketches of a shot from a painted reference and draw what lies between them.

Reads the shot file, cleans and colors the sketches, draws the frames between all keys, and writes frames,
cels, movies, sheets and a preview page into `out/<shot>/` beside the shot file.
"""

from toonctl.cli._options import DrawOptions, takes


@takes(DrawOptions)
def run(options: DrawOptions) -> None:
    from toonctl.cli._run import run_drawing_command
    from toonctl.pipelines import postkey

    run_drawing_command("postkey", options, postkey.run)
