"""What makes two runs the same job, and what of a job is done already (production.md 5.5)."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from toonctl.core.art import InputFile
from toonctl.core.errors import DeliveryError
from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames
from toonctl.formats.png import read_stamp
from toonctl.formats.png_chunks import SIGNATURE, chunk
from toonctl.stages.notes import read_note, read_palette_note
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree

_END = chunk(b"IEND", b"")
_DELIVERED_ONLY = frozenset({"layer_movies", "movies", "preview", "psd_per_picture", "sheets"})
"""Keys of `[output]` that only `deliver` reads: another movie profile must not color a shot anew."""


_NO_PICTURE = frozenset({"device", "preset", "watch_latents"})
"""Keys of `[engine]` that change no pixel: where it runs, where its other values came from, who looks on."""


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
    tables = {"output": _DELIVERED_ONLY, "engine": _NO_PICTURE}
    return {
        **resolved,
        **{
            name: _without(cast("Mapping[str, object]", resolved.get(name, {})), keys)
            for name, keys in tables.items()
        },
    }


def _without(table: Mapping[str, object], keys: frozenset[str]) -> dict[str, object]:
    return {key: value for key, value in table.items() if key not in keys}


def stamp_text(key: str, *, frame: int | None, layer: str) -> str:
    """The text of the iTXt chunk `toonctl` in every PNG; `frame` is None for a picture of no frame."""
    return json.dumps({"key": key, "frame": frame, "layer": layer}, ensure_ascii=False)


def stamped_key(path: Path) -> str | None:
    """The job key in a PNG; None when the file is absent or cut off, empty when it is whole but not ours."""
    # Ours are whole or absent; a copy of ours, onto a full disk or over a broken line, may be neither.
    try:
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
            file.seek(max(0, path.stat().st_size - len(_END)))
            if SIGNATURE.startswith(start) and file.read() != _END:
                return None
        text = read_stamp(path)
    except OSError:
        return None
    try:
        stamp: Any = json.loads(text) if text else None
    except ValueError:
        return ""
    return str(cast("dict[str, object]", stamp).get("key", "")) if isinstance(stamp, dict) else ""


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

        Frames given to `overwrite` are remembered: `resume` finishes an overwriting run that was killed.
        Raises: DeliveryError when frames exist and neither flag is given, or when under `resume` one is of
        another job.
        """
        layers = (*self.timeline.layers, COMP)
        if not resume:
            if overwrite:
                self._remember_overwriting(frames)
            else:
                self._refuse_existing(layers, frames)
            return Standing({layer: frozenset() for layer in layers})
        released = self._released()
        done: dict[str, frozenset[int]] = {}
        foreign: list[Path] = []
        for layer in layers:
            keys = {frame: stamped_key(self.tree.frame(layer, frame)) for frame in frames}
            own = [frame for frame, key in keys.items() if key == self.job_key]
            others = [f for f, key in keys.items() if key not in (None, self.job_key) and f not in released]
            foreign += [self.tree.frame(layer, frame) for frame in others]
            done[layer] = frozenset(own if layer == COMP else self._remembered(layer, own))
        if foreign:
            raise DeliveryError(
                f"{len(foreign)} of the frames that exist were made from other art, settings or weights",
                str(foreign[0]),
                "`--overwrite` draws them again; another `--out` keeps them",
            )
        return Standing(done)

    def _remember_overwriting(self, frames: Sequence[int]) -> None:
        folder = self.tree.state / "overwriting"
        for other in folder.glob("*.json"):
            if not other.name.startswith(self.job_key[:16]):
                other.unlink(missing_ok=True)
        name = f"{self.job_key[:16]}.{frames[0]}-{frames[-1]}.json"
        write_whole(folder / name, json.dumps(sorted({*frames, *self._released()})).encode())

    def _released(self) -> frozenset[int]:
        """The frames that this job was told to overwrite."""
        frames: set[int] = set()
        for path in (self.tree.state / "overwriting").glob(f"{self.job_key[:16]}.*.json"):
            try:
                frames.update(json.loads(path.read_bytes()))
            except (OSError, ValueError, TypeError):
                continue  # not ours to trust: the frames then need `--overwrite` again
        return frozenset(frames)

    def _refuse_existing(self, layers: Sequence[str], frames: Sequence[int]) -> None:
        existing = [
            (f, self.tree.frame(n, f)) for n in layers for f in frames if _is_there(self.tree.frame(n, f))
        ]
        if existing:
            numbers = format_frames({frame for frame, _ in existing})
            raise DeliveryError(
                f"frames {numbers} of `{self.tree.shot}` exist already",
                str(existing[0][1]),
                "`--resume` finishes what is missing, `--overwrite` draws all again",
            )

    def _remembered(self, layer: str, frames: Iterable[int]) -> set[int]:
        """The frames whose drawing has its note; without, as when `state/` was deleted, it is drawn again."""
        has_palette = read_palette_note(self.tree, layer, job_key=self.job_key) is not None
        remembered: dict[str | None, bool] = {None: True}
        kept: set[int] = set()
        for frame in frames:
            drawing = self.timeline.drawing(layer, frame)
            if drawing is not None and drawing not in remembered:
                note = read_note(self.tree, layer, drawing, job_key=self.job_key)
                remembered[drawing] = note is not None and (has_palette or not note.color_regions)
            if remembered[drawing]:
                kept.add(frame)
        return kept


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:  # absent, or in a folder closed to us: writing will tell
        return False
    return True


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
            raise DeliveryError(
                f"cannot read `{name}`: {error.strerror or error}", str(self._path(name))
            ) from error

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`. Raises: DeliveryError when the disk refuses."""
        write_whole(self._path(name), data)

    def _path(self, name: str) -> Path:
        memory = memory_folder(self.tree, self.job_key)
        return memory / _file_name(self.scope) / _file_name(name) if self.scope else memory / _file_name(name)


def memory_folder(tree: OutputTree, key: str) -> Path:
    """Where the engine memory of one job lies."""
    return tree.state / "memory" / key[:16]


def sweep_memory(tree: OutputTree, key: str) -> None:
    """Remove the engine memory of all jobs but this one: a shot's settings are tried many times over."""
    for folder in (tree.state / "memory").glob("*"):
        if folder != memory_folder(tree, key):
            shutil.rmtree(folder, ignore_errors=True)


def _file_name(name: str) -> str:
    plain = quote(name, safe=" ()+,=@").lstrip(".") or "%2E"
    return plain if len(plain) <= 120 else hashlib.sha256(name.encode()).hexdigest()
