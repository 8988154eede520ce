"""The page of a report: its tables, bars for every measure, and how values run over time; no network."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from toonctl.pipelines._report_tables import Column, ReportTable

_BAR = 260
_PLOT = (640, 180)
_MARGIN = 8
_INKS = ("#3b7dd8", "#d8623b", "#3ba55d", "#9b59b6", "#c9a227", "#16a2a2", "#7f8c8d", "#d84f9b")
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2.2rem}p{max-width:60rem;opacity:.8}
table{border-collapse:collapse}
th,td{text-align:right;padding:.2rem .9rem .2rem 0;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left}td{font-variant-numeric:tabular-nums}.best{font-weight:700}
.figures{display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr));margin-top:1rem}
figure{margin:0}figcaption{font-size:.85rem;opacity:.75}svg{width:100%;height:auto;background:#8881}
"""


def report_page(tables: Sequence[ReportTable], results: Mapping[str, Mapping[str, Any]]) -> str:
    """The page as one HTML document; `results` are documents of `eval` by name."""
    ink = {name: _INKS[place % len(_INKS)] for place, name in enumerate(results)}
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>report</title><style>{_STYLE}</style>",
        f"<h1>Report on {escape(', '.join(results))}</h1>",
    ]
    for table in tables:
        parts += [f"<h2>{escape(table.title)}</h2><p>{escape(table.about)}</p>", _table(table)]
        figures = [_bars(table, place, ink) for place in range(len(table.columns))]
        parts.append(f"<div class=figures>{''.join(figures)}</div>")
    curves = "".join(_curves(results, ink))
    if curves:
        parts.append(f"<h2>Over time</h2><div class=figures>{curves}</div>")
    return "\n".join(parts) + "\n"


def _table(table: ReportTable) -> str:
    heads = "".join(f"<th>{escape(column.head)}" for column in table.columns)
    rows = [f"<tr><th>result{heads}</tr>"]
    for name, cells in table.rows.items():
        texts = [
            f"<td{' class=best' if cell.is_best else ''}>{table.cell_text(column, cell)}"
            for column, cell in zip(table.columns, cells, strict=True)
        ]
        rows.append(f"<tr><td>{escape(name)}{''.join(texts)}</tr>")
    return f"<table>{''.join(rows)}</table>"


def _bars(table: ReportTable, place: int, ink: Mapping[str, str]) -> str:
    """One measure as bars from zero, a result each."""
    column = table.columns[place]
    values = {name: cells[place].value for name, cells in table.rows.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known.values()), max(0.0, *known.values())
    scale = _BAR / (high - low) if high > low else 0.0
    rows: list[str] = []
    for row, (name, value) in enumerate(known.items()):
        x, y = 150 + (min(0.0, value) - low) * scale, 8 + 24 * row
        rows.append(
            f'<text x="144" y="{y + 13}" text-anchor="end" font-size="12" fill="currentColor">'
            f'{escape(name[:22])}</text><rect x="{x:.1f}" y="{y}" width="{abs(value) * scale:.1f}" '
            f'height="16" fill="{ink[name]}"/><text x="{x + abs(value) * scale + 5:.1f}" y="{y + 13}" '
            f'font-size="12" fill="currentColor">{value:.{column.decimals}f}</text>'
        )
    view = f"0 0 480 {12 + 24 * len(known)}"
    return (
        f'<figure><svg viewBox="{view}" role="img" aria-label="{escape(column.head)}">{"".join(rows)}</svg>'
        f"<figcaption>{escape(column.head)}</figcaption></figure>"
    )


def _curves(results: Mapping[str, Mapping[str, Any]], ink: Mapping[str, str]) -> Iterable[str]:
    """A figure for every shot and measure that two results have by frame."""
    shots = dict.fromkeys(pair["name"] for document in results.values() for pair in document["pairs"])
    for shot in shots:
        pairs = {
            name: pair
            for name, document in results.items()
            for pair in document["pairs"]
            if pair["name"] == shot
        }
        columns = {entry["name"]: entry for pair in pairs.values() for entry in pair["measures"]}
        for measure, entry in columns.items():
            series = {n: pair["series"][measure] for n, pair in pairs.items() if measure in pair["series"]}
            if len(series) > 1:
                column = Column(measure, entry["title"], entry["unit"], entry["decimals"], True)
                yield _curve(f"{shot}: {column.title}", series, ink)


def _curve(title: str, series: Mapping[str, Sequence[float | None]], ink: Mapping[str, str]) -> str:
    known = [value for values in series.values() for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    width, height = _PLOT
    lines: list[str] = []
    for name, values in series.items():
        across = (width - 2 * _MARGIN) / max(1, len(values) - 1)
        points = " ".join(
            f"{_MARGIN + index * across:.1f},"
            f"{height - _MARGIN - (value - low) / ((high - low) or 1) * (height - 2 * _MARGIN):.1f}"
            for index, value in enumerate(values)
            if value is not None
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{ink[name]}" stroke-width="1.5"/>')
    keys = ", ".join(f'<span style="color:{ink[name]}">{escape(name)}</span>' for name in series)
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(lines)}</svg><figcaption>{escape(title)}, {low:.4g} to {high:.4g}: {keys}"
        "</figcaption></figure>"
    )
