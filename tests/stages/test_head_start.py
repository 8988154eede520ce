"""Work begun before the workers are there: what is begun comes in, all else is given back, nobody stays."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
import pytest

from toonctl.stages.head_start import HeadStart
from toonctl.stages.pool import worker_pool

WAIT_S = 20


def picture(number: int) -> np.ndarray:
    return np.full((1000, 1000), number, np.uint8)  # more than a pipe holds while nobody listens


def process_of(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def all_done(futures: Sequence[Future[Any]]) -> bool:
    return not wait(futures, WAIT_S).not_done


def refuse(name: str) -> None:
    raise KeyError(name)


def ended() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_in_from_other_processes() -> None:
    head = HeadStart(3)
    futures = [head.submit(picture, number) for number in range(6)]
    pid = head.submit(process_of)
    with head:
        time.sleep(1)
        head.receive()
        assert all_done([*futures, pid])
    assert [int(future.result()[0, 0]) for future in futures] == list(range(6))
    assert pid.result() != os.getpid()


def test_what_nobody_began_is_given_back() -> None:
    head = HeadStart(2)
    futures = [head.submit(process_of, 1.0) for _ in range(20)]
    with head:
        time.sleep(0.5)
        head.receive()
        taken = [future for future in futures if not future.cancelled()]
        assert taken == futures[: len(taken)]
        assert 1 <= len(taken) <= 2
        assert all_done(taken)
    assert len({future.result() for future in taken}) == 1


def test_a_single_processor_keeps_everything_to_itself() -> None:
    head = HeadStart(1)
    future = head.submit(process_of)
    with head:
        assert multiprocessing.active_children() == []
        head.receive()
        assert future.cancelled()


def test_nothing_to_do_starts_nobody() -> None:
    with HeadStart(4) as head:
        assert multiprocessing.active_children() == []
        head.receive()


def test_errors_come_in_too() -> None:
    head = HeadStart(2)
    future = head.submit(refuse, "key 2")
    with head:
        time.sleep(0.5)
        head.receive()
        with pytest.raises(KeyError, match="key 2"):
            future.result(WAIT_S)


def test_a_process_that_is_killed_is_told_as_one_of_a_pool() -> None:
    head = HeadStart(2)
    future = head.submit(ended)
    with head:
        time.sleep(0.5)
        head.receive()
        with pytest.raises(BrokenProcessPool):
            future.result(WAIT_S)


def test_leaving_ends_whoever_is_still_at_work() -> None:
    head = HeadStart(2)
    head.submit(process_of, 600.0)
    started = time.monotonic()
    with head:
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []
    assert time.monotonic() - started < WAIT_S


def test_workers_are_forked_beside_it() -> None:
    head = HeadStart(2)
    early = [head.submit(picture, number) for number in range(8)]
    with head, worker_pool(2) as pool:
        head.receive()
        late = pool.submit(process_of)
        begun_early = [future for future in early if not future.cancelled()]
        assert all_done([*begun_early, late])
        assert late.result() != os.getpid()
