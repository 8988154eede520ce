"""toonctl as a process of its own: started, asked to stop, and read when it has ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast


class ToolRun:
    """One process of this Python with `words` behind it; what it says goes to files, so it never waits."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process, in `has_ended`
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - as above
        self._started_s = time.monotonic()
        self._is_asked = False
        self._said = b"", b""
        self.seconds = 0.0
        self.exit_code = 0
        self._process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            env={**os.environ, **environment},
        )

    def has_ended(self) -> bool:
        """Whether the process is gone; its `exit_code` is 1 when a signal ended it."""
        code = self._process.poll()
        if code is None:
            return False
        if not self._out.closed:
            self.seconds = time.monotonic() - self._started_s
            self.exit_code = code if code >= 0 else 1
            for file in (self._out, self._err):
                file.seek(0)
            self._said = self._out.read(), self._err.read()
            self._out.close()
            self._err.close()
        return True

    def ask_to_stop(self) -> None:
        """Sends SIGTERM, once."""
        if not self._is_asked:
            self._is_asked = True
            self._process.terminate()

    def document(self) -> dict[str, Any]:
        """The JSON document on its stdout, empty when there is none."""
        try:
            found: Any = json.loads(self._said[0])
        except ValueError:
            return {}
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    def last_words(self) -> str:
        """The last line it said, or how it ended."""
        code = self._process.returncode
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        lines = self._said[1].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with {code} and said nothing"
