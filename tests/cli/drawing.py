"""A drawing command as small as can be, to run the machinery of `cli/_run.py` as a process of its own.

python drawing.py SHOT.toml ...     draws DRAWING_FRAMES frames (10), each taking DRAWING_SECONDS (0)
"""

import os
import time
from pathlib import Path

import typer

from toonctl.cli._options import DrawOptions, takes
from toonctl.cli._run import run_app, run_drawing_command
from toonctl.core.errors import Stopped
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions, RunResult


def draw(loaded: LoadedShot, options: RunOptions, report: Reporter, stop: StopFlag) -> RunResult:
    total = int(os.environ.get("DRAWING_FRAMES", "10"))
    report.start(total, f"drawing {loaded.spec.shot.name}")
    report.notice("reading art")
    report.warn("W104", "a layer has no line")
    outputs: list[Path] = []
    for done in range(1, total + 1):
        if stop.is_set():
            raise Stopped(f"stopped by {stop.asked_by} after {done - 1} frames", hint="`--resume` goes on")
        if done == 1:
            report.notice("first frame in hand")
        time.sleep(float(os.environ.get("DRAWING_SECONDS", "0")))
        outputs.append(loaded.output_folder(options.out) / f"{done:04d}.png")
        report.step(done=done, frame=done, layer="A", note="coloring")
    return RunResult(tuple(outputs), {"schema": 1}, ("two drawings are worth a look",))


@takes(DrawOptions)
def run(options: DrawOptions) -> None:
    run_drawing_command("colorize-long", options, draw)


def build() -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(run)
    return app


if __name__ == "__main__":
    run_app(build)
