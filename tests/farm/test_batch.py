"""Many shots by `batch`: none stops another, what is done is left alone, and cron hears only of trouble."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.process import TOONCTL, ended
from pipelines.toyshot import LIGHT, rolling, wait_for
from spec.shots import FLAT
from toonctl.cli import build_app
from toonctl.pipelines.batch import worst


def named(folder: Path, name: str, n: int = 2) -> Path:
    path = rolling(folder / name, n=n, output=LIGHT)
    path.write_text(path.read_text().replace('name = "roll"', f'name = "{name}"'))
    return path


def batch(*words: str | Path) -> Result:
    """The command in this process; its shots have processes of their own."""
    return CliRunner().invoke(build_app("batch"), ["batch", *map(str, words)])


def test_a_broken_shot_does_not_stop_the_rest(tmp_path: Path) -> None:
    good = [named(tmp_path, "one"), named(tmp_path, "two")]
    bad, lacking = tmp_path / "bad.toml", tmp_path / "lacking.toml"
    bad.write_text("[shot]\n")
    lacking.write_text(FLAT.replace('"walk"', '"lacking"'))
    files = [bad, good[0], lacking, tmp_path / "none.toml", good[1]]
    done = ended(*TOONCTL, "batch", *files, "--resume", "--jobs", "2", "--json", "--lock", tmp_path / "lock")
    found = json.loads(done.stdout)
    told = [(shot["name"], shot["status"], shot["exit_code"]) for shot in found["shots"]]
    assert told == [
        ("bad", "failed", 3),
        ("one", "done", 0),
        ("lacking", "failed", 4),
        ("none", "failed", 2),
        ("two", "done", 0),
    ]
    assert done.returncode == found["exit_code"] == 2
    assert all(shot["problems"][0]["what"] for shot in found["shots"] if shot["exit_code"])
    assert not (tmp_path / "lock").exists()
    manifests = [path.parent / "out" / path.parent.name / "manifest.json" for path in good]
    before = [manifest.stat().st_mtime_ns for manifest in manifests]

    quiet = batch(*good, "--resume", "-q")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    assert [manifest.stat().st_mtime_ns for manifest in manifests] == before
    loud = batch(*good, bad, "--resume")
    assert loud.exit_code == 3
    assert loud.stdout.splitlines()[:2] == ["one: standing", "two: standing"]
    assert loud.stdout.splitlines()[2].startswith("bad: failed (exit 3): ")
    mailed = batch(*good, bad, "--resume", "-q")
    assert mailed.stdout.splitlines() == loud.stdout.splitlines()[2:]

    (manifests[0].parent / "frames/A/one.A.0002.png").unlink()
    again = batch(*good, "--resume")
    assert again.exit_code == 0
    assert [line.split()[1] for line in again.stdout.splitlines()] == ["done", "standing"]


def test_a_stopped_batch_stops_its_shots_and_can_go_on(tmp_path: Path) -> None:
    files = [named(tmp_path, "long", n=40), named(tmp_path, "after")]
    process = subprocess.Popen(
        [*TOONCTL, "batch", *map(str, files), "--resume", "--json", "--progress", "none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(process, files[0].parent / "out/long", "frames/A/*.png", 1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 75
    told = [(shot["status"], shot["exit_code"]) for shot in json.loads(out)["shots"]]
    assert told == [("stopped", 75), ("waiting", 75)]
    assert not (files[0].parent / "out/long/manifest.json").exists()


def test_a_second_batch_leaves_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = {"host": socket.gethostname(), "pid": os.getppid(), "time": "now", "birth": None}
    lock.write_text(json.dumps(holder))
    held = batch(tmp_path / "none.toml", "--lock", lock)
    assert held.exit_code == 75
    assert f"worked on by process {os.getppid()}" in held.stderr
    assert lock.exists()


def test_a_lock_left_by_a_dead_batch_is_broken(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(["sleep", "0"]) as dead:
        dead.wait()
    lock.write_text(json.dumps({"host": socket.gethostname(), "pid": dead.pid, "time": "then", "birth": 1}))
    broken = batch(tmp_path / "none.toml", "--lock", lock, "--progress", "none")
    assert broken.exit_code == 2
    assert "breaking the lock" in broken.output
    assert not lock.exists()


def test_a_shot_that_would_write_to_the_folder_of_another_is_refused(tmp_path: Path) -> None:
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for file in files:
        file.write_text(FLAT)
    refused = batch(*files, "--json", "--progress", "none")
    first, second = json.loads(refused.stdout)["shots"]
    assert (first["exit_code"], second["exit_code"]) == (4, 3)  # the art is missing; the folder is taken
    assert "writes to the same folder" in second["problems"][0]["what"]


@pytest.mark.parametrize(
    ("codes", "code"), [([0, 0], 0), ([0, 75], 75), ([75, 8], 8), ([4, 3, 75], 4), ([7, 1, 2], 1), ([], 0)]
)
def test_the_worst_code_is_the_one_that_needs_a_person_most(codes: list[int], code: int) -> None:
    assert worst(codes) == code
