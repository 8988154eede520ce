"""Work that waits for other work: sent off as soon as it can begin and no earlier."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from threading import Timer
from typing import Any

import pytest

from toonctl.engines.cel.inbetween.steps import Steps


class ByHand(Executor):
    """Does a piece of work when it is told to."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self._work: dict[str, tuple[Future[Any], Callable[[], Any]]] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.sent.append(args[0])
        self._work[args[0]] = future, lambda: fn(*args, **kwargs)
        return future

    def finish(self, name: str) -> None:
        future, work = self._work.pop(name)
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    def soon(self, *names: str) -> None:
        """Finishes these one after the other while somebody waits."""
        for number, name in enumerate(names, 1):
            Timer(0.05 * number, self.finish, (name,)).start()


def joined(*words: str) -> str:
    return "".join(words)


def refuse(name: str) -> str:
    raise KeyError(name)


def test_work_goes_off_when_all_it_needs_is_there() -> None:
    hand = ByHand()
    steps = Steps(hand)
    a, b = (steps.add(joined, lambda name=name: (name,)) for name in "ab")
    pair = steps.add(joined, lambda: (a.result() + b.result(), "!"), [a, b])
    lone = steps.add(joined, lambda: ("c",))
    assert hand.sent == ["a", "b", "c"]
    hand.soon("b", "c")
    assert steps.result(lone) == "c"
    assert hand.sent == ["a", "b", "c"]
    hand.soon("a")
    assert steps.result(a) == "a"
    assert hand.sent == ["a", "b", "c", "ab"]
    hand.soon("ab")
    assert steps.result(pair) == "ab!"


def test_waiting_for_one_sends_off_others() -> None:
    hand = ByHand()
    steps = Steps(hand)
    slow, quick = (steps.add(joined, lambda name=name: (name,)) for name in ("slow", "quick"))
    after = steps.add(joined, lambda: (quick.result() + "er",), [quick])
    hand.soon("quick", "slow")
    assert steps.result(slow) == "slow"
    assert hand.sent == ["slow", "quick", "quicker"]
    hand.soon("quicker")
    assert steps.result(after) == "quicker"


def test_what_others_began_counts() -> None:
    hand = ByHand()
    steps = Steps(hand)
    theirs: Future[str] = Future()
    begun = steps.adopt(theirs)
    after = steps.add(joined, lambda: (begun.result() + "2",), [begun])
    assert hand.sent == []
    Timer(0.05, theirs.set_result, ("1",)).start()
    assert steps.result(begun) == "1"
    hand.soon("12")
    assert steps.result(after) == "12"


def test_errors_are_raised_by_what_needs_the_result() -> None:
    hand = ByHand()
    steps = Steps(hand)
    broken = steps.add(refuse, lambda: ("key 2",))
    after = steps.add(joined, lambda: (broken.result(),), [broken])
    hand.soon("key 2")
    with pytest.raises(KeyError, match="key 2"):
        steps.result(after)


def test_a_result_is_not_asked_for_before_its_time() -> None:
    steps = Steps(ByHand())
    first = steps.add(joined, lambda: ("a",))
    waiting = steps.add(joined, lambda: (first.result(),), [first])
    with pytest.raises(RuntimeError):
        waiting.result()
