"""What the commands share that work on frames already drawn: their options and their one run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from toonctl.cli._options import ShotOptions

if TYPE_CHECKING:
    from toonctl.cli._run import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishingOptions(ShotOptions):
    """The shot, with the options its frames were drawn with, and how to finish it."""

    command: Annotated[
        str | None,
        typer.Option(
            "--command", metavar="NAME", help="The command that drew the frames; found out if absent."
        ),
    ] = None
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="CPU threads; all by default.")
    ] = None
    record_host: Annotated[
        bool, typer.Option("--record-host", help="Put the host's name in the manifest.")
    ] = False
    break_lock: Annotated[
        bool, typer.Option("--break-lock", help="Take over the lock of a run that has died.")
    ] = False


def run_finishing(name: str, options: FinishingOptions, pipeline: "Pipeline") -> None:
    """Runs `pipeline` on a shot's frames and prints what it wrote, one path a line.

    Raises: typer.Exit when the command does not end with 0.
    """
    from toonctl.cli._run import load, session
    from toonctl.pipelines.deliver import find_command
    from toonctl.spec.run_options import RunOptions

    with session(name, options) as at:
        stop = at.stop
        loaded = load(options.command or find_command(options.shot, options.out), options)
        run = RunOptions(
            out=options.out,
            device=loaded.spec.engine.device,
            threads=options.threads,
            record_host=options.record_host,
            break_lock=options.break_lock,
        )
        if (folder := loaded.output_folder(run.out)).exists():  # a mistyped `--out` gets no folder made
            at.open_log(folder / "logs")
        result = pipeline(loaded, run, at.reporter, stop)
        at.reporter.close()
        for note in result.notes:
            at.reporter.notice(note)
        document = {
            "command": name,
            "status": "done",
            "exit_code": 0,
            "outputs": [str(path) for path in result.outputs],
            "notes": list(result.notes),
            "manifest": result.manifest,
        }
        at.result((str(path) for path in result.outputs), document)
