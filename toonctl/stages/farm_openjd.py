"""An Open Job Description template (production.md 5.7), in the part of YAML that is JSON where it matters.

Specification: jobtemplate-2023-09 with the extension TASK_CHUNKING, https://github.com/OpenJobDescription.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from toonctl.core.errors import UsageError
from toonctl.core.timesheet import format_frames
from toonctl.stages.farm_job import FarmJob, FarmShot, Phase, words
from toonctl.stages.plan import FRAMES_PER_CHUNK

_SHORT_S = 600
_LONG_S = 4 * 3600
_NOTICE_S = 60

Node = Mapping[str, object]


def openjd_template(job: FarmJob, *, folder: Path, per_chunk: int | None) -> str:
    """The template of a job, for a file in `folder`: paths below it are relative, so that it may be moved.

    Raises: UsageError when an option holds `{{`, which the farm would take for a variable.
    """
    strange = [word for word in (*job.options, job.tool) if "{{" in word]
    if strange:
        raise UsageError(f"`{strange[0]}` holds `{{{{`, which a job template takes for a variable")
    is_chunked = any(shot.plan.kind == "apart" for shot in job.shots)
    parameters: list[Node] = [{"name": "ShotName", "type": "STRING", "default": job.title}]
    steps: list[Node] = []
    for number, shot in enumerate(job.shots, 1):
        suffix = str(number) if len(job.shots) > 1 else ""
        parameters.append(_path(f"Shot{suffix}", shot.file, folder, "IN"))
        if shot.plan.kind == "apart":
            frames = format_frames(shot.plan.frames)
            parameters.append({"name": f"Frames{suffix}", "type": "STRING", "default": frames})
        steps += _Steps(job, shot, suffix).all()
    if job.out is not None:
        parameters.append(_path("OutDir", job.out, folder, "OUT"))
    if is_chunked:
        size = per_chunk or FRAMES_PER_CHUNK
        parameters.append({"name": "ChunkSize", "type": "INT", "minValue": 1, "default": size})
    parameters.append({"name": "Tool", "type": "STRING", "default": job.tool})
    template: Node = {
        "specificationVersion": "jobtemplate-2023-09",
        **({"extensions": ["TASK_CHUNKING"]} if is_chunked else {}),
        "name": "toonctl {{Param.ShotName}}",
        "parameterDefinitions": parameters,
        "steps": steps,
    }
    return "\n".join(_yaml(template)) + "\n"


class _Steps:
    """The steps of one shot; their names and parameters end in `suffix` where there are several shots."""

    def __init__(self, job: FarmJob, shot: FarmShot, suffix: str) -> None:
        self._job = job
        self._shot = shot
        self._suffix = suffix
        self._last: str | None = None

    def all(self) -> Iterator[Node]:
        """In order; each depends on the one before, and no shot on another."""
        plan = self._shot.plan
        yield self._step("Plan", "plan")
        if plan.anchors:
            yield self._step("Anchors", "anchors")
        if plan.kind == "chain":
            for number, chunk in enumerate(plan.chunks, 1):
                name = f"Draw{self._suffix}-{number}" if len(plan.chunks) > 1 else f"Draw{self._suffix}"
                yield self._named(name, "draw", frames=format_frames(chunk))
        elif plan.kind == "anchors":
            # Chunks that begin where the halves between anchors do share no work; even ones would.
            ranges = [format_frames(chunk) for chunk in plan.chunks]
            tasks: Node = {"name": "Frames", "type": "STRING", "range": ranges}
            yield self._step("Fill", "draw", frames="{{Task.Param.Frames}}", tasks=tasks)
        else:
            tasks = {
                "name": "Frame",
                "type": "CHUNK[INT]",
                "range": f"{{{{Param.Frames{self._suffix}}}}}",
                "chunks": {"defaultTaskCount": "{{Param.ChunkSize}}", "rangeConstraint": "CONTIGUOUS"},
            }
            yield self._step("Fill", "draw", frames="{{Task.Param.Frame}}", tasks=tasks)
        yield self._step("Deliver", "deliver")

    def _step(self, name: str, phase: Phase, *, frames: str = "", tasks: Node | None = None) -> Node:
        return self._named(f"{name}{self._suffix}", phase, frames=frames, tasks=tasks)

    def _named(self, name: str, phase: Phase, *, frames: str = "", tasks: Node | None = None) -> Node:
        out = "{{Param.OutDir}}" if self._job.out is not None else None
        file = f"{{{{Param.Shot{self._suffix}}}}}"
        args = words(self._shot, phase, file=file, frames=frames, out=out, options=self._job.options)
        run: Node = {
            "command": "{{Param.Tool}}",
            "args": args,
            "timeout": _SHORT_S if phase == "plan" else _LONG_S,
            "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE_S},
        }
        is_drawn = phase in ("anchors", "draw")
        gpu = {"amounts": [{"name": "amount.worker.gpu", "min": 1}]}
        step: Node = {
            "name": name,
            "description": f"{phase} {self._shot.plan.shot}",
            **({"dependencies": [{"dependsOn": self._last}]} if self._last else {}),
            **({"hostRequirements": gpu} if is_drawn and self._shot.needs_gpu else {}),
            **({"parameterSpace": {"taskParameterDefinitions": [tasks]}} if tasks else {}),
            "script": {"actions": {"onRun": run}},
        }
        self._last = name
        return step


def _path(name: str, path: Path, folder: Path, flow: str) -> Node:
    kind = "FILE" if flow == "IN" else "DIRECTORY"
    definition = {"name": name, "type": "PATH", "objectType": kind, "dataFlow": flow}
    if path.is_relative_to(folder):  # any other must be given when the job is submitted
        definition["default"] = Path(os.path.relpath(path, folder)).as_posix()
    return definition


def _yaml(node: object, indent: str = "") -> Iterator[str]:
    """A tree in block form down to what fits a line, which is JSON."""
    if isinstance(node, Mapping):
        for key, value in cast("Node", node).items():
            yield from _entry(f"{indent}{key}:", value, indent)
    elif isinstance(node, Sequence):
        for value in cast("Sequence[object]", node):
            yield from _entry(f"{indent}-", value, indent)


def _entry(head: str, value: object, indent: str) -> Iterator[str]:
    line = json.dumps(value, ensure_ascii=False)
    # Lists of words read best on one line, however long.
    is_inline = not isinstance(value, Mapping | list) or line.startswith('["')
    if is_inline or len(head) + len(line) <= 100:
        yield f"{head} {line}"
        return
    inner = list(_yaml(cast("object", value), f"{indent}  "))
    if head.endswith("-"):
        first, *rest = inner
        yield f"{head} {first[len(indent) + 2 :]}"
        yield from rest
    else:
        yield head
        yield from inner
