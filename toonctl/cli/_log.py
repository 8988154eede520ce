"""The log of one run: one JSON object a line (`ts`, `level`, `event`, fields).

Event names are stable; what is said before the file is opened is kept and written then.
"""

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from toonctl.core.errors import DeliveryError

EVENTS: Mapping[str, str] = {
    "run.started": "a command began: command, version, arguments",
    "run.finished": "a command ended well: exit code, seconds, files written",
    "run.failed": "a command ended with an error: exit code, problems, traceback",
    "run.stopped": "a command ended early on request: signal",
    "progress": "a percent or five seconds have passed: percent, done, total, frame, layer",
    "notice": "a sentence said to people",
    "warning": "something odd but usable: code, text",
    "library": "a library logged a warning: logger, text",
}
"""Every event of the log and what it carries beside `ts`, `level` and `event`."""


class RunLog(logging.Handler):
    """A handler of the root logger: our events and the warnings of libraries go to one file, `path`."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._kept: list[str] = []
        self._file: TextIO | None = None
        self.path: Path | None = None

    def open(self, path: Path) -> None:
        """Write to `path` from here on, beginning with what was kept; a log already open stays.

        Raises: DeliveryError when the file cannot be made.
        """
        if self._file is not None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise DeliveryError(
                f"cannot write the log: {error.strerror or error}",
                str(path),
                "fix the folder, or name another",
            ) from error
        self.path = path
        for line in self._kept:
            self._write(line)
        self._kept.clear()

    def event(self, name: str, fields: Mapping[str, object], *, level: str = "info") -> None:
        """One event of `EVENTS`, or of the pipelines' own."""
        line = {"ts": _utc_now().isoformat(timespec="milliseconds"), "level": level, "event": name, **fields}
        self._write(json.dumps(line, ensure_ascii=False, default=str))

    def emit(self, record: logging.LogRecord) -> None:
        """What a library logged."""
        fields = {"logger": record.name, "text": record.getMessage()}
        self.event("library", fields, level=record.levelname.lower())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        super().close()

    def _write(self, line: str) -> None:
        if self._file is None:
            self._kept.append(line)
            return
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError:
            self._file = None  # a full disk ends the run by its own error; the log must not hide it


def log_name(command: str) -> str:
    """`colorize-long.20260102T030405Z.1234.jsonl`: no two runs share a log."""
    return f"{command}.{_utc_now():%Y%m%dT%H%M%SZ}.{os.getpid()}.jsonl"


def _utc_now() -> datetime:
    return datetime.now(UTC)
