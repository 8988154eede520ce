"""Which drawings of a result came to the border of their cells while layers were packed into one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toonctl.core.timesheet import parse_frames
from toonctl.pipelines._eval_result import manifest_of
from toonctl.regions.packing.sheet import CROSSED


def crossed_shares(tree: Path, layers: Sequence[str], frames: Sequence[int]) -> list[float | None]:
    """By frame the share of `layers` whose drawing came to the border of its cell, 0..1.

    None throughout when the result was not drawn in packed cells. `tree` is a shot's output folder, `frames`
    are numbered for people.
    """
    manifest = manifest_of(tree)
    resolved: dict[str, Any] = manifest.get("shot", {}).get("resolved", {})
    if not resolved.get("engine", {}).get("pack") or not layers:
        return [None] * len(frames)
    crossed: dict[int, set[str]] = {}
    for place in manifest.get("fell_back", ()):
        if place["how"] == CROSSED and place["layer"] in layers:
            for frame in parse_frames(place["frames"]):
                crossed.setdefault(frame, set()).add(place["layer"])
    return [len(crossed.get(frame, ())) / len(layers) for frame in frames]
