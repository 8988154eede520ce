"""Every error toonctl raises on purpose, and the exit code it ends the command with.

    ToonctlError                    1   unexpected
    ├── UsageError                  2   wrong command line
    ├── SpecError                   3   shot file, preset or sheet invalid; carries all problems
    ├── ArtError                    4   an input picture is missing, broken or of an unusable kind
    ├── DeliveryError               5   output cannot be written, or is already there
    ├── EngineError                 6   engine not usable on this host
    │   └── CheckpointError         6   weights absent, foreign or broken
    ├── OutOfMemory                 7   after the automatic fall-backs
    ├── CheckFailed                 8   ran, but a requested check failed
    └── Stopped                    75   ended by a signal after saving state

Libraries raise; only `cli/_run.py` prints.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: what it is, where it stands (`shot.toml:14: colorize.engine`), and what to do."""

    what: str
    where: str | None = None
    hint: str | None = None


class ToonctlError(Exception):
    """A failure a person can act on: what went wrong, where, and the remedy."""

    exit_code = 1

    def __init__(self, what: str, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.problems: tuple[Problem, ...] = (Problem(what, where, hint),)

    @classmethod
    def listing(cls, problems: Sequence[Problem]) -> Self:
        """One error that reports several problems at once. Raises: ValueError when there are none."""
        if not problems:
            raise ValueError("an error needs at least one problem")
        first = problems[0]
        error = cls(first.what, first.where, first.hint)
        error.problems = tuple(problems)
        return error

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; the default reduction would lose all but the first argument.
        return (_rebuild, (type(self), self.problems))

    def __str__(self) -> str:
        return "; ".join(f"{p.where}: {p.what}" if p.where else p.what for p in self.problems)


def _rebuild(kind: type[ToonctlError], problems: tuple[Problem, ...]) -> ToonctlError:
    return kind.listing(problems)


class UsageError(ToonctlError):
    exit_code = 2


class SpecError(ToonctlError):
    exit_code = 3


class ArtError(ToonctlError):
    exit_code = 4


class DeliveryError(ToonctlError):
    exit_code = 5


class EngineError(ToonctlError):
    exit_code = 6


class CheckpointError(EngineError):
    pass


class OutOfMemory(ToonctlError):
    exit_code = 7


class CheckFailed(ToonctlError):
    exit_code = 8


class Stopped(ToonctlError):
    exit_code = 75
