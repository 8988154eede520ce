"""The stop flag, and worker processes that leave signals to their parent and never outlive it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from toonctl.core.stop import StopFlag, grace_s, stop_on_signals


def test_the_first_signal_sets_the_flag_and_handlers_go_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    flag = StopFlag()
    with stop_on_signals(flag, lambda: None):
        assert not flag.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert flag.is_set()
    assert flag.asked_by == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("text", "seconds"), [("3.5", 3.5), ("-1", 0.0), ("soon", 20.0), (None, 20.0)])
def test_grace_time(text: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if text is not None:
        monkeypatch.setenv("TOONCTL_GRACE", text)
    assert grace_s() == seconds


WORKERS = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from toonctl.core.stop import follow_parent

def main():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=follow_parent) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60).result()

if __name__ == "__main__":
    main()
"""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_ignores_signals_and_dies_with_its_parent(tmp_path_factory: pytest.TempPathFactory) -> None:
    script = tmp_path_factory.mktemp("workers") / "pool.py"
    script.write_text(WORKERS)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    os.kill(worker, signal.SIGTERM)
    os.kill(worker, signal.SIGINT)
    time.sleep(0.2)
    assert _is_alive(worker)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while _is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(worker)
