"""`check`: read everything a shot names, draw nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toonctl.core.art import Art
from toonctl.core.reporter import Reporter
from toonctl.spec.load import LoadedShot

if TYPE_CHECKING:
    from toonctl.stages.plan import FarmPlan


@dataclass(frozen=True, slots=True)
class CheckedShot:
    """The art as it was understood, and how a farm may share the shot.

    `plan_file` is where the plan was written, None when that was not asked for.
    """

    art: Art
    plan: "FarmPlan"
    plan_file: Path | None


def run(
    loaded: LoadedShot, report: Reporter, *, command: str, out: Path | None, write_plan: bool
) -> CheckedShot:
    """The art of a shot that `command` is to draw, every file found and probed.

    Raises: SpecError for a faulty sheet, ArtError for missing or broken pictures, DeliveryError when the plan
    cannot be written.
    """
    from toonctl.pipelines._farm_plan import plan_shot
    from toonctl.stages import plan
    from toonctl.stages.read import read_art

    with loaded.naming_lines():
        art = read_art(loaded.spec, folder=loaded.folder)
    for warned in art.warnings:
        report.warn(warned.code, warned.text)
    found = plan_shot(loaded, art, command=command)
    path = loaded.output_folder(out) / "state" / "plan.json" if write_plan else None
    if path is not None:
        plan.write_plan(path, found)
    return CheckedShot(art, found, path)
