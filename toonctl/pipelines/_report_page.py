"""The page of a report: its tables, bars for every measure, and how values run over time; no network."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from toonctl.pipelines._eval_plot import SCRIPT, STYLE, Curve, plot
from toonctl.pipelines._report_tables import Cell, Column, ReportTable, shots_of

_BARS_LEFT, _BARS = 118, 200
_WIDTH = 400
_ROW = 24
_SHOWN = 16  # letters of a name beside its bar
_INKS = ("#3b7dd8", "#d8623b", "#3ba55d", "#9b59b6", "#c9a227", "#16a2a2", "#7f8c8d", "#d84f9b")


def report_page(tables: Sequence[ReportTable], results: Mapping[str, Mapping[str, Any]]) -> str:
    """The page as one HTML document; `results` are documents of `eval` by name."""
    ink = {name: _INKS[place % len(_INKS)] for place, name in enumerate(results)}
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">',
        f"<title>report: {escape(', '.join(results))}</title><style>{STYLE}</style></head><body>",
        f"<h1>Report on {escape(', '.join(results))}</h1>",
    ]
    for table in tables:
        parts += [f'<h2>{escape(table.title)}</h2><p class="about">{escape(table.about)}</p>', _table(table)]
        figures = [_bars(table, place, ink) for place in range(len(table.columns))]
        parts.append(f'<div class="grid">{"".join(figures)}</div>')
    shots = list(_shots(results, ink))
    if shots:
        keys = "".join(f'<span class="key" style="background:{ink[n]}"></span>{escape(n)}' for n in results)
        parts += [f"<h2>Over time</h2><p>{keys}</p>", *shots]
    return "\n".join([*parts, f"<script>{SCRIPT}</script></body></html>", ""])


def _table(table: ReportTable) -> str:
    heads = "".join(f"<th>{escape(_head(column))}</th>" for column in table.columns)
    rows = [f"<tr><th>result</th>{heads}</tr>"]
    for name, cells in table.rows.items():
        texts = [_cell(column, cell) for column, cell in zip(table.columns, cells, strict=True)]
        rows.append(f"<tr><td>{escape(name)}</td>{''.join(texts)}</tr>")
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _head(column: Column) -> str:
    """Its arrow is never alone on a line."""
    return "\u00a0".join(column.head.rsplit(" ", 1))


def _cell(column: Column, cell: Cell) -> str:
    """The value, and its spread more quietly under it."""
    if cell.value is None:
        return '<td class="quiet">-</td>'
    kind = ' class="best"' if cell.is_best else ""
    spread = ""
    if cell.spread is not None:
        spread = f'<br><small class="quiet">± {cell.spread:.{column.decimals}f}</small>'
    return f"<td{kind}>{cell.value:.{column.decimals}f}{spread}</td>"


def _bars(table: ReportTable, place: int, ink: Mapping[str, str]) -> str:
    """One measure as bars from zero, a result each; empty with fewer than two."""
    column = table.columns[place]
    values = {name: cells[place].value for name, cells in table.rows.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known.values()), max(0.0, *known.values())
    scale = _BARS / (high - low) if high > low else 0.0
    rows: list[str] = []
    for row, (name, value) in enumerate(known.items()):
        x, y = _BARS_LEFT + (min(0.0, value) - low) * scale, 4 + _ROW * row
        short = name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
        rows.append(
            f'<text x="{_BARS_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(short)}</text>'
            f'<rect x="{x:.1f}" y="{y}" width="{abs(value) * scale:.1f}" height="16" fill="{ink[name]}"/>'
            f'<text x="{x + abs(value) * scale + 6:.1f}" y="{y + 12}">{value:.{column.decimals}f}</text>'
        )
    return (
        f"<figure><figcaption><span>{escape(_head(column))}</span></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_ROW * len(known) + 4}" role="img" aria-label="{escape(column.head)}">'
        f"{''.join(rows)}</svg></figure>"
    )


def _shots(results: Mapping[str, Mapping[str, Any]], ink: Mapping[str, str]) -> Iterable[str]:
    """For every shot that two results have, a figure for every measure that both have by frame."""
    by_result = {name: shots_of(document) for name, document in results.items()}
    for key in dict.fromkeys(key for shots in by_result.values() for key in shots):
        pairs = {name: shots[key] for name, shots in by_result.items() if key in shots}
        title = ", ".join(dict.fromkeys(str(pair["name"]) for pair in pairs.values()))
        figures = "".join(_curves(pairs, ink))
        if figures:
            yield f'<h3>{escape(title)}</h3><div class="grid">{figures}</div>'


def _curves(pairs: Mapping[str, Mapping[str, Any]], ink: Mapping[str, str]) -> Iterable[str]:
    entries = {entry["name"]: entry for pair in pairs.values() for entry in pair["measures"]}
    for measure, entry in entries.items():
        curves = [
            Curve(pair["frames"], pair["series"][measure], name, ink[name])
            for name, pair in pairs.items()
            if measure in pair["series"]
        ]
        if len(curves) > 1:
            is_higher_better = entry["better"] == "higher"
            column = Column(measure, entry["title"], entry["unit"], entry["decimals"], is_higher_better)
            yield plot(_head(column), curves, decimals=column.decimals)
