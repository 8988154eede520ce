"""Coloring under way: layers go through the engine, finished drawings to processes that write them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from toonctl.core.types import Cel, CelPixels, ColorModel, Layer, LineFrame, Reference
from toonctl.engines import load
from toonctl.engines.base import (
    ColorizeEngine,
    ColorizeRequest,
    EngineFacts,
    FilmEngine,
    LoadLine,
    PaintedReference,
)
from toonctl.pipelines._drawing import Drawing, Shown
from toonctl.pipelines._filming import Filming
from toonctl.pipelines._shot import Shot
from toonctl.spec.colorize_long import ColorizeLongSpec
from toonctl.stages.color_model import read_color_model
from toonctl.stages.finish import FinishJob, finish_drawing, finish_uncolored
from toonctl.stages.lines import ink_color, line_frame, painted_lines
from toonctl.stages.notes import DrawingNote, PaletteNote, write_palette_note
from toonctl.stages.pool import Backlog


class Coloring:
    """Colors the cel layers of a shot one after the other. Raises: EngineError for an unknown engine."""

    def __init__(self, shot: Shot[ColorizeLongSpec]) -> None:
        self._shot = shot
        self._engine: ColorizeEngine | FilmEngine = load("colorize_long", shot.spec.engine.name).Engine()

    def facts(self) -> EngineFacts:
        """Number format and weights of the engine. Raises: CheckpointError when they are unusable."""
        return self._engine.facts(self._shot.engine_options(""))

    def draw(self, run: Drawing) -> None:
        """The frames of the cel layers on disk. Raises: DeliveryError, ArtError, EngineError."""
        for layer in self._shot.cel_layers:
            shown = run.missing(layer)
            backlog = run.backlog(shown)
            if not is_colored(self._shot.spec, layer.name):
                for name, frames in shown.items():
                    if not run.is_stopped:
                        backlog.submit(finish_uncolored, run.job(layer, name, frames), name)
            elif shown:
                self._color(run, layer, shown, backlog)
            backlog.drain()

    def _color(self, run: Drawing, layer: Layer, shown: Shown, backlog: Backlog[DrawingNote]) -> None:
        """Sends every drawing of `shown` through the engine; equal art under several names goes once."""
        work = _Work.of(run, layer, shown)
        thresholds = {"doubt_below": float(self._shot.spec.engine.doubt_below)}
        write_palette_note(self._shot.tree, PaletteNote(layer.name, work.model, thresholds), job_key=run.key)
        if isinstance(self._engine, FilmEngine):
            self._film(self._engine, work, backlog)
            return
        request = ColorizeRequest(
            drawings=tuple(dict.fromkeys(work.twin.values())),
            wanted=frozenset(work.aliases),
            loader=work.loader,
            references=work.painted,
            color_model=work.model,
            options=self._shot.engine_options(layer.name),
            executor=run.pool,
            state=run.state(layer.name),
        )
        for colored in self._engine.colorize(request):
            for job, name in work.jobs(colored.name):
                backlog.submit(finish_drawing, job, replace(colored, name=name))
            if run.is_stopped:
                return

    def _film(self, engine: FilmEngine, work: "_Work", backlog: Backlog[DrawingNote]) -> None:
        """The same with an engine that paints whole pictures."""
        filming = Filming(self._shot.spec, work.run, work.layer, painted=work.painted, model=work.model)
        request = filming.request(work.loader, twin=work.twin, wanted=frozenset(work.aliases))
        finish = filming.finish(request.options)
        for painted in engine.paint(request):
            if painted is not None:
                for job, name in work.jobs(painted.name):
                    backlog.submit(finish, job, name, painted.picture)
            if work.run.is_stopped:
                return


@dataclass(frozen=True, slots=True)
class _Work:
    """One layer to be colored: `twin` names the first of equal drawings, `aliases` all that are missing."""

    run: Drawing
    layer: Layer
    shown: Shown
    twin: Mapping[str, str]
    aliases: Mapping[str, Sequence[str]]
    painted: tuple[PaintedReference, ...]
    model: ColorModel

    @classmethod
    def of(cls, run: Drawing, layer: Layer, shown: Shown) -> Self:
        first_of: dict[str, str] = {}
        twin = {
            name: first_of.setdefault(layer.cels[name].digest, name)
            for name in run.shot.timeline.drawings(layer.name)
        }
        aliases: dict[str, list[str]] = {}
        for name in shown:
            aliases.setdefault(twin[name], []).append(name)
        painted, model, _ = read_painted(run, layer, twin)
        return cls(run, layer, shown, twin, aliases, painted, model)

    def loader(self, name: str) -> LoadLine:
        """The means to load the lines of a drawing."""
        return partial(_load_line, self.run.load, self.layer.cels[name])

    def jobs(self, name: str) -> Iterator[tuple[FinishJob, str]]:
        """What it takes to finish a drawing, under each of its names."""
        for alias in self.aliases[name]:
            yield replace(self.run.job(self.layer, alias, self.shown[alias]), model=self.model), alias


def is_colored(spec: ColorizeLongSpec, layer: str) -> bool:
    """Whether the layer is to be colored at all."""
    return all(table.color for table in spec.layers if table.name == layer)


def read_painted(
    run: Drawing, layer: Layer, twin: Mapping[str, str]
) -> tuple[tuple[PaintedReference, ...], ColorModel, tuple[int, int, int]]:
    """The painted drawings of a layer, its color model, and the RGB of its lines.

    Lines are the shot's own where it has any. `twin` names the first of drawings that are equal.
    """
    references = [r for r in run.shot.art.references if r.layer == layer.name]
    painted = [run.load(reference.cel) for reference in references]
    lines = [_line_of(r, cel, layer, run) for r, cel in zip(references, painted, strict=True)]
    model, indices = read_color_model(painted, [line.ink for line in lines])
    found = tuple(
        PaintedReference(twin.get(r.drawing or ""), line, index)
        for r, line, index in zip(references, lines, indices, strict=True)
    )
    inks = (ink_color(cel, line) for cel, line in zip(painted, lines, strict=True))
    return found, model, next((ink for ink in inks if ink is not None), (0, 0, 0))


def _line_of(reference: Reference, painted: CelPixels, layer: Layer, run: Drawing) -> LineFrame:
    """The lines of a reference: those of the drawing it shows, its own, or what is black in it."""
    own = layer.cels.get(reference.drawing or "") or reference.line
    if own is not None:
        return line_frame(run.load(own))
    return line_frame(painted) if painted.line is not None else painted_lines(painted)


def _load_line(load: partial[CelPixels], cel: Cel) -> LineFrame:
    return line_frame(load(cel))
