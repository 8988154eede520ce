"""`farm`: shots are read and planned as `check` does, and a script for a render farm is made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from toonctl.core.errors import Problem, SpecError
from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.engines import needs_cuda
from toonctl.spec.commands import TASKS
from toonctl.spec.load import LoadedShot

if TYPE_CHECKING:
    from toonctl.stages.farm_job import FarmJob, FarmShot


class Farm(StrEnum):
    """A render manager."""

    OPENJD = "openjd"
    SLURM = "slurm"
    DEADLINE = "deadline"
    OPENCUE = "opencue"


@dataclass(frozen=True, slots=True)
class FarmOptions:
    """How a job is to be made.

    `target` is the file it is written to, None when it is only wanted as text. `tool` is how hosts call
    toonctl, `out` where results go, `passed_on` what every call gets. `per_chunk` None leaves it to the plan.
    """

    farm: Farm
    target: Path | None
    tool: str
    out: Path | None
    passed_on: tuple[str, ...]
    per_chunk: int | None


def run(shots: Mapping[Path, tuple[str, LoadedShot]], options: FarmOptions, report: Reporter) -> str:
    """The text of the job; `shots` are the shot files with the command of each.

    Raises: SpecError when two shots would write to one folder; SpecError, ArtError as `check`; DeliveryError
    when the file cannot be written.
    """
    from toonctl.stages.farm_job import FarmJob

    _check_folders([loaded for _, loaded in shots.values()], options.out)
    planned = tuple(
        _planned(path, command, loaded, options.per_chunk) for path, (command, loaded) in shots.items()
    )
    out = options.out.absolute() if options.out is not None else None
    job = FarmJob(planned, options.tool, out, options.passed_on)
    text = _text(job, options)
    if options.target is not None:
        write_whole(options.target, text.encode())
    if options.farm is Farm.OPENJD:
        folder = _folder(options)
        far = [shot.file for shot in planned if not shot.file.is_relative_to(folder)]
        far += [out] if out is not None and not out.is_relative_to(folder) else []
        for path in far:
            report.notice(f"`{path}` lies outside the template's folder: name it when you submit the job")
    return text


def _planned(path: Path, command: str, loaded: LoadedShot, per_chunk: int | None) -> "FarmShot":
    from toonctl.pipelines._farm_plan import plan_shot
    from toonctl.stages.farm_job import FarmShot
    from toonctl.stages.read import read_art

    art = read_art(loaded.spec, folder=loaded.folder)
    plan = plan_shot(loaded, art, command=command, per_chunk=per_chunk)
    gpu = needs_cuda(TASKS[command], loaded.spec.engine_table.name)
    return FarmShot(path.absolute(), command, plan, gpu)


def _text(job: "FarmJob", options: FarmOptions) -> str:
    if options.farm is Farm.OPENJD:
        from toonctl.stages.farm_openjd import openjd_template

        return openjd_template(job, folder=_folder(options), per_chunk=options.per_chunk)
    if options.farm is Farm.SLURM:
        from toonctl.stages.farm_slurm import slurm_script

        return slurm_script(job, name=options.target.name if options.target is not None else "job.sh")
    if options.farm is Farm.DEADLINE:
        from toonctl.stages.farm_deadline import deadline_script

        return deadline_script(job, per_chunk=options.per_chunk)
    from toonctl.stages.farm_opencue import opencue_script

    return opencue_script(job, per_chunk=options.per_chunk)


def _folder(options: FarmOptions) -> Path:
    """Where the job's file will lie."""
    return options.target.absolute().parent if options.target is not None else Path.cwd()


def _check_folders(shots: Sequence[LoadedShot], out: Path | None) -> None:
    owners: dict[Path, LoadedShot] = {}
    problems: list[Problem] = []
    for loaded in shots:
        folder = loaded.output_folder(out).absolute()
        other = owners.setdefault(folder, loaded)
        if other is not loaded:
            what = f"`{loaded.path}` and `{other.path}` would both write to `{folder}`"
            problems.append(Problem(what, loaded.where("shot", "name"), "give each shot its own name"))
    if problems:
        raise SpecError.listing(problems)
