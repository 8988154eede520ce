"""Runs that end early by a signal, a lost worker or a full disk: what stands is whole, `--resume` goes on."""

import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from cli.process import TOONCTL
from pipelines.conftest import Toonctl, Whole
from pipelines.toyshot import broken_pictures, delivered, differing, frame, rolling, started, wait_for

WAIT_S = 60


@pytest.fixture
def copy(whole: Whole, tmp_path: Path) -> Path:
    """The finished delivery, to be worked on."""
    shutil.copytree(whole.root, tmp_path / "roll")
    return tmp_path / "roll"


def test_a_finished_shot_is_not_drawn_again_unasked(whole: Whole, copy: Path, toonctl: Toonctl) -> None:
    refused = toonctl("colorize-long", whole.path, "--out", copy.parent, code=5)
    assert "exist already" in refused.stderr
    assert "--resume" in refused.stderr
    assert (copy / "manifest.json").exists()
    toonctl("colorize-long", whole.path, "--out", copy.parent, "--resume", "--overwrite", code=2)


def test_resume_draws_what_is_missing_and_nothing_else(whole: Whole, copy: Path, toonctl: Toonctl) -> None:
    for path in ("frames/A/roll.A.0003.png", "frames/comp/roll.comp.0003.png", "frames/A/roll.A.0009.png"):
        (copy / path).unlink()
    (copy / "frames/comp/roll.comp.0011.png").write_bytes(b"\x89PNG\r\n\x1a\n half of it")
    kept = copy / "frames/A/roll.A.0007.png"
    before = kept.stat().st_mtime_ns
    toonctl("colorize-long", whole.path, "--out", copy.parent, "--resume")
    assert differing(delivered(copy), delivered(whole.root)) == []
    assert kept.stat().st_mtime_ns == before


def test_resume_does_without_what_may_be_deleted(whole: Whole, copy: Path, toonctl: Toonctl) -> None:
    shutil.rmtree(copy / "state")
    (copy / "frames/A/roll.A.0012.png").unlink()
    toonctl("colorize-long", whole.path, "--out", copy.parent, "--resume")
    assert differing(delivered(copy), delivered(whole.root)) == []


def test_changed_settings_are_not_mixed_in(whole: Whole, copy: Path, toonctl: Toonctl) -> None:
    other = ("colorize-long", whole.path, "--out", copy.parent, "--set", "output.line_aa=binary")
    assert "made from other art, settings" in toonctl(*other, "--resume", code=5).stderr
    assert differing(delivered(copy), delivered(whole.root)) == []
    toonctl(*other, "--overwrite")
    assert set(frame(copy, 2)[..., 3].ravel().tolist()) == {0, 255}


def test_sigterm_ends_it_with_75_and_resume_gives_the_same(
    whole: Whole, tmp_path: Path, toonctl: Toonctl
) -> None:
    root = tmp_path / "roll"
    process = started(whole.path, "--out", str(tmp_path))
    wait_for(process, root, "frames/A/*.png", 1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 75, said
    assert "`--resume` goes on" in said
    assert not (root / "manifest.json").exists()
    assert len(list(root.glob("frames/*/*.png"))) < 24
    assert broken_pictures(root) == []
    assert not list(root.rglob("*.part"))
    toonctl("colorize-long", whole.path, "--out", tmp_path, "--resume")
    assert differing(delivered(root), delivered(whole.root)) == []


@pytest.mark.parametrize("at", ["frames/A/*.png", "frames/comp/*.png"])
def test_a_killed_run_can_be_resumed(whole: Whole, tmp_path: Path, toonctl: Toonctl, at: str) -> None:
    root = tmp_path / "roll"
    process = started(whole.path, "--out", str(tmp_path))
    wait_for(process, root, at, 2)
    workers = _children(process.pid)
    process.kill()
    process.communicate(timeout=WAIT_S)
    assert workers
    assert all(_is_gone(worker) for worker in workers)
    assert not (root / "manifest.json").exists()
    assert broken_pictures(root) == []
    resumed = toonctl("colorize-long", whole.path, "--out", tmp_path, "--resume")
    assert "lock" in resumed.stderr
    assert differing(delivered(root), delivered(whole.root)) == []


def test_a_lost_worker_ends_the_run_with_a_plain_error(
    whole: Whole, tmp_path: Path, toonctl: Toonctl
) -> None:
    root = tmp_path / "roll"
    process = started(whole.path, "--out", str(tmp_path))
    wait_for(process, root, "frames/A/*.png", 1)
    os.kill(_children(process.pid)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 7, said
    assert "error: out of memory" in said
    assert "Traceback" not in said
    toonctl("colorize-long", whole.path, "--out", tmp_path, "--resume")
    assert differing(delivered(root), delivered(whole.root)) == []


def test_a_full_disk_loses_nothing_that_was_written(whole: Whole, tmp_path: Path, toonctl: Toonctl) -> None:
    toonctl("colorize-long", whole.path, "--out", tmp_path, "--frames", "1-3")
    root = tmp_path / "roll"
    before = delivered(root)
    largest = max(map(len, before.values()))

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 100, largest - 100))

    done = subprocess.run(
        [*TOONCTL, "colorize-long", str(whole.path), "--out", str(tmp_path), "--resume"],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        preexec_fn=small_files,
    )
    assert done.returncode == 5, done.stderr
    assert "error: cannot write" in done.stderr
    assert "hint: free space" in done.stderr
    assert {path: data for path, data in delivered(root).items() if path in before} == before
    assert broken_pictures(root) == []
    toonctl("colorize-long", whole.path, "--out", tmp_path, "--resume")
    assert differing(delivered(root), delivered(whole.root)) == []


def test_an_output_folder_that_is_none_is_refused(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=2)
    (tmp_path / "file").write_text("no folder")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert "cannot write" in toonctl("colorize-long", path, "--out", out, code=5).stderr
    assert (tmp_path / "file").read_text() == "no folder"


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _is_gone(pid: int) -> bool:
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # nobody has asked about it yet
            return True
        signal.sigtimedwait([], 0.02)
    return False
