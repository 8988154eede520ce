"""How progress is told: one Reporter per mode of `--progress`.

The line modes print at most once per percent, and every 5 s when a percent takes longer.
"""

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from toonctl.cli._log import RunLog
from toonctl.cli._options import OutputOptions, ProgressMode
from toonctl.cli._terminal import has_color, say, say_warning

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Beat:
    """A moment worth telling: `done` of `total` steps, the last one frame `frame` of `layer`."""

    done: int
    total: int
    frame: int
    layer: str
    note: str
    shot: str
    eta_s: float | None

    @property
    def percent(self) -> int:
        """0 to 100, rounded down."""
        return 100 * self.done // self.total if self.total else 100


def reporter_for(options: OutputOptions, log: RunLog) -> "TellingReporter":
    """The reporter that `--progress`, `--json`, `-q` and the surroundings ask for.

    A mode asked for by name, and the one of an Open Job Description session, speaks on stdout, where farms
    listen; with `--json`, and when toonctl chose the mode itself, stdout is left to results.
    """
    mode = options.progress
    is_asked_for = mode is not ProgressMode.AUTO
    if mode is ProgressMode.AUTO:
        if os.environ.get("OPENJD_SESSION_WORKING_DIR"):
            mode, is_asked_for = ProgressMode.OPENJD, True
        elif options.quiet:
            mode = ProgressMode.NONE
        else:
            mode = ProgressMode.BAR if sys.stderr.isatty() else ProgressMode.PLAIN
    stream = sys.stdout if is_asked_for and not options.json else sys.stderr
    kinds: dict[ProgressMode, type[TellingReporter]] = {
        ProgressMode.PLAIN: PlainReporter,
        ProgressMode.OPENJD: OpenJdReporter,
        ProgressMode.AFANASY: AfanasyReporter,
        ProgressMode.JSON: JsonReporter,
        ProgressMode.BAR: BarReporter,
        ProgressMode.NONE: TellingReporter,
    }
    return kinds[mode](stream, log, is_quiet=options.quiet, is_verbose=options.verbose > 0)


class TellingReporter:
    """A Reporter that logs everything and says notices and warnings; sub-classes tell progress as well."""

    def __init__(self, stream: TextIO, log: RunLog, *, is_quiet: bool, is_verbose: bool) -> None:
        self._stream: TextIO | None = stream
        self._log = log
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._total = 0
        self._shot = ""
        self._started_s = self._told_s = time.monotonic()
        self._told_percent = -1

    def start(self, total: int, label: str) -> None:
        self._total = total
        self._shot = label.partition(" ")[2] or label
        self._started_s = time.monotonic()
        self._told_percent = -1
        self._beat(0, frame=0, layer="", note="")

    def step(self, *, done: int, frame: int, layer: str, note: str) -> None:
        percent = 100 * done // self._total if self._total else 100
        if percent != self._told_percent or time.monotonic() - self._told_s >= _EVERY_S:
            self._beat(done, frame=frame, layer=layer, note=note)

    def notice(self, text: str) -> None:
        self._log.event("notice", {"text": text})
        if not self._is_quiet:
            self.tell_notice(text)

    def warn(self, code: str, text: str) -> None:
        self._log.event("warning", {"code": code, "text": text}, level="warning")
        if not self._is_quiet:
            say_warning(code, text)

    def event(self, name: str, **fields: object) -> None:
        self._log.event(name, fields)
        if self._is_verbose:
            say(f"{name} " + " ".join(f"{key}={value}" for key, value in fields.items()))

    def tell(self, beat: Beat) -> None:
        """Say how far the work is."""

    def tell_notice(self, text: str) -> None:
        """Say a sentence."""
        say(text)

    def tell_failure(self, text: str) -> None:
        """Tell a farm why the command fails; people read the error itself."""

    def close(self) -> None:
        """Leave the terminal as it was."""

    def line(self, text: str) -> None:
        """One flushed line; when the reader has gone, the work goes on unheard."""
        if self._stream is not None:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except BrokenPipeError:
                self._stream = None

    def _beat(self, done: int, *, frame: int, layer: str, note: str) -> None:
        self._told_s = time.monotonic()
        eta_s = (self._told_s - self._started_s) / done * (self._total - done) if done else None
        beat = Beat(done, self._total, frame, layer, note, self._shot, eta_s)
        self._told_percent = beat.percent
        self._log.event(
            "progress",
            {"percent": beat.percent, "done": done, "total": self._total, "frame": frame, "layer": layer},
        )
        self.tell(beat)


class PlainReporter(TellingReporter):
    """`Progress: 42% frame 17/40 cut012.A.0017 eta 00:03:10`: logs, cron mails, Deadline."""

    def tell(self, beat: Beat) -> None:
        name = f"{beat.shot}.{beat.layer}.{beat.frame:04d}" if beat.layer else beat.shot
        self.line(f"Progress: {beat.percent}% frame {beat.done}/{beat.total} {name} eta {_clock(beat.eta_s)}")


class OpenJdReporter(TellingReporter):
    """The lines of Open Job Description, section "How Jobs Are Run"."""

    def tell(self, beat: Beat) -> None:
        self.line(f"openjd_progress: {beat.percent}")
        if beat.layer:
            self.line(f"openjd_status: {beat.note or 'drawing'} {beat.layer} {beat.done}/{beat.total}")

    def tell_notice(self, text: str) -> None:
        self.line(f"openjd_status: {text}")

    def tell_failure(self, text: str) -> None:
        self.line(f"openjd_fail: {text}")


class AfanasyReporter(TellingReporter):
    """The lines that CGRU's generic parser reads."""

    def tell(self, beat: Beat) -> None:
        self.line(f"FRAME: {beat.done}")
        self.line(f"PROGRESS: {beat.percent}%")


class JsonReporter(TellingReporter):
    """One JSON object a line."""

    def tell(self, beat: Beat) -> None:
        self._object(
            event="progress", percent=beat.percent, frame=beat.done, total=beat.total, layer=beat.layer
        )

    def tell_notice(self, text: str) -> None:
        self._object(event="notice", text=text)

    def tell_failure(self, text: str) -> None:
        self._object(event="fail", text=text)

    def _object(self, **fields: object) -> None:
        self.line(json.dumps(fields, ensure_ascii=False, separators=(",", ":")))


class BarReporter(TellingReporter):
    """A moving bar on a terminal."""

    _bar: "Progress | None" = None
    _task: "TaskID | None" = None

    def tell(self, beat: Beat) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            console = Console(stderr=True, no_color=not has_color(sys.stderr))
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=console, transient=True)
            self._task = self._bar.add_task("")
            self._bar.start()
        if self._task is not None:
            words = f"{beat.shot} {beat.note} {beat.layer}".strip()
            self._bar.update(self._task, completed=beat.done, total=beat.total, description=words)

    def tell_notice(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            say(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "--:--:--"
    whole = round(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
