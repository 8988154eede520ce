"""Scripts for Slurm, Deadline and OpenCue: linted, and run as far as this machine has what they call."""

import ast
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from farm.jobs import shot
from pipelines.conftest import Toonctl
from pipelines.toyshot import LIGHT, broken_pictures, delivered, differing, rolling, wait_for
from toonctl.stages.farm_deadline import deadline_script
from toonctl.stages.farm_job import FarmJob
from toonctl.stages.farm_opencue import opencue_script
from toonctl.stages.farm_slurm import slurm_script

SLOW = Path(__file__).parents[1] / "pipelines" / "slow_disk.py"
KINDS = ("chain", "anchors", "apart")


def job(*kinds: str, tool: str = "toonctl", needs_gpu: bool = False) -> FarmJob:
    shots = tuple(shot(f"it's {n} {kind}", kind, needs_gpu=needs_gpu) for n, kind in enumerate(kinds))
    return FarmJob(shots, tool, Path("/out of/here"), ("--set", "engine.gap_px=4"))


def program(path: Path, text: str) -> Path:
    """A shell script, to stand for a farm's own programs."""
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)
    return path


def in_path(folder: Path, script: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A finished script that found the programs of `folder`."""
    search = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", script, *words], capture_output=True, text=True, env={**os.environ, **search, **variables}
    )


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
    """`sbatch` is a script here: it writes down what it was asked, and gives numbers as in a federation."""
    path = tmp_path / "job.sh"
    path.write_text(slurm_script(job(*KINDS), name=path.name))
    asked = tmp_path / "asked"
    program(tmp_path / "sbatch", f'echo "$@" >> {asked}; echo "$(wc -l < {asked});render"')
    done = in_path(tmp_path, path)
    assert (done.returncode, done.stdout.split()) == (0, ["1", "3", "2", "7", "3", "10"]), done.stderr
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    assert all("--kill-on-invalid-dep=yes" in words for words in asked)
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


def test_a_part_that_cannot_be_queued_ends_the_submission(tmp_path: Path) -> None:
    """Else the parts after it would wait for nothing."""
    for name, text in (
        ("sbatch", slurm_script(job("chain"), name="job.sh")),
        ("deadlinecommand", deadline_script(job("chain"), per_chunk=None)),
    ):
        script = tmp_path / f"{name}.sh"
        script.write_text(text)
        program(tmp_path / name, f"echo asked >> {tmp_path}/{name}.asked; echo no such queue; exit 1")
        assert in_path(tmp_path, script).returncode == 1
        assert (tmp_path / f"{name}.asked").read_text() == "asked\n"


@pytest.fixture
def slow_tool(tmp_path: Path) -> Path:
    """toonctl on a slow disk, as one executable."""
    return program(tmp_path / "slow toonctl", f'exec "{sys.executable}" "{SLOW}" "$@"')


def test_a_slurm_task_that_is_stopped_goes_on_and_the_shot_is_whole(
    tmp_path: Path, slow_tool: Path, toonctl: Toonctl
) -> None:
    path, script = rolling(tmp_path, n=6, output=LIGHT), tmp_path / "job.sh"
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


@pytest.mark.parametrize(("state", "asked"), [("RUNNING", "requeue 42_2\n"), ("COMPLETING", "")])
def test_a_task_that_saved_its_state_is_queued_again_unless_it_was_canceled(
    tmp_path: Path, state: str, asked: str
) -> None:
    """The states are those that Slurm 22.05 gives a task after a notice, and after `scancel`."""
    tool = program(tmp_path / "stopped", "exit 75")
    program(tmp_path / "scontrol", f'echo "$@" >> {tmp_path}/asked; exit 1')
    program(tmp_path / "squeue", f'case "$*" in *--jobs=4[23]*) echo {state} ;; esac')
    path = tmp_path / "job.sh"
    path.write_text(slurm_script(job("chain", tool=str(tool)), name=path.name))
    (tmp_path / "asked").touch()
    task = {"SLURM_JOB_ID": "43", "SLURM_ARRAY_JOB_ID": "42", "SLURM_ARRAY_TASK_ID": "2"}
    assert in_path(tmp_path, path, "draw0", **task).returncode == 75
    assert (tmp_path / "asked").read_text() == asked
    assert in_path(tmp_path, path, "plan0", SLURM_JOB_ID="43").returncode == 75
    assert (tmp_path / "asked").read_text() == asked + asked.replace("42_2", "43")


def test_deadline_gets_its_own_tokens_and_quotes() -> None:
    text = deadline_script(replace(job("anchors"), options=("--set", 'engine.x="y"')), per_chunk=16)
    draw = next(line for line in text.splitlines() if "<STARTFRAME>" in line)
    assert "--frames <STARTFRAME>-<ENDFRAME> --resume" in draw
    assert "-frames 1-96 -chunksize 16" in draw
    assert "--out <QUOTE>/out of/here<QUOTE>" in draw
    assert r"engine.x=\<QUOTE>y\<QUOTE>" in draw
    assert [line.count('JobDependencies="$ID"') for line in text.splitlines() if "submit -name" in line] == [
        0,
        1,
        1,
        1,
    ]


def test_opencue_gets_commands_that_its_shell_takes_apart_again() -> None:
    """PyOutline hands a command on as it is, and its hosts give it to a shell."""
    text = opencue_script(job("anchors"), per_chunk=None)
    commands = [ast.literal_eval(found) for found in re.findall(r'command=("(?:[^"\\]|\\.)*")', text)]
    assert [shlex.split(command)[:3] for command in commands] == [
        ["toonctl", "check", "/shots/it's 0 anchors/shot.toml"],
        ["toonctl", "colorize-long", "/shots/it's 0 anchors/shot.toml"],
        ["toonctl", "colorize-long", "/shots/it's 0 anchors/shot.toml"],
        ["toonctl", "deliver", "/shots/it's 0 anchors/shot.toml"],
    ]
    assert "#FRAME_START#-#FRAME_END#" in shlex.split(commands[2])


def test_opencue_is_given_no_range_of_the_job() -> None:
    """PyOutline leaves out layers beyond it, and the parts of a shot that begins at 1001 lie beyond it."""
    assert "frame_range" not in opencue_script(job(*KINDS), per_chunk=None)


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
    assert 'range="1-96", chunk=96' in text  # a chain goes in one task
    assert text.count('range="1-96", chunk=16') == 2
