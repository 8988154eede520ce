"""Print the JSON Schema of shot files, for editors.

Save it beside the shot file and put `#:schema ./shot.schema.json` on line 1 of it.
"""

import json
from dataclasses import dataclass
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    command: Annotated[
        str | None, typer.Option("--command", metavar="NAME", help="Only shot files of this command.")
    ] = None


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session

    with session("schema", options) as at:
        from toonctl.pipelines import schema

        document = schema.run(options.command)
        at.result([json.dumps(document, ensure_ascii=False, indent=2)], document)
