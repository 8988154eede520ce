"""The record that each run leaves in `state/chunks/`, and what all of them say together."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from toonctl.core.art import Warned
from toonctl.core.errors import CheckFailed
from toonctl.core.files import write_whole
from toonctl.stages.tree import OutputTree


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One weights file of an engine as the manifest names it."""

    file: str
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """Who drew."""

    name: str
    device: str
    dtype: str
    seed: int
    weights: tuple[WeightsFile, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run cost; differs from run to run. `started` is UTC, `2026-01-31T12:00:00Z`."""

    started: str
    seconds: float
    peak_rss_mb: int
    peak_vram_mb: int = 0


class RunClock:
    """Measures one run from its creation on."""

    def __init__(self) -> None:
        self._started = datetime.now(UTC)
        self._start_s = time.monotonic()

    def facts(self, *, peak_vram_mb: int = 0) -> RunFacts:
        """The cost so far; memory is the largest process's, workers that have ended included."""
        started = self._started.strftime("%Y-%m-%dT%H:%M:%SZ")
        return RunFacts(started, round(time.monotonic() - self._start_s, 1), _peak_rss_mb(), peak_vram_mb)


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """What one run did: the `frames` it was given and how many pictures it `wrote` and `skipped`.

    `resolved` is the shot file with all values in force, `drawings` what it drew by layer, `is_finished`
    false for a run that was stopped. Drawings and color models have notes of their own (`stages.notes`).
    """

    job_key: str
    command: str
    frames: tuple[int, ...]
    engine: EngineRecord
    resolved: Mapping[str, object]
    run: RunFacts
    drawings: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    wrote: int = 0
    skipped: int = 0
    is_finished: bool = True
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class MergedRun:
    """All records of the newest job together; the `run` facts are sums and peaks."""

    job_key: str
    command: str
    engine: EngineRecord
    resolved: Mapping[str, object]
    run: RunFacts
    n_chunks: int
    warnings: tuple[Warned, ...]


def write_chunk(tree: OutputTree, record: ChunkRecord) -> Path:
    """The file that now holds the record, `<first>-<last>.json`. Raises: DeliveryError when unwritable."""
    first, last = record.frames[0], record.frames[-1]
    name = f"{first}-{last}"
    if record.frames != tuple(range(first, last + 1)):  # 1,3,5 beside 1-5
        name += "." + hashlib.sha256(",".join(map(str, record.frames)).encode()).hexdigest()[:8]
    path = tree.chunks / f"{name}.json"
    write_whole(path, json.dumps(asdict(record), ensure_ascii=False, sort_keys=True, indent=1).encode())
    return path


def read_chunks(tree: OutputTree) -> tuple[ChunkRecord, ...]:
    """All records there are, oldest first. Files that are no records are passed over."""
    paths = sorted(tree.chunks.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return tuple(record for record in map(_read, paths) if record is not None)


def merge_chunks(tree: OutputTree, is_wanted: Callable[[ChunkRecord], bool] | None = None) -> MergedRun:
    """What the runs of one job did together; records of other jobs do not count.

    It is the newest job that `is_wanted`, or else the newest: clocks of farm hosts disagree, so that the age
    of files alone would not do. Raises: CheckFailed when nothing was ever drawn here.
    """
    records = read_chunks(tree)
    if not records:
        raise CheckFailed(
            f"no frame of `{tree.shot}` has been drawn yet",
            str(tree.chunks),
            "run `toonctl colorize-long` first, with the same `--out`",
        )
    wanted = [record for record in records if is_wanted is not None and is_wanted(record)]
    newest = (wanted or records)[-1]
    same = [record for record in records if record.job_key == newest.job_key]
    warnings = dict.fromkeys(warned for record in same for warned in record.warnings)
    return MergedRun(
        newest.job_key,
        newest.command,
        newest.engine,
        newest.resolved,
        add_runs([record.run for record in same]),
        len(same),
        tuple(sorted(warnings, key=lambda warned: (warned.code, warned.text))),
    )


def add_runs(runs: Sequence[RunFacts]) -> RunFacts:
    """The first start, the sum of the seconds and the peaks. Raises: ValueError when there are no runs."""
    return RunFacts(
        min(run.started for run in runs),
        round(sum(run.seconds for run in runs), 1),
        max(run.peak_rss_mb for run in runs),
        max(run.peak_vram_mb for run in runs),
    )


def _read(path: Path) -> ChunkRecord | None:
    try:
        data: Any = json.loads(path.read_bytes())
        engine, run = data["engine"], data["run"]
        weights = tuple(WeightsFile(**file) for file in engine["weights"])
        rest = {
            "frames": tuple(data["frames"]),
            "engine": replace(EngineRecord(**engine), weights=weights),
            "run": RunFacts(**run),
            "drawings": {layer: tuple(names) for layer, names in data["drawings"].items()},
            "warnings": tuple(Warned(**warned) for warned in data["warnings"]),
        }
        return ChunkRecord(**cast("dict[str, Any]", {**data, **rest}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _peak_rss_mb() -> int:
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    peak_kb = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return peak_kb // 1024
