"""The exact lines of each progress mode, and how often they come."""

import io
import json
import sys

import pytest

from toonctl.cli._log import RunLog
from toonctl.cli._options import OutputOptions, ProgressMode
from toonctl.cli._progress import BarReporter, TellingReporter, reporter_for


def told(mode: ProgressMode, capsys: pytest.CaptureFixture[str], **options: object) -> tuple[str, str]:
    """What the mode says of frame 17 of 40, on stdout and on stderr."""
    reporter = reporter_for(OutputOptions(progress=mode, **options), RunLog())
    reporter.start(40, "colorize-long cut012")
    reporter.step(done=17, frame=17, layer="A", note="coloring")
    reporter.notice("reading")
    reporter.tell_failure("reference A0001.psd not found")
    reporter.close()
    said = capsys.readouterr()
    return said.out, said.err


def test_plain(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = told(ProgressMode.PLAIN, capsys)
    assert out == (
        "Progress: 0% frame 0/40 cut012 eta --:--:--\nProgress: 42% frame 17/40 cut012.A.0017 eta 00:00:00\n"
    )
    assert err == "reading\n"


def test_openjd(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = told(ProgressMode.OPENJD, capsys)
    assert out.splitlines() == [
        "openjd_progress: 0",
        "openjd_progress: 42",
        "openjd_status: coloring A 17/40",
        "openjd_status: reading",
        "openjd_fail: reference A0001.psd not found",
    ]


def test_afanasy(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = told(ProgressMode.AFANASY, capsys)
    assert out.splitlines() == ["FRAME: 0", "PROGRESS: 0%", "FRAME: 17", "PROGRESS: 42%"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = told(ProgressMode.JSON, capsys)
    lines = out.splitlines()
    assert lines[1] == '{"event":"progress","percent":42,"frame":17,"total":40,"layer":"A"}'
    assert [json.loads(line)["event"] for line in lines] == ["progress", "progress", "notice", "fail"]


def test_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(ProgressMode.NONE, capsys) == ("", "reading\n")


@pytest.mark.parametrize("mode", [ProgressMode.PLAIN, ProgressMode.OPENJD, ProgressMode.JSON])
def test_with_json_results_progress_moves_to_stderr(
    mode: ProgressMode, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = told(mode, capsys, json=True)
    assert out == ""
    assert "42" in err


class _Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def _lines(reporter: TellingReporter, clock: _Clock, total: int, seconds_each: float) -> None:
    reporter.start(total, "drawing walk")
    for done in range(1, total + 1):
        clock.now += seconds_each
        reporter.step(done=done, frame=done, layer="A", note="")


@pytest.mark.parametrize(
    ("total", "seconds_each", "n_lines"), [(5000, 0.01, 101), (10, 60.0, 11), (1000, 2.0, 401), (0, 1.0, 1)]
)
def test_a_line_comes_once_per_percent_or_5_s(
    total: int,
    seconds_each: float,
    n_lines: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = _Clock()
    monkeypatch.setattr("toonctl.cli._progress.time", clock)
    _lines(reporter_for(OutputOptions(progress=ProgressMode.PLAIN), RunLog()), clock, total, seconds_each)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == n_lines
    assert "100%" in lines[-1]


def test_the_time_left_follows_the_pace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _Clock()
    monkeypatch.setattr("toonctl.cli._progress.time", clock)
    _lines(reporter_for(OutputOptions(progress=ProgressMode.PLAIN), RunLog()), clock, 100, 60.0)
    assert "Progress: 10% frame 10/100 walk.A.0010 eta 01:30:00\n" in capsys.readouterr().out


def test_a_bar_moves_on_a_terminal_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    reporter = reporter_for(OutputOptions(), RunLog())
    assert isinstance(reporter, BarReporter)
    _lines(reporter, _Clock(), 3, 0.0)
    reporter.notice("half way [1/2]")
    reporter.close()
    assert "walk" in terminal.getvalue()
    assert "half way [1/2]" in terminal.getvalue()
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")
