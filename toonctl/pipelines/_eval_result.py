"""What came of an `eval`, as records and as the document that is written and printed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from toonctl.pipelines._eval_meter import Measured
from toonctl.pipelines._eval_protocol import Protocol


@dataclass(frozen=True, slots=True)
class PairResult:
    """One pair: `frames` as people number them, every measure's values by frame in `series`.

    `truth_digest` is of the true pictures as they were compared. `tree` is where the result lies; a shot's
    output folder tells there what it took to draw it.
    """

    name: str
    result: str
    truth: str
    frames: tuple[int, ...]
    series: Mapping[str, Sequence[float | None]]
    measures: tuple[Measured, ...]
    truth_digest: str
    tree: Path


@dataclass(frozen=True, slots=True)
class EvalResult:
    """All pairs and their mean; `missed` are bounds that were not kept, a sentence each.

    `networks` gives the digests of the files that measures were loaded from; `files` were written, `document`
    is what `--json` prints.
    """

    protocol: Protocol
    measures: tuple[Measured, ...]
    pairs: tuple[PairResult, ...]
    missed: tuple[str, ...]
    seconds: float
    networks: Mapping[str, Mapping[str, str]]
    files: tuple[Path, ...] = ()
    document: Mapping[str, object] = field(default_factory=dict[str, object])

    def with_files(self, files: Sequence[Path], document: Mapping[str, object]) -> "EvalResult":
        """The same with what was written."""
        return replace(self, files=tuple(files), document=document)

    @property
    def n_frames(self) -> int:
        return sum(len(pair.frames) for pair in self.pairs)


def manifest_of(tree: Path) -> dict[str, Any]:
    """The manifest of a shot's output folder; empty when there is none or it cannot be read."""
    try:
        content: object = json.loads((tree / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
