"""The files of an `eval`: JSON for programs, CSV by frame, Markdown for people, a page to look at."""

import csv
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from toonctl import __version__
from toonctl.core.errors import CheckpointError
from toonctl.core.files import write_whole
from toonctl.core.timesheet import parse_frames
from toonctl.models.registry import entries
from toonctl.pipelines._eval_meter import Measured
from toonctl.pipelines._eval_page import FramePicture, eval_page
from toonctl.pipelines._eval_protocol import METRICS
from toonctl.pipelines._eval_result import EvalResult, PairResult, manifest_of

FILES = ("eval.json", "eval.csv", "eval.md", "index.html")
"""What `--out` writes."""

_NO_VALUE = "-"


def write_eval(folder: Path, result: EvalResult, worst: Sequence[FramePicture]) -> tuple[Path, ...]:
    """The files in `folder`, in the order of `FILES`. Raises: DeliveryError when the disk refuses."""
    document = json.dumps(eval_document(result), ensure_ascii=False, indent=1) + "\n"
    contents = (document, _csv(result), _markdown(result), eval_page(result, worst))
    paths = tuple(folder / name for name in FILES)
    for path, content in zip(paths, contents, strict=True):
        write_whole(path, content.encode())
    return paths


def eval_document(result: EvalResult) -> dict[str, object]:
    """Everything that was measured, schema 1; what is not measured has a null `value` and its `reason`."""
    protocol = result.protocol
    return {
        "schema": 1,
        "tool": {"name": "toonctl", "version": __version__},
        "command": "eval",
        "protocol": {"id": protocol.id, "text": protocol.text, "measures": list(protocol.metrics)},
        "measures": [_entry(measured) for measured in result.measures],
        "missed": list(result.missed),
        "networks": {name: dict(digests) for name, digests in result.networks.items()},
        "pairs": [_pair(pair) for pair in result.pairs],
        "run": {
            "seconds": round(result.seconds, 3),
            "frames": result.n_frames,
            "fps": round(result.n_frames / result.seconds, 3) if result.seconds else None,
        },
    }


def value_text(measured: Measured) -> str:
    """A value as tables show it, with its unit; a dash when it is not measured."""
    if measured.value is None:
        return _NO_VALUE
    metric = METRICS[measured.metric]
    return f"{measured.value:.{metric.decimals}f}{f' {metric.unit}' if metric.unit else ''}"


def table_rows(measures: Sequence[Measured]) -> list[tuple[str, ...]]:
    """Measure, value, spread, worst frame, what it is: a row a measure, as text."""
    rows: list[tuple[str, ...]] = []
    for measured in measures:
        metric = METRICS[measured.metric]
        arrow = "↑" if metric.is_higher_better else "↓"
        spread = _NO_VALUE if measured.spread is None else f"{measured.spread:.{metric.decimals}f}"
        worst = _NO_VALUE if measured.worst is None else str(measured.worst)
        note = measured.reason or metric.title
        rows.append((f"{metric.name} {arrow}", value_text(measured), spread, worst, note))
    return rows


HEAD = ("measure", "value", "spread", "worst frame", "what it is")
"""Over the columns of `table_rows`."""


def _entry(measured: Measured) -> dict[str, object]:
    metric = METRICS[measured.metric]
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "better": "higher" if metric.is_higher_better else "lower",
        "decimals": metric.decimals,
        "value": measured.value,
        "reason": measured.reason,
        "n": measured.n,
        "spread": measured.spread,
        "worst_frame": measured.worst,
    }


def _pair(pair: PairResult) -> dict[str, object]:
    return {
        "name": pair.name,
        "result": pair.result,
        "truth": pair.truth,
        "truth_digest": pair.truth_digest,
        "measures": [_entry(measured) for measured in pair.measures],
        "efficiency": _efficiency(manifest_of(pair.tree)),
        "frames": list(pair.frames),
        "series": {name: list(values) for name, values in pair.series.items()},
    }


def _efficiency(manifest: Mapping[str, Any]) -> dict[str, object] | None:
    """What it took to draw a result, as its manifest says; None without one."""
    try:
        run, engine = manifest["run"], manifest["engine"]
        n_frames = len(parse_frames(str(manifest["frames"]["range"])))
        seconds = float(run["seconds"])
        return {
            "command": str(manifest["command"]),
            "engine": str(engine["name"]),
            "device": str(engine["device"]),
            "dtype": str(engine["dtype"]),
            "seconds": seconds,
            "ms_per_frame": round(seconds * 1000 / n_frames, 3),
            "peak_rss_mb": run.get("peak_rss_mb"),
            "peak_vram_mb": run.get("peak_vram_mb"),
            "weights_mb": _weights_mb(str(engine["name"]), engine.get("weights", ())),
        }
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _weights_mb(engine: str, weights: Sequence[Mapping[str, Any]]) -> float | None:
    """The size of an engine's weights together; None when that of one is not known."""
    sizes = [_weights_bytes(engine, str(each["file"])) for each in weights]
    known = [size for size in sizes if size is not None]
    return round(sum(known) / 1e6, 3) if len(known) == len(sizes) else None


def _weights_bytes(engine: str, file: str) -> int | None:
    """Of a file that ships with toonctl, or of registered ones, which manifests call `role: name`."""
    shipped = files("toonctl.weights").joinpath(file)
    if shipped.is_file():
        return len(shipped.read_bytes())
    role, _, name = file.partition(": ")
    try:
        rows = entries(engine, role)
    except CheckpointError:
        return None
    fits = [row for row in rows if name == row.gives.rpartition("/")[2] or name.startswith(row.shelf)]
    return fits[0].n_bytes if fits else None


def _csv(result: EvalResult) -> str:
    """A row a frame, a column a measure; empty where there is no value."""
    names = list(dict.fromkeys(name for pair in result.pairs for name in pair.series))
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["pair", "frame", *names])
    for pair in result.pairs:
        for index, frame in enumerate(pair.frames):
            values = [pair.series[name][index] if name in pair.series else None for name in names]
            writer.writerow([pair.name, frame, *("" if v is None else f"{v:.9g}" for v in values)])
    return text.getvalue()


def _markdown(result: EvalResult) -> str:
    lines = [f"# eval, protocol {result.protocol.id}", "", result.protocol.text, ""]
    sets = [("", result.measures)]
    if len(result.pairs) > 1:
        lines += [f"{len(result.pairs)} pairs; spread is that of their values.", ""]
        sets += [(pair.name, pair.measures) for pair in result.pairs]
    for title, measures in sets:
        if title:
            lines += ["", f"## {_cell(title)}", ""]
        lines += [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
        lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in table_rows(measures)]
    if result.missed:
        lines += ["", "Bounds that are not kept:", "", *(f"- {sentence}" for sentence in result.missed)]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
