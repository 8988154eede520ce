"""How each task's engines draw a clip of finished frames, so that two sets of weights can be compared.

The first picture is given as it is, with words none. Between keys the last one is given too, for a shot its
lines, for a long film the lines of every frame; what is to be drawn is in the clip and is the truth.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonctl.core.errors import UsageError
from toonctl.core.types import ColorModel, LineFrame, Pixels, Size
from toonctl.engines import load
from toonctl.engines.base import (
    DrawnFrame,
    FilmPicture,
    FilmRequest,
    KeyPicture,
    PaintedPicture,
    PlacedReference,
    PlacedSketch,
    PostkeyRequest,
    SketchPicture,
    WantedFrame,
)

_TIMES = (0.25, 0.5, 0.75)
"""Where two keys without a truth between them are drawn."""

_TRAINED_SEGMENT, _LEAST_SEGMENT = 81, 25


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one set of weights drew: pictures `[H, W, 3]` in 0..1, and true ones where there are any."""

    pictures: list[NDArray[Any]]
    truths: list[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Clip:
    """The pictures of one clip in order."""

    name: str
    paths: tuple[Path, ...]

    @property
    def seed(self) -> int:
        """Chance comes from the name alone."""
        return zlib.crc32(self.name.encode())

    def pictures(self, size: Size) -> list[Pixels]:
        """RGB `[H, W, 3]` over white, covering `size` and cut in the middle."""
        from toonctl.training.tooncrafter_data import read_fit

        fitted = [read_fit(path, size).permute(1, 2, 0).numpy() for path in self.paths]
        return [np.rint((picture + 1) * 127.5).clip(0, 255).astype(np.uint8) for picture in fitted]


class ClipDrawer:
    """An engine under given options, opened when it draws; `size` is width and height."""

    def __init__(self, task: str, name: str, asked: Mapping[str, object], size: Size) -> None:
        """Raises: UsageError when the engine cannot draw under these options."""
        self.size, self.asked = size, asked
        self._table = partial(_options, task, name)
        self._table({**asked, "width": size[0], "height": size[1]})
        self._engine: Any = load(task, name).Engine()
        self._draw = {"inbetween": self._between, "postkey": self._postkey, "colorize_long": self._film}[task]

    def __call__(self, clip: Clip) -> Drawn:
        """Raises: CheckpointError, OutOfMemory."""
        pictures = clip.pictures(self.size)
        drawn, truths = self._draw(clip, pictures)
        return Drawn([each / 255 for each in drawn], [each / 255 for each in truths])

    def _chosen(self, clip: Clip, **changes: object) -> dict[str, object]:
        width, height = self.size
        return self._table({**self.asked, "width": width, "height": height, "seed": clip.seed, **changes})

    def _between(self, clip: Clip, pictures: Sequence[Pixels]) -> tuple[list[Pixels], Sequence[Pixels]]:
        first, *truths, last = pictures
        times = tuple(i / (len(truths) + 1) for i in range(1, len(truths) + 1)) or _TIMES
        # A seed of the options would open the networks anew for each clip.
        drawer = self._engine.pictures(self._chosen(clip, seed=0), _Kept())
        return drawer.between(first, last, times, prompt="", seed=clip.seed), truths

    def _postkey(self, clip: Clip, pictures: Sequence[Pixels]) -> tuple[list[Pixels], Sequence[Pixels]]:
        last = len(pictures) - 1
        nothing = np.zeros((1, 4), np.uint8)
        with ThreadPoolExecutor(1) as executor:
            request = PostkeyRequest(
                size=self.size,
                n_frames=len(pictures),
                prompt="",
                references=(PlacedReference("0", 0, lambda: KeyPicture(_opaque(pictures[0]), None)),),
                sketches=(
                    PlacedSketch(str(last), last, lambda: SketchPicture(_lines(pictures[-1]), None), 1),
                ),
                painted=(),
                color_model=ColorModel(nothing, nothing, nothing, nothing),
                ink=(0, 0, 0),
                wanted=tuple(WantedFrame(str(i), i, 0, i / last) for i in range(1, last + 1)),
                options=self._chosen(clip),
                deliver=lambda frame: frame,
                executor=executor,
                state=_Kept(),
            )
            frames = [each for each in self._engine.draw(request) if isinstance(each, DrawnFrame)]
        frames.sort(key=lambda each: int(each.name))
        return [each.picture[..., :3] for each in frames], pictures[1:]

    def _film(self, clip: Clip, pictures: Sequence[Pixels]) -> tuple[list[Pixels], Sequence[Pixels]]:
        names = tuple(map(str, range(len(pictures))))
        fitting = -(-(len(pictures) - 1) // 8) * 8 + 1
        segment = min(_TRAINED_SEGMENT, max(_LEAST_SEGMENT, fitting))
        request = FilmRequest(
            size=self.size,
            prompt="",
            drawings=names,
            exposure=names,
            wanted=frozenset(names[1:]),
            loader=lambda name: lambda: _lines(pictures[int(name)]),
            references=(PaintedPicture(pictures[0], _lines(pictures[0])),),
            options=self._chosen(clip, segment_frames=segment),
            state=_Kept(),
            tell=lambda _text: None,
            is_late=lambda: False,
        )
        painted = [each for each in self._engine.paint(request) if isinstance(each, FilmPicture)]
        painted.sort(key=lambda each: int(each.name))
        return [each.picture for each in painted], pictures[1:]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What an engine keeps for itself, for one clip."""

    data: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def get(self, name: str) -> bytes | None:
        return self.data.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.data[name] = data


def _options(task: str, name: str, values: Mapping[str, object]) -> dict[str, object]:
    from pydantic import ValidationError

    from toonctl.spec.commands import ENGINE_TABLES

    try:
        return ENGINE_TABLES[task][name].model_validate(values).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "options"
        what = f"`{name}` cannot draw so: {key} {values.get(key, '')}: {first['msg']}"
        raise UsageError(what, "--verify", "change `--size` or `--steps`") from error


def _lines(picture: Pixels) -> LineFrame:
    """Lines as a hand might draw them over a finished frame."""
    from toonctl.training.line_extractors import xdog_lines

    ink = 255 - xdog_lines(picture)
    return LineFrame(ink, np.zeros_like(ink))


def _opaque(picture: Pixels) -> Pixels:
    return np.concatenate([picture, np.full_like(picture[..., :1], 255)], -1)


Draw = Callable[[Clip], Drawn]
"""What draws a clip with one set of weights."""
