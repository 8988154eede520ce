"""A Slurm script that submits itself: `bash cut012.slurm.sh` queues it, and its tasks run it again."""

from shlex import quote

from toonctl.core.timesheet import format_frames
from toonctl.stages.farm_job import FarmJob, FarmShot, Phase, words

_HEAD = """\
#!/bin/bash
#SBATCH --requeue --open-mode=append --signal=B:TERM@120
# Draws {title} with toonctl. `bash {name}` submits it: for every shot a check, {steps},
# and the delivery, each waiting for the one before; no shot waits for another.
"""

_RUN = """
# A stop by Slurm reaches toonctl, which saves its state and leaves with 75. The task is then queued again,
# unless somebody canceled it: such a task is no longer RUNNING.
run() {
  "$@" & PID=$!
  trap 'kill -TERM "$PID" 2>/dev/null' TERM USR1
  while kill -0 "$PID" 2>/dev/null; do wait "$PID"; done  # a signal ends `wait`, not toonctl
  wait "$PID"; RC=$?
  TASK=${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID:-}}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
  if [ "$RC" -eq 75 ] && [ "$(squeue --noheader --format=%T --jobs="$TASK" 2>/dev/null)" = RUNNING ]; then
    scontrol requeue "$TASK" && sleep 30
  fi
  exit "$RC"
}

# Queues a part and prints its number. What can no longer happen is taken out of the queue.
queue() { sbatch --parsable --kill-on-invalid-dep=yes "$@" | cut -d';' -f1; }
"""


def slurm_script(job: FarmJob, *, name: str) -> str:
    """The text of the script that is to be saved as `name`."""
    steps = "the chunks" if not any(shot.plan.anchors for shot in job.shots) else "the anchors, the chunks"
    head = _HEAD.format(title=job.title, name=quote(name), steps=steps)
    cases = [line for number, shot in enumerate(job.shots) for line in _cases(job, shot, number)]
    submits = [line for number, shot in enumerate(job.shots) for line in _submit(shot, number)]
    lines = [
        'case "${1:-submit}" in',
        *cases,
        "  submit)",
        "    set -eo pipefail",
        *submits,
        "    ;;",
        '  *) echo "unknown part: $1" >&2; exit 2 ;;',
        "esac",
    ]
    return head + _RUN + "\n" + "\n".join(lines) + "\n"


def _cases(job: FarmJob, shot: FarmShot, number: int) -> list[str]:
    """What the parts `plan0`, `anchors0`, `draw0`, `deliver0` of a shot run."""
    lines: list[str] = []
    chunks = " ".join(format_frames(chunk) for chunk in shot.plan.chunks)
    for phase in shot.phases:
        if phase == "draw":
            lines.append(f"  {phase}{number}) CHUNKS=({chunks})")
            lines.append(f'    run {_call(job, shot, phase)} "${{CHUNKS[$SLURM_ARRAY_TASK_ID]}}" ;;')
        else:
            lines.append(f"  {phase}{number}) run {_call(job, shot, phase)} ;;")
    return lines


def _call(job: FarmJob, shot: FarmShot, phase: Phase) -> str:
    """The command; that of a chunk ends so that the frames may follow."""
    out = str(job.out) if job.out is not None else None
    found = words(shot, phase, file=str(shot.file), frames="", out=out, options=job.options)
    if phase == "draw":
        at = found.index("--frames")
        found = [*found[:at], *found[at + 2 :], "--frames"]
    return " ".join(map(quote, [job.tool, *found]))


def _submit(shot: FarmShot, number: int) -> list[str]:
    """Queues the parts of a shot, each after the one before."""
    name = quote(shot.plan.shot)
    last = len(shot.plan.chunks) - 1
    in_turn = "%1" if shot.plan.kind == "chain" else ""
    lines: list[str] = []
    for phase in shot.phases:
        options = [f"--job-name={name}"]
        if lines:
            options.append('--dependency="afterok:$ID"')
        if phase == "draw":
            options.append(f"--array=0-{last}{in_turn}")
        if phase in ("anchors", "draw") and shot.needs_gpu:
            options.append("--gres=gpu:1")
        lines.append(f'    ID=$(queue {" ".join(options)} "$0" {phase}{number})')
    return [*lines, f'    echo "{number + 1} $ID"']
