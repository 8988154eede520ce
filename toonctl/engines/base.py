"""What a drawing command asks of an engine and what it gets back: records and one Protocol per task."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Between, ColoredDrawing, ColorModel, Doubt, FellBack, LineFrame, Pixels, Size
from toonctl.regions.packing.plan import Canvas

P = ParamSpec("P")
T = TypeVar("T")

LoadLine = Callable[[], LineFrame]
"""Gives one line drawing; picklable, since worker processes call it."""


@dataclass(frozen=True, slots=True)
class PaintedReference:
    """A painted drawing. `index` is the color-model index of every pixel, uint16 `[H, W]`.

    `drawing` names the drawing of the layer it shows, None when it shows a drawing of its own.
    """

    drawing: str | None
    line: LineFrame
    index: NDArray[np.uint16]


class StateStore(Protocol):
    """Engine memory on disk (`state/`), keyed by name; get gives None when absent or of another job."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class ColorizeRequest:
    """One layer to color.

    `drawings` are the distinct drawings in order of first appearance, `wanted` those whose result is needed
    now (a chunk of the shot, or all), `loader` gives the means to load each. `options` are the engine's own,
    as the shot file gives them.
    """

    drawings: tuple[str, ...]
    wanted: frozenset[str]
    loader: Callable[[str], LoadLine]
    references: tuple[PaintedReference, ...]
    color_model: ColorModel
    options: Mapping[str, object]
    executor: Executor
    state: StateStore


@dataclass(frozen=True, slots=True)
class WeightsFacts:
    """A weights file as the manifest names it."""

    file: str
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine computes with under given options: number format, weights, and where."""

    dtype: str
    weights: tuple[WeightsFacts, ...]
    device: str = "cpu"


class Submit(Protocol):
    """Takes work and its arguments; gives its result to be."""

    def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...


class ColorizeEngine(Protocol):
    """Colors the drawings of one layer."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...

    def colorize(self, request: ColorizeRequest) -> Iterator[ColoredDrawing]:
        """Every wanted drawing once, the references' own first, then in an order of the engine's choosing."""
        ...


@dataclass(frozen=True, slots=True)
class PaintedPicture:
    """A painted drawing as it shows, RGB `[H, W, 3]`, with its lines."""

    picture: Pixels
    lines: LineFrame


@dataclass(frozen=True, slots=True)
class FilmRequest:
    """One layer to be painted as a film, picture by picture, after one or more painted references.

    `drawings` are the distinct drawings in order of first appearance, `exposure` the drawing shown at each
    0-based frame (None where there is none), `wanted` those whose picture is needed now. `tell` takes a
    sentence for people that belongs into the manifest; `is_late` says that a stop cannot wait any longer.
    """

    size: Size
    prompt: str
    drawings: tuple[str, ...]
    exposure: tuple[str | None, ...]
    wanted: frozenset[str]
    loader: Callable[[str], LoadLine]
    references: tuple[PaintedPicture, ...]
    options: Mapping[str, object]
    state: StateStore
    tell: Callable[[str], object]
    is_late: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class FilmPicture:
    """A whole picture of one drawing, opaque RGB `[H, W, 3]`: what lies under the artist's lines."""

    name: str
    picture: Pixels


@runtime_checkable
class FilmEngine(Protocol):
    """Paints the drawings of one layer as whole pictures, without regions, palette or alpha."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...

    def paint(self, request: FilmRequest) -> Iterator[FilmPicture | None]:
        """Every wanted drawing once; None in between where a run may stop.

        Raises: EngineError, OutOfMemory after the automatic fall-backs.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyPicture:
    """A key as it was drawn, RGBA `[H, W, 4]`: how it shows, and its line layer where it has one apart."""

    picture: Pixels
    line: Pixels | None


LoadKey = Callable[[], KeyPicture]
"""Gives one key of one layer; picklable, since worker processes call it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the shot at the 0-based frame `index`; a layer that is empty there is not in `layers`."""

    index: int
    layers: Mapping[str, LoadKey]


@dataclass(frozen=True, slots=True)
class DrawnInbetween:
    """A finished inbetween, RGBA `[H, W, 4]`: `paint` and `line` are its layers where the keys have them.

    `is_flat` says that its colors are the keys' own already, as those of a held key are.
    """

    layer: str
    name: str
    picture: Pixels
    paint: Pixels | None
    line: Pixels | None
    fell_back: tuple[FellBack, ...]
    is_flat: bool = False


def _unheard(text: str) -> None:
    """Where nobody listens."""


Deliver = Callable[[DrawnInbetween], object]
"""Takes a finished drawing to disk; picklable, called in the process that drew it."""


@dataclass(frozen=True, slots=True)
class InbetweenRequest:
    """The inbetweens of one shot: `layers` bottom to top, drawn in step with each other.

    `keys` in order of their index, `wanted` only what is needed now (a chunk of the shot, or all), `planned`
    everything that lies between the keys: an engine that draws many frames at once divides them alike in
    every chunk. `options` are the engine's own, as the shot file gives them; they may differ by layer.
    `tell` takes a sentence for people that belongs into the manifest.
    """

    size: Size
    layers: tuple[str, ...]
    keys: tuple[Key, ...]
    wanted: tuple[Between, ...]
    options: Mapping[str, Mapping[str, object]]
    deliver: Deliver
    executor: Executor
    state: StateStore
    prompt: str = ""
    planned: tuple[Between, ...] = ()
    tell: Callable[[str], object] = _unheard


@dataclass(frozen=True, slots=True)
class KeysAhead:
    """Keys of a request that is still to come: spans will begin at the keys at the positions `firsts`.

    `submit` takes what other processes may begin at once. What they do not get to is cancelled; they have
    neither weights nor executor, and are forked from this one as it is now.
    """

    size: Size
    keys: tuple[Key, ...]
    firsts: tuple[int, ...]
    options: Mapping[str, Mapping[str, object]]
    submit: Submit


@runtime_checkable
class EarlyReader(Protocol):
    """An engine that can begin to read keys while its weights are being loaded."""

    def begin(self, ahead: KeysAhead) -> None:
        """Submits what `draw` will ask for first."""
        ...


class InbetweenEngine(Protocol):
    """Draws what lies between keys."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...

    def draw(self, request: InbetweenRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, each once, in an order of the engine's choosing.

        Raises: EngineError when the keys of a span cannot be read together.
        """
        ...


class PictureInbetweener(Protocol):
    """Draws whole RGB pictures between two of them: what a network of video does, without layers or alpha."""

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        """The pictures RGB `[H, W, 3]` at `times` 0..1 exclusive, rising, from `first` to `last` of its size.

        The same arguments give the same pictures; all times of a pair belong into one call.

        Raises: OutOfMemory after the automatic fall-backs, EngineError when the pictures do not fit.
        """
        ...


class PictureEngine(Protocol):
    """An engine whose way of drawing whole pictures others may use, packed layers among them."""

    def canvas(self, options: Mapping[str, object]) -> Canvas:
        """The sizes it draws at under `options`."""
        ...

    def pictures(
        self, options: Mapping[str, object], state: StateStore, *, tell: Callable[[str], object] = _unheard
    ) -> PictureInbetweener:
        """One that draws under `options`, tells of fall-backs and keeps in `state` what a killed run needs.

        Raises: CheckpointError when its weights are unusable.
        """
        ...


@dataclass(frozen=True, slots=True)
class SketchPicture:
    """A sketch as it was drawn.

    `free` is the matte uint8 `[H, W]` of the area left to the engine (white), None when there is none.
    """

    lines: LineFrame
    free: Pixels | None


LoadSketch = Callable[[], SketchPicture]
"""Gives one sketch; picklable, since worker processes call it."""


@dataclass(frozen=True, slots=True)
class PlacedReference:
    """A painted picture that is the key `name` at the 0-based frame `index`."""

    name: str
    index: int
    load: LoadKey


@dataclass(frozen=True, slots=True)
class PlacedSketch:
    """A sketch that is to become the key `name` at the 0-based frame `index`.

    `strength` 0..1 says how far its lines stay where they are: 1 keeps them, 0 lets them move to where the
    neighboring keys have them.
    """

    name: str
    index: int
    load: LoadSketch
    strength: float


@dataclass(frozen=True, slots=True)
class WantedFrame:
    """A drawing to be made: a sketch's own key, or one that lies between keys.

    It is first shown at the 0-based frame `index`; `time` is how far it has gone from key `first` (a position
    among all keys by index) to the next, easing already in it, 0 for a key.
    """

    name: str
    index: int
    first: int
    time: float


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """A finished picture, RGBA `[H, W, 4]`; `paint` and `line` are its layers where the engine has them.

    `color_regions` counts the regions by color-model index, where the engine colors by region. `is_flat` is
    false where the colors are a network's own, only near those of the color model.
    """

    name: str
    picture: Pixels
    paint: Pixels | None = None
    line: Pixels | None = None
    fell_back: tuple[FellBack, ...] = ()
    color_regions: Mapping[int, int] = field(default_factory=dict[int, int])
    doubts: tuple[Doubt, ...] = ()
    is_flat: bool = True


@dataclass(frozen=True, slots=True)
class PostkeyRequest:
    """One shot from references and sketches, both in order of index: `n_frames` of `size`.

    `painted` are all references as coloring wants them, those at no frame too; `ink` is the RGB of their
    lines. An engine that gives whole RGB frames draws `n_frames` after `prompt`, `references` and `sketches`
    and delivers those at the `index` of what is `wanted`. `tell` takes a sentence for people that belongs
    into the manifest.
    """

    size: Size
    n_frames: int
    prompt: str
    references: tuple[PlacedReference, ...]
    sketches: tuple[PlacedSketch, ...]
    painted: tuple[PaintedReference, ...]
    color_model: ColorModel
    ink: tuple[int, int, int]
    wanted: tuple[WantedFrame, ...]
    options: Mapping[str, object]
    deliver: Callable[[DrawnFrame], object]
    executor: Executor
    state: StateStore
    tell: Callable[[str], object] = _unheard


class PostkeyEngine(Protocol):
    """Draws a whole colored shot from references and sketches."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """What the manifest says of the engine. Raises: CheckpointError when its weights are unusable."""
        ...

    def draw(self, request: PostkeyRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, each once, in an order of the engine's choosing.

        None comes in between where work went on without a drawing, so that a run can stop there.
        Raises: EngineError when references and sketches cannot be read together.
        """
        ...
