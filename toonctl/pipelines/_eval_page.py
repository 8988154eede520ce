"""The page of an `eval`: values over time as curves, the worst frames beside their truth; no network."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from toonctl.core.types import Pixels
from toonctl.formats.thumbnail import data_uri, fit, shrink, thumbnail
from toonctl.pipelines._eval_meter import Measured
from toonctl.pipelines._eval_plot import SCRIPT, STYLE, Curve, plot
from toonctl.pipelines._eval_protocol import METRICS, Metric
from toonctl.pipelines._eval_result import EvalResult, PairResult

_N_WORST = 6
_THUMB_PX = 320
_STYLE = """
.sides{display:grid;grid-template-columns:1fr 1fr;gap:.4rem;font-size:.8rem;color:var(--quiet)}
.sides img{width:100%;display:block;border:1px solid var(--rule);box-sizing:border-box}
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
    shots = result.pairs[0].name if len(result.pairs) == 1 else f"{len(result.pairs)} shots"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">',
        f"<title>eval {escape(protocol.id)}</title><style>{STYLE}{_STYLE}</style></head><body>",
        f"<h1>eval: {escape(shots)}, {result.n_frames} frames</h1>",
        f'<p class="about">Protocol {escape(protocol.id)}. {escape(protocol.text)}</p>',
        *(f'<p class="missed">Bound not kept: {escape(sentence)}</p>' for sentence in result.missed),
        _table(result.measures),
    ]
    if worst:
        parts.append(f"<h2>Worst frames: {escape(worst[0].metric.title)}</h2>")
        parts.append(f'<div class="grid">{"".join(_figure(each) for each in worst)}</div>')
    for pair in result.pairs:
        parts.append(f"<h2>{escape(pair.name)}: {len(pair.frames)} frames</h2>")
        if len(result.pairs) > 1:
            parts.append(_table(pair.measures))
        parts.append(f'<div class="grid">{_plots(pair)}</div>')
    return "\n".join([*parts, f"<script>{SCRIPT}</script></body></html>", ""])


def _table(measures: Sequence[Measured]) -> str:
    has_worst = any(measured.worst is not None for measured in measures)  # a set of shots has none
    rows = "".join(_row(measured, has_worst=has_worst) for measured in measures)
    worst = "<th>worst frame</th>" if has_worst else ""
    heads = f"<tr><th>measure</th><th>value</th><th>spread</th>{worst}</tr>"
    return f'<div class="wide"><table>{heads}{rows}</table></div>'


def _row(measured: Measured, *, has_worst: bool) -> str:
    metric = METRICS[measured.metric]
    if measured.value is None:
        reason = escape(measured.reason or "")
        return f'<tr><td>{_title(metric)}</td><td class="reason" colspan="{2 + has_worst}">{reason}</td></tr>'
    spread = "" if measured.spread is None else f"{measured.spread:.{metric.decimals}f}"
    worst = f"<td>{'' if measured.worst is None else measured.worst}</td>" if has_worst else ""
    value = f"{measured.value:.{metric.decimals}f} {metric.unit}".strip()
    return f"<tr><td>{_title(metric)}</td><td>{value}</td><td>{spread}</td>{worst}</tr>"


def _title(metric: Metric) -> str:
    return escape(_head(metric.title, metric))


def _head(text: str, metric: Metric) -> str:
    """The text with an arrow that is never alone on a line."""
    return f"{text}\u00a0{'↑' if metric.is_higher_better else '↓'}"


def _figure(found: FramePicture) -> str:
    value = f"{found.value:.{found.metric.decimals}f} {found.metric.unit}".strip()
    sides = "".join(
        f'<div><img src="{address}" alt="{side} of frame {found.frame}">{side}</div>'
        for side, address in (("result", found.picture), ("truth", found.truth))
    )
    caption = f"<span>{escape(found.pair)}, frame {found.frame}</span><output>{value}</output>"
    return f'<figure><figcaption>{caption}</figcaption><div class="sides">{sides}</div></figure>'


def _plots(pair: PairResult) -> str:
    """A figure for every measure that has values by frame."""
    worst = {measured.metric: measured.worst for measured in pair.measures}
    figures: list[str] = []
    for name, values in pair.series.items():
        metric = METRICS[name]
        head = _head(f"{metric.title}, {metric.unit}" if metric.unit else metric.title, metric)
        curve = Curve(pair.frames, values)
        figures.append(plot(head, [curve], decimals=metric.decimals, worst=worst.get(name)))
    return "".join(figures)


def _small(picture: Pixels) -> str:
    height, width = picture.shape[:2]
    opaque = np.full((height, width, 1), 255, np.uint8)
    rgba = np.concatenate([picture, opaque], -1)
    return data_uri(thumbnail(shrink(rgba, fit((width, height), _THUMB_PX))))
