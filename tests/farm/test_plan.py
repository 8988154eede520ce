"""How shots are cut into chunks, and which engines want a GPU."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.conftest import Toonctl
from pipelines.toyshot import rolling
from toonctl.engines import needs_cuda
from toonctl.stages.plan import cut_chunks, suggest_chunks


@settings(deadline=None)
@given(st.integers(-5, 1001), st.integers(1, 2000), st.integers(1, 200))
def test_even_chunks_cover_the_shot(first: int, n_frames: int, per_chunk: int) -> None:
    chunks = suggest_chunks(range(first, first + n_frames), per_chunk=per_chunk)
    assert [frame for chunk in chunks for frame in chunk] == list(range(first, first + n_frames))
    lengths = {len(chunk) for chunk in chunks}
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) < 1.5 * per_chunk + 1


def test_chunks_begin_at_cuts_but_none_is_very_short() -> None:
    chunks = cut_chunks(range(1, 101), [2, 34, 36, 70, 98, 200])
    assert chunks == (range(1, 34), range(34, 70), range(70, 98), range(98, 101))


@settings(deadline=None)
@given(st.integers(1, 300), st.sets(st.integers(-10, 400)))
def test_cut_chunks_cover_the_shot(n_frames: int, cuts: set[int]) -> None:
    chunks = cut_chunks(range(1, n_frames + 1), sorted(cuts))
    assert [frame for chunk in chunks for frame in chunk] == list(range(1, n_frames + 1))


@pytest.mark.parametrize(
    ("task", "engine", "gpu"),
    [
        ("colorize_long", "cel", False),
        ("colorize_long", "longanimation", True),
        ("inbetween", "cel", False),
        ("postkey", "tooncomposer", True),
    ],
)
def test_an_engine_says_unimported_whether_it_wants_a_gpu(task: str, engine: str, gpu: bool) -> None:
    assert needs_cuda(task, engine) is gpu


def test_check_writes_the_plan_that_scripts_are_made_from(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=12, output="movies = []\npreview = false\n")
    toonctl("check", path, "--write-plan")
    plan = tmp_path / "out/roll/state/plan.json"
    chain = json.loads(plan.read_text())
    assert (chain["plan"], chain["anchors"], chain["chunks"]) == ("chain", "", ["1-12"])
    toonctl("check", path, "--write-plan", "--set", "engine.plan=anchors")
    anchors = json.loads(plan.read_text())
    assert anchors["plan"] == "anchors"
    # Frame 5 holds the drawing of frame 4: eleven drawings, and the last one is an anchor.
    assert anchors["anchors"] == "1,12"
    assert anchors["frames"] == "1-12"
