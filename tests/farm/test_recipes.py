"""The recipes of the README's section on farms, as they are written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from house.source import ROOT
from pipelines.toyshot import LIGHT, delivered, rolling

SECTION = (ROOT / "README.md").read_text("utf-8").partition("## On a farm\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(?:sh)?\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)


def block(word: str) -> str:
    """The one recipe that has `word` in it."""
    [found] = [text for text in BLOCKS if word in text]
    return found


def in_shell(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PATH": path},
    )


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A folder with a `shot.toml` of three frames."""
    rolling(tmp_path, n=3, output=LIGHT).rename(tmp_path / "shot.toml")
    return tmp_path


def test_the_openjd_recipe_delivers_the_shot(shot: Path) -> None:
    done = in_shell(block("openjd"), shot)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert (shot / "out/roll/manifest.json").exists()


def test_the_slurm_recipe_makes_a_script_whose_parts_deliver_the_shot(shot: Path) -> None:
    """Without Slurm here: the parts in the order in which it would start them."""
    make, submit = block("slurm").strip().splitlines()
    assert submit == "bash job.sh"
    assert in_shell(make, shot).returncode == 0
    parts = "bash job.sh plan0; SLURM_ARRAY_TASK_ID=0 bash job.sh draw0; bash job.sh deliver0"
    done = in_shell(f"bash -n job.sh; {parts}", shot)
    assert done.returncode == 0, done.stderr
    assert (shot / "out/roll/manifest.json").exists()


def test_the_cron_recipe_is_silent_and_stays_so(shot: Path) -> None:
    (shot / "shots").mkdir()
    for name in ("shot.toml", "line", "color", "bg.png"):
        (shot / name).rename(shot / "shots" / name)
    times, command = re.fullmatch(r"((?:\S+ ){4}\S+)\s+cd \S+ && (.*)\n", block("batch")).groups()
    assert times == "0 20 * * *"
    for _ in range(2):
        done = in_shell(command, shot)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (shot / "shots/out/roll/manifest.json").exists()
    assert not (shot / "night.lock").exists()


def test_the_recipe_by_hand_names_chunks_of_one_shot(shot: Path) -> None:
    text = block("49-96").replace("1-48", "1-2").replace("49-96", "3-3")
    done = in_shell(text, shot)
    assert done.returncode == 0, done.stderr
    assert len([path for path in delivered(shot / "out/roll") if path.startswith("frames/comp/")]) == 3
