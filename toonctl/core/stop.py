"""Ending early in good order: signals set a flag, the frame in hand is finished, state is saved, exit 75."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

DEFAULT_GRACE_S = 20.0


class StopFlag:
    """Tells a running pipeline that it has been asked to stop; poll `is_set()` between frames."""

    def __init__(self) -> None:
        # Not an Event: its lock is not re-entrant, and a signal may arrive while the main thread holds it.
        self._name: str | None = None
        self._asked_s = 0.0

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._name is not None

    def set(self, name: str = "request") -> None:
        """Ask for a stop; `name` says who asked (`SIGTERM`)."""
        if self._name is None:
            self._asked_s = time.monotonic()
            self._name = name

    def is_late(self) -> bool:
        """Whether half of the grace time is over: what has not begun by now may not end in time."""
        return self.is_set() and time.monotonic() - self._asked_s >= grace_s() / 2

    @property
    def asked_by(self) -> str | None:
        """The first signal's name, None when nobody asked."""
        return self._name


def grace_s() -> float:
    """Seconds the frame in hand may take after a signal: `TOONCTL_GRACE`, else 20."""
    try:
        return max(0.0, float(os.environ.get("TOONCTL_GRACE", DEFAULT_GRACE_S)))
    except ValueError:
        return DEFAULT_GRACE_S


@contextmanager
def stop_on_signals(flag: StopFlag, on_expiry: Callable[[], None]) -> Generator[None, None, None]:
    """While the block runs, SIGTERM, SIGUSR1 and SIGINT set `flag`.

    When the frame in hand outlives the grace time, `on_expiry` is called and the process leaves with 75:
    files are whole or absent at any moment, so nothing else is lost. A second SIGINT leaves at once with 130.
    """
    timer: threading.Timer | None = None

    def expire() -> None:
        on_expiry()
        _leave(75)

    def handle(signum: int, _frame: FrameType | None) -> None:
        nonlocal timer
        if flag.is_set():
            if signum == signal.SIGINT:
                _leave(130)
            return
        flag.set(signal.Signals(signum).name)
        timer = threading.Timer(grace_s(), expire)
        timer.daemon = True
        timer.start()

    names = ("SIGTERM", "SIGUSR1", "SIGINT")  # SIGUSR1 does not exist on Windows
    before = {
        number: signal.signal(number, handle)
        for number in (getattr(signal, name) for name in names if hasattr(signal, name))
    }
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def follow_parent() -> None:
    """Initializer for worker processes: signals are the parent's business, and no worker outlives its parent.

    A worker that died of the signal sent to the whole process group would take the frame in hand with it; one
    that survived a killed parent would keep its memory on the farm host.
    """
    from multiprocessing import parent_process

    for name in ("SIGTERM", "SIGUSR1", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _leave(code: int) -> None:
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        for child in multiprocessing.active_children():
            child.kill()
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h")  # a progress bar hides the cursor
    sys.stderr.flush()
    os._exit(code)
