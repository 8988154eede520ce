"""Scripts for Slurm, Deadline and OpenCue: linted, and run as far as this machine has what they call."""

import ast
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from farm.jobs import shot
from pipelines.conftest import Toonctl
from pipelines.toyshot import BARE, broken_pictures, delivered, differing, rolling, wait_for
from toonctl.stages.farm_deadline import deadline_script
from toonctl.stages.farm_job import FarmJob
from toonctl.stages.farm_opencue import opencue_script
from toonctl.stages.farm_slurm import slurm_script

SLOW = Path(__file__).parents[1] / "pipelines" / "slow_disk.py"
KINDS = ("chain", "anchors", "apart")


def job(*kinds: str, tool: str = "toonctl", needs_gpu: bool = False) -> FarmJob:
    shots = tuple(shot(f"it's {n} {kind}", kind, needs_gpu=needs_gpu) for n, kind in enumerate(kinds))
    return FarmJob(shots, tool, Path("/out of/here"), ("--set", "engine.gap_px=4"))


def lint(path: Path) -> None:
    done = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("needs_gpu", [False, True])
def test_scripts_are_shell(tmp_path: Path, needs_gpu: bool) -> None:
    asked = job(*KINDS, needs_gpu=needs_gpu)
    for name, text in (
        ("slurm", slurm_script(asked, name="job.sh")),
        ("deadline", deadline_script(asked, per_chunk=None)),
    ):
        path = tmp_path / name
        path.write_text(text)
        lint(path)
        assert ("--gres=gpu:1" in text) == (needs_gpu and name == "slurm")


def test_slurm_queues_the_parts_of_a_shot_in_order(tmp_path: Path) -> None:
    """`sbatch` is a script here that gives numbers and writes down what it was asked."""
    path = tmp_path / "job.sh"
    path.write_text(slurm_script(job(*KINDS), name=path.name))
    queue = tmp_path / "sbatch"
    queue.write_text(f'#!/bin/bash\necho "$@" >> {tmp_path}/asked\nwc -l < {tmp_path}/asked\n')
    queue.chmod(0o755)
    done = subprocess.run(
        ["bash", path],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert (done.returncode, done.stdout.split()) == (0, ["1", "3", "2", "7", "3", "10"]), done.stderr
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    parts = [words[-1] for words in asked]
    assert parts == [
        *("plan0", "draw0", "deliver0"),
        *("plan1", "anchors1", "draw1", "deliver1"),
        *("plan2", "draw2", "deliver2"),
    ]
    after = {words[-1]: [w.split(":")[1] for w in words if "afterok" in w] for words in asked}
    assert after == {
        **{"plan0": [], "draw0": ["1"], "deliver0": ["2"]},
        **{"plan1": [], "anchors1": ["4"], "draw1": ["5"], "deliver1": ["6"]},
        **{"plan2": [], "draw2": ["8"], "deliver2": ["9"]},
    }
    arrays = {words[-1]: w for words in asked for w in words if "array" in w}
    assert arrays == {"draw0": "--array=0-2%1", "draw1": "--array=0-2", "draw2": "--array=0-2"}


@pytest.fixture
def slow_tool(tmp_path: Path) -> Path:
    """toonctl on a slow disk, as one executable."""
    path = tmp_path / "slow toonctl"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SLOW}" "$@"\n')
    path.chmod(0o755)
    return path


def test_a_slurm_task_that_is_stopped_goes_on_and_the_shot_is_whole(
    tmp_path: Path, slow_tool: Path, toonctl: Toonctl
) -> None:
    path, script = rolling(tmp_path, n=6, output=BARE), tmp_path / "job.sh"
    toonctl("farm", "slurm", path, "-o", script, "--out", tmp_path / "farm", "--tool", slow_tool)
    task = {**os.environ, "SLURM_ARRAY_TASK_ID": "0"}

    def part(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", script, name], capture_output=True, text=True, env=task, timeout=240)

    assert part("plan0").returncode == 0
    process = subprocess.Popen(
        ["bash", script, "draw0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=task
    )
    root = tmp_path / "farm/roll"
    wait_for(process, root, "frames/A/*.png", 1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 75, said
    assert broken_pictures(root) == []
    again = part("draw0")
    assert again.returncode == 0, again.stderr
    assert part("deliver0").returncode == 0
    toonctl("colorize-long", path, "--out", tmp_path / "whole")
    assert differing(delivered(root), delivered(tmp_path / "whole/roll")) == []


def test_a_slurm_task_that_saved_its_state_is_queued_again(tmp_path: Path) -> None:
    tool = tmp_path / "stopped"
    tool.write_text("#!/bin/sh\nexit 75\n")
    tool.chmod(0o755)
    control = tmp_path / "scontrol"
    control.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit 1\n')
    control.chmod(0o755)
    path = tmp_path / "job.sh"
    path.write_text(slurm_script(job("chain", tool=str(tool)), name=path.name))
    slurm = {"SLURM_JOB_ID": "43", "SLURM_ARRAY_JOB_ID": "42", "SLURM_ARRAY_TASK_ID": "2"}
    search = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", path, "draw0"], env={**os.environ, **slurm, **search})
    assert done.returncode == 75
    assert (tmp_path / "asked").read_text() == "requeue 42_2\n"
    slurm.pop("SLURM_ARRAY_JOB_ID")
    slurm.pop("SLURM_ARRAY_TASK_ID")
    subprocess.run(["bash", path, "plan0"], env={**os.environ, **slurm, **search})
    assert (tmp_path / "asked").read_text() == "requeue 43\n"


def test_deadline_gets_its_own_tokens_and_quotes() -> None:
    text = deadline_script(job("anchors"), per_chunk=16)
    draw = next(line for line in text.splitlines() if "<STARTFRAME>" in line)
    assert "--frames <STARTFRAME>-<ENDFRAME> --resume" in draw
    assert "-frames 1-96 -chunksize 16" in draw
    assert "--out <QUOTE>/out of/here<QUOTE>" in draw
    assert [line.count('JobDependencies="$ID"') for line in text.splitlines() if "submit -name" in line] == [
        0,
        1,
        1,
        1,
    ]


def test_opencue_gets_a_python_script_of_layers() -> None:
    text = opencue_script(job(*KINDS), per_chunk=16)
    ast.parse(text)
    assert re.findall(r"^(\w+) = Shell\(", text, re.MULTILINE) == [
        *("plan_1", "draw_1", "deliver_1"),
        *("plan_2", "anchors_2", "draw_2", "deliver_2"),
        *("plan_3", "draw_3", "deliver_3"),
    ]
    assert re.findall(r"^(\w+)\.depend_all\((\w+)\)", text, re.MULTILINE) == [
        *(("draw_1", "plan_1"), ("deliver_1", "draw_1")),
        *(("anchors_2", "plan_2"), ("draw_2", "anchors_2"), ("deliver_2", "draw_2")),
        *(("draw_3", "plan_3"), ("deliver_3", "draw_3")),
    ]
    assert '"#FRAME_START#-#FRAME_END#", "--resume"' in text
    assert 'range="1-96", chunk=96' in text  # a chain goes in one task
    assert text.count('range="1-96", chunk=16') == 2
