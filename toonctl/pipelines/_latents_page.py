"""The page of `--watch-latents`: what an engine saw of its latents, step by step, as plots; no network."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from pathlib import Path
from typing import Any

from toonctl.core.files import write_whole
from toonctl.stages.job import memory_folder
from toonctl.stages.tree import OutputTree

LATENTS = "latents."
"""How engines begin the names of the figures they keep."""

_PLOT = (420, 150)
_MARGIN = 8
_SERIES: Mapping[str, Mapping[str, str]] = {
    "noisy latents": {"std": "#3b7dd8", "expected_std": "#888888"},
    "clean latents": {"denoised_std": "#d8623b", "temporal_std": "#3ba55d"},
    "what the network says": {"velocity_std": "#9b59b6"},
    "lowest and highest": {"lowest": "#16a2a2", "highest": "#c9a227"},
}
"""The plots, and their curves with the color of each."""

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p{max-width:60rem}.fault{color:#c33;font-weight:600}
.figures{display:grid;gap:1.2rem;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr))}
figure{margin:0}figcaption{font-size:.85rem;opacity:.8}svg{width:100%;height:auto;background:#8881}
"""


def write_latents_page(tree: OutputTree, job_key: str) -> Path | None:
    """`preview/latents.html` and `latents.json` beside it; None when the job has kept no figures.

    Raises: DeliveryError when the disk refuses.
    """
    kept = sorted(memory_folder(tree, job_key).glob(f"*/{LATENTS}*.json"))
    windows = [found for path in kept if (found := _read(path)) is not None]
    if not windows:
        return None
    page = tree.preview.with_name("latents.html")
    write_whole(page.with_suffix(".json"), json.dumps(windows, indent=1).encode())
    write_whole(page, latents_page(windows, title=tree.shot).encode())
    return page


def latents_page(windows: Sequence[Mapping[str, Any]], *, title: str) -> str:
    """The page as one HTML document; `windows` are the engine's documents, one for each pass of a window."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>latents {escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>Latents of {escape(title)}</h1>",
        "<p>From pure noise on the left to the picture on the right. Gray is the deviation that noisy "
        "latents must have; clean latents end near 0.7, and time (green) stays at nothing only where nothing "
        "moves.</p>",
    ]
    for window in windows:
        name = (
            f"{window['window']}, {window['part']}: {window['first']:.3f} to {window['last']:.3f} of the way"
        )
        parts.append(f"<h2>{escape(name)}</h2>")
        if window["fault"]:
            parts.append(f"<p class=fault>{escape(window['fault'])}</p>")
        plots = [_plot(head, window["figures"], curves) for head, curves in _SERIES.items()]
        parts.append(f"<div class=figures>{''.join(plots)}{_frames(window['figures'])}</div>")
    return "\n".join(parts) + "\n"


def _plot(head: str, figures: Sequence[Mapping[str, Any]], curves: Mapping[str, str]) -> str:
    series = {name: [float(step[name]) for step in figures] for name in curves}
    known = [value for values in series.values() for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    lines = "".join(_line(values, low, high, curves[name]) for name, values in series.items())
    keys = ", ".join(f'<span style="color:{ink}">{name}</span>' for name, ink in curves.items())
    return _figure(lines, f"{head}, {low:.3g} to {high:.3g}: {keys}")


def _frames(figures: Sequence[Mapping[str, Any]]) -> str:
    """The deviation of every frame of the clip at the last step: drawings that fade stick out."""
    values = [float(value) for value in figures[-1]["frames_std"]]
    top = max([1e-9, *(value for value in values if isfinite(value))])
    caption = f"clean latents by frame at step {figures[-1]['number'] + 1}, 0 to {top:.3g}"
    return _figure(_line(values, 0, top, "#d8623b"), caption)


def _line(values: Sequence[float], low: float, high: float, ink: str) -> str:
    width, height = _PLOT
    across = (width - 2 * _MARGIN) / max(1, len(values) - 1)
    down = (height - 2 * _MARGIN) / ((high - low) or 1)
    points = " ".join(
        f"{_MARGIN + i * across:.1f},{height - _MARGIN - (value - low) * down:.1f}"
        for i, value in enumerate(values)
        if isfinite(value)
    )
    return f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="1.5"/>'


def _figure(lines: str, caption: str) -> str:
    view = f"0 0 {_PLOT[0]} {_PLOT[1]}"
    return (
        f'<figure><svg viewBox="{view}" role="img">{lines}</svg><figcaption>{caption}</figcaption></figure>'
    )


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # half a file from elsewhere is no figure
    return found if isinstance(found, dict) and found.get("figures") else None
