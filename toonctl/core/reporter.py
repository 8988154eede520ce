"""How a running command tells what it is doing, without knowing who listens."""

from typing import Protocol


class Reporter(Protocol):
    """Receives the progress and the notices of one command."""

    def start(self, total: int, label: str) -> None:
        """`total` steps of work called `label` (`colorize-long cut012`) lie ahead; starts the clock."""
        ...

    def step(self, *, done: int, frame: int, layer: str, note: str) -> None:
        """`done` steps are finished, the last of them 1-based `frame` of `layer`; `note` is for people."""
        ...

    def notice(self, text: str) -> None:
        """A sentence worth reading once (`reading 300 drawings`)."""
        ...

    def warn(self, code: str, text: str) -> None:
        """Something is odd but usable; `code` is stable (`W104`)."""
        ...

    def event(self, name: str, **fields: object) -> None:
        """A stable, named fact for the log file."""
        ...


class SilentReporter:
    """Swallows everything; for library use and tests."""

    def start(self, total: int, label: str) -> None: ...

    def step(self, *, done: int, frame: int, layer: str, note: str) -> None: ...

    def notice(self, text: str) -> None: ...

    def warn(self, code: str, text: str) -> None: ...

    def event(self, name: str, **fields: object) -> None: ...
