"""A shot as a farm job is made from it, without files."""

from pathlib import Path
from typing import Any

from toonctl.stages.farm_job import FarmShot
from toonctl.stages.plan import FarmPlan


def shot(name: str, kind: Any, *, needs_gpu: bool = False, folder: Path = Path("/shots")) -> FarmShot:
    """96 frames in three chunks, planned in one of three ways."""
    anchors = (1, 33, 65) if kind == "anchors" else ()
    plan = FarmPlan(name, kind, anchors, (range(1, 34), range(34, 66), range(66, 97)))
    command = "inbetween" if kind == "apart" else "colorize-long"
    return FarmShot(folder / name / "shot.toml", command, plan, needs_gpu)
