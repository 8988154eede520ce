"""How one run of a command is to be done, apart from what the shot file says, and what it gave."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The command line's choices for one run.

    `frames` are 1-based, ascending; None means the whole shot. `out` is the folder that gets `<shot>/`; None
    means `out` beside the shot file. `device` is `auto`, `cpu` or `cuda[:n]`. `threads` None leaves it to
    `OMP_NUM_THREADS` and `SLURM_CPUS_PER_TASK`.
    """

    frames: tuple[int, ...] | None = None
    out: Path | None = None
    resume: bool = False
    overwrite: bool = False
    dry_run: bool = False
    device: str = "auto"
    threads: int | None = None
    record_host: bool = False
    break_lock: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run gave.

    `outputs` are the files and folders worth naming, `manifest` is the manifest as written (None for a chunk
    or a dry run), `notes` are sentences for people: the plan of a dry run, what was skipped.
    """

    outputs: tuple[Path, ...] = ()
    manifest: Mapping[str, object] | None = None
    notes: tuple[str, ...] = ()
