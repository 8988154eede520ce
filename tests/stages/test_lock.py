"""The lock of a set of frames: exclusive, broken when its process is dead, never anybody else's."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from toonctl.core.errors import DeliveryError
from toonctl.core.reporter import SilentReporter
from toonctl.stages.lock import frame_lock
from toonctl.stages.tree import OutputTree


class Notes(SilentReporter):
    """Keeps the notices."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


@pytest.fixture
def tree(tmp_path: Path) -> OutputTree:
    return OutputTree.of(tmp_path, None, "walk")


def hold(tree: OutputTree, frames: Sequence[int]) -> None:
    with frame_lock(tree, frames, break_lock=False, report=SilentReporter()):
        pass


def held(tree: OutputTree) -> list[Path]:
    return sorted((tree.state / "locks").glob("*.lock"))


def rewrite(tree: OutputTree, **changes: object) -> None:
    (path,) = held(tree)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_same_frames_are_refused_and_the_holder_named(tree: OutputTree) -> None:
    with frame_lock(tree, range(1, 9), break_lock=False, report=SilentReporter()):
        with pytest.raises(DeliveryError, match=f"process {os.getpid()} on ") as caught:
            hold(tree, range(1, 9))
        assert "--break-lock" in str(caught.value.problems[0].hint)
    assert held(tree) == []


def test_other_frames_may_be_worked_on(tree: OutputTree) -> None:
    with (
        frame_lock(tree, range(1, 9), break_lock=False, report=SilentReporter()),
        frame_lock(tree, range(9, 17), break_lock=False, report=SilentReporter()),
        frame_lock(tree, (1, 3, 8), break_lock=False, report=SilentReporter()),
    ):
        assert len(held(tree)) == 3


def test_the_lock_goes_when_the_work_fails(tree: OutputTree) -> None:
    with pytest.raises(KeyError), frame_lock(tree, [1], break_lock=False, report=SilentReporter()):
        raise KeyError
    assert held(tree) == []


def test_the_lock_of_a_dead_process_is_broken_with_a_notice(tree: OutputTree) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    notes = Notes()
    with frame_lock(tree, [1], break_lock=False, report=notes):
        rewrite(tree, pid=int(dead.stdout))
        with frame_lock(tree, [1], break_lock=False, report=notes):
            pass
    assert len(notes.notices) == 1


def test_a_process_number_given_out_anew_does_not_hold_the_lock(tree: OutputTree) -> None:
    notes = Notes()
    with frame_lock(tree, [1], break_lock=False, report=notes):
        rewrite(tree, birth=1)
        with frame_lock(tree, [1], break_lock=False, report=notes):
            pass
    assert len(notes.notices) == 1


def test_the_lock_of_another_host_is_broken_only_on_request(tree: OutputTree) -> None:
    notes = Notes()
    with frame_lock(tree, [1], break_lock=False, report=notes):
        rewrite(tree, host="elsewhere", pid=1)
        with pytest.raises(DeliveryError, match="on elsewhere"):
            hold(tree, [1])
        with frame_lock(tree, [1], break_lock=True, report=notes):
            assert json.loads(held(tree)[0].read_text())["host"] != "elsewhere"
    assert "elsewhere" in notes.notices[0]


def test_a_folder_that_cannot_be_made_is_an_error_of_delivery(tree: OutputTree) -> None:
    tree.root.mkdir(parents=True)
    tree.state.write_text("a file in the way")
    with pytest.raises(DeliveryError, match="cannot write"):
        hold(tree, [1])


def test_a_lock_taken_over_is_left_to_its_new_holder(tree: OutputTree) -> None:
    with frame_lock(tree, [1], break_lock=False, report=SilentReporter()):
        rewrite(tree, host="elsewhere")
    assert len(held(tree)) == 1


def test_an_empty_lock_from_a_clock_that_runs_ahead_is_a_trace_of_a_crash(tree: OutputTree) -> None:
    hold(tree, [1])
    path = tree.state / "locks" / "1-1.6b86b273.lock"
    path.touch()
    with pytest.raises(DeliveryError, match="an unknown process"):
        hold(tree, [1])
    tomorrow = time.time() + 24 * 3600
    os.utime(path, (tomorrow, tomorrow))
    hold(tree, [1])
    assert held(tree) == []
