"""Work that further processes begin while this one still gets ready: imports, weights, what is on disk.

Reading the first keys of a shot takes as long as importing what draws, and needs none of it. Once this
process is ready, its workers are forked from it, and what has not begun by then is theirs.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from toonctl.core.stop import follow_parent
from toonctl.stages.pool import n_processors, prepare_to_fork

P = ParamSpec("P")
T = TypeVar("T")

Work = tuple[Callable[..., object], tuple[object, ...]]
Outcome = tuple[int, object, BaseException | None]
"""The number of a piece of work, what it gave, or what it raised"""

_MOST = 1000
"""Pieces of work that may be begun; their numbers fit into any pipe."""


class HeadStart:
    """Work handed in by `submit`, begun when the `with` block is entered.

    Its processes leave one processor to this one; where there is none for them, or where the system cannot
    fork, everything is cancelled. Leaving the block ends them, whatever they are at.
    """

    def __init__(self, n_workers: int | None) -> None:
        """`n_workers` is how many processes the run may have, None as many as there are processors."""
        self._n_processes = (n_workers or n_processors()) - 1 if sys.platform == "linux" else 0
        self._work: list[Work] = []
        self._futures: list[Future[Any]] = []
        self._processes: list[tuple[BaseProcess, Connection]] = []
        self._listener: Thread | None = None
        self._tickets: _Tickets | None = None

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result to be; cancelled if nobody got to it before `receive`."""
        if kwargs:
            raise TypeError("arguments go by position")
        future: Future[T] = Future()
        self._work.append((work, args))
        self._futures.append(future)
        return future

    def __enter__(self) -> Self:
        n_processes = min(self._n_processes, len(self._work))
        if not n_processes:
            return self
        prepare_to_fork()
        self._tickets = _Tickets(len(self._work))
        context = multiprocessing.get_context("fork")
        for _ in range(n_processes):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_run, args=(self._work, self._tickets, theirs), daemon=True)
            process.start()
            theirs.close()
            self._processes.append((process, ours))
        return self

    def receive(self) -> None:
        """Begins nothing more and lets results come in; call it when all workers have been forked."""
        n_begun = 0 if self._tickets is None else self._tickets.close()
        begun, left = self._futures[:n_begun], self._futures[n_begun:]
        self._work, self._futures = [], []  # whoever asked for a result keeps it, and nobody else
        for future in left:
            future.cancel()
        if self._processes:
            self._listener = Thread(target=_receive, args=(self._processes, begun), daemon=True)
            self._listener.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process, _ in self._processes:
            process.kill()
        if self._listener is not None:
            self._listener.join()
        for process, _ in self._processes:
            process.join()
        if self._tickets is not None:
            self._tickets.drop()


class _Tickets:
    """The numbers of pieces of work in a pipe from which each process draws the next: no lock to die with."""

    _N_BYTES = 2

    def __init__(self, n: int) -> None:
        self._n = min(n, _MOST)
        self._pipe, end = os.pipe()
        os.write(end, b"".join(number.to_bytes(self._N_BYTES) for number in range(self._n)))
        os.close(end)

    def draw(self) -> int | None:
        """A number nobody else gets; None when there are no more."""
        ticket = os.read(self._pipe, self._N_BYTES)
        return int.from_bytes(ticket) if ticket else None

    def close(self) -> int:
        """How many numbers have been drawn; there are no more."""
        left = os.read(self._pipe, self._n * self._N_BYTES) if self._n else b""
        return self._n - len(left) // self._N_BYTES

    def drop(self) -> None:
        """Gives the pipe back."""
        os.close(self._pipe)


def _run(work: Sequence[Work], tickets: _Tickets, pipe: Connection) -> None:
    """One process: does what nobody has begun. A thread sends results, as nobody may be listening yet."""
    follow_parent()
    outcomes = SimpleQueue[Outcome | None]()
    sender = Thread(target=_send, args=(outcomes, pipe))
    sender.start()
    while (number := tickets.draw()) is not None:
        function, arguments = work[number]
        try:
            outcomes.put((number, function(*arguments), None))
        except Exception as error:
            outcomes.put((number, None, error))
    outcomes.put(None)
    sender.join()


def _send(outcomes: SimpleQueue[Outcome | None], pipe: Connection) -> None:
    with pipe:
        for outcome in iter(outcomes.get, None):
            pipe.send(outcome)


def _receive(processes: Sequence[tuple[BaseProcess, Connection]], futures: Sequence[Future[Any]]) -> None:
    """Passes on what comes in until all processes have ended; what is lacking then is lost."""
    for number, value, error in _arrivals([pipe for _, pipe in processes]):
        if error is None:
            futures[number].set_result(value)
        else:
            futures[number].set_exception(error)
    for future in futures:
        if not future.done():
            future.set_exception(BrokenProcessPool("a process that read ahead was ended from outside"))
    for process, _ in processes:
        process.join()


def _arrivals(pipes: list[Connection]) -> Iterator[Outcome]:
    while pipes:
        for pipe in cast("list[Connection]", wait(pipes)):
            try:
                yield pipe.recv()
            except (EOFError, OSError):
                pipes.remove(pipe)
