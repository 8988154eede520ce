"""The record of a finished delivery, `manifest.json` (production.md, chapter 7): written last of all."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from toonctl.core.art import InputFile, Warned
from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames, rate_text
from toonctl.stages.chunks import MergedRun
from toonctl.stages.notes import DrawingNote
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree

_FARMS = (
    ("openjd", "OPENJD_SESSION_WORKING_DIR", "DEADLINE_JOB_ID"),
    ("slurm", "SLURM_JOB_ID", "SLURM_JOB_ID"),
    ("opencue", "CUE_JOB", "CUE_JOB"),
)
"""Farm, the variable that gives it away, and the one that holds the job's name."""


@dataclass(frozen=True, slots=True)
class MovieFile:
    """One movie; `file` is relative to the manifest, `args` are ffmpeg's, free of paths of this host."""

    file: str
    profile: str
    sha256: str
    ffmpeg: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything `manifest.json` tells. `shot_file` is the shot file's name, `resolved` all its values.

    `notes` are those of all drawings of a shot with inbetweens, None for one without.
    """

    version: str
    shot: str
    shot_file: str
    shot_sha256: str
    rate: Fraction
    resolved: Mapping[str, object]
    inputs: tuple[InputFile, ...]
    timeline: Timeline
    movies: tuple[MovieFile, ...]
    warnings: tuple[Warned, ...]
    run: MergedRun
    notes: tuple[DrawingNote, ...] | None = None
    record_host: bool = False


def retract_manifest(tree: OutputTree) -> None:
    """Take the manifest of an earlier delivery away before frames change: its presence means finished."""
    tree.manifest.unlink(missing_ok=True)


def write_manifest(tree: OutputTree, manifest: Manifest) -> Mapping[str, object]:
    """The content of `manifest.json` as it was written. Raises: DeliveryError when the disk refuses."""
    content = _content(tree, manifest)
    write_whole(tree.manifest, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
    return content


def farm_of(environment: Mapping[str, str]) -> dict[str, str] | None:
    """`{"kind": "slurm", "job": "42"}` on a farm host, None elsewhere."""
    for kind, sign, job in _FARMS:
        if environment.get(sign):
            return {"kind": kind, "job": environment.get(job, "")}
    return None


def _content(tree: OutputTree, manifest: Manifest) -> dict[str, object]:
    run, timeline = manifest.run, manifest.timeline
    span = format_frames(timeline.frames)
    engine = run.engine
    return {
        "schema": 1,
        "tool": {"name": "toonctl", "version": manifest.version},
        "command": run.command,
        "status": "complete",
        "job_key": run.job_key,
        "shot": {
            "name": manifest.shot,
            "file": manifest.shot_file,
            "sha256": manifest.shot_sha256,
            "resolved": manifest.resolved,
        },
        "inputs": [_input(file) for file in manifest.inputs],
        "engine": {
            "name": engine.name,
            "device": engine.device,
            "dtype": engine.dtype,
            "seed": engine.seed,
            "weights": [{"file": w.file, "sha256": w.sha256, "licence": w.licence} for w in engine.weights],
        },
        "frames": {
            "range": span,
            "rate": rate_text(manifest.rate),
            "drawings": {layer: len(timeline.drawings(layer)) for layer in timeline.layers},
        },
        "layers": [
            {
                "name": layer,
                "files": tree.frame_pattern(layer),
                "range": span,
                "alpha": "straight",
                "colour": "sRGB",
            }
            for layer in (*timeline.layers, COMP)
        ],
        "movies": [
            {
                "file": m.file,
                "profile": m.profile,
                "sha256": m.sha256,
                "ffmpeg": m.ffmpeg,
                "args": list(m.args),
            }
            for m in manifest.movies
        ],
        **({} if manifest.notes is None else {"fell_back": _fell_back(timeline, manifest.notes)}),
        "warnings": [{"code": warned.code, "text": warned.text} for warned in manifest.warnings],
        "run": _run(manifest),
    }


def _fell_back(timeline: Timeline, notes: tuple[DrawingNote, ...]) -> list[dict[str, object]]:
    return [
        {
            "layer": note.layer,
            "drawing": note.drawing,
            "frames": format_frames(timeline.frames_of(note.layer, note.drawing)),
            "what": place.what,
            "how": place.how,
            "box": list(place.box),
        }
        for note in notes
        for place in note.fell_back
    ]


def _input(file: InputFile) -> dict[str, object]:
    entry: dict[str, object] = {"path": file.path, "sha256": file.sha256, "bytes": file.n_bytes}
    if file.size is not None:
        entry["size"] = list(file.size)
    if file.depth is not None:
        entry["depth"] = file.depth
    if file.icc is not None:
        entry["icc"] = file.icc
    if file.layers:
        entry["layers"] = [{"name": layer.name, "role": layer.role.value} for layer in file.layers]
    return entry


def _run(manifest: Manifest) -> dict[str, object]:
    facts = manifest.run.run
    run: dict[str, object] = {
        "started": facts.started,
        "seconds": facts.seconds,
        "chunks": manifest.run.n_chunks,
        "peak_rss_mb": facts.peak_rss_mb,
        "peak_vram_mb": facts.peak_vram_mb,
    }
    farm = farm_of(os.environ)
    if farm is not None:
        run["farm"] = farm
    if manifest.record_host:
        run["host"] = socket.gethostname()
    return run
