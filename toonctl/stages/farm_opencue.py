"""An OpenCue submission (production.md 5.8): a PyOutline script, a layer for every part of a shot."""

import json
import re
from shlex import quote

from toonctl.stages.farm_job import FarmJob, FarmShot, Phase, words
from toonctl.stages.plan import FRAMES_PER_CHUNK

_HEAD = '''\
"""Submits {name} to OpenCue; needs PyOutline. Every layer waits for the one before of its shot."""

import outline
import outline.cuerun
from outline.modules.shell import Shell

job = outline.Outline("{name}")
'''
_FOOT = """\

outline.cuerun.launch(job, use_pycuerun=False)
"""


def opencue_script(job: FarmJob, *, per_chunk: int | None) -> str:
    """The text of a Python script that submits the job."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", job.title).strip("_") or "toonctl"  # OpenCue takes no more
    head = _HEAD.format(name=name)
    size = per_chunk or FRAMES_PER_CHUNK
    shots = [_shot(job, shot, number, size) for number, shot in enumerate(job.shots, 1)]
    return head + "".join(shots) + _FOOT


def _shot(job: FarmJob, shot: FarmShot, number: int, per_chunk: int) -> str:
    lines: list[str] = []
    before = ""
    for phase in shot.phases:
        name = f"{phase}_{number}"
        frames = f"{shot.plan.frames[0]}-{shot.plan.frames[-1]}" if phase == "draw" else "1-1"
        options = f"range={_literal(frames)}, chunk={per_chunk if phase == 'draw' else 1}"
        if shot.plan.kind == "chain" and phase == "draw":
            options = f"range={_literal(frames)}, chunk={len(shot.plan.frames)}"
        if shot.needs_gpu and phase in ("anchors", "draw"):
            options += ", gpus=1"
        # Without pycuerun a command is a line that the hosts' shell reads.
        command = _literal(" ".join(quote(word) for word in _words(job, shot, phase)))
        lines += ["", f"{name} = Shell({_literal(name)}, command={command}, {options})"]
        if before:
            lines.append(f"{name}.depend_all({before})")
        lines.append(f"job.add_layer({name})")
        before = name
    return "\n".join(lines) + "\n"


def _words(job: FarmJob, shot: FarmShot, phase: Phase) -> list[str]:
    out = str(job.out) if job.out is not None else None
    frames = "#FRAME_START#-#FRAME_END#"
    return [job.tool, *words(shot, phase, file=str(shot.file), frames=frames, out=out, options=job.options)]


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
