"""Deadline submissions (production.md 5.8): `deadlinecommand` lines, for every shot its parts in order."""

from shlex import quote

from toonctl.core.timesheet import format_frames
from toonctl.stages.farm_job import FarmJob, FarmShot, Phase, words
from toonctl.stages.plan import FRAMES_PER_CHUNK

_HEAD = """\
#!/bin/bash
# Submits {title} to Deadline; needs `deadlinecommand`. Every part waits for the one before.
set -eo pipefail
submit() {{
  deadlinecommand -SubmitCommandLineJob "$@" | tee /dev/stderr | sed -n 's/^JobID=//p' | grep .
}}
"""


def deadline_script(job: FarmJob, *, per_chunk: int | None) -> str:
    """The text of a shell script that submits the job."""
    lines = [line for shot in job.shots for line in _shot(job, shot, per_chunk or FRAMES_PER_CHUNK)]
    return _HEAD.format(title=job.title) + "\n".join(lines) + "\n"


def _shot(job: FarmJob, shot: FarmShot, per_chunk: int) -> list[str]:
    lines: list[str] = []
    for phase in shot.phases:
        options = ["-name", quote(f"{shot.plan.shot} {phase}"), "-executable", quote(job.tool)]
        options += ["-arguments", quote(" ".join(_told(word) for word in _words(job, shot, phase)))]
        if phase == "draw":
            options += ["-frames", format_frames(shot.plan.frames), "-chunksize", str(per_chunk)]
            if shot.plan.kind == "chain":
                options += ["-prop", "ConcurrentTasks=1", "-prop", "MachineLimit=1"]
        else:
            options += ["-frames", "0", "-chunksize", "1"]
        if lines:
            options += ["-prop", 'JobDependencies="$ID"']
        lines.append(f"ID=$(submit {' '.join(options)})")
    return lines


def _words(job: FarmJob, shot: FarmShot, phase: Phase) -> list[str]:
    out = str(job.out) if job.out is not None else None
    frames = "<STARTFRAME>-<ENDFRAME>"
    return words(shot, phase, file=str(shot.file), frames=frames, out=out, options=job.options)


def _told(word: str) -> str:
    """A word as Deadline's argument line takes it: `<QUOTE>` is its quotation mark."""
    inner = word.replace('"', "\\<QUOTE>")
    return f"<QUOTE>{inner}<QUOTE>" if " " in word or not word else inner
