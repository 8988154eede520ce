"""Values over frames as figures of a page, and the look that the pages of `eval` and `report` share.

A figure shows its scale, and under the pointer or by arrow keys the values of a frame; it needs no network.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

STYLE = """
:root{color-scheme:light dark;--ink:light-dark(#2b5fad,#8ab4f8);--paper:light-dark(#fff,#17181a);
--text:light-dark(#1c1d1f,#e6e6e6);--quiet:light-dark(#5c6066,#a2a7ad);--rule:light-dark(#d9dce0,#3a3d41);
--best:light-dark(#e3f1e3,#1f3a26)}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;
background:var(--paper);color:var(--text)}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.4rem}h3{font-size:1rem;margin:1.6rem 0 .4rem}
p{max-width:52rem}.quiet,p.about{color:var(--quiet)}
.missed{color:light-dark(#a92020,#ff8a80)}.wide{overflow-x:auto}
table{border-collapse:collapse;margin:.8rem 0}
th,td{text-align:right;padding:.3rem .7rem;border-bottom:1px solid var(--rule);white-space:nowrap;
font-variant-numeric:tabular-nums}
th{vertical-align:bottom;font-weight:600;white-space:normal;max-width:9rem}
th:first-child,td:first-child{text-align:left;padding-left:0;max-width:none;white-space:normal}
td.reason{text-align:left;white-space:normal;color:var(--quiet)}
td.best{font-weight:700;background:var(--best)}
.grid{display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fill,minmax(min(22rem,100%),1fr))}
figure{margin:0;min-width:0}
figcaption{display:flex;gap:1rem;justify-content:space-between;align-items:baseline;font-size:.85rem}
figcaption:has(+.plot){min-height:2.6em}
output{color:var(--quiet);text-align:right;flex:none;max-width:60%;font-variant-numeric:tabular-nums}
svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif;fill:currentColor}
.plot{cursor:crosshair}.plot line{stroke:var(--rule)}.plot .rule{stroke:var(--quiet);visibility:hidden}
.plot text{fill:var(--quiet)}.plot polyline{fill:none;stroke-width:1.6}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .35em 0 1em}
"""
"""Of both pages, light or dark as the reader's machine is."""

_WIDTH, _HEIGHT = 400, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 392, 8, 148

SCRIPT = f"""
for (const plot of document.querySelectorAll("svg.plot")) {{
  const frames = JSON.parse(plot.dataset.frames), curves = JSON.parse(plot.dataset.curves);
  const rule = plot.querySelector(".rule"), says = plot.parentElement.querySelector("output");
  const first = frames[0], span = Math.max(1, frames.at(-1) - first), still = says.textContent;
  let at = -1;
  const show = (index) => {{
    at = Math.min(frames.length - 1, Math.max(0, index));
    const x = {_LEFT} + (frames[at] - first) / span * {_RIGHT - _LEFT};
    rule.setAttribute("x1", x); rule.setAttribute("x2", x); rule.style.visibility = "visible";
    const values = curves.map(([name, texts]) => (name ? name + " " : "") + (texts[at] || "none"));
    says.textContent = "frame " + frames[at] + ": " + values.join(", ");
  }};
  const leave = () => {{ rule.style.visibility = "hidden"; says.textContent = still; }};
  plot.addEventListener("pointermove", (event) => {{
    const box = plot.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * {_WIDTH};
    const frame = first + (x - {_LEFT}) / {_RIGHT - _LEFT} * span;
    let near = 0;
    frames.forEach((each, i) => {{ if (Math.abs(each - frame) < Math.abs(frames[near] - frame)) near = i; }});
    show(near);
  }});
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("keydown", (event) => {{
    const step = {{ArrowLeft: -1, ArrowRight: 1}}[event.key];
    if (step) {{ show(at + step); event.preventDefault(); }}
  }});
}}
"""
"""What a page with figures ends with."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Values by frame, None where there is none; `name` is empty where a figure has only one."""

    frames: Sequence[int]
    values: Sequence[float | None]
    name: str = ""
    ink: str = "var(--ink)"


def plot(head: str, curves: Sequence[Curve], *, decimals: int, worst: int | None = None) -> str:
    """A figure of the curves, `head` over it; frames without a value break a curve.

    `worst` is the frame to be marked. Empty with fewer than two values.
    """
    known = [value for curve in curves for value in curve.values if value is not None]
    if len(known) < 2:
        return ""
    frames = sorted({frame for curve in curves for frame in curve.frames})
    scale = _Scale.over(frames, known, decimals)
    lines = "".join(_line(curve, scale) for curve in curves)
    marked = next((v for c in curves for f, v in zip(c.frames, c.values, strict=True) if f == worst), None)
    if worst is not None and marked is not None:
        x, y = scale.place(worst, marked)
        lines += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{curves[0].ink}"/>'
    data = [[curve.name, _texts(curve, frames, decimals)] for curve in curves]
    span = f"{min(known):.{decimals}f} to {max(known):.{decimals}f}"
    return (
        f"<figure><figcaption><span>{escape(head)}</span><output>{span}</output></figcaption>"
        f'<svg class="plot" tabindex="0" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(head)}, frames {frames[0]} to {frames[-1]}: {span}" '
        f'data-frames="{json.dumps(frames)}" data-curves="{escape(json.dumps(data))}">'
        f'{scale.drawn()}<line class="rule" y1="{_TOP}" y2="{_BOTTOM}"/>{lines}</svg></figure>'
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a value of a frame stands in a figure."""

    first: int
    last: int
    low: float
    high: float
    decimals: int

    @classmethod
    def over(cls, frames: Sequence[int], values: Sequence[float], decimals: int) -> "_Scale":
        """Room for all of them; values that are all the same stand in the middle."""
        low, high = min(values), max(values)
        if high - low < 10**-decimals:
            low, high = low - 10**-decimals, high + 10**-decimals
        return cls(frames[0], frames[-1], low, high, decimals)

    def place(self, frame: float, value: float) -> tuple[float, float]:
        across = (frame - self.first) / max(1, self.last - self.first)
        up = (value - self.low) / (self.high - self.low)
        return _LEFT + across * (_RIGHT - _LEFT), _BOTTOM - up * (_BOTTOM - _TOP)

    def drawn(self) -> str:
        """Lines and numbers at round values, numbers at round frames."""
        parts: list[str] = []
        step = _round_step(max((self.high - self.low) / 4, 10**-self.decimals))
        digits = max(0, -floor(log10(step)))
        for value in _rounds(self.low, self.high, step):
            y = self.place(self.first, value)[1]
            parts.append(
                f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.{digits}f}</text>'
            )
        for frame in _rounds(self.first, self.last, max(1.0, _round_step((self.last - self.first) / 6))):
            x = self.place(frame, self.low)[0]
            parts.append(f'<text x="{x:.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{frame:.0f}</text>')
        return "".join(parts)


def _line(curve: Curve, scale: _Scale) -> str:
    """The curve, broken where values are missing; a value on its own is a dot."""
    runs: list[list[tuple[float, float]]] = [[]]
    for frame, value in zip(curve.frames, curve.values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(scale.place(frame, value))
    parts: list[str] = []
    for run in runs:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
        if len(run) == 1:
            x, y = run[0]
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{curve.ink}"/>')
        elif run:
            parts.append(f'<polyline points="{points}" stroke="{curve.ink}"/>')
    return "".join(parts)


def _texts(curve: Curve, frames: Sequence[int], decimals: int) -> list[str]:
    """A text for each of `frames`, empty where the curve has no value."""
    known = dict(zip(curve.frames, curve.values, strict=True))
    return ["" if (value := known.get(frame)) is None else f"{value:.{decimals}f}" for frame in frames]


def _round_step(least: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not under `least`."""
    power = 10.0 ** floor(log10(least)) if least > 0 else 1.0
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _rounds(low: float, high: float, step: float) -> list[float]:
    """The multiples of `step` from `low` to `high`."""
    start, end = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [number * step for number in range(start, end + 1)]
