"""The story of `batch`: shots one after the other or some at a time, each as a process of its own.

What breaks one shot, a crash included, ends that shot alone. A shot that this version has delivered from the
same files and settings is left as it is.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from toonctl.core.errors import Problem, SpecError, Stopped, ToonctlError
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag, grace_s
from toonctl.spec.guess import guess_command
from toonctl.spec.load import LoadedShot, load_shot, parse_set

if TYPE_CHECKING:
    from toonctl.stages.processes import ToolRun

Status = Literal["done", "standing", "failed", "stopped", "waiting"]

_POLL_S = 0.05
_RANKED = (0, 75, 8, 3, 4, 2, 5, 6, 7, 1)
"""Exit codes, the worst last: what another run mends by itself comes first, what nobody foresaw last."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How the shots are to be drawn, `n_jobs` at a time; `lock` keeps a second batch from starting.

    `sets` are `key=value` for all shots, `threads` those of each job.
    """

    out: Path | None
    resume: bool
    n_jobs: int
    lock: Path | None
    preset: str | None
    sets: tuple[str, ...]
    threads: int | None
    break_lock: bool


@dataclass(frozen=True, slots=True)
class BatchShot:
    """How one shot went. `standing` was delivered before; `waiting` was not begun when a stop came.

    `file` is the shot file as it was named, `name` the shot's own, or the file's while that is unknown.
    """

    file: Path
    name: str
    command: str = ""
    status: Status = "waiting"
    exit_code: int = 75
    seconds: float = 0.0
    outputs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def line(self) -> str:
        """The summary of the shot, for people."""
        code = f" (exit {self.exit_code})" if self.status == "failed" else ""
        took = f" in {self.seconds:.1f} s" if self.seconds else ""
        why = f": {self.problems[0].what}" if self.problems else ""
        return f"{self.name}: {self.status}{code}{took}{why}"


def run(
    files: Sequence[Path], options: BatchOptions, report: Reporter, stop: StopFlag
) -> tuple[BatchShot, ...]:
    """How every shot went, in the order given.

    Raises: Stopped when another batch holds the lock, DeliveryError when the lock cannot be written.
    """
    with _alone(options, report):
        found = _prepared(list(dict.fromkeys(files)), options)
        report.start(len(found), f"batch {len(found)} shots")
        for n_done, (index, shot) in enumerate(_draw(found, options, stop), 1):
            found[index] = shot
            report.step(done=n_done, frame=n_done, layer="", note=shot.line)
        return tuple(found)


def worst(codes: Sequence[int]) -> int:
    """The exit code that says most of those of several shots."""
    return max(codes, key=lambda code: _RANKED.index(code) if code in _RANKED else len(_RANKED), default=0)


@contextmanager
def _alone(options: BatchOptions, report: Reporter) -> Iterator[None]:
    from toonctl.stages.lock import LockHeld, exclusive

    with ExitStack() as stack:
        if options.lock is not None:
            work = "the shots of a batch are"
            lock = exclusive(options.lock, work, break_lock=options.break_lock, report=report)
            try:
                stack.enter_context(lock)
            except LockHeld as error:
                raise Stopped.listing(error.problems) from error
        yield


def _prepared(files: Sequence[Path], options: BatchOptions) -> list[BatchShot]:
    """The shots as they are before anything is drawn: to be drawn, standing, or refused."""
    owners: dict[Path, Path] = {}
    found: list[BatchShot] = []
    for file in files:
        shot = BatchShot(file, file.stem)
        try:
            command = guess_command(file)
            overrides = [parse_set(text) for text in options.sets]
            loaded = load_shot(file, command=command, preset=options.preset, overrides=overrides)
            shot = replace(shot, name=loaded.spec.shot.name, command=command)
            owner = owners.setdefault(loaded.output_folder(options.out).absolute(), file)
            if owner != file:
                what = f"`{owner}` of this batch writes to the same folder"
                raise SpecError(what, loaded.where("shot", "name"), "give each shot its own name")
            if options.resume and _is_delivered(loaded, command, options.out):
                shot = replace(shot, status="standing", exit_code=0)
        except ToonctlError as error:
            shot = replace(shot, status="failed", exit_code=error.exit_code, problems=error.problems)
        found.append(shot)
    return found


def _is_delivered(loaded: LoadedShot, command: str, out: Path | None) -> bool:
    """Whether this version has delivered the shot from these very files and settings, and all is there."""
    from toonctl.stages.delivered import is_delivered
    from toonctl.stages.read import read_art

    folder = loaded.output_folder(out)
    if not (folder / "manifest.json").exists():
        return False
    try:
        return is_delivered(folder, loaded.spec, read_art(loaded.spec, folder=loaded.folder), command=command)
    except ToonctlError:
        return False  # drawing it will tell


def _draw(
    shots: Sequence[BatchShot], options: BatchOptions, stop: StopFlag
) -> Iterator[tuple[int, BatchShot]]:
    """Each shot with its index as soon as it has ended; those that need no drawing come first."""
    from toonctl.stages.processes import ToolRun

    waiting = deque(index for index, shot in enumerate(shots) if shot.status == "waiting")
    running: dict[int, ToolRun] = {}
    yield from ((index, shot) for index, shot in enumerate(shots) if shot.status != "waiting")
    environment = {"TOONCTL_GRACE": str(max(0.0, grace_s() - 1))}  # theirs ends before ours
    try:
        while running or (waiting and not stop.is_set()):
            while waiting and len(running) < options.n_jobs and not stop.is_set():
                index = waiting.popleft()
                running[index] = ToolRun(_words(shots[index], options), environment)
            for index in [index for index, process in running.items() if process.has_ended()]:
                yield index, _outcome(shots[index], running.pop(index))
            if stop.is_set():
                for process in running.values():
                    process.ask_to_stop()
            time.sleep(_POLL_S)
    finally:
        for process in running.values():
            process.ask_to_stop()
    yield from ((index, shots[index]) for index in waiting)


def _words(shot: BatchShot, options: BatchOptions) -> list[str]:
    """The command line of one shot behind `python`."""
    from toonctl.stages.pool import n_processors

    threads = options.threads or max(1, n_processors() // options.n_jobs)
    words = ["-m", "toonctl", shot.command, str(shot.file), "--json", "--quiet", "--threads", str(threads)]
    words += ["--resume"] if options.resume else []
    words += ["--out", str(options.out)] if options.out is not None else []
    words += ["--preset", options.preset] if options.preset is not None else []
    words += [word for text in options.sets for word in ("--set", text)]
    words += ["--break-lock"] if options.break_lock else []
    return words


def _outcome(shot: BatchShot, ended: "ToolRun") -> BatchShot:
    """How a shot went by what its process left behind."""
    document, seconds = ended.document(), round(ended.seconds, 1)
    if ended.exit_code == 0:
        outputs = _texts(document.get("outputs"))
        return replace(shot, status="done", exit_code=0, seconds=seconds, outputs=outputs)
    problems = tuple(
        Problem(str(each.get("what")), each.get("where"), each.get("hint"))
        for each in document.get("problems", [])
    )
    status, code = ("stopped", 75) if ended.exit_code == 75 else ("failed", ended.exit_code)
    if not problems:
        problems = (Problem(ended.last_words(), None, "run once more; if it fails again, report it"),)
    return replace(shot, status=status, exit_code=code, seconds=seconds, problems=problems)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
