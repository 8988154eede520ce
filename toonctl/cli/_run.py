"""The single place where errors become messages and exit codes, and results become stdout."""

import errno
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from toonctl.cli._options import DrawOptions, OutputOptions, ShotOptions
from toonctl.cli._terminal import say, say_error
from toonctl.core.errors import (
    DeliveryError,
    OutOfMemory,
    Problem,
    SpecError,
    Stopped,
    ToonctlError,
    UsageError,
)
from toonctl.core.stop import StopFlag, stop_on_signals

if TYPE_CHECKING:
    from toonctl.cli._log import RunLog
    from toonctl.cli._progress import TellingReporter
    from toonctl.core.reporter import Reporter
    from toonctl.spec.load import LoadedShot
    from toonctl.spec.run_options import RunOptions, RunResult

    Pipeline: TypeAlias = Callable[[LoadedShot[Any], RunOptions, Reporter, StopFlag], RunResult]

_INTERRUPTED = 130
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)})


class Session:
    """One running command: whom it tells, whether it must stop, and its one result."""

    def __init__(
        self, command: str, options: OutputOptions, reporter: "TellingReporter", log: "RunLog"
    ) -> None:
        self.command = command
        self.reporter = reporter
        self.exit_code = 0
        self._options = options
        self._log = log
        self._started_s = time.monotonic()
        self._stop: StopFlag | None = None
        self._handlers = ExitStack()

    @property
    def stop(self) -> StopFlag:
        """The flag that signals set once it has been asked for; until then a signal ends the process."""
        if self._stop is None:
            self._stop = StopFlag()
            self._handlers.enter_context(stop_on_signals(self._stop, self._overrun))
        return self._stop

    def open_log(self, folder: Path) -> None:
        """Log into `folder`, unless `--log-file` names another place. Raises: DeliveryError."""
        from toonctl.cli._log import log_name

        self._log.open(folder / log_name(self.command))

    def result(self, lines: Iterable[str], document: object) -> None:
        """What the command found, on stdout: `lines` for people, or with `--json` the one `document`."""
        if self._options.json:
            lines = (json.dumps(document, ensure_ascii=False, indent=2, default=str),)
        try:
            for line in lines:
                sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            _detach_stdout()  # the work is done; a reader such as `head` may leave early

    def finish(self) -> None:
        """Log the good end."""
        seconds = round(time.monotonic() - self._started_s, 3)
        self._log.event("run.finished", {"exit_code": self.exit_code, "seconds": seconds})

    def close(self) -> None:
        """Give signals and terminal back."""
        self._handlers.close()
        self.reporter.close()

    def fail(self, error: ToonctlError, cause: BaseException) -> None:
        """Tell people, farm and log why the command ends; with `--debug` also the traceback."""
        self.exit_code = error.exit_code
        problems = [{"what": p.what, "where": p.where, "hint": p.hint} for p in error.problems]
        text = "".join(traceback.format_exception(cause))
        fields = {"exit_code": error.exit_code, "problems": problems, "traceback": text}
        is_stop = isinstance(error, Stopped)
        self._log.event(
            "run.stopped" if is_stop else "run.failed", fields, level="info" if is_stop else "error"
        )
        self.reporter.close()
        if self._options.debug or _is_debugging():
            say(text.rstrip())
        say_error(error)
        if not is_stop:
            self.reporter.tell_failure(str(error).replace("\n", " "))
        if self._options.json:
            status = "stopped" if is_stop else "failed"
            document = {"command": self.command, "status": status, "exit_code": error.exit_code}
            self.result((), {**document, "problems": problems})

    def known(self, error: Exception) -> ToonctlError:
        """`error` as one of ours; what nobody foresaw becomes one line, its traceback going to the log."""
        if isinstance(error, ToonctlError):
            return error
        if _is_memory_error(error):
            return OutOfMemory(
                "out of memory", hint="use `--threads 1`, smaller `--frames` ranges, or a bigger host"
            )
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            return DeliveryError(
                f"cannot write: {error.strerror}",
                error.filename,
                "free space, then run again with `--resume`",
            )
        where = self._crash_log()
        return ToonctlError(
            f"unexpected {type(error).__name__}: {error}".replace("\n", " "),
            f"{where}" if where else None,
            "run once more; if it fails again, report it with the log",
        )

    def _overrun(self) -> None:
        by = self.stop.asked_by
        late = Stopped(f"stopped by {by}, the frame in hand dropped", hint="`--resume` goes on")
        self.fail(late, late)

    def _crash_log(self) -> Path | None:
        if self._log.path is None:
            from platformdirs import user_log_path

            try:
                self.open_log(user_log_path("toonctl"))
            except DeliveryError:
                return None
        return self._log.path


@contextmanager
def session(command: str, options: OutputOptions) -> Generator[Session, None, None]:
    """A command's run; an error inside ends it with the messages and the exit code of production.md 5.1.

    Raises: typer.Exit, and nothing else.
    """
    import logging

    from toonctl import __version__
    from toonctl.cli._log import RunLog
    from toonctl.cli._progress import reporter_for

    os.environ["HF_HUB_OFFLINE"] = "1"  # only `models fetch` may use the network
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # else every installed package is asked for one
    log = RunLog()
    logging.getLogger().addHandler(log)
    logging.captureWarnings(True)
    at = Session(command, options, reporter_for(options, log), log)

    try:
        log.event("run.started", {"command": command, "version": __version__, "arguments": sys.argv[1:]})
        if options.log_file is not None:
            log.open(options.log_file)
        yield at
        at.finish()
    except typer.Exit:
        raise
    except KeyboardInterrupt as error:
        raise typer.Exit(_INTERRUPTED) from error
    except Exception as error:
        at.fail(at.known(error), error)
        raise typer.Exit(at.exit_code) from error
    finally:
        at.close()
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(log)
        log.close()
    if at.exit_code:
        raise typer.Exit(at.exit_code)


def run_drawing_command(command: str, options: DrawOptions, pipeline: "Pipeline") -> None:
    """Runs `pipeline` on the shot file of `options` and prints what it wrote, one path a line.

    Raises: typer.Exit when the command does not end with 0.
    """
    with session(command, options) as at:
        stop = at.stop
        loaded = load(command, options)
        run = run_options(options, loaded)
        if not run.dry_run:
            at.open_log(loaded.output_folder(run.out) / "logs")
        result = pipeline(loaded, run, at.reporter, stop)
        at.reporter.close()
        if run.dry_run:
            lines = result.notes  # here the plan is the result
        else:
            lines = tuple(str(path) for path in result.outputs)
            for note in result.notes:
                at.reporter.notice(note)
        at.result(lines, _result_document(command, run, result))


def load(command: str, options: ShotOptions) -> "LoadedShot[Any]":
    """The shot file with the command line laid over it. Raises: UsageError, SpecError."""
    from toonctl.spec.load import load_shot, parse_set

    overrides = [parse_set(text) for text in options.set_ or ()]
    named = {"engine.name": options.engine, "engine.device": options.device, "engine.seed": options.seed}
    overrides += [(key, value) for key, value in named.items() if value is not None]
    return load_shot(options.shot, command=command, preset=options.preset, overrides=overrides)


def run_options(options: DrawOptions, loaded: "LoadedShot[Any]") -> "RunOptions":
    """The run's choices. Raises: UsageError if options exclude each other, SpecError for bad `--frames`."""
    from toonctl.core.timesheet import parse_frames
    from toonctl.spec.run_options import RunOptions

    if options.resume and options.overwrite:
        raise UsageError("`--resume` and `--overwrite` exclude each other", hint="give one of them")
    try:
        frames = parse_frames(options.frames) if options.frames is not None else None
    except SpecError as error:
        raise SpecError.listing([Problem(p.what, "--frames", p.hint) for p in error.problems]) from error
    return RunOptions(
        frames=frames,
        out=options.out,
        resume=options.resume,
        overwrite=options.overwrite,
        dry_run=options.dry_run,
        device=loaded.spec.engine.device,
        threads=options.threads or _threads_of_host(),
        record_host=options.record_host,
        break_lock=options.break_lock,
    )


def run_app(build: Callable[[], typer.Typer]) -> None:
    """Builds and runs the command line; what fails outside a session ends here, in one line."""
    for stream in (sys.stdout, sys.stderr):
        # A file name may hold bytes that are no text in this locale; it must not end the command.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        build()()
    except ToonctlError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except Exception as error:
        if _is_debugging():
            raise
        say(f"error: unexpected {type(error).__name__}: {error}")
        say("hint: set `TOONCTL_DEBUG=1` to see where")
        sys.exit(1)


def _result_document(command: str, run: "RunOptions", result: "RunResult") -> Mapping[str, object]:
    return {
        "command": command,
        "status": "planned" if run.dry_run else "done",
        "exit_code": 0,
        "outputs": [str(path) for path in result.outputs],
        "notes": list(result.notes),
        "manifest": result.manifest,
    }


def _is_debugging() -> bool:
    return os.environ.get("TOONCTL_DEBUG", "0") not in ("", "0")


def _threads_of_host() -> int | None:
    for variable in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        text = os.environ.get(variable, "")
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return None


def _is_memory_error(error: Exception) -> bool:
    # Compared by name: torch and the process pool are not imported just to be asked about.
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, MemoryError) or bool(names & {"OutOfMemoryError", "BrokenProcessPool"})


def _detach_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
