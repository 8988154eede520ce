"""Every sketch of a shot colored: those that stand alone first, then those that look to their neighbors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import cast

import numpy as np

from toonctl.core.errors import SpecError
from toonctl.core.types import Between, ColoredDrawing, ColorModel, LineFrame
from toonctl.engines.base import (
    ColorizeRequest,
    DrawnInbetween,
    InbetweenRequest,
    Key,
    KeyPicture,
    LoadKey,
    LoadLine,
    PaintedReference,
    PlacedSketch,
    PostkeyRequest,
    StateStore,
)
from toonctl.engines.colorize_long.cel import Engine as ColorizeEngine
from toonctl.engines.inbetween.cel import Engine as InbetweenEngine
from toonctl.engines.postkey._cleaning import line_width_px
from toonctl.engines.postkey._lines import Cleaning, CleanSketch, clean_sketch, completed, moved
from toonctl.engines.postkey._settling import settled
from toonctl.engines.postkey._stored import ColoredKey, Compartment, load_colored, load_stored
from toonctl.regions.flats import flats_of, flats_under_lines
from toonctl.regions.line_colors import LineColors
from toonctl.regions.paint import darkest_first, paint_index

LAYER = "A"
"""What the one layer of the shot is called in requests to other engines."""


@dataclass(frozen=True, slots=True)
class PlacedKey:
    """A finished key: its 0-based frame, and the means to load it."""

    name: str
    index: int
    load: LoadKey
    is_sketch: bool


class SketchColoring:
    """Colors the sketches of one request; `keys` are the finished ones by name, references among them."""

    def __init__(self, request: PostkeyRequest) -> None:
        self._request = request
        self._line_colors: LineColors | None = None
        self.keys = {
            each.name: PlacedKey(each.name, each.index, each.load, False) for each in request.references
        }

    def color(self) -> Iterator[str]:
        """The names of the sketches as they are finished; those of an earlier run come first."""
        todo: list[PlacedSketch] = []
        for sketch in self._request.sketches:
            if load_colored(self._request.state, sketch.name) is None:
                todo.append(sketch)
            else:
                yield self._finished(sketch)
        looks_around = self._clean(todo)
        yield from self._color_alone([sketch for sketch in todo if not looks_around[sketch.name]])
        for sketch in todo:
            if looks_around[sketch.name]:
                yield self._color_among(sketch)

    def _clean(self, sketches: Sequence[PlacedSketch]) -> dict[str, bool]:
        """By name whether a sketch looks to its neighbors; the lines of all are kept in the state."""
        request = self._request
        if not sketches:
            return {}
        lines = request.painted[0].line
        drawn = np.where(lines.trace > 0, 0, lines.ink).astype(np.uint8)
        cleaning = Cleaning(_cleaning_kind(request.options), line_width_px(drawn))
        jobs = [request.executor.submit(_clean_one, request.state, each, cleaning) for each in sketches]
        return {sketch.name: job.result() for sketch, job in zip(sketches, jobs, strict=True)}

    def _color_alone(self, sketches: Sequence[PlacedSketch]) -> Iterator[str]:
        """Sketches whose lines are their own, in one go through the shot."""
        by_name = {sketch.name: sketch for sketch in sketches}
        if by_name:
            places = [*((key.index, key.name) for key in self.keys.values() if not key.is_sketch)]
            places += [(sketch.index, sketch.name) for sketch in sketches]
            for name in self._color([name for _, name in sorted(places)], by_name, self._request.painted):
                yield self._finished(by_name[name])

    def _color_among(self, sketch: PlacedSketch) -> str:
        """One sketch whose lines depend on the keys on both sides of it."""
        request = self._request
        order = sorted(self.keys.values(), key=lambda key: key.index)
        sides = [key for key in order if key.index < sketch.index][-1:]
        sides += [key for key in order if key.index > sketch.index][:1]
        if sides:
            around = self._around(sketch, sides)
            # One neighbor alone does not tell where the lines are going.
            share = 1 - sketch.strength if len(sides) == 2 else 0.0
            job = (request.state, sketch.name, around, share, request.color_model)
            request.executor.submit(_look_around, *job).result()
        painted = [each for key in sides if key.is_sketch and (each := self._painted(key.name))]
        places = [(sketch.index, sketch.name), *((key.index, key.name) for key in sides)]
        references = (*request.painted, *painted)
        for _ in self._color([name for _, name in sorted(places)], {sketch.name: sketch}, references):
            pass
        return self._finished(sketch)

    def _around(self, sketch: PlacedSketch, sides: Sequence[PlacedKey]) -> KeyPicture:
        """What the finished keys beside a sketch say about its frame: an inbetween, or the only one held."""
        if len(sides) == 1:
            return self._request.executor.submit(_load, sides[0].load).result()
        time = (sketch.index - sides[0].index) / (sides[1].index - sides[0].index)
        request = InbetweenRequest(
            size=self._request.size,
            layers=(LAYER,),
            keys=tuple(Key(key.index, {LAYER: key.load}) for key in sides),
            wanted=(Between(LAYER, sketch.name, 0, time),),
            options={LAYER: self._request.options},
            deliver=_as_key,
            executor=self._request.executor,
            state=Compartment(self._request.state, f"around_{sketch.name}"),
        )
        [drawn] = InbetweenEngine().draw(request)
        if drawn is not None:
            return cast("KeyPicture", drawn)
        # What could not be drawn between them is better held than torn.
        return self._request.executor.submit(_load, sides[round(time)].load).result()

    def _color(
        self, places: Sequence[str], wanted: Mapping[str, PlacedSketch], painted: tuple[PaintedReference, ...]
    ) -> Iterator[str]:
        """The names of `wanted` as they are colored, on the way through `places` from the `painted` ones."""
        request = self._request
        known = {reference.drawing for reference in painted} | set(wanted)
        colorize = ColorizeRequest(
            drawings=tuple(name for name in places if name in known),
            wanted=frozenset(wanted),
            loader=self._lines,
            references=painted,
            color_model=request.color_model,
            options={**request.options, "plan": "chain"},  # sketches are few, and colored in one go
            executor=request.executor,
            state=Compartment(request.state, "color_" + "_".join(places)),
        )
        if self._line_colors is None:
            loads = [reference.load for reference in request.references]
            job = (loads, request.color_model, request.ink)
            self._line_colors = request.executor.submit(_line_colors, *job).result()
        for colored in ColorizeEngine().colorize(colorize):
            beside = self._beside(wanted[colored.name].index)
            if beside is not None:
                lines = self._lines(colored.name)
                colored = request.executor.submit(_settled, colored, lines, beside).result()
            job = (request.state, colored, request.color_model, self._line_colors)
            request.executor.submit(_paint, *job).result()
            yield colored.name

    def _lines(self, name: str) -> LoadLine:
        return partial(_load_lines, self._request.state, name)

    def _painted(self, name: str) -> PaintedReference | None:
        """A colored sketch as a reference for others."""
        key = load_colored(self._request.state, name)
        if key is None:
            return None
        # All lines part areas, those that are not drawn too.
        return PaintedReference(name, _load_lines(self._request.state, name), key.index)

    def _beside(self, index: int) -> PaintedReference | None:
        """The finished key nearest to a frame, None when there is none yet."""
        by_name = {each.drawing: each for each in self._request.painted}
        keys = sorted(self.keys.values(), key=lambda key: (abs(key.index - index), key.index))
        painted = (self._painted(key.name) if key.is_sketch else by_name.get(key.name) for key in keys)
        return next((each for each in painted if each is not None), None)

    def _finished(self, sketch: PlacedSketch) -> str:
        request = self._request
        load = partial(load_stored, request.state, sketch.name, request.color_model)
        self.keys[sketch.name] = PlacedKey(sketch.name, sketch.index, load, True)
        return sketch.name


def _cleaning_kind(options: Mapping[str, object]) -> str:
    kind = options.get("sketches")
    if kind not in ("auto", "clean", "rough"):
        raise SpecError("the cel engine was started without sketches")
    return str(kind)


def _clean_one(state: StateStore, sketch: PlacedSketch, cleaning: Cleaning) -> bool:
    clean = clean_sketch(sketch.load(), cleaning)
    _store_lines(state, sketch.name, clean)
    return clean.free is not None or sketch.strength < 1


def _look_around(state: StateStore, name: str, around: KeyPicture, share: float, model: ColorModel) -> None:
    clean = _stored(state, name)
    _store_lines(
        state, name, completed(replace(clean, lines=moved(clean.lines, around, share)), around, model)
    )


def _store_lines(state: StateStore, name: str, sketch: CleanSketch) -> None:
    planes = {
        "ink": sketch.lines.ink,
        "trace": sketch.lines.trace,
        "free": sketch.free,
        "given": sketch.given,
    }
    file = BytesIO()
    np.savez_compressed(file, **{key: plane for key, plane in planes.items() if plane is not None})
    state.put(f"lines_{name}", file.getvalue())


def _stored(state: StateStore, name: str) -> CleanSketch:
    data = state.get(f"lines_{name}")
    if data is None:
        raise KeyError(name)
    with np.load(BytesIO(data), allow_pickle=False) as stored:
        free, given = (stored.get(key) for key in ("free", "given"))
        return CleanSketch(LineFrame(stored["ink"], stored["trace"]), free, given)


def _load_lines(state: StateStore, name: str) -> LineFrame:
    return _stored(state, name).lines


def _line_colors(loads: Sequence[LoadKey], model: ColorModel, ink: tuple[int, int, int]) -> LineColors:
    """The lines between the paints of the references; `ink` where those do not tell."""
    keys = [load() for load in loads]
    flats = [flats_of(k.picture) if k.line is None else flats_under_lines(k.picture, k.line) for k in keys]
    pictures = [(key.picture, each) for key, each in zip(keys, flats, strict=True)]
    return LineColors.of(pictures, model.colors, ink)


def _settled(colored: ColoredDrawing, load: LoadLine, beside: PaintedReference) -> ColoredDrawing:
    return settled(colored, load(), beside)


def _paint(state: StateStore, colored: ColoredDrawing, model: ColorModel, lines: LineColors) -> None:
    """Puts a colored sketch into the state, painted under its lines too; its free area as it was given."""
    sketch = _stored(state, colored.name)
    frame, doubts = sketch.lines, colored.doubts
    rank = darkest_first(model.colors)
    trace = frame.trace if frame.trace.any() else None
    index = paint_index(colored.regions, colored.colors, trace, darkness_rank=rank)
    if sketch.free is not None and sketch.given is not None:
        is_free = sketch.free >= 128
        index = np.where(is_free, sketch.given, index).astype(np.uint16)
        doubts = tuple(doubt for doubt in doubts if not is_free[_inside(doubt.box)].mean() > 0.5)
    counts = np.bincount(colored.colors, minlength=1)
    regions = {int(color): int(count) for color, count in enumerate(counts) if count}
    coverage = np.where(frame.trace > 0, 0, frame.ink).astype(np.uint8)
    shown, ink = lines.drawn(index, coverage)
    key = ColoredKey(index, shown, lines.inks, ink, regions, doubts)
    state.put(f"key_{colored.name}", key.to_bytes())


def _inside(box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    x, y, width, height = box
    return slice(y, y + height), slice(x, x + width)


def _load(load: LoadKey) -> KeyPicture:
    return load()


def _as_key(drawn: DrawnInbetween) -> KeyPicture | None:
    """The inbetween, None when it could not be drawn by its regions at all."""
    is_torn = any(place.what == "frame" for place in drawn.fell_back)
    return None if is_torn else KeyPicture(drawn.picture, drawn.line)
