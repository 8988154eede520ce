"""Work that waits for worker processes: in order while there is time, dropped when a stop is late."""

import time

import pytest

from toonctl.core.stop import StopFlag
from toonctl.stages.pool import Backlog, worker_pool


def slowly(number: int) -> int:
    time.sleep(0.02)
    return number


def test_results_come_in_order() -> None:
    heard: list[int] = []
    with worker_pool(2) as pool:
        backlog = Backlog[int](pool, 3, heard.append, StopFlag())
        for number in range(8):
            backlog.submit(slowly, number)
        backlog.drain()
    assert heard == list(range(8))


@pytest.mark.parametrize(("grace", "is_cut"), [("60", False), ("0", True)])
def test_a_late_stop_drops_what_has_not_begun(
    monkeypatch: pytest.MonkeyPatch, grace: str, *, is_cut: bool
) -> None:
    monkeypatch.setenv("TOONCTL_GRACE", grace)
    heard: list[int] = []
    stop = StopFlag()
    with worker_pool(1) as pool:
        backlog = Backlog[int](pool, 30, heard.append, stop)
        for number in range(30):
            backlog.submit(slowly, number)
        stop.set("SIGTERM")
        backlog.drain()
    assert heard == list(range(len(heard)))
    assert (len(heard) < 15) is is_cut
    assert len(heard) == 30 or is_cut
