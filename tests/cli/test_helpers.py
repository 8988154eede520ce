"""`schema`, `presets`, `doctor` and the parts of `check` that read no art, as processes."""

import json
from pathlib import Path

import pytest

from cli.process import TOONCTL, ended


def test_schema_prints_one_document(tmp_path: Path) -> None:
    plain = ended(*TOONCTL, "schema", "--command", "colorize-long")
    assert json.loads(plain.stdout)["title"] == "toonctl colorize-long"
    assert ended(*TOONCTL, "schema", "--command", "colorise").returncode == 2


def test_presets_are_listed_shown_and_copied(tmp_path: Path) -> None:
    listed = json.loads(ended(*TOONCTL, "presets", "list", "--command", "colorize-long", "--json").stdout)
    names = [preset["name"] for preset in listed["presets"]]
    assert {"cel", "cel-geometric", "cel-preview"} <= set(names)
    shown = ended(*TOONCTL, "presets", "show", "geometric").stdout
    assert 'matcher = "geometric"' in shown
    target = tmp_path / "mine.toml"
    assert ended(*TOONCTL, "presets", "copy", "colorize-long/cel-geometric", target).stdout == f"{target}\n"
    assert target.read_text("utf-8") == shown
    again = ended(*TOONCTL, "presets", "copy", "cel-geometric", target)
    assert again.returncode == 5
    assert "already there" in again.stderr
    unknown = ended(*TOONCTL, "presets", "show", "geometri")
    assert (unknown.returncode, "did you mean" in unknown.stderr) == (2, True)


def test_doctor_finds_this_machine_fit() -> None:
    done = ended(*TOONCTL, "doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"] in ("ok", "warn")) == (0, True), report
    names = {check["name"] for check in report["checks"]}
    assert {"python", "cpu", "gpu", "ffmpeg", "weights", "cache", "site file", "package torch"} <= names
    assert all(check["remedy"] for check in report["checks"] if check["status"] != "ok")


def test_doctor_names_what_is_missing(tmp_path: Path) -> None:
    done = ended(*TOONCTL, "doctor", "--json", TOONCTL_FFMPEG=str(tmp_path / "no-ffmpeg"))
    report = json.loads(done.stdout)
    [ffmpeg] = [check for check in report["checks"] if check["name"] == "ffmpeg"]
    assert (done.returncode, report["status"], ffmpeg["status"]) == (6, "fail", "fail")
    assert ffmpeg["remedy"]


def test_doctor_knows_the_engines() -> None:
    done = ended(*TOONCTL, "doctor", "--engine", "cell")
    assert (done.returncode, "did you mean `cel`?" in done.stderr) == (2, True)


def test_resolved_shows_each_value_and_its_origin(shot: Path) -> None:
    done = ended(*TOONCTL, "check", shot, "--resolved", "--seed", "7", TOONCTL_ENGINE_FIGURES="false")
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()}
    assert rows["shot.name"] == ['"walk"', "shot.toml:3"]
    assert rows["engine.seed"] == ["7", "command line"]
    assert rows["engine.figures"] == ["false", "TOONCTL_ENGINE_FIGURES"]
    assert rows["engine.name"] == ['"cel"', "default"]


@pytest.mark.parametrize("is_json", [False, True])
def test_check_lists_every_problem_of_a_shot_file(shot: Path, is_json: bool) -> None:
    shot.write_text(shot.read_text().replace("frame = 1", "fram = 1").replace('rate = "24"', 'rate = "fast"'))
    done = ended(*TOONCTL, "check", shot, *(["--json"] if is_json else []))
    assert done.returncode == 3
    assert "  at shot.toml:4: shot.rate\n" in done.stderr
    assert "  at shot.toml:8: reference[1].fram\nhint: did you mean `frame`?\n2 problems\n" in done.stderr
    if is_json:
        assert len(json.loads(done.stdout)["problems"]) == 2
