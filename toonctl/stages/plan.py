"""How a long shot may be cut for a farm: frame ranges that begin at anchor drawings (production.md 5.6)."""

import json
from pathlib import Path

from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames
from toonctl.core.types import Art
from toonctl.stages.timeline import Timeline

LEAST_FRAMES = 12
"""Shorter chunks spend more time starting than drawing."""


def suggest_chunks(art: Art, anchor_every: int) -> tuple[range, ...]:
    """Consecutive frame ranges, as numbered for people, that cover the shot.

    A chunk needs the finished anchors around its drawings; one that begins at an anchor needs no third.
    """
    timeline = Timeline.of(art)
    starts = {timeline.first_frame}
    for layer in timeline.layers:
        anchors = timeline.drawings(layer)[::anchor_every]
        starts.update(timeline.frames_of(layer, name)[0] for name in anchors)
    end = timeline.first_frame + timeline.n_frames
    cuts = [timeline.first_frame]
    for start in sorted(starts):
        if start - cuts[-1] >= LEAST_FRAMES and end - start >= LEAST_FRAMES:
            cuts.append(start)
    return tuple(range(a, b) for a, b in zip(cuts, [*cuts[1:], end], strict=True))


def write_plan(path: Path, shot: str, chunks: tuple[range, ...]) -> None:
    """`path` (`state/plan.json`) telling a farm script the ranges to submit. Raises: DeliveryError."""
    plan: dict[str, object] = {
        "schema": 1,
        "shot": shot,
        "plan": "anchors",
        "frames": format_frames(frame for chunk in chunks for frame in chunk),
        "chunks": [format_frames(chunk) for chunk in chunks],
    }
    write_whole(path, json.dumps(plan, ensure_ascii=False, indent=1).encode() + b"\n")
