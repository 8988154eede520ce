"""What goes wrong on farms: two runs of one shot, a folder closed half-way, a disk full at the very end."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.process import TOONCTL, ended
from pipelines.conftest import Whole
from pipelines.toyshot import broken_pictures, delivered, differing, started, wait_for

SLOW = Path(__file__).parents[1] / "pipelines" / "slow_disk.py"
NOBODY = 65534


def as_plain_user() -> None:
    """Root may write anywhere; a farm's user may not."""
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder that the plain user may write to."""
    folder = Path(tempfile.mkdtemp(prefix="toonctl-farm-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


def test_two_processes_on_one_shot(whole: Whole, tmp_path: Path) -> None:
    first = started(whole.path, "--out", str(tmp_path), "--frames", "1-6")
    wait_for(first, tmp_path / "roll", "frames/A/*.png", 1)
    same = ended(*TOONCTL, "colorize-long", whole.path, "--out", tmp_path, "--frames", "1-6", "--resume")
    assert same.returncode == 5
    assert f"worked on by process {first.pid}" in same.stderr
    other = ended(*TOONCTL, "colorize-long", whole.path, "--out", tmp_path, "--frames", "7-12")
    assert other.returncode == 0, other.stderr
    _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    done = ended(*TOONCTL, "deliver", whole.path, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert differing(delivered(tmp_path / "roll"), delivered(whole.root)) == []


def test_a_folder_closed_half_way_ends_the_run_and_loses_nothing(whole: Whole, own_folder: Path) -> None:
    art = own_folder / "art"
    shutil.copytree(whole.path.parent, art, ignore=shutil.ignore_patterns("out"))
    run = [sys.executable, str(SLOW), "colorize-long", str(art / whole.path.name), "--out", str(own_folder)]
    ours = {**os.environ, "HOME": str(own_folder)}
    process = subprocess.Popen(
        run, preexec_fn=as_plain_user, env=ours, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    root = own_folder / "roll"
    wait_for(process, root, "frames/A/*.png", 2)
    (root / "frames/A").chmod(0o555)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 5, said
    assert "error: cannot write" in said
    assert "Permission denied" in said
    assert "Traceback" not in said
    before = delivered(root)
    assert broken_pictures(root) == []
    (root / "frames/A").chmod(0o755)
    again = subprocess.run(
        [*run, "--resume"], preexec_fn=as_plain_user, env=ours, capture_output=True, text=True, timeout=240
    )
    assert again.returncode == 0, again.stderr
    after = delivered(root)
    assert {path: after[path] for path in before if path.startswith("frames/A/")} == {
        path: data for path, data in before.items() if path.startswith("frames/A/")
    }
    assert differing(after, delivered(whole.root)) == []


def test_a_disk_that_fills_up_in_the_delivery(whole: Whole, tmp_path: Path) -> None:
    shutil.copytree(
        whole.root, tmp_path / "roll", ignore=shutil.ignore_patterns("movies", "psd", "manifest*")
    )
    largest = max(path.stat().st_size for path in (whole.root / "frames").rglob("*.png"))

    def deliver(limit: Callable[[], None] | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TOONCTL, "deliver", str(whole.path), "--out", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=240,
            preexec_fn=limit,
        )

    full = deliver(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)))
    assert full.returncode == 5, full.stderr
    assert "error: cannot write" in full.stderr
    assert not (tmp_path / "roll/manifest.json").exists()
    assert not list((tmp_path / "roll").rglob("*.part"))
    assert deliver(None).returncode == 0
    assert differing(delivered(tmp_path / "roll"), delivered(whole.root)) == []
