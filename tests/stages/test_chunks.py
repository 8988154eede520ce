"""Chunk records: written, read back and merged."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from toonctl.core.errors import CheckFailed
from toonctl.core.types import Warned
from toonctl.stages.chunks import (
    ChunkRecord,
    EngineRecord,
    RunClock,
    RunFacts,
    WeightsFile,
    merge_chunks,
    read_chunks,
    write_chunk,
)
from toonctl.stages.tree import OutputTree

ENGINE = EngineRecord("cel", "cpu", "float32", 0, (WeightsFile("cel.safetensors", "ab", "MIT"),))
FIRST = ChunkRecord(
    job_key="k1",
    command="colorize-long",
    frames=tuple(range(1, 17)),
    engine=ENGINE,
    resolved={"shot": {"name": "walk"}},
    run=RunFacts("2026-01-01T00:00:05Z", 4.5, 300),
    drawings={"A": ("1", "2")},
    wrote=16,
    warnings=(Warned("W201", "open line"),),
)


@pytest.fixture
def tree(tmp_path: Path) -> OutputTree:
    return OutputTree.of(tmp_path, None, "walk")


def test_a_record_comes_back_as_written(tree: OutputTree) -> None:
    assert write_chunk(tree, FIRST).name == "1-16.json"
    assert read_chunks(tree) == (FIRST,)


def test_scattered_frames_do_not_replace_the_range_they_lie_in(tree: OutputTree) -> None:
    write_chunk(tree, FIRST)
    write_chunk(tree, replace(FIRST, frames=(1, 5, 16)))
    assert len(read_chunks(tree)) == 2


def test_chunks_are_merged_to_sums_and_peaks(tree: OutputTree) -> None:
    write_chunk(tree, FIRST)
    second = RunFacts("2026-01-01T00:00:01Z", 2.0, 500)
    write_chunk(tree, replace(FIRST, frames=tuple(range(17, 33)), run=second))
    merged = merge_chunks(tree)
    assert merged.run == RunFacts("2026-01-01T00:00:01Z", 6.5, 500)
    assert merged.n_chunks == 2
    assert merged.engine == ENGINE
    assert merged.warnings == FIRST.warnings


def test_only_the_newest_job_counts(tree: OutputTree) -> None:
    write_chunk(tree, FIRST)
    time.sleep(0.01)
    write_chunk(tree, replace(FIRST, job_key="k2", frames=(1, 2)))
    merged = merge_chunks(tree)
    assert (merged.job_key, merged.n_chunks) == ("k2", 1)


def test_nothing_drawn_is_a_failed_check(tree: OutputTree) -> None:
    with pytest.raises(CheckFailed, match="no frame of `walk`"):
        merge_chunks(tree)


def test_a_foreign_file_among_the_records_is_passed_over(tree: OutputTree) -> None:
    write_chunk(tree, FIRST)
    (tree.chunks / "notes.json").write_text("[1")
    (tree.chunks / "other.json").write_text('{"frames": []}')
    assert read_chunks(tree) == (FIRST,)


def test_the_clock_measures_time_and_memory() -> None:
    facts = RunClock().facts(peak_vram_mb=3)
    assert facts.started.endswith("Z")
    assert facts.peak_rss_mb > 5
    assert facts.peak_vram_mb == 3
