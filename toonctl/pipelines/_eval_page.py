"""The page of an `eval`: values over time as curves, the worst frames beside their truth; no network."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from toonctl.core.types import Pixels
from toonctl.formats.thumbnail import data_uri, fit, shrink, thumbnail
from toonctl.pipelines._eval_meter import Measured
from toonctl.pipelines._eval_protocol import METRICS, Metric
from toonctl.pipelines._eval_result import EvalResult, PairResult

_N_WORST = 6
_THUMB_PX = 320
_PLOT = (640, 120)
_MARGIN = 6
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}
th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884;vertical-align:top}
td.n{font-variant-numeric:tabular-nums;text-align:right}.quiet{opacity:.65}.missed{color:#c33}
svg{background:#8881;display:block}figure{margin:0}figcaption{font-size:.85rem;opacity:.75}
.plots,.worst{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr))}
.worst img{width:49%;image-rendering:auto}svg{width:100%;height:auto}
"""


@dataclass(frozen=True, slots=True)
class FramePicture:
    """A frame of `pair` that did badly: the measure's value, result and truth as addresses of pictures."""

    pair: str
    frame: int
    metric: Metric
    value: float
    picture: str
    truth: str


class WorstFrames:
    """Keeps the few worst frames by the first measure that has values; memory is a handful of thumbnails."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self._order = tuple(metrics)
        self._metric: Metric | None = None
        self._kept: list[tuple[float, int, FramePicture]] = []
        self._n = 0

    def take(
        self, pair: str, frame: int, values: Mapping[str, float | None], pictures: tuple[Pixels, Pixels]
    ) -> None:
        """A measured frame: its values and, RGB `[H, W, 3]`, result and truth."""
        if self._metric is None:
            name = next((each for each in self._order if values.get(each) is not None), None)
            self._metric = METRICS[name] if name else None
        metric = self._metric
        value = values.get(metric.name) if metric else None
        if metric is None or value is None:
            return
        badness = -value if metric.is_higher_better else value
        self._n += 1
        if len(self._kept) == _N_WORST and badness <= self._kept[0][0]:
            return
        found = FramePicture(pair, frame, metric, value, *(_small(picture) for picture in pictures))
        heapq.heappush(self._kept, (badness, -self._n, found))  # of equals the earlier frame stays
        if len(self._kept) > _N_WORST:
            heapq.heappop(self._kept)

    def pictures(self) -> tuple[FramePicture, ...]:
        """The worst first."""
        return tuple(found for _, _, found in sorted(self._kept, key=lambda kept: kept[:2], reverse=True))


def eval_page(result: EvalResult, worst: Sequence[FramePicture]) -> str:
    """The page as one HTML document."""
    protocol = result.protocol
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>eval {escape(protocol.id)}</title><style>{_STYLE}</style>",
        f"<h1>eval, protocol {escape(protocol.id)}</h1><p>{escape(protocol.text)}</p>",
        *(f"<p class=missed>{escape(sentence)}</p>" for sentence in result.missed),
        _table(result.measures),
    ]
    if worst:
        parts.append(f"<h2>Worst frames by {escape(worst[0].metric.title)}: result, truth</h2>")
        parts.append(f"<div class=worst>{''.join(_figure(each) for each in worst)}</div>")
    for pair in result.pairs:
        parts.append(f"<h2>{escape(pair.name)}: {len(pair.frames)} frames</h2>")
        if len(result.pairs) > 1:
            parts.append(_table(pair.measures))
        parts.append(f"<div class=plots>{_plots(pair)}</div>")
    return "\n".join(parts) + "\n"


def _table(measures: Sequence[Measured]) -> str:
    rows = [_row(measured) for measured in measures]
    return f"<table><tr><th>measure<th>value<th>spread<th>worst frame</tr>{''.join(rows)}</table>"


def _row(measured: Measured) -> str:
    metric = METRICS[measured.metric]
    arrow = "↑" if metric.is_higher_better else "↓"
    title = f"{escape(metric.title)} {arrow}"
    if measured.value is None:
        return f"<tr class=quiet><td>{title}<td colspan=3>{escape(measured.reason or '')}</tr>"
    spread = "" if measured.spread is None else f"{measured.spread:.{metric.decimals}f}"
    worst = "" if measured.worst is None else str(measured.worst)
    value = f"{measured.value:.{metric.decimals}f} {metric.unit}"
    return f"<tr><td>{title}<td class=n>{value}<td class=n>{spread}<td class=n>{worst}</tr>"


def _figure(found: FramePicture) -> str:
    caption = (
        f"{escape(found.pair)}, frame {found.frame}: {found.value:.{found.metric.decimals}f} "
        f"{found.metric.unit}"
    )
    images = "".join(f'<img src="{address}" alt=""> ' for address in (found.picture, found.truth))
    return f"<figure>{images}<figcaption>{caption}</figcaption></figure>"


def _plots(pair: PairResult) -> str:
    return "".join(_plot(METRICS[name], pair.frames, values) for name, values in pair.series.items())


def _plot(metric: Metric, frames: Sequence[int], values: Sequence[float | None]) -> str:
    """A curve over the frames; frames without a value break it."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    width, height = _PLOT
    across = (width - 2 * _MARGIN) / max(1, len(values) - 1)
    runs: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        share = (value - low) / (high - low) if high > low else 0.5
        y = height - _MARGIN - share * (height - 2 * _MARGIN)
        runs[-1].append(f"{_MARGIN + index * across:.1f},{y:.1f}")
    lines = "".join(
        f'<polyline points="{" ".join(run)}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        for run in runs
        if run
    )
    digits = metric.decimals
    caption = (
        f"{escape(metric.title)}, frames {frames[0]} to {frames[-1]}: "
        f"{low:.{digits}f} to {high:.{digits}f} {metric.unit}"
    )
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" aria-label="{caption}">{lines}</svg>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _small(picture: Pixels) -> str:
    height, width = picture.shape[:2]
    opaque = np.full((height, width, 1), 255, np.uint8)
    rgba = np.concatenate([picture, opaque], -1)
    return data_uri(thumbnail(shrink(rgba, fit((width, height), _THUMB_PX))))
