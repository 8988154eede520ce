"""One job or another, and what of it is done already."""

from dataclasses import replace
from pathlib import Path

import pytest

from shotkit import KEY, Finished, finish_shot
from toonctl.core.errors import DeliveryError
from toonctl.core.types import InputFile
from toonctl.stages.job import Guard, StateFolder, job_key, memory_folder, sweep_memory
from toonctl.stages.tree import COMP, OutputTree

RESOLVED = {"shot": {"name": "walk"}, "output": {"movies": ["prores4444"], "psd": False}}
INPUTS = (InputFile("line/walk.0001.png", "ab", 10),)


def key_of(**changes: object) -> str:
    given = {"engine": "cel", "weights": {"w": "1"}, "seed": 0, "version": "0.1.0"}
    resolved = changes.pop("resolved", RESOLVED)
    inputs = changes.pop("inputs", INPUTS)
    return job_key(resolved, inputs, **(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def shot(tmp_path: Path) -> Finished:
    return finish_shot(OutputTree.of(tmp_path, None, "walk"))


def guard(shot: Finished, key: str = KEY) -> Guard:
    return Guard(shot.tree, key, shot.timeline)


def test_the_key_covers_what_decides_the_drawings() -> None:
    other = [
        key_of(engine="other"),
        key_of(weights={"w": "2"}),
        key_of(seed=1),
        key_of(version="0.2.0"),
        key_of(inputs=(replace(INPUTS[0], sha256="cd"),)),
        key_of(resolved={**RESOLVED, "shot": {"name": "run"}}),
        key_of(resolved={**RESOLVED, "output": {"movies": ["prores4444"], "psd": True}}),
    ]
    assert len({key_of(), *other}) == 1 + len(other)


def test_the_key_leaves_out_what_only_the_delivery_reads() -> None:
    assert key_of(version="0.1.7") == key_of()
    assert key_of(resolved={**RESOLVED, "output": {"movies": ["ffv1"], "psd": False}}) == key_of()


def test_an_untouched_folder_leaves_all_to_do(tmp_path: Path, shot: Finished) -> None:
    empty = Guard(OutputTree.of(tmp_path / "else", None, "walk"), KEY, shot.timeline)
    standing = empty.standing([1, 2, 3], resume=False, overwrite=False)
    assert standing.todo("A", [1, 2, 3]) == (1, 2, 3)
    assert standing.n_done == 0


def test_existing_frames_are_refused_without_a_flag(shot: Finished) -> None:
    with pytest.raises(DeliveryError, match="frames 2-3 of `walk` exist already") as caught:
        guard(shot).standing([2, 3], resume=False, overwrite=False)
    assert "--resume" in str(caught.value.problems[0].hint)


def test_a_chunk_asks_about_its_own_frames_only(shot: Finished) -> None:
    for layer in ("A", "B", COMP):
        for frame in (4, 5):
            shot.tree.frame(layer, frame).unlink()
    standing = guard(shot).standing([4, 5], resume=False, overwrite=False)
    assert standing.todo(COMP, [4, 5]) == (4, 5)


def test_resume_skips_what_this_job_has_finished(shot: Finished) -> None:
    shot.tree.frame("A", 2).unlink()
    shot.tree.frame(COMP, 9).unlink()
    standing = guard(shot).standing(shot.timeline.frames, resume=True, overwrite=False)
    assert standing.todo("A", shot.timeline.frames) == (2,)
    assert standing.todo("B", shot.timeline.frames) == ()
    assert standing.todo(COMP, shot.timeline.frames) == (9,)
    assert standing.n_done == 28


def test_resume_draws_again_what_is_cut_off_or_has_lost_its_note(shot: Finished) -> None:
    for frame, length in ((1, -5), (2, 0), (9, 4)):
        path = shot.tree.frame("A", frame)
        path.write_bytes(path.read_bytes()[:length])
    shot.tree.note("A", "2").unlink()
    standing = guard(shot).standing(shot.timeline.frames, resume=True, overwrite=False)
    assert standing.todo("A", shot.timeline.frames) == (1, 2, 3, 4, 8, 9)


def test_resume_keeps_a_strange_file_in_place_of_a_frame(shot: Finished) -> None:
    shot.tree.frame("A", 1).write_bytes(b"a note of somebody's")
    with pytest.raises(DeliveryError, match=r"1 of the frames"):
        guard(shot).standing(shot.timeline.frames, resume=True, overwrite=False)


def test_resume_refuses_frames_of_another_job(shot: Finished) -> None:
    with pytest.raises(DeliveryError, match="30 of the frames that exist") as caught:
        guard(shot, "other").standing(shot.timeline.frames, resume=True, overwrite=False)
    assert "--overwrite" in str(caught.value.problems[0].hint)


def test_resume_finishes_an_overwriting_run_that_was_killed(shot: Finished) -> None:
    assert guard(shot, "other").standing([1, 2], resume=False, overwrite=True).n_done == 0
    standing = guard(shot, "other").standing([1, 2], resume=True, overwrite=False)
    assert standing.todo("A", [1, 2]) == (1, 2)
    with pytest.raises(DeliveryError):
        guard(shot, "other").standing([3], resume=True, overwrite=False)


def test_state_is_kept_by_name_layer_and_job(tmp_path: Path) -> None:
    tree = OutputTree.of(tmp_path, None, "walk")
    state = StateFolder(tree, "k" * 64, "A")
    state.put("tokens/1", b"one")
    state.put("..", b"two")
    assert (state.get("tokens/1"), state.get(".."), state.get("tokens/2")) == (b"one", b"two", None)
    assert replace(state, scope="B").get("tokens/1") is None
    assert replace(state, job_key="x" * 64).get("tokens/1") is None
    assert all(path.is_relative_to(tree.state) for path in tmp_path.rglob("*") if path.is_file())


def test_memory_of_other_jobs_is_swept(tmp_path: Path) -> None:
    tree = OutputTree.of(tmp_path, None, "walk")
    for key in ("a" * 64, "b" * 64):
        StateFolder(tree, key).put("tokens", b"1")
    sweep_memory(tree, "b" * 64)
    assert not memory_folder(tree, "a" * 64).exists()
    assert StateFolder(tree, "b" * 64).get("tokens") == b"1"
