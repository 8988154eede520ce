"""Job templates for Open Job Description, checked and run by its own command line."""

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from artkit import save_flat_shot
from farm.jobs import shot
from pipelines.conftest import Toonctl
from pipelines.toyshot import BARE, LIGHT, delivered, differing, rolling
from spec.shots import FLAT
from toonctl.core.errors import UsageError
from toonctl.stages.farm_job import FarmJob, FarmShot
from toonctl.stages.farm_openjd import openjd_template

OPENJD = shutil.which("openjd", path=str(Path(sys.executable).parent)) or "openjd"
TOOL = str(Path(sys.executable).parent / "toonctl")
CHUNKS = ("--extensions", "TASK_CHUNKING")


def template(folder: Path, *shots: FarmShot, tool: str = "toonctl", options: tuple[str, ...] = ()) -> Path:
    path = folder / "job.yaml"
    job = FarmJob(shots, tool, folder / "out", options)
    path.write_text(openjd_template(job, folder=folder, per_chunk=16), encoding="utf-8")
    return path


def openjd(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """openjd without a network: every proxy it could use leads nowhere."""
    nowhere = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}
    return subprocess.run(
        [OPENJD, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, **nowhere},
    )


def summary(path: Path) -> Any:
    done = openjd("summary", path, *CHUNKS, "--output", "json")
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["chain", "anchors", "apart"])
def test_a_template_is_valid_and_its_steps_depend_on_each_other(tmp_path: Path, kind: str) -> None:
    path = template(tmp_path, shot("walk", kind, folder=tmp_path))
    assert openjd("check", path, *CHUNKS).returncode == 0
    steps = [step["name"] for step in summary(path)["steps"]]
    assert (
        steps
        == {
            "chain": ["Plan", "Draw-1", "Draw-2", "Draw-3", "Deliver"],
            "anchors": ["Plan", "Anchors", "Fill", "Deliver"],
            "apart": ["Plan", "Fill", "Deliver"],
        }[kind]
    )
    text = path.read_text("utf-8")
    for before, after in pairwise(steps):
        assert f'  - name: "{after}"' in text
        assert f'dependencies: [{{"dependsOn": "{before}"}}]' in text
    assert text.count("NOTIFY_THEN_TERMINATE") == len(steps)
    assert "hostRequirements" not in text


def test_only_steps_that_draw_ask_for_a_gpu(tmp_path: Path) -> None:
    path = template(tmp_path, shot("walk", "anchors", needs_gpu=True, folder=tmp_path))
    assert openjd("check", path, *CHUNKS).returncode == 0
    assert path.read_text("utf-8").count('"amount.worker.gpu"') == 2  # Anchors and Fill


def test_shots_of_one_job_do_not_wait_for_each_other(tmp_path: Path) -> None:
    kinds = ("chain", "anchors", "apart")
    shots = [shot(f"s{n}", kind, folder=tmp_path) for n, kind in enumerate(kinds)]
    path = template(tmp_path, *shots)
    assert openjd("check", path, *CHUNKS).returncode == 0
    waits = [line.split('"')[3] for line in path.read_text("utf-8").splitlines() if "dependsOn" in line]
    names = [step["name"] for step in summary(path)["steps"]]
    assert len(names) - len(waits) == len(kinds)  # the first step of each shot waits for none
    for name in waits:
        assert name in names


def test_the_steps_call_toonctl_in_order(tmp_path: Path) -> None:
    """With `echo` for a tool: what would be run, in the order of its running."""
    path = template(
        tmp_path, shot("walk", "apart", folder=tmp_path), tool="echo", options=("--set", 'a.b="c d"')
    )
    done = openjd("run", path, *CHUNKS, "--step", "Deliver", "--run-dependencies")
    assert done.returncode == 0, done.stdout
    calls = [line.partition("\t")[2] for line in done.stdout.splitlines() if "shot.toml" in line]
    calls = [call for call in calls if call.split()[0] in ("check", "inbetween", "deliver")]
    file, more = tmp_path / "walk/shot.toml", f'--out {tmp_path}/out --set a.b="c d"'
    assert calls == [
        f"check {file} --command inbetween --write-plan {more}",
        *(
            f"inbetween {file} --frames {part} --resume {more}"
            for part in ("1-16", "17-32", "33-48", "49-64", "65-80", "81-96")
        ),
        f"deliver {file} --command inbetween {more}",
    ]


def test_an_option_that_reads_as_a_variable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes for a variable"):
        template(tmp_path, shot("walk", "chain"), options=("--set", "shot.prompt={{Param.X}}"))


def test_a_failing_task_ends_the_job(tmp_path: Path) -> None:
    done = openjd("run", template(tmp_path, shot("walk", "chain", folder=tmp_path), tool="false"))
    assert done.returncode == 1


def test_a_shot_drawn_by_openjd_is_the_shot(tmp_path: Path, toonctl: Toonctl) -> None:
    path, job = rolling(tmp_path, n=6, output=LIGHT), tmp_path / "job.yaml"
    options = ("--set", "engine.plan=anchors")
    where = ("--out", tmp_path / "farm", "--chunk-size", "3", "--tool", TOOL)
    toonctl("farm", "openjd", path, "-o", job, *where, *options)
    done = openjd("run", job)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "openjd_progress" in done.stdout
    toonctl("colorize-long", path, "--out", tmp_path / "whole", *options)
    farm, alone = tmp_path / "farm/roll", tmp_path / "whole/roll"
    assert differing(delivered(farm), delivered(alone)) == []
    assert json.loads((farm / "manifest.json").read_text())["run"]["chunks"] >= 2
    assert json.loads((farm / "state/plan.json").read_text())["plan"] == "anchors"


def test_a_shot_elsewhere_is_to_be_named(tmp_path: Path, toonctl: Toonctl) -> None:
    (tmp_path / "art").mkdir()
    (tmp_path / "jobs").mkdir()
    path = save_flat_shot(tmp_path / "art")
    made = toonctl("farm", "openjd", path, "-o", tmp_path / "jobs/job.yaml")
    assert "name it when you submit the job" in made.stderr
    done = openjd("run", tmp_path / "jobs/job.yaml", "--job-param", f"Shot={path}", "-p", "Tool=echo")
    assert done.returncode == 0, done.stdout
    assert f"deliver {path}" in done.stdout


def test_a_broken_shot_is_left_out_of_the_job_of_the_others(tmp_path: Path, toonctl: Toonctl) -> None:
    """Its own problems are told, and decide the exit code."""
    good = [rolling(tmp_path / name, n=3, output=BARE) for name in ("one", "two")]
    good[1].write_text(good[1].read_text().replace('"roll"', '"two"'))
    twin, lacking, faulty = (tmp_path / name for name in ("one/twin.toml", "lacking.toml", "faulty.toml"))
    shutil.copy(good[0], twin)
    lacking.write_text(FLAT)
    faulty.write_text(FLAT.replace("frame", "fram"))
    files = [good[0], faulty, twin, lacking, good[1]]
    made = toonctl("farm", "openjd", *files, "-o", tmp_path / "job.yaml", "--json", code=4)
    document = json.loads(made.stdout)
    refused = [(Path(each["file"]), each["exit_code"]) for each in document["refused"]]
    assert refused == [(faulty, 3), (twin, 3), (lacking, 4)]
    assert "would both write to" in document["refused"][1]["problems"][0]["what"]
    assert f"`{faulty}` is left out of the job" in made.stderr
    assert "fram" in made.stderr
    found = summary(tmp_path / "job.yaml")
    assert [step["name"] for step in found["steps"]] == [
        "Plan1",
        "Draw1",
        "Deliver1",
        "Plan2",
        "Draw2",
        "Deliver2",
    ]
    assert (tmp_path / "job.yaml").read_text() == document["text"]


def test_nothing_is_made_of_broken_shots_alone(tmp_path: Path, toonctl: Toonctl) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(FLAT)
    made = toonctl("farm", "slurm", *sorted(tmp_path.glob("*.toml")), "-o", tmp_path / "job.sh", code=4)
    assert "2 problems" in made.stderr
    assert not (tmp_path / "job.sh").exists()
