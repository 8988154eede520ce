"""Make a job for a render farm from one shot or several.

Shots are read as `check` reads them; then a job template or a script is printed, or written to a file. A shot
that cannot be read is left out; the exit code tells.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toonctl.cli._options import OutputOptions, ShotOptions, takes
from toonctl.cli._terminal import say_error

if TYPE_CHECKING:
    from toonctl.pipelines.farm import Farm, FarmResult
    from toonctl.spec.load import LoadedShot

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    shots: Annotated[
        list[Path], typer.Argument(metavar="SHOT.toml...", help="The shot files.", show_default=False)
    ] = field(default_factory=list[Path])
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the job here; printed by default."),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where `<shot>/` goes; beside each shot file by default."),
    ] = None
    chunk_size: Annotated[
        int | None, typer.Option("--chunk-size", metavar="N", min=1, help="Frames of a task, about.")
    ] = None
    tool: Annotated[
        str, typer.Option("--tool", metavar="COMMAND", help="How the hosts of the farm call toonctl.")
    ] = "toonctl"
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="A preset; see `toonctl presets list`.")
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a key in all shots; repeatable."),
    ] = None
    engine: Annotated[str | None, typer.Option("--engine", metavar="NAME", help="Who draws.")] = None


@app.command("openjd", help="An Open Job Description template, as AWS Deadline Cloud takes it too.")
@takes(Options)
def openjd(options: Options) -> None:
    from toonctl.pipelines.farm import Farm

    _make(Farm.OPENJD, options)


@app.command("slurm", help="A Slurm script that submits itself: `bash FILE`.")
@takes(Options)
def slurm(options: Options) -> None:
    from toonctl.pipelines.farm import Farm

    _make(Farm.SLURM, options)


@app.command("deadline", help="A shell script of `deadlinecommand` submissions.")
@takes(Options)
def deadline(options: Options) -> None:
    from toonctl.pipelines.farm import Farm

    _make(Farm.DEADLINE, options)


@app.command("opencue", help="A PyOutline script that submits to OpenCue.")
@takes(Options)
def opencue(options: Options) -> None:
    from toonctl.pipelines.farm import Farm

    _make(Farm.OPENCUE, options)


def _make(farm: "Farm", options: Options) -> None:
    from toonctl.cli._run import load, session
    from toonctl.spec.guess import guess_command

    def read(path: Path) -> "tuple[str, LoadedShot]":
        asked = ShotOptions(
            shot=path, out=options.out, preset=options.preset, set_=options.set_, engine=options.engine
        )
        command = guess_command(path)
        return command, load(command, asked)

    with session(f"farm-{farm}", options) as at:
        from toonctl.pipelines import farm as pipeline
        from toonctl.pipelines.batch import worst

        asked = pipeline.FarmOptions(
            farm, options.output, options.tool, options.out, _passed_on(options), options.chunk_size
        )
        made = pipeline.run(options.shots, read, asked, at.reporter)
        for path, error in made.refused.items():
            at.reporter.notice(f"`{path}` is left out of the job:")
            say_error(error)
        at.exit_code = worst([error.exit_code for error in made.refused.values()])
        lines = [str(options.output)] if options.output is not None else [made.text.rstrip("\n")]
        at.result(lines, _document(made, options.output))


def _document(made: "FarmResult", output: Path | None) -> dict[str, object]:
    refused = [
        {"file": path, "exit_code": error.exit_code, "problems": [asdict(each) for each in error.problems]}
        for path, error in made.refused.items()
    ]
    outputs = [str(output)] if output is not None else []
    return {"outputs": outputs, "text": made.text, "refused": refused}


def _passed_on(options: Options) -> tuple[str, ...]:
    """The options that every call of the job gets as well."""
    words = [word for text in options.set_ or () for word in ("--set", text)]
    if options.preset is not None:
        words += ["--preset", options.preset]
    if options.engine is not None:
        words += ["--engine", options.engine]
    return tuple(words)
