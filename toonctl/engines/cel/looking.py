"""The views of a shot's drawings, made in worker processes some drawings ahead of the one that is matched."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future

from toonctl.engines.base import ColorizeRequest
from toonctl.engines.cel.options import ColorizeOptions
from toonctl.engines.cel.view import View
from toonctl.engines.cel.worker import view

_AHEAD = 20
"""Drawings looked at ahead of the one matched: over a segment, or workers idle while it is swept back."""


def look(request: ColorizeRequest, options: ColorizeOptions, place: int) -> View:
    """The view of the drawing at `place`, a position among the drawings of the request."""
    name = request.drawings[place]
    return request.executor.submit(view, name, request.loader(name), options).result()


def look_ahead(request: ColorizeRequest, options: ColorizeOptions, places: Iterable[int]) -> Iterator[View]:
    """The views of the drawings at `places`, in that order."""
    waiting: deque[Future[View]] = deque()
    remaining = iter(places)
    while True:
        while len(waiting) < _AHEAD and (place := next(remaining, None)) is not None:
            name = request.drawings[place]
            waiting.append(request.executor.submit(view, name, request.loader(name), options))
        if not waiting:
            return
        yield waiting.popleft().result()
