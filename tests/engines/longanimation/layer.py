"""A drawn layer as the engine is asked to paint it, without the command around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from artkit import walk
from toonctl.core.types import LineFrame, Pixels
from toonctl.engines.base import FilmRequest, PaintedPicture
from toonctl.engines.colorize_long.longanimation import Engine
from toonctl.spec.engine_longanimation import LongAnimation

SEGMENT = 25


@dataclass
class Memory:
    """Engine state in a dictionary; `puts` are the names in the order they came."""

    kept: dict[str, bytes] = field(default_factory=dict)
    puts: list[str] = field(default_factory=list)

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.kept[name] = data
        self.puts.append(name)


def options(weights: Mapping[str, str], **changes: Any) -> dict[str, object]:
    """Toy options: 64 x 48, four steps, segments of 25 frames, on the CPU."""
    values = {
        "weights": dict(weights),
        "device": "cpu",
        "steps": 3,
        "width": 48,
        "height": 32,
        "segment_frames": SEGMENT,
    }
    return LongAnimation(**(values | changes)).model_dump()


def request(n: int, chosen: Mapping[str, object], **changes: Any) -> FilmRequest:
    """`n` drawings on ones, named by their frame, painted after the first."""
    drawn = walk(n)
    names = tuple(str(number) for number in range(1, n + 1))

    def load(name: str) -> LineFrame:
        drawing = drawn[int(name) - 1]
        return LineFrame(np.maximum(drawing.line, drawing.trace), drawing.trace)

    height, width = drawn[0].line.shape
    white = np.full((height, width, 3), 255, np.uint8)
    shown = np.where(drawn[0].painted[..., 3:] > 0, drawn[0].painted[..., :3], white)
    asked = FilmRequest(
        size=(width, height),
        prompt="the boy",
        drawings=names,
        exposure=names,
        wanted=frozenset(names),
        loader=lambda name: partial(load, name),
        references=(PaintedPicture(shown, load("1")),),
        options=chosen,
        state=Memory(),
        tell=_silent,
        is_late=lambda: False,
    )
    return replace(asked, **changes)


def painted(asked: FilmRequest) -> dict[str, Pixels]:
    """Every picture that the engine gives, by drawing."""
    given = [each for each in Engine().paint(asked) if each is not None]
    pictures = {each.name: each.picture for each in given}
    assert len(pictures) == len(given), "a drawing was given twice"
    return pictures


def _silent(_text: str) -> None: ...
