"""How a shot may be shared by many machines (production.md 5.6): the plan that farm scripts are made from.

- `chain`: the color memory is sequential. Chunks give the same bytes in any order, but one that finds no
  memory before it walks there itself, without painting; so they are run in order.
- `anchors`: anchor drawings first, in one task, then chunks side by side.
- `apart`: what lies between keys needs only the keys: chunks side by side.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from toonctl.core.art import Layer
from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames
from toonctl.stages.timeline import Timeline

FRAMES_PER_CHUNK = 48
"""Shorter chunks spend more time starting than drawing."""

_LEAST_FRAMES = 8

PlanKind = Literal["chain", "anchors", "apart"]


@dataclass(frozen=True, slots=True)
class FarmPlan:
    """What to submit, in frames as people number them: `anchors` come first, `chunks` cover the shot."""

    shot: str
    kind: PlanKind
    anchors: tuple[int, ...]
    chunks: tuple[range, ...]

    @property
    def frames(self) -> range:
        """All frames of the shot."""
        return range(self.chunks[0][0], self.chunks[-1][-1] + 1)


def suggest_chunks(frames: Sequence[int], *, per_chunk: int = FRAMES_PER_CHUNK) -> tuple[range, ...]:
    """Consecutive ranges of about equal length, none of many more frames than `per_chunk`."""
    n_chunks = max(1, round(len(frames) / per_chunk))
    cuts = [frames[0] + round(i * len(frames) / n_chunks) for i in range(n_chunks + 1)]
    return tuple(range(a, b) for a, b in pairwise(cuts))


def cut_chunks(frames: Sequence[int], cuts: Sequence[int]) -> tuple[range, ...]:
    """`frames` in consecutive ranges that begin at cuts; cuts that would make them too short are left out."""
    starts = [frames[0]]
    for cut in sorted(set(cuts)):
        if starts[-1] + _LEAST_FRAMES <= cut <= frames[-1]:
            starts.append(cut)
    return tuple(range(a, b) for a, b in pairwise([*starts, frames[-1] + 1]))


def distinct_drawings(layer: Layer, timeline: Timeline) -> dict[str, str]:
    """The drawings of a layer by first appearance, each with the first of those that are equal to it."""
    first_of: dict[str, str] = {}
    return {
        name: first_of.setdefault(layer.cels[name].digest, name) for name in timeline.drawings(layer.name)
    }


def write_plan(path: Path, plan: FarmPlan) -> None:
    """`path` (`state/plan.json`) telling a farm script what to submit. Raises: DeliveryError."""
    content: dict[str, object] = {
        "schema": 1,
        "shot": plan.shot,
        "plan": plan.kind,
        "frames": format_frames(plan.frames),
        "anchors": format_frames(plan.anchors),
        "chunks": [format_frames(chunk) for chunk in plan.chunks],
    }
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")
