"""Tables of a report: one for every protocol, and one of what the results took to draw.

A table is a row a result and a column a measure. The best value of a column is marked, and all that show the
same digits; where all rows do, none is.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

_NO_VALUE = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """A measure: `name` for programs, `title` for people, digits after the point."""

    name: str
    title: str
    unit: str
    decimals: int
    is_higher_better: bool

    @property
    def head(self) -> str:
        """`PSNR, dB ↑`."""
        return f"{self.title}{f', {self.unit}' if self.unit else ''} {'↑' if self.is_higher_better else '↓'}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its spread, None where it is not measured; `is_best` of its column."""

    value: float | None
    spread: float | None
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: `about` is the sentence over it, `rows` are cells by result."""

    title: str
    about: str
    columns: tuple[Column, ...]
    rows: Mapping[str, tuple[Cell, ...]]

    def cell_text(self, column: Column, cell: Cell) -> str:
        """`26.44 ± 0.31`."""
        if cell.value is None:
            return _NO_VALUE
        spread = "" if cell.spread is None else f" ± {cell.spread:.{column.decimals}f}"
        return f"{cell.value:.{column.decimals}f}{spread}"


def quality_table(protocol: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> ReportTable:
    """The measures of results made by one protocol; `results` are documents of `eval` by name.

    A measure that no result has is left out, and named in the sentence over the table.
    """
    entries = {name: {e["name"]: e for e in document["measures"]} for name, document in results.items()}
    known = {entry["name"]: entry for row in entries.values() for entry in row.values()}
    shown = [n for n in known if any(row.get(n, {}).get("value") is not None for row in entries.values())]
    columns = tuple(
        Column(n, known[n]["title"], known[n]["unit"], known[n]["decimals"], known[n]["better"] == "higher")
        for n in shown
    )
    rows = {
        name: tuple(Cell(row.get(n, {}).get("value"), row.get(n, {}).get("spread")) for n in shown)
        for name, row in entries.items()
    }
    left_out = [f"{entry['title']}: {entry['reason']}" for n, entry in known.items() if n not in shown]
    about = " ".join([str(protocol["text"]), *(f"{sentence}." for sentence in left_out), *_unlike(results)])
    return ReportTable(f"Protocol {protocol['id']}", about, columns, _marked(columns, rows))


def shots_of(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The pairs of a result by what they were compared with, so that two results' pairs can be told alike.

    Names do not tell: they are those of folders. A pair without a digest of its truth goes by its name.
    """
    shots: dict[str, Mapping[str, Any]] = {}
    for pair in document["pairs"]:
        key = str(pair.get("truth_digest", pair["name"]))
        shots[f"{key} {pair['name']}" if key in shots else key] = pair
    return shots


def _unlike(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence when the results were not measured on the same frames."""
    frames = {
        name: {key: pair["frames"] for key, pair in shots_of(document).items()}
        for name, document in results.items()
    }
    if all(each == next(iter(frames.values())) for each in frames.values()):
        return []
    counts = ", ".join(f"{name} {sum(len(shot) for shot in each.values())}" for name, each in frames.items())
    return [f"The results were not measured on the same frames ({counts}): they do not compare."]


_EFFICIENCY = (
    Column("weights_mb", "weights", "MB", 1, is_higher_better=False),
    Column("peak_rss_mb", "host memory", "MB", 0, is_higher_better=False),
    Column("peak_vram_mb", "GPU memory", "MB", 0, is_higher_better=False),
    Column("ms_per_frame", "time per frame", "ms", 1, is_higher_better=False),
)


def efficiency_table(results: Mapping[str, Mapping[str, Any]]) -> ReportTable | None:
    """What results took to draw, by their manifests: mean and spread over pairs; None when none has one.

    What none of them took, as memory of a card on the CPU, has no column.
    """
    facts = {
        name: [pair["efficiency"] for pair in document["pairs"] if pair.get("efficiency")]
        for name, document in results.items()
    }
    facts = {name: each for name, each in facts.items() if each}
    columns = [c for c in _EFFICIENCY if any(fact.get(c.name) for each in facts.values() for fact in each)]
    if not columns:
        return None
    rows = {name: tuple(_over(f.get(c.name) for f in each) for c in columns) for name, each in facts.items()}
    about = "As the manifests of the results tell; means over their shots."
    return ReportTable("Efficiency", about, tuple(columns), _marked(columns, rows))


def markdown(tables: Iterable[ReportTable]) -> str:
    """All tables, best values bold."""
    parts: list[str] = []
    for table in tables:
        parts += [f"## {table.title}", "", table.about, ""]
        parts += [f"| result | {' | '.join(column.head for column in table.columns)} |"]
        parts += ["|" + "---|" * (len(table.columns) + 1)]
        parts += [f"| {' | '.join(row)} |" for row in _rows(table, _one_line, lambda text: f"**{text}**")]
        parts.append("")
    return "\n".join(parts)


def latex(tables: Iterable[ReportTable]) -> str:
    """All tables for a paper with `booktabs`, best values bold."""
    parts = ["% \\usepackage{booktabs}"]
    for table in tables:
        heads = " & ".join(_tex(column.head) for column in table.columns)
        parts += ["\\begin{table}", f"\\caption{{{_tex(table.title)}. {_tex(table.about)}}}"]
        parts += [f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}", "\\toprule", f" & {heads} \\\\"]
        parts.append("\\midrule")
        bold = _rows(table, _tex, lambda text: f"\\textbf{{{text}}}")
        parts += [f"{' & '.join(row)} \\\\" for row in bold]
        parts += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
    return "\n".join(parts)


def csv_text(tables: Iterable[ReportTable]) -> str:
    """A row a value: table, result, measure, value, spread, whether it is the best."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", "result", "measure", "value", "spread", "best"])
    for table in tables:
        for name, cells in table.rows.items():
            for column, cell in zip(table.columns, cells, strict=True):
                numbers = ["" if n is None else f"{n:.9g}" for n in (cell.value, cell.spread)]
                writer.writerow([table.title, name, column.name, *numbers, int(cell.is_best)])
    return text.getvalue()


def _rows(table: ReportTable, plain: Callable[[str], str], best: Callable[[str], str]) -> Iterable[list[str]]:
    """The rows as text, the result's name first; `plain` spells a text, `best` marks a spelled one."""
    for name, cells in table.rows.items():
        texts = [plain(table.cell_text(*pair)) for pair in zip(table.columns, cells, strict=True)]
        marked = [best(text) if cell.is_best else text for cell, text in zip(cells, texts, strict=True)]
        yield [plain(name), *marked]


def _marked(columns: Sequence[Column], rows: Mapping[str, tuple[Cell, ...]]) -> dict[str, tuple[Cell, ...]]:
    """The rows with the best of every column marked; where all values are alike, nothing is the best."""
    best = [_best(column, [cells[i].value for cells in rows.values()]) for i, column in enumerate(columns)]

    def marked(place: int, cell: Cell) -> Cell:
        is_best = cell.value is not None and round(cell.value, columns[place].decimals) == best[place]
        return Cell(cell.value, cell.spread, is_best)

    return {name: tuple(marked(i, cell) for i, cell in enumerate(cells)) for name, cells in rows.items()}


def _best(column: Column, values: Sequence[float | None]) -> float | None:
    known = [round(value, column.decimals) for value in values if value is not None]
    if len(set(known)) < 2:
        return None
    return max(known) if column.is_higher_better else min(known)


def _over(values: Iterable[float | None]) -> Cell:
    known = [float(value) for value in values if value is not None]
    if not known:
        return Cell(None, None)
    mean = sum(known) / len(known)
    spread = (sum((value - mean) ** 2 for value in known) / len(known)) ** 0.5
    return Cell(mean, spread if len(known) > 1 else None)


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _tex(text: str) -> str:
    marks = {"\\": "\\textbackslash{}", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "±": "$\\pm$"}
    marks |= {"~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    marks |= {mark: f"\\{mark}" for mark in "&%$#_{}"}
    return "".join(marks.get(letter, letter) for letter in text)
