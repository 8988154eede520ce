"""Before delivery: every frame there, of one job, with its notes."""

from pathlib import Path

import pytest

from shotkit import KEY, Finished, finish_shot
from toonctl.core.errors import CheckFailed, DeliveryError
from toonctl.stages.gather import check_frames, check_same_job, gather_colors
from toonctl.stages.job import stamp_text
from toonctl.stages.notes import DrawingNote, write_note
from toonctl.stages.tree import COMP, OutputTree
from toonctl.stages.write import deliver_png, encode_picture


@pytest.fixture
def shot(tmp_path: Path) -> Finished:
    return finish_shot(OutputTree.of(tmp_path, None, "walk"))


def test_a_whole_shot_passes(shot: Finished) -> None:
    check_frames(shot.tree, shot.timeline, job_key=KEY)
    colors = gather_colors(shot.tree, shot.timeline, job_key=KEY)
    assert [note.drawing for note in colors["A"].notes] == ["1", "2", "3"]


def test_all_missing_frames_are_named(shot: Finished) -> None:
    for frame in (4, 5, 9):
        shot.tree.frame("A", frame).unlink()
    cut = shot.tree.frame(COMP, 2)
    cut.write_bytes(cut.read_bytes()[:100])
    with pytest.raises(CheckFailed) as caught:
        check_frames(shot.tree, shot.timeline, job_key=KEY)
    assert [problem.what for problem in caught.value.problems] == [
        "frames 4-5,9 of `A` are missing",
        "frames 2 of `comp` are missing",
    ]


def test_a_frame_of_another_job_is_refused(shot: Finished) -> None:
    picture = shot.show.color("A", "1")
    deliver_png([(shot.tree.frame("A", 2), 2)], picture, job_key="other", layer="A")
    with pytest.raises(DeliveryError, match="frames 2 of `A` are of another job"):
        check_frames(shot.tree, shot.timeline, job_key=KEY)
    foreign = encode_picture(picture).to_bytes(stamp_text(KEY, frame=2, layer="A"))
    shot.tree.frame("A", 2).write_bytes(foreign)
    check_frames(shot.tree, shot.timeline, job_key=KEY)


def test_lost_notes_are_named(shot: Finished) -> None:
    shot.tree.note("A", "2").unlink()
    shot.tree.palette_note("B").unlink()
    with pytest.raises(CheckFailed) as caught:
        gather_colors(shot.tree, shot.timeline, job_key=KEY)
    assert "drawings 2 of `A`" in caught.value.problems[0].what
    assert "drawings 1, 2 of `B`" in caught.value.problems[1].what


def test_a_layer_left_uncolored_needs_no_color_model(shot: Finished) -> None:
    shot.tree.palette_note("B").unlink()
    for name in ("1", "2"):
        write_note(shot.tree, DrawingNote("B", name, 0, {}), job_key=KEY)
    colors = gather_colors(shot.tree, shot.timeline, job_key=KEY)
    assert len(colors["B"].palette.model.colors) == 1


def test_differing_settings_are_named_and_delivery_settings_are_free() -> None:
    drawn = {"engine": {"seed": 3, "name": "cel"}, "output": {"movies": ["png"], "split": False}}
    now = {"engine": {"seed": 0, "name": "cel"}, "output": {"movies": [], "split": True}}
    check_same_job(drawn, {**drawn, "output": {"movies": ["ffv1"], "split": False}}, where=Path("s.toml"))
    with pytest.raises(DeliveryError, match=r"`engine\.seed` was 3, `output\.split` was False"):
        check_same_job(drawn, now, where=Path("s.toml"))
