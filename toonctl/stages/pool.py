"""Worker processes of a drawing command, and the work that waits for them."""

import ctypes
import gc
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Generic, ParamSpec, TypeVar

import cv2

from toonctl.core.stop import StopFlag, follow_parent

_GLANCE_S = 0.5
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
_KEPT_FREE, _LARGEST_KEPT = 256 * 2**20, 32 * 2**20

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def worker_pool(n_workers: int | None) -> Generator[ProcessPoolExecutor]:
    """A pool of single-threaded processes, as many as there are processors when `n_workers` is None.

    What is still queued when the block ends by an error is dropped.
    """
    # A forked worker shares what is imported already: it starts at once and its memory is not paid twice.
    method = "fork" if sys.platform == "linux" else "spawn"
    prepare_to_fork()
    pool = ProcessPoolExecutor(
        n_workers or n_processors(),
        mp_context=multiprocessing.get_context(method),
        initializer=follow_parent,
    )
    try:
        # Forks all workers now, before this process starts threads of its own.
        pool.submit(os.getpid).result()
        yield pool
    except BaseException:
        # Workers ignore signals meant for the group, and one that died may have held the queue's lock: those
        # left would never hear of the end. Files are whole or absent, so ending them hard loses nothing.
        for process in list(getattr(pool, "_processes", {}).values()):
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown(cancel_futures=True)  # after a stop, drawings that were looked at ahead are wanted no more


def prepare_to_fork() -> None:
    """Makes this process fit for being the parent of others."""
    # OpenCV's threads do not survive a fork: a child that inherits their pool waits for them for ever.
    cv2.setNumThreads(1)
    # A collection would look through all that was imported, and by that copy the memory it shares.
    gc.freeze()
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Lets this process and those it forks use freed picture memory again instead of giving it back.

    By default glibc returns every picture-sized array to the system, which then has to clear the pages of the
    next one: measured at 1920x1080, a third of the processor time of finding regions.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library keeps house its own way
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
            libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)


def n_processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Backlog(Generic[T]):
    """Submitted work whose results are wanted in order; at most `limit` wait, so that memory stays flat.

    When `stop` is late, work that has not begun is dropped.
    """

    def __init__(
        self, pool: ProcessPoolExecutor, limit: int, done: Callable[[T], None], stop: StopFlag | None = None
    ) -> None:
        self._pool = pool
        self._limit = limit
        self._done = done
        self._stop = stop
        self._waiting: deque[Future[T]] = deque()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """Queue `work`; `done` hears of earlier results. Raises: what the earlier work raised."""
        while len(self._waiting) >= self._limit or (self._waiting and self._waiting[0].done()):
            self._done(self._waiting.popleft().result())
        self._waiting.append(self._pool.submit(work, *args, **kwargs))

    def drain(self) -> None:
        """Wait until nothing is left. Raises: what the work raised."""
        while self._waiting:
            if self._stop is not None and self._stop.is_late():
                self._waiting = deque(future for future in self._waiting if not future.cancel())
            ended = wait(islice(self._waiting, 1), timeout=_GLANCE_S).done
            if ended:
                self._waiting.popleft()
            for future in ended:
                self._done(future.result())
