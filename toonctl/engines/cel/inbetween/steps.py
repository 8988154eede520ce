"""Work that needs the results of other work: each piece is sent off as soon as what it needs is done."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Step(Generic[T]):
    """A piece of work that may still wait for others."""

    def __init__(
        self, work: Callable[..., T], arguments: Callable[[], tuple[Any, ...]], needs: Iterable["Step[Any]"]
    ) -> None:
        self._work, self._arguments = work, arguments
        self._needs = tuple(needs)
        self._future: Future[T] | None = None

    @classmethod
    def begun(cls, future: Future[T]) -> "Step[T]":
        """Work that is under way already."""
        step = cls(future.result, tuple, ())
        step._future = future
        return step

    @property
    def can_begin(self) -> bool:
        """Whether all it needs is done."""
        return all(need.is_done for need in self._needs)

    @property
    def is_done(self) -> bool:
        """Whether there is a result, or an error instead."""
        return self._future is not None and self._future.done()

    def begin(self, executor: Executor) -> Future[T]:
        """Hands it to `executor`. Raises: what the steps it needs raised."""
        self._future = executor.submit(self._work, *self._arguments())
        self._needs, self._arguments = (), tuple  # what is done with may go
        return self._future

    def result(self) -> T:
        """What it gave. Raises: what the work raised; RuntimeError when it has not begun."""
        if self._future is None:
            raise RuntimeError("the step still waits for others")
        return self._future.result()


class Steps:
    """The work of one run, wherever it stands; used by one thread."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._waiting: list[Step[Any]] = []
        self._running: set[Future[Any]] = set()

    def add(
        self,
        work: Callable[..., T],
        arguments: Callable[[], tuple[Any, ...]],
        needs: Iterable[Step[Any]] = (),
    ) -> Step[T]:
        """`work` with what `arguments` gives once all of `needs` is done. Raises: what they raised."""
        step = Step(work, arguments, needs)
        self._waiting.append(step)
        self._advance()
        return step

    def adopt(self, future: Future[T]) -> Step[T]:
        """Work that somebody else has begun."""
        self._running.add(future)
        return Step.begun(future)

    def result(self, step: Step[T]) -> T:
        """What a step gave, when it has come so far. Raises: what it or another step raised."""
        while not step.is_done:
            self._running = wait(self._running, return_when=FIRST_COMPLETED).not_done
            self._advance()
        return step.result()

    def _advance(self) -> None:
        """Sends what can begin, until nothing more can: an executor may be done at once."""
        while ready := [step for step in self._waiting if step.can_begin]:
            self._waiting = [step for step in self._waiting if step not in ready]
            self._running.update(step.begin(self._executor) for step in ready)
