"""How a long shot may be cut for a farm (production.md 5.6, plan "chain").

The color memory is sequential: a chunk goes on from the state that the chunks before it have left, or walks
there itself without painting. So chunks may run in any order and side by side and give the same bytes.
"""

import json
from itertools import pairwise
from pathlib import Path

from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames
from toonctl.core.types import Art

FRAMES_PER_CHUNK = 48
"""Shorter chunks spend more time starting than drawing."""


def suggest_chunks(art: Art) -> tuple[range, ...]:
    """Consecutive frame ranges of about equal length, as numbered for people, that cover the shot."""
    n_chunks = max(1, round(art.n_frames / FRAMES_PER_CHUNK))
    cuts = [art.first_frame + round(i * art.n_frames / n_chunks) for i in range(n_chunks + 1)]
    return tuple(range(a, b) for a, b in pairwise(cuts))


def write_plan(path: Path, shot: str, chunks: tuple[range, ...]) -> None:
    """`path` (`state/plan.json`) telling a farm script the ranges to submit. Raises: DeliveryError."""
    plan: dict[str, object] = {
        "schema": 1,
        "shot": shot,
        "plan": "chain",
        "frames": format_frames(frame for chunk in chunks for frame in chunk),
        "chunks": [format_frames(chunk) for chunk in chunks],
    }
    write_whole(path, json.dumps(plan, ensure_ascii=False, indent=1).encode() + b"\n")
