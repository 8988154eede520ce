"""Draw and deliver many shots, some at a time; one that fails does not stop the rest.

Ends with the worst exit code of all shots, after a line for each; with `-q` only those that are not done get
one, so that cron has nothing to mail after a good night.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toonctl.cli._options import OutputOptions, takes

if TYPE_CHECKING:
    from toonctl.pipelines.batch import BatchShot


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    shots: Annotated[
        list[Path], typer.Argument(metavar="SHOT.toml...", help="The shot files.", show_default=False)
    ] = field(default_factory=list[Path])
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what is written; leave delivered shots as they are.")
    ] = False
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Shots at a time.")] = 1
    lock: Annotated[
        Path | None,
        typer.Option("--lock", metavar="FILE", help="Leave with 75 while another batch holds this file."),
    ] = None
    break_lock: Annotated[
        bool, typer.Option("--break-lock", help="Take over locks of runs that have died on other hosts.")
    ] = False
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Where `<shot>/` goes; beside each shot file by default."
        ),
    ] = None
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="A preset; see `toonctl presets list`.")
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key in all shots; repeatable."),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="CPU threads of a shot; shared out by default."),
    ] = None


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session

    with session("batch", options) as at:
        stop = at.stop
        from toonctl.pipelines import batch

        asked = batch.BatchOptions(
            out=options.out,
            resume=options.resume,
            n_jobs=options.jobs,
            lock=options.lock,
            preset=options.preset,
            sets=tuple(options.set_ or ()),
            threads=options.threads,
            break_lock=options.break_lock,
        )
        shots = batch.run(options.shots, asked, at.reporter, stop)
        at.reporter.close()
        at.exit_code = batch.worst([shot.exit_code for shot in shots])
        told = [shot for shot in shots if shot.exit_code or not options.quiet]
        at.result([shot.line for shot in told], _document(shots, at.exit_code))


def _document(shots: "tuple[BatchShot, ...]", exit_code: int) -> dict[str, object]:
    return {
        "command": "batch",
        "status": "done" if exit_code == 0 else "stopped" if exit_code == 75 else "failed",
        "exit_code": exit_code,
        "shots": [asdict(shot) for shot in shots],
    }
