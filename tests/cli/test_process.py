"""The drawing machinery as a process: signals, pipes, farm sessions, logs."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cli.process import DRAWING, TOONCTL, ended, started
from toonctl.cli._log import EVENTS

SLOW = {"DRAWING_FRAMES": "1000", "DRAWING_SECONDS": "0.05"}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_signal_ends_it_with_75_after_the_frame_in_hand(shot: Path, name: str) -> None:
    process = started(*DRAWING, shot, **SLOW)
    process.send_signal(signal.Signals[name])
    out, err = process.communicate(timeout=20)
    assert process.returncode == 75
    assert f"error: stopped by {name} after" in err
    assert "hint: `--resume` goes on" in err
    assert out == ""


def test_a_second_sigint_ends_it_at_once(shot: Path) -> None:
    process = started(*DRAWING, shot, DRAWING_SECONDS="30")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - begun < 10


def test_a_frame_that_outlives_the_grace_time_is_dropped(shot: Path) -> None:
    process = started(*DRAWING, shot, DRAWING_SECONDS="30", TOONCTL_GRACE="0.2")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 75
    assert "the frame in hand dropped" in err


def test_a_reader_that_leaves_early_does_not_fail_the_work(shot: Path) -> None:
    for options in ((), ("--progress", "plain")):
        process = subprocess.Popen(
            [*DRAWING, str(shot), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait(timeout=20) == 0, said
        assert b"BrokenPipe" not in said


def test_without_a_terminal_progress_is_plain_lines_beside_the_results(shot: Path) -> None:
    done = ended(*DRAWING, shot)
    assert done.returncode == 0
    paths = done.stdout.splitlines()
    assert len(paths) == 10
    assert all(path.endswith(".png") for path in paths)
    assert "Progress: 40% frame 4/10 walk.A.0004 eta 00:00:00\n" in done.stderr
    assert "warning: a layer has no line [W104]\n" in done.stderr
    assert "\x1b" not in done.stderr


def test_an_open_job_description_session_is_noticed(shot: Path, tmp_path: Path) -> None:
    done = ended(*DRAWING, shot, OPENJD_SESSION_WORKING_DIR=str(tmp_path))
    lines = done.stdout.splitlines()
    assert "openjd_progress: 40" in lines
    assert "openjd_status: coloring A 4/10" in lines
    failed = ended(*DRAWING, tmp_path / "none.toml", OPENJD_SESSION_WORKING_DIR=str(tmp_path))
    assert failed.returncode == 2
    assert failed.stdout.startswith("openjd_fail: there is no file")


def test_quiet_says_errors_only(shot: Path) -> None:
    done = ended(*DRAWING, shot, "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_log_tells_the_run(shot: Path, tmp_path: Path) -> None:
    assert ended(*DRAWING, shot).returncode == 0
    [path] = (tmp_path / "out" / "walk" / "logs").iterdir()
    name, utc, pid, suffix = path.name.split(".")
    assert (name, suffix, utc[-1]) == ("colorize-long", "jsonl", "Z")
    assert pid.isdecimal()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert all(set(line) > {"ts", "level", "event"} for line in lines)
    events = [line["event"] for line in lines]
    assert (events[0], events[-1]) == ("run.started", "run.finished")
    assert set(events) <= set(EVENTS)
    [warning] = [line for line in lines if line["event"] == "warning"]
    assert (warning["level"], warning["code"], warning["text"]) == ("warning", "W104", "a layer has no line")


def test_the_log_goes_where_it_is_asked_to(shot: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    assert ended(*DRAWING, shot, "--log-file", log).returncode == 0
    assert json.loads(log.read_text().splitlines()[0])["event"] == "run.started"
    assert not (tmp_path / "out" / "walk" / "logs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["chek"], 2, "chek"),
        (["check"], 2, "SHOT.toml"),
        (["check", "none.toml"], 2, "there is no file `none.toml`"),
        (["check", "."], 2, "is a folder"),
        (["check", "shot.toml", "--colour"], 2, "--colour"),
        (["check", "shot.toml", "--command", "paint"], 2, "paint"),
    ],
)
def test_a_wrong_command_line_ends_with_2(
    shot: Path, arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shot.parent)
    done = ended(*TOONCTL, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
