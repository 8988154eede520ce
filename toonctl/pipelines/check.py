"""`check`: read everything a shot names, draw nothing."""

from dataclasses import dataclass
from pathlib import Path

from toonctl.core.reporter import Reporter
from toonctl.core.types import Art
from toonctl.spec.load import LoadedShot


@dataclass(frozen=True, slots=True)
class CheckedShot:
    """The art as it was understood; `plan` is the file written for a farm, None when none was asked for."""

    art: Art
    chunks: tuple[range, ...]
    plan: Path | None


def run(loaded: LoadedShot, report: Reporter, *, out: Path | None, write_plan: bool) -> CheckedShot:
    """The art of a shot, every file found and probed.

    Raises: SpecError for a faulty sheet, ArtError for missing or broken pictures, DeliveryError when the plan
    cannot be written.
    """
    from toonctl.stages import plan
    from toonctl.stages.read import read_art

    art = read_art(loaded.spec, folder=loaded.folder)
    for warned in art.warnings:
        report.warn(warned.code, warned.text)
    chunks = plan.suggest_chunks(art)
    path = loaded.output_folder(out) / "state" / "plan.json" if write_plan else None
    if path is not None:
        plan.write_plan(path, loaded.spec.shot.name, chunks)
    return CheckedShot(art, chunks, path)
