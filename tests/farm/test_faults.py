"""What goes wrong on farms: two runs of one shot, a folder closed half-way, a disk full at the very end."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cli.process import TOONCTL, ended
from pipelines.conftest import Whole
from pipelines.toyshot import broken_pictures, delivered, differing, started, wait_for

SLOW = Path(__file__).parents[1] / "pipelines" / "slow_disk.py"
DROP_FROM_BOUNDING_SET, MAY_WRITE_ANYWHERE = 24, 1  # Linux: prctl(2), capabilities(7)


def as_plain_user() -> None:
    """Root may write anywhere, a farm's user may not: the program about to start loses that right."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, MAY_WRITE_ANYWHERE, 0, 0, 0)


def test_two_processes_on_one_shot(whole: Whole, tmp_path: Path) -> None:
    first = started(whole.path, "--out", str(tmp_path), "--frames", "1-6")
    wait_for(first, tmp_path / "roll", "frames/A/*.png", 1)
    first.send_signal(signal.SIGSTOP)  # it stays at work for as long as the others take
    same = ended(*TOONCTL, "colorize-long", whole.path, "--out", tmp_path, "--frames", "1-6", "--resume")
    assert same.returncode == 5
    assert f"worked on by process {first.pid}" in same.stderr
    other = ended(*TOONCTL, "colorize-long", whole.path, "--out", tmp_path, "--frames", "7-12")
    assert other.returncode == 0, other.stderr
    first.send_signal(signal.SIGCONT)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    done = ended(*TOONCTL, "deliver", whole.path, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert differing(delivered(tmp_path / "roll"), delivered(whole.root)) == []


def test_a_folder_closed_half_way_ends_the_run_and_loses_nothing(whole: Whole, tmp_path: Path) -> None:
    run = [sys.executable, str(SLOW), "colorize-long", str(whole.path), "--out", str(tmp_path)]
    process = subprocess.Popen(
        run, preexec_fn=as_plain_user, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    root = tmp_path / "roll"
    wait_for(process, root, "frames/A/*.png", 2)
    (root / "frames/A").chmod(0o555)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 5, said
    assert "error: cannot write" in said
    assert "Permission denied" in said
    assert "Traceback" not in said
    before = {path: data for path, data in delivered(root).items() if path.startswith("frames/A/")}
    assert broken_pictures(root) == []
    (root / "frames/A").chmod(0o755)
    again = ended(*TOONCTL, "colorize-long", whole.path, "--out", tmp_path, "--resume")
    assert again.returncode == 0, again.stderr
    assert delivered(root).items() >= before.items()
    assert differing(delivered(root), delivered(whole.root)) == []


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
