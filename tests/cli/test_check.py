"""`check` on whole shots: what it understood, the plan for a farm, and what is wrong with art."""

import json
import shutil
from pathlib import Path

import pytest

from cli.process import TOONCTL, ended

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """The first example, on a folder of its own."""
    shutil.copytree(EXAMPLES / "walk", tmp_path / "walk", ignore=shutil.ignore_patterns("out"))
    return tmp_path / "walk" / "shot.toml"


def test_a_flat_shot_is_understood(walk: Path) -> None:
    done = ended(*TOONCTL, "check", walk)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "walk: frames 1-96, 960x540",
        "layer A: cel, 96 drawings shown",
        "reference A: drawing 1, walk.0001.png",
    ]
    assert not (walk.parent / "out").exists()


def test_every_layer_of_a_psd_has_its_role() -> None:
    report = json.loads(ended(*TOONCTL, "check", EXAMPLES / "cut" / "shot.toml", "--json").stdout)
    roles = {name: role for file in report["inputs"] for name, role in file["layers"].items()}
    assert {roles[name] for name in ("A/1/線", "B/1", "A/A_line")} == {"line"}
    assert (roles["A/1/色トレス"], roles["A/A_shadow"], roles["BG"]) == ("trace", "shadow", "background")
    assert [layer["name"] for layer in report["layers"]] == ["BG", "A", "B", "BOOK1"]
    assert all(len(layer["exposure"]) == 72 for layer in report["layers"] if layer["role"] == "cel")


def test_a_plan_covers_the_shot(walk: Path, tmp_path: Path) -> None:
    done = ended(*TOONCTL, "check", walk, "--write-plan", "--out", tmp_path / "farm")
    path = tmp_path / "farm" / "walk" / "state" / "plan.json"
    assert done.stdout.splitlines()[-1] == str(path)
    plan = json.loads(path.read_text("utf-8"))
    first = [int(chunk.split("-")[0]) for chunk in plan["chunks"]]
    last = [int(chunk.split("-")[1]) for chunk in plan["chunks"]]
    assert (plan["frames"], first[0], last[-1]) == ("1-96", 1, 96)
    assert first[1:] == [frame + 1 for frame in last[:-1]]


def test_holes_in_a_sequence_are_named(walk: Path) -> None:
    for frame in (40, 41, 77):
        (walk.parent / "line" / f"walk.{frame:04d}.png").unlink()
    done = ended(*TOONCTL, "check", walk)
    assert (done.returncode, done.stdout) == (4, "")
    assert "40-41,77" in done.stderr
    assert "hint:" in done.stderr
