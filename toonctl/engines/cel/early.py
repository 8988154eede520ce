"""Drawings looked at before there is a matcher: all but their tokens, which are made once it is loaded."""

from collections.abc import Callable, MutableMapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar, cast

from toonctl.engines.base import LoadLine
from toonctl.engines.cel.matchers import Describer
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.view import View
from toonctl.engines.cel.worker import matcher, view
from toonctl.regions.describe import Description

P = ParamSpec("P")
T = TypeVar("T")


def take_description() -> Description:
    """What the drawing looks like that the matcher `later` was shown last. Raises: RuntimeError."""
    describer = matcher("later")
    if not isinstance(describer, Describer):
        raise RuntimeError(f"the matcher `later` is a {type(describer).__name__}")
    return describer.take()


@dataclass(frozen=True, slots=True)
class EarlyView:
    """A view without tokens, and what they are made of."""

    view: View
    description: Description


def view_early(name: str, load: LoadLine, options: ColorizeOptions) -> EarlyView:
    """The view of the drawing `name` as far as it needs no matcher."""
    return EarlyView(view(name, load, replace(options, matcher="later")), take_description())


def finish_view(early: EarlyView, options: ColorizeOptions) -> View:
    """The view as `worker.view` gives it."""
    return replace(early.view, tokens=matcher(options.matcher).tokens(early.description))


class Continued(Executor):
    """An executor that goes on with views begun elsewhere, by the name of their drawing; each once."""

    def __init__(self, executor: Executor, begun: MutableMapping[str, Future[EarlyView]]) -> None:
        self._executor, self._begun = executor, begun

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        begun = self._begun.pop(cast(str, args[0]), None) if fn is view else None
        if begun is None or begun.cancelled():
            return self._executor.submit(fn, *args, **kwargs)
        options = cast(ColorizeOptions, args[2])
        return cast("Future[Any]", self._executor.submit(finish_view, begun.result(), options))
