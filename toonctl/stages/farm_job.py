"""What a farm script is made from: shots, how each is shared, and the `toonctl` command lines that do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toonctl.core.timesheet import format_frames
from toonctl.stages.plan import FarmPlan

Phase = Literal["plan", "anchors", "draw", "deliver"]


@dataclass(frozen=True, slots=True)
class FarmShot:
    """One shot: `file` is its shot file, absolute, `command` what draws it."""

    file: Path
    command: str
    plan: FarmPlan
    needs_gpu: bool

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What happens one after the other."""
        return ("plan", "anchors", "draw", "deliver") if self.plan.anchors else ("plan", "draw", "deliver")


@dataclass(frozen=True, slots=True)
class FarmJob:
    """Some shots to be drawn as one job.

    `tool` is how hosts call toonctl, `out` the folder for results (None: beside each shot file), `options` go
    with every call (`--set ...`).
    """

    shots: tuple[FarmShot, ...]
    tool: str
    out: Path | None
    options: tuple[str, ...]

    @property
    def title(self) -> str:
        """What the job is called."""
        first = self.shots[0].plan.shot
        return first if len(self.shots) == 1 else f"{first} and {len(self.shots) - 1} more"


def words(
    shot: FarmShot, phase: Phase, *, file: str, frames: str, out: str | None, options: Sequence[str]
) -> list[str]:
    """The words behind `toonctl` for one phase of a shot.

    `file`, `frames` and `out` are what stands for them where the words are used: paths and ranges, or the
    farm's own tokens.
    """
    place = ["--out", out] if out is not None else []
    if phase == "plan":
        return ["check", file, "--command", shot.command, "--write-plan", *place, *options]
    if phase == "deliver":
        return ["deliver", file, "--command", shot.command, *place, *options]
    asked = format_frames(shot.plan.anchors) if phase == "anchors" else frames
    return [shot.command, file, "--frames", asked, "--resume", *place, *options]
