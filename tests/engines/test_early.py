"""Keys read before there is a matcher give what they give without that, byte for byte."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest

from engines import inbetween_toys
from engines.inbetween_toys import Page, Place, man
from engines.toys import AtOnce
from toonctl.engines.base import EarlyReader, InbetweenRequest, Key, KeysAhead
from toonctl.engines.cel.matchers import Describer
from toonctl.engines.inbetween.cel import Engine as InbetweenEngine
from toonctl.spec.engine_tables import CelInbetween

KEYS = [man(Page(), Place(x, 90)).layered() for x in (100, 130, 170, 190)]


@dataclass
class Few:
    """Somebody who gets to `n` pieces of work, and gives the others back."""

    n: int
    done: list[str] = field(default_factory=list[str])

    def __call__(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        if len(self.done) < self.n:
            self.done.append(work.__name__)
            return AtOnce().submit(work, *args, **kwargs)
        future: Future[Any] = Future()
        future.cancel()
        return future


@pytest.mark.parametrize("n", [1, 3, 100])
def test_inbetweens_go_on_with_what_was_read(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Few(n)

    class Early(InbetweenEngine):
        def draw(self, request: InbetweenRequest) -> Iterator[object]:
            self.begin(KeysAhead(request.size, request.keys, (0, 1), request.options, few))
            return super().draw(request)

    wanted = inbetween_toys.draw(KEYS, (0.3, 0.6))["A"]
    monkeypatch.setattr(inbetween_toys, "Engine", Early)
    found = inbetween_toys.draw(KEYS, (0.3, 0.6))["A"]
    assert few.done == ["read_early"] * min(n, len(KEYS))
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.name == theirs.name
        assert mine.picture.tobytes() == theirs.picture.tobytes()


def test_a_matcher_that_is_there_at_once_needs_no_head_start() -> None:
    few = Few(100)
    options = {"A": {**CelInbetween().model_dump(), "matcher": "geometric"}}
    keys = tuple(Key(i, {"A": lambda k=key: k}) for i, key in enumerate(KEYS))
    InbetweenEngine().begin(KeysAhead((320, 180), keys, (0,), options, few))
    assert few.done == []


def test_the_engine_says_that_it_can_begin_early() -> None:
    assert isinstance(InbetweenEngine(), EarlyReader)


def test_nothing_is_compared_without_tokens() -> None:
    describer = Describer()
    with pytest.raises(RuntimeError, match="tokens"):
        describer.match(None, [])  # type: ignore[arg-type]  # it does not look at them
    with pytest.raises(RuntimeError, match="described"):
        describer.take()
