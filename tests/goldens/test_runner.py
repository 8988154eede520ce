"""The golden runner: it fails what is wrong, goes on after a failure, and says where it is off."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from golden_runner import main, run
from goldens.sets import DATA, part_of, spoil

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return part_of("tooncomposer", ["scheduler", "prep_tall"], tmp_path / "set")


def lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[list[str]], str]:
    status = main([str(folder)])
    captured = capsys.readouterr()
    return status, [line.split() for line in captured.out.splitlines()], captured.err


def test_whole_cases_are_ok(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found, _ = lines(folder, capsys)
    assert status == 0
    assert [(name, tolerance, verdict) for name, _, tolerance, verdict in found] == [
        ("scheduler", "1e-06", "ok"),
        ("prep_tall", "1e-06", "ok"),
    ]


def test_a_changed_value_fails_its_case_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(folder, "scheduler", "out.sigmas.4")
    status, found, reasons = lines(folder, capsys)
    assert status == 1
    assert [row[-1] for row in found] == ["FAIL", "ok"]
    assert float(found[0][1]) == pytest.approx(1)
    assert "out.sigmas.4" in reasons


def test_a_changed_input_fails(folder: Path) -> None:
    spoil(folder, "scheduler", "in.v.15")
    assert [verdict.is_ok for verdict in run(folder)] == [False, True]


@pytest.mark.parametrize("harm", ["no file", "no file format", "no kind", "another shape", "a stranger"])
def test_a_case_that_cannot_be_compared_is_nan(harm: str, folder: Path) -> None:
    path, table = folder / "scheduler.safetensors", folder / "cases.json"
    tensors = load_file(path)
    if harm == "no file":
        path.unlink()
    elif harm == "no file format":
        path.write_bytes(b"nothing of the kind")
    elif harm == "no kind":
        table.write_text(
            table.read_text("utf-8").replace('"kind": "scheduler"', '"kind": "weather"'), "utf-8"
        )
    elif harm == "another shape":
        save_file({**tensors, "out.sigmas.4": tensors["out.sigmas.4"][:3].clone()}, path)
    else:
        save_file({**tensors, "out.surprise": torch.zeros(2)}, path)
    first, second = run(folder)
    assert math.isnan(first.error)
    assert not first.is_ok
    assert first.reason
    assert second.is_ok


@pytest.mark.parametrize("kept", ["in.", "in.z"])
def test_tensors_that_were_taken_away_are_missed(kept: str, folder: Path) -> None:
    path = folder / "scheduler.safetensors"
    save_file({key: t for key, t in load_file(path).items() if key.startswith(kept)}, path)
    first, _ = run(folder)
    assert not first.is_ok
    assert "out.sigmas.1" in first.reason


def test_an_unknown_engine_fails_every_case(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cases.json").write_text(json.dumps({"engine": "abacus", "cases": {"a": {}, "b": {}}}), "utf-8")
    status, found, _ = lines(folder, capsys)
    assert status == 1
    assert found == [["a", "nan", "nan", "FAIL"], ["b", "nan", "nan", "FAIL"]]


def test_a_folder_without_cases_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "cases.json" in capsys.readouterr().err
    assert main([]) == 2


def test_it_runs_as_a_module(folder: Path) -> None:
    spoil(folder, "scheduler", "out.first_step.2")
    command = [sys.executable, "-m", "tests.golden_runner", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["FAIL", "ok"]


def test_every_copy_names_its_engine() -> None:
    for table in DATA.glob("*/cases.json"):
        assert json.loads(table.read_text("utf-8"))["engine"] == table.parent.name
