"""`farm`: shots are read and planned as `check` does, and a script for a render farm is made of them.

A shot that cannot be read is left out and does not stop the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from toonctl.core.errors import SpecError, ToonctlError
from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.engines import needs_cuda
from toonctl.pipelines.batch import worst
from toonctl.spec.commands import TASKS
from toonctl.spec.load import LoadedShot

if TYPE_CHECKING:
    from toonctl.stages.farm_job import FarmJob, FarmShot

Load: TypeAlias = Callable[[Path], tuple[str, LoadedShot]]
"""What draws the shot of a shot file, and the shot. Raises: ToonctlError."""


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


@dataclass(frozen=True, slots=True)
class FarmResult:
    """The text of a job, and why shots were left out of it."""

    text: str
    refused: Mapping[Path, ToonctlError]


def run(files: Sequence[Path], load: Load, options: FarmOptions, report: Reporter) -> FarmResult:
    """The job of all shots that can be read.

    Raises: ToonctlError as the worst of them when none can be; DeliveryError when the file cannot be written.
    """
    from toonctl.stages.farm_job import FarmJob

    planned, refused = _planned_all(files, load, options)
    if not planned:
        raise _all_refused(list(refused.values()))
    out = options.out.absolute() if options.out is not None else None
    job = FarmJob(tuple(planned), options.tool, out, options.passed_on)
    text = _text(job, options)
    if options.target is not None:
        write_whole(options.target, text.encode())
    if options.farm is Farm.OPENJD:
        folder = _folder(options)
        far = [shot.file for shot in planned if not shot.file.is_relative_to(folder)]
        far += [out] if out is not None and not out.is_relative_to(folder) else []
        for path in far:
            report.notice(f"`{path}` lies outside the template's folder: name it when you submit the job")
    return FarmResult(text, refused)


def _planned_all(
    files: Sequence[Path], load: Load, options: FarmOptions
) -> "tuple[list[FarmShot], dict[Path, ToonctlError]]":
    owners: dict[Path, Path] = {}
    planned: list[FarmShot] = []
    refused: dict[Path, ToonctlError] = {}
    for file in dict.fromkeys(files):
        try:
            command, loaded = load(file)
            owner = owners.setdefault(loaded.output_folder(options.out).absolute(), file)
            if owner != file:
                what = f"`{file}` and `{owner}` would both write to `{loaded.output_folder(options.out)}`"
                raise SpecError(what, loaded.where("shot", "name"), "give each shot its own name")
            planned.append(_planned(file, command, loaded, options.per_chunk))
        except ToonctlError as error:
            refused[file] = error
    return planned, refused


def _all_refused(errors: Sequence[ToonctlError]) -> ToonctlError:
    code = worst([error.exit_code for error in errors])
    kind = next(type(error) for error in errors if error.exit_code == code)
    return kind.listing([problem for error in errors for problem in error.problems])


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
