"""Measure frames against the truth, by a stated protocol.

RESULT and TRUTH are folders of pictures, output folders of shots, or lossless movies; RESULT may also be a
TOML file with `[[pair]]` tables. What needs a network that is not there is listed as not measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes

_CHECK_FAILED = 8
_TEXT_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="What was made, or a TOML of pairs.", show_default=False)
    ]
    truth: Annotated[
        Path | None,
        typer.Option("--truth", metavar="TRUTH", help="What it should be.", show_default=False),
    ] = None
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            metavar="NAME",
            help="cel, longanimation, longanimation-short, tooncomposer, kdq, layerpack or layerpack-sync.",
        ),
    ] = "cel"
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="NAMES", help="Only these, as in `psnr,ssim`.", show_default=False),
    ] = None
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer", metavar="NAME", help="This layer of output folders; the composite by default."
        ),
    ] = None
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under",
            metavar="NAME=VALUE",
            help="Exit code 8 when a measure is worse, as in `psnr=30`; repeatable.",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Write eval.json, eval.csv, eval.md and index.html here.",
            show_default=False,
        ),
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is already written.")] = False


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session
    from toonctl.cli._terminal import say

    with session("eval", options) as at:
        from toonctl.pipelines import eval as evaluation

        order = evaluation.EvalOrder(
            result=options.result,
            truth=options.truth,
            protocol=options.protocol,
            metrics=tuple(name.strip() for name in (options.metrics or "").split(",") if name.strip()),
            layer=options.layer,
            least=evaluation.parse_bounds(options.fail_under or ()),
            out=options.out,
            overwrite=options.overwrite,
        )
        result = evaluation.run(order, at.reporter)
        at.reporter.close()
        at.exit_code = _CHECK_FAILED if result.missed else 0
        lines = [
            f"protocol {result.protocol.id}, {result.n_frames} frames",
            *wrap(result.protocol.text, _TEXT_WIDTH),
            "",
            *_table_lines(evaluation.HEAD, evaluation.table_rows(result.measures)),
            *map(str, result.files),
        ]
        status = "failed" if result.missed else "done"
        at.result(lines, {**result.document, "status": status, "exit_code": at.exit_code})
        for sentence in result.missed:
            say(f"error: {sentence}")


def _table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as wide as its text, line by line."""
    from io import StringIO

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for column, name in enumerate(head):
        table.add_column(name, justify="right" if 0 < column < len(head) - 1 else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = StringIO()
    Console(file=text, width=200, color_system=None, markup=False).print(table)
    return [line.rstrip() for line in text.getvalue().rstrip("\n").split("\n")]
