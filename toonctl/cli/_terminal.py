"""What people read on stderr: errors, warnings, notices. The only place that knows about color."""

import os
import sys
from typing import TextIO

from toonctl.core.errors import Problem, ToonctlError

_RED, _YELLOW, _FAINT, _PLAIN = "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"


def has_color(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that wants color; `NO_COLOR` switches it off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """One line on stderr; a reader that has gone away is no error."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        pass


def say_warning(code: str, text: str) -> None:
    """A warning with its stable code."""
    say(f"{_painted('warning:', _YELLOW)} {text} [{code}]")


def say_error(error: ToonctlError) -> None:
    """Every problem of `error` on three lines: what, where, what to do; then how many there are."""
    for problem in error.problems:
        _say_problem(problem)
    if len(error.problems) > 1:
        say(f"{len(error.problems)} problems")


def _say_problem(problem: Problem) -> None:
    say(f"{_painted('error:', _RED)} {problem.what}")
    if problem.where:
        say(f"  at {problem.where}")
    if problem.hint:
        say(f"{_painted('hint:', _FAINT)} {problem.hint}")


def _painted(text: str, color: str) -> str:
    return f"{color}{text}{_PLAIN}" if has_color(sys.stderr) else text
