"""One file per command: options, one call, one print. Found by walking this folder.

May import: core, spec, pipelines; typer, and rich in the progress bar. Never comes in: engines, models,
formats, stages, training, torch.

A command file `<name>.py` becomes the command `<name>`, `_` turning into `-`. Its docstring is the help text,
and it holds either `run`, the command's function, or `app`, a Typer group of sub-commands. Importing it must
be cheap: what the command needs is imported inside the function.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer


def command_names() -> tuple[str, ...]:
    """The names of all commands, in alphabetical order."""
    files = Path(__file__).parent.glob("[a-z]*.py")
    return tuple(sorted(file.stem.replace("_", "-") for file in files))


def build_app(only: str | None = None) -> typer.Typer:
    """The command line of all commands, or of one: a farm that calls one need not load the others.

    Raises: TypeError when a command file has no docstring, or neither `run` nor `app`.
    """
    app = typer.Typer(
        name="toonctl",
        help="Colors line art, draws inbetweens and delivers layers for 2D animation.",
        epilog="`toonctl COMMAND --help` explains one command.",
        no_args_is_help=True,
        rich_markup_mode=None,  # rich would double the time of `--help`
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in command_names() if only is None else (only,):
        module = import_module(f"toonctl.cli.{name.replace('-', '_')}")
        if not module.__doc__:
            raise TypeError(f"{module.__file__} needs a docstring: it is the help text of `toonctl {name}`")
        if isinstance(group := getattr(module, "app", None), typer.Typer):
            app.add_typer(group, name=name, help=module.__doc__)
        elif callable(command := getattr(module, "run", None)):
            app.command(name, help=module.__doc__)(command)
        else:
            raise TypeError(f"{module.__file__} needs a function `run` or a Typer `app`")
    return app


def main() -> None:
    """Runs `toonctl` and ends the process with its exit code."""
    from toonctl.cli._run import run_app

    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # looking for them reads all packages' metadata
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    is_completing = "_TOONCTL_COMPLETE" in os.environ
    run_app(lambda: build_app(first if first in command_names() and not is_completing else None))


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from toonctl import __version__

        typer.echo(f"toonctl {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass
