"""See the presets there are, read one, copy one out to edit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions(OutputOptions):
    command: Annotated[
        str | None, typer.Option("--command", metavar="NAME", help="Only presets of this command.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameOptions(OutputOptions):
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="`cel`, or `colorize-long/cel`.", show_default=False)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions(NameOptions):
    target: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to; here by default.", show_default=False)
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False


@app.command("list", help="List the presets, each with the command it is for.")
@takes(ListOptions)
def list_all(options: ListOptions) -> None:
    from toonctl.cli._run import session

    with session("presets-list", options) as at:
        from toonctl.spec.preset import list_presets

        found = list_presets(options.command)
        lines = [f"{preset.command}/{preset.name}  {preset.summary()}" for preset in found]
        document = [
            {
                "command": preset.command,
                "name": preset.name,
                "origin": preset.origin,
                "summary": preset.summary(),
            }
            for preset in found
        ]
        at.result(lines, {"presets": document})


@app.command("show", help="Print a preset as it is written.")
@takes(NameOptions)
def show(options: NameOptions) -> None:
    from toonctl.cli._run import session

    with session("presets-show", options) as at:
        from toonctl.pipelines import presets

        preset = presets.find(options.name)
        text = preset.path.read_text("utf-8")
        at.result([text.rstrip("\n")], {"command": preset.command, "name": preset.name, "text": text})


@app.command("copy", help="Copy a preset out to edit; `--preset ./FILE.toml` uses the copy.")
@takes(CopyOptions)
def copy(options: CopyOptions) -> None:
    from toonctl.cli._run import session

    with session("presets-copy", options) as at:
        from toonctl.pipelines import presets

        path = presets.copy(options.name, options.target, overwrite=options.overwrite)
        at.result([str(path)], {"outputs": [str(path)]})
