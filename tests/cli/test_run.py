"""Exit codes, messages and results of a command: what a farm and an artist see of it."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from toonctl.cli._options import DrawOptions, ProgressMode
from toonctl.cli._run import run_drawing_command
from toonctl.core.errors import (
    ArtError,
    CheckFailed,
    CheckpointError,
    DeliveryError,
    EngineError,
    OutOfMemory,
    Problem,
    SpecError,
    Stopped,
    UsageError,
)
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions, RunResult

Pipeline = Callable[[LoadedShot, RunOptions, Reporter, StopFlag], RunResult]


def failing(error: BaseException) -> Pipeline:
    def run(loaded: LoadedShot, options: RunOptions, report: Reporter, stop: StopFlag) -> RunResult:
        raise error

    return run


def giving(result: RunResult, seen: list[RunOptions] | None = None) -> Pipeline:
    def run(loaded: LoadedShot, options: RunOptions, report: Reporter, stop: StopFlag) -> RunResult:
        if seen is not None:
            seen.append(options)
        return result

    return run


def exit_code(pipeline: Pipeline, shot: Path, **options: object) -> int:
    try:
        run_drawing_command("colorize-long", DrawOptions(shot=shot, **options), pipeline)
    except typer.Exit as end:
        return end.exit_code
    return 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (SpecError("x"), 3),
        (ArtError("x"), 4),
        (DeliveryError("x"), 5),
        (OSError(errno.ENOSPC, "No space left on device", "a.png"), 5),
        (EngineError("x"), 6),
        (CheckpointError("x"), 6),
        (OutOfMemory("x"), 7),
        (MemoryError(), 7),
        (CheckFailed("x"), 8),
        (Stopped("x"), 75),
        (KeyError("x"), 1),
        (OSError(errno.EIO, "I/O error"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_kind_of_error_has_its_exit_code(shot: Path, error: BaseException, code: int) -> None:
    assert exit_code(failing(error), shot) == code


def test_a_message_is_what_where_and_what_to_do(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem("`a.psd` has no layer `LINE`", "shot.toml:5: art.psd", "name it"), Problem("second")]
    assert exit_code(failing(ArtError.listing(problems)), shot) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "error: `a.psd` has no layer `LINE`\n  at shot.toml:5: art.psd\nhint: name it\n"
        "error: second\n2 problems\n"
    )


def test_an_unexpected_error_is_one_line_and_a_log(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(failing(KeyError("layer")), shot) == 1
    said = capsys.readouterr().err
    [log] = (shot.parent / "out" / "walk" / "logs").glob("colorize-long.*.jsonl")
    assert said.startswith(f"error: unexpected KeyError: 'layer'\n  at {log}\nhint: ")
    assert "Traceback" not in said
    [failed] = [
        line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "run.failed"
    ]
    assert "Traceback" in failed["traceback"]


def test_an_unexpected_error_before_any_output_is_logged_for_the_user(
    tmp_path: Path, shot: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(text: str) -> None:
        raise RuntimeError("bug")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("toonctl.spec.load.parse_set", broken)
    assert exit_code(giving(RunResult()), shot, set_=["a=1"]) == 1
    assert len(list((tmp_path / "state").rglob("colorize-long.*.jsonl"))) == 1
    assert not (shot.parent / "out").exists()
    assert "unexpected RuntimeError: bug" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["option", "variable"])
def test_debug_shows_the_traceback(
    shot: Path, how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if how == "variable":
        monkeypatch.setenv("TOONCTL_DEBUG", "1")
    assert exit_code(failing(ArtError("broken")), shot, debug=how == "option") == 4
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("error: broken\n")


def test_outputs_are_the_only_thing_on_stdout(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = RunResult((Path("out/a.png"), Path("out/b.mov")), {"schema": 1}, ("look at A 12",))
    assert exit_code(giving(result), shot) == 0
    said = capsys.readouterr()
    assert said.out == "out/a.png\nout/b.mov\n"
    assert said.err == "look at A 12\n"


@pytest.mark.parametrize("progress", ["auto", "plain", "openjd", "json"])
def test_json_is_one_document(shot: Path, progress: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        exit_code(
            giving(RunResult((Path("a.png"),), {"schema": 1})),
            shot,
            json=True,
            progress=ProgressMode(progress),
        )
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["outputs"] == ["a.png"]
    assert (document["status"], document["exit_code"], document["manifest"]) == ("done", 0, {"schema": 1})


def test_json_tells_of_a_failure_too(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = ArtError("broken", "a.png", "scan it again")
    assert exit_code(failing(error), shot, json=True) == 4
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "command": "colorize-long",
        "status": "failed",
        "exit_code": 4,
        "problems": [{"what": "broken", "where": "a.png", "hint": "scan it again"}],
    }
    assert said.err.startswith("error: broken\n")


def test_a_dry_run_prints_its_plan_and_touches_nothing(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = RunResult((Path("out/a.png"),), None, ("engine cel", "frames 1-96"))
    assert exit_code(giving(plan), shot, dry_run=True) == 0
    assert capsys.readouterr().out == "engine cel\nframes 1-96\n"
    assert list(shot.parent.iterdir()) == [shot]


def test_the_command_line_becomes_run_options(shot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RunOptions] = []
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    options = {"frames": "5,1-2", "out": Path("o"), "resume": True, "device": "cpu", "dry_run": True}
    assert exit_code(giving(RunResult(), seen), shot, **options) == 0
    assert exit_code(giving(RunResult(), seen), shot, threads=1, dry_run=True) == 0
    assert seen[0] == RunOptions(
        frames=(1, 2, 5), out=Path("o"), resume=True, dry_run=True, device="cpu", threads=3
    )
    assert (seen[1].threads, seen[1].frames, seen[1].device) == (1, None, "auto")


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ({"frames": "1-"}, 3, "--frames"),
        ({"resume": True, "overwrite": True}, 2, "exclude"),
        ({"set_": ["engine"]}, 2, "key=value"),
        ({"engine": "cell"}, 3, "did you mean `cel`?"),
        ({"device": "gpu"}, 3, "command line: engine.device"),
        ({"seed": -1}, 3, "command line: engine.seed"),
        ({"preset": "nofinal"}, 3, "command line: engine.preset"),
    ],
)
def test_faulty_options_end_before_any_work(
    shot: Path, options: dict[str, object], code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(failing(AssertionError("started")), shot, **options) == code
    assert word in capsys.readouterr().err
    assert list(shot.parent.iterdir()) == [shot]


def test_a_log_that_cannot_be_written_is_a_delivery_error(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shot.parent / "out").write_text("a file where the folder should be")
    assert exit_code(giving(RunResult()), shot) == 5
    assert "cannot write the log" in capsys.readouterr().err
