"""Set results of `toonctl eval` side by side: tables and figures with the best values marked.

A result is the `eval.json` that `toonctl eval --out` wrote; NAME=FILE names it in the tables. Results of
different protocols stand in different tables.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    results: Annotated[
        list[str], typer.Argument(metavar="[NAME=]FILE...", help="Results of eval.", show_default=False)
    ]
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Write report.md, report.csv, report.tex and index.html here.",
            show_default=False,
        ),
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is already written.")] = False


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session

    with session("report", options) as at:
        from toonctl.pipelines import report

        result = report.run(options.results, options.out, overwrite=options.overwrite)
        at.reporter.close()
        lines = map(str, result.files) if result.files else result.text.rstrip("\n").split("\n")
        at.result(lines, {**result.document, "outputs": [str(path) for path in result.files]})
