"""What goes wrong on farms: two runs of one shot, a folder closed half-way, a disk full at the very end."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from cli.process import TOONCTL
from pipelines.conftest import Toonctl, Whole
from pipelines.toyshot import broken_pictures, delivered, differing, started, wait_for

SLOW = Path(__file__).parents[1] / "pipelines" / "slow_disk.py"
DROP_FROM_BOUNDING_SET, MAY_WRITE_ANYWHERE = 24, 1  # Linux: prctl(2), capabilities(7)


def as_plain_user() -> None:
    """Root may write anywhere, a farm's user may not: the program about to start loses that right."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, MAY_WRITE_ANYWHERE, 0, 0, 0)


def test_two_processes_on_one_shot(whole: Whole, tmp_path: Path, toonctl: Toonctl) -> None:
    first = started(whole.path, "--out", str(tmp_path), "--frames", "1-6")
    wait_for(first, tmp_path / "roll", "frames/A/*.png", 1)
    first.send_signal(signal.SIGSTOP)  # it stays at work for as long as the others take
    command = ("colorize-long", whole.path, "--out", tmp_path, "--frames")
    assert f"worked on by process {first.pid}" in toonctl(*command, "1-6", "--resume", code=5).stderr
    toonctl(*command, "7-12")
    first.send_signal(signal.SIGCONT)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    toonctl("deliver", whole.path, "--out", tmp_path)
    assert differing(delivered(tmp_path / "roll"), delivered(whole.root)) == []


def test_a_folder_closed_half_way_ends_the_run_and_loses_nothing(
    whole: Whole, tmp_path: Path, toonctl: Toonctl
) -> None:
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
    toonctl("colorize-long", whole.path, "--out", tmp_path, "--resume")
    assert delivered(root).items() >= before.items()
    assert differing(delivered(root), delivered(whole.root)) == []


def test_a_disk_that_fills_up_in_the_delivery(whole: Whole, tmp_path: Path, toonctl: Toonctl) -> None:
    shutil.copytree(
        whole.root, tmp_path / "roll", ignore=shutil.ignore_patterns("movies", "psd", "manifest*")
    )
    largest = max(path.stat().st_size for path in (whole.root / "frames").rglob("*.png"))
    full = subprocess.run(
        [*TOONCTL, "deliver", str(whole.path), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )
    assert full.returncode == 5, full.stderr
    assert "error: cannot write" in full.stderr
    assert not (tmp_path / "roll/manifest.json").exists()
    assert not list((tmp_path / "roll").rglob("*.part"))
    toonctl("deliver", whole.path, "--out", tmp_path)
    assert differing(delivered(tmp_path / "roll"), delivered(whole.root)) == []
