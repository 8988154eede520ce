"""What makes two runs the same job, and what of a job is done already (production.md 5.5)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from toonctl.core.errors import DeliveryError
from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames
from toonctl.core.types import InputFile
from toonctl.formats.png import read_stamp
from toonctl.stages.notes import read_note, read_palette_note
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree

_DELIVERED_ONLY = frozenset({"movies", "preview", "sheets"})
"""Keys of `[output]` that only `deliver` reads: another movie profile must not color a shot anew."""


def job_key(
    resolved: Mapping[str, object],
    inputs: Sequence[InputFile],
    *,
    engine: str,
    weights: Mapping[str, str],
    seed: int,
    version: str,
) -> str:
    """SHA-256, hex, of all that decides what the drawings look like; where they are written does not count.

    `resolved` is the shot file with every value in force, `weights` maps files to their digests, `version` is
    the tool's, of which major and minor count.
    """
    parts = {
        "shot": keyed(resolved),
        "inputs": sorted((file.path, file.sha256) for file in inputs),
        "engine": engine,
        "weights": dict(weights),
        "seed": seed,
        "version": version.split(".")[:2],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def keyed(resolved: Mapping[str, object]) -> dict[str, object]:
    """The part of a resolved shot file that the job key covers."""
    output = cast("Mapping[str, object]", resolved.get("output", {}))
    drawn = {key: value for key, value in output.items() if key not in _DELIVERED_ONLY}
    return {**resolved, "output": drawn}


def stamp_text(key: str, *, frame: int | None, layer: str) -> str:
    """The text of the iTXt chunk `toonctl` in every PNG; `frame` is None for a picture of no frame."""
    return json.dumps({"key": key, "frame": frame, "layer": layer}, ensure_ascii=False)


def stamped_key(path: Path) -> str | None:
    """The job key in a PNG; None when the file is absent, broken or not ours."""
    try:
        text = read_stamp(path)
    except OSError:
        return None
    try:
        stamp: Any = json.loads(text) if text else None
    except ValueError:
        return None
    return str(stamp["key"]) if isinstance(stamp, dict) and "key" in stamp else None


@dataclass(frozen=True, slots=True)
class Standing:
    """The frames of every layer (and of `comp`) that need no drawing any more."""

    done: Mapping[str, frozenset[int]]

    def todo(self, layer: str, frames: Iterable[int]) -> tuple[int, ...]:
        """Those of `frames` that `layer` still lacks."""
        return tuple(frame for frame in frames if frame not in self.done[layer])

    @property
    def n_done(self) -> int:
        """The number of pictures that stand."""
        return sum(map(len, self.done.values()))


@dataclass(frozen=True, slots=True)
class Guard:
    """Keeps finished frames from being overwritten unasked. A chunk asks about its own frames only."""

    tree: OutputTree
    job_key: str
    timeline: Timeline

    def standing(self, frames: Sequence[int], *, resume: bool, overwrite: bool) -> Standing:
        """What of `frames` stands already: all of this job's under `resume`, else nothing.

        Both flags together keep this job's frames and replace all others. Raises: DeliveryError when frames
        exist and neither flag is given, or when under `resume` alone a frame is of another job.
        """
        layers = (*self.timeline.layers, COMP)
        if not resume:
            if not overwrite:
                self._refuse_existing(layers, frames)
            return Standing({layer: frozenset() for layer in layers})
        done: dict[str, frozenset[int]] = {}
        foreign: list[Path] = []
        for layer in layers:
            existing = [frame for frame in frames if self.tree.frame(layer, frame).exists()]
            own = {f for f in existing if stamped_key(self.tree.frame(layer, f)) == self.job_key}
            foreign += [self.tree.frame(layer, frame) for frame in existing if frame not in own]
            done[layer] = frozenset(own if layer == COMP else self._remembered(layer, own))
        if foreign and not overwrite:
            raise DeliveryError(
                f"{len(foreign)} of the frames that exist were made from other art, settings or weights",
                str(foreign[0]),
                "`--overwrite` draws them again; another `--out` keeps them",
            )
        return Standing(done)

    def _refuse_existing(self, layers: Sequence[str], frames: Sequence[int]) -> None:
        existing = [(f, self.tree.frame(n, f)) for n in layers for f in frames if self.tree.frame(n, f).exists()]
        if existing:
            numbers = format_frames({frame for frame, _ in existing})
            raise DeliveryError(
                f"frames {numbers} of `{self.tree.shot}` exist already",
                str(existing[0][1]),
                "`--resume` finishes what is missing, `--overwrite` draws all again",
            )

    def _remembered(self, layer: str, frames: Iterable[int]) -> set[int]:
        """The frames whose drawing has its note: `state/` may have been deleted, then they are drawn again."""
        frames = set(frames)
        if frames and read_palette_note(self.tree, layer, job_key=self.job_key) is None:
            return set()
        noted: dict[str | None, bool] = {None: True}
        for frame in frames:
            drawing = self.timeline.drawing(layer, frame)
            if drawing is not None and drawing not in noted:
                noted[drawing] = read_note(self.tree, layer, drawing, job_key=self.job_key) is not None
        return {frame for frame in frames if noted[self.timeline.drawing(layer, frame)]}


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Engine memory on disk, by name and job key; `scope` (a layer) keeps equal names apart."""

    tree: OutputTree
    job_key: str
    scope: str = ""

    def get(self, name: str) -> bytes | None:
        """What was put under `name` by this job, None when nothing was."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeliveryError(f"cannot read `{name}`: {error.strerror or error}", str(self._path(name))) from error

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`. Raises: DeliveryError when the disk refuses."""
        write_whole(self._path(name), data)

    def _path(self, name: str) -> Path:
        memory = memory_folder(self.tree, self.job_key)
        return memory / _file_name(self.scope) / _file_name(name) if self.scope else memory / _file_name(name)


def memory_folder(tree: OutputTree, key: str) -> Path:
    """Where the engine memory of one job lies."""
    return tree.state / "memory" / key[:16]


def _file_name(name: str) -> str:
    plain = quote(name, safe=" ()+,=@").lstrip(".") or "%2E"
    return plain if len(plain) <= 120 else hashlib.sha256(name.encode()).hexdigest()
