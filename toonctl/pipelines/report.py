"""The story of `report`: results of `eval` side by side, as tables for people, papers and programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from toonctl.core.errors import DeliveryError, UsageError
from toonctl.core.files import write_whole
from toonctl.pipelines._report_page import report_page
from toonctl.pipelines._report_tables import (
    ReportTable,
    csv_text,
    efficiency_table,
    latex,
    markdown,
    quality_table,
)

FILES = ("report.md", "report.csv", "report.tex", "index.html")
"""What `--out` writes."""


@dataclass(frozen=True, slots=True)
class ReportResult:
    """The report: as Markdown, as one document for programs, and the files that were written."""

    text: str
    document: Mapping[str, object]
    files: tuple[Path, ...]


def run(sources: Sequence[str], out: Path | None, *, overwrite: bool) -> ReportResult:
    """The report on results of `eval`; a source is a file, or `NAME=FILE` to name it.

    Results of different protocols stand in different tables: their numbers do not compare.
    Raises: UsageError when a file is no result of `eval` or two results have one name; DeliveryError when the
    report cannot be written.
    """
    if out is not None and not overwrite:
        there = [name for name in FILES if (out / name).exists()]
        if there:
            hint = "name another folder, or give `--overwrite`"
            raise DeliveryError(f"`{there[0]}` is already there", str(out), hint)
    results = _read_all(sources)
    tables = _tables(results)
    text = markdown(tables)
    files: tuple[Path, ...] = ()
    if out is not None:
        contents = (text, csv_text(tables), latex(tables), report_page(tables, results))
        files = tuple(out / name for name in FILES)
        for path, content in zip(files, contents, strict=True):
            write_whole(path, content.encode())
    return ReportResult(text, _document(tables), files)


def _tables(results: Mapping[str, Mapping[str, Any]]) -> list[ReportTable]:
    """A table for every protocol, in order of appearance, then efficiency."""
    protocols = {document["protocol"]["id"]: document["protocol"] for document in results.values()}
    tables: list[ReportTable] = []
    for key, protocol in protocols.items():
        alike = {name: document for name, document in results.items() if document["protocol"]["id"] == key}
        tables.append(quality_table(protocol, alike))
    efficiency = efficiency_table(results)
    return [*tables, efficiency] if efficiency else tables


def _read_all(sources: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    results: dict[str, Mapping[str, Any]] = {}
    for source in sources:
        name, path = _named(source)
        if name in results:
            hint = f"name them apart: `{name}-1={path}`"
            raise UsageError(f"two results are called `{name}`", hint=hint)
        results[name] = _read(path)
    return results


def _named(source: str) -> tuple[str, Path]:
    """The name of a result and its file; `eval.json` is called by its folder."""
    if "=" in source and not Path(source).exists():
        name, _, file = source.partition("=")
        return name.strip() or file, Path(file)
    path = Path(source)
    return (path.resolve().parent.name if path.stem == "eval" else path.stem), path


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UsageError(f"there is no file `{path}`", hint="`toonctl eval ... --out DIR` writes `eval.json`")
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _foreign(path) from error
    if not isinstance(content, dict):
        raise _foreign(path)
    document = cast("dict[str, Any]", content)
    is_ours = document.get("command") == "eval" and document.get("schema") == 1
    if not is_ours or not {"protocol", "measures", "pairs"} <= document.keys():
        raise _foreign(path)
    return document


def _foreign(path: Path) -> UsageError:
    return UsageError(f"`{path}` is no result of `toonctl eval`", hint="give the `eval.json` files")


def _document(tables: Sequence[ReportTable]) -> dict[str, object]:
    return {
        "command": "report",
        "status": "done",
        "exit_code": 0,
        "tables": [
            {
                "title": table.title,
                "about": table.about,
                "columns": [column.name for column in table.columns],
                "rows": {
                    name: [{"value": c.value, "spread": c.spread, "best": c.is_best} for c in cells]
                    for name, cells in table.rows.items()
                },
            }
            for table in tables
        ],
    }
