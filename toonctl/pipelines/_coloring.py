"""Coloring under way: layers go through the engine, finished drawings to processes that write them."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.core.types import Cel, CelPixels, ColorModel, Layer, LineFrame, Reference
from toonctl.engines.base import ColorizeEngine, ColorizeRequest, PaintedReference
from toonctl.pipelines._shot import Shot
from toonctl.stages.color_model import read_color_model
from toonctl.stages.finish import FinishJob, FinishOptions, finish_drawing, finish_uncolored, write_empty
from toonctl.stages.job import Standing, StateFolder
from toonctl.stages.lines import line_frame, painted_lines
from toonctl.stages.notes import DrawingNote, PaletteNote, write_palette_note
from toonctl.stages.pool import Backlog
from toonctl.stages.read import load_cel
from toonctl.stages.show import flattened
from toonctl.stages.write import plan_comps, write_comp, write_still

_WAITING = 24
"""Drawings that may wait to be written while the engine goes on."""


class Coloring:
    """One run over a shot. `drawn` names the drawings by layer, `n_written` counts pictures of frames."""

    def __init__(
        self,
        shot: Shot,
        standing: Standing,
        job_key: str,
        pool: ProcessPoolExecutor,
        report: Reporter,
        stop: StopFlag,
    ) -> None:
        self.drawn: dict[str, tuple[str, ...]] = {}
        self.n_written = 0
        self._shot = shot
        self._standing = standing
        self._key = job_key
        self._pool = pool
        self._report = report
        self._stop = stop
        self._frames: tuple[int, ...] = ()
        self._load = partial(load_cel, size=shot.art.size, options=shot.read_options())

    def start(self, frames: Sequence[int]) -> None:
        """Announces the work that lies ahead."""
        self._frames = tuple(frames)
        layers = (*self._shot.timeline.layers, "comp")
        total = sum(len(self._standing.todo(layer, frames)) for layer in layers)
        self._report.start(total, f"colorize-long {self._shot.spec.shot.name}")

    def draw_layer(self, layer: Layer, engine: ColorizeEngine) -> None:
        """The frames of one cel layer on disk. Raises: DeliveryError, ArtError, EngineError."""
        todo = self._standing.todo(layer.name, self._frames)
        shown: dict[str | None, tuple[int, ...]] = {}
        for frame in todo:
            drawing = self._shot.timeline.drawing(layer.name, frame)
            shown[drawing] = (*shown.get(drawing, ()), frame)
        backlog = Backlog[DrawingNote](self._pool, _WAITING, lambda note: self._wrote(shown, note))
        if None in shown:
            self._count(write_empty(self._job(layer, None, shown[None])), shown[None][-1], layer.name)
        names = [name for name in shown if name is not None]
        if not self._shot.is_colored(layer.name):
            for name in names:
                if not self._stop.is_set():
                    backlog.submit(finish_uncolored, self._job(layer, name, shown[name]), name)
        elif names:
            self._color(layer, names, shown, engine, backlog)
        backlog.drain()
        self.drawn[layer.name] = tuple(names)

    def write_still(self, layer: Layer) -> None:
        """A background or book picture where composite and PSD will look for it. Raises: DeliveryError."""
        for cel in layer.cels.values():
            picture = flattened(self._load(cel), self._shot.art.size)
            write_still(self._shot.tree, layer.name, picture, job_key=self._key)

    def compose(self) -> None:
        """The composite of every frame that lacks it. Raises: DeliveryError."""
        if self._stop.is_set():
            return
        jobs = plan_comps(
            self._shot.tree,
            self._shot.timeline,
            stack=[layer.name for layer in self._shot.art.layers if layer.cels],
            frames=self._standing.todo("comp", self._frames),
            job_key=self._key,
            is_rgba=self._shot.spec.output.png == "rgba",
        )
        backlog = Backlog[int](self._pool, _WAITING, lambda n: self._count(n, self._frames[-1], "comp"))
        for job in jobs:
            if not self._stop.is_set():
                backlog.submit(write_comp, job)
        backlog.drain()

    def _color(
        self,
        layer: Layer,
        names: Sequence[str],
        shown: dict[str | None, tuple[int, ...]],
        engine: ColorizeEngine,
        backlog: Backlog[DrawingNote],
    ) -> None:
        """Sends every drawing of `names` through the engine; equal art under several names goes once."""
        first_of: dict[str, str] = {}
        twin = {
            name: first_of.setdefault(layer.cels[name].digest, name)
            for name in self._shot.timeline.drawings(layer.name)
        }
        aliases: dict[str, list[str]] = {}
        for name in names:
            aliases.setdefault(twin[name], []).append(name)
        references, model = self._read_references(layer, twin)
        options = self._shot.engine_options(layer.name)
        thresholds = {"doubt_below": float(self._shot.spec.engine.doubt_below)}
        write_palette_note(self._shot.tree, PaletteNote(layer.name, model, thresholds), job_key=self._key)
        request = ColorizeRequest(
            drawings=tuple(dict.fromkeys(twin.values())),
            wanted=frozenset(aliases),
            loader=lambda name: partial(_load_line, self._load, layer.cels[name]),
            references=references,
            color_model=model,
            options=options,
            executor=self._pool,
            state=StateFolder(self._shot.tree, self._key, layer.name),
        )
        for colored in engine.colorize(request):
            for name in aliases[colored.name]:
                job = replace(self._job(layer, name, shown[name]), model=model)
                backlog.submit(finish_drawing, job, replace(colored, name=name))
            if self._stop.is_set():
                return

    def _read_references(
        self, layer: Layer, twin: dict[str, str]
    ) -> tuple[tuple[PaintedReference, ...], ColorModel]:
        """The painted drawings of a layer and its color model; lines are the shot's own where it has any."""
        references = [r for r in self._shot.art.references if r.layer == layer.name]
        painted = [self._load(reference.cel) for reference in references]
        lines = [self._line_of(r, cel, layer) for r, cel in zip(references, painted, strict=True)]
        model, indices = read_color_model(painted, [line.ink for line in lines])
        found = tuple(
            PaintedReference(twin.get(r.drawing or ""), line, index)
            for r, line, index in zip(references, lines, indices, strict=True)
        )
        return found, model

    def _line_of(self, reference: Reference, painted: CelPixels, layer: Layer) -> LineFrame:
        own = layer.cels.get(reference.drawing or "") or reference.line
        if own is not None:
            return line_frame(self._load(own))
        return line_frame(painted) if painted.line is not None else painted_lines(painted)

    def _job(self, layer: Layer, name: str | None, frames: tuple[int, ...]) -> FinishJob:
        output = self._shot.spec.output
        nothing = np.zeros((1, 4), np.uint8)
        return FinishJob(
            tree=self._shot.tree,
            job_key=self._key,
            layer=layer.name,
            load=_empty_cel if name is None else partial(self._load, layer.cels[name]),
            size=self._shot.art.size,
            model=ColorModel(nothing, nothing, nothing, nothing),
            options=FinishOptions(
                is_split=output.split,
                is_kept_apart=output.psd,
                is_rgba=output.png == "rgba",
                is_line_binary=output.line_aa == "binary",
                trace_fill=output.trace_fill,
            ),
            frames=frames,
        )

    def _wrote(self, shown: dict[str | None, tuple[int, ...]], note: DrawingNote) -> None:
        frames = shown[note.drawing]
        self._count(len(frames), frames[-1], note.layer)

    def _count(self, n_frames: int, frame: int, layer: str) -> None:
        self.n_written += n_frames
        note = f"{self._shot.spec.shot.name}.{layer}.{frame:04d}"
        self._report.step(done=self.n_written, frame=frame, layer=layer, note=note)


def _load_line(load: partial[CelPixels], cel: Cel) -> LineFrame:
    return line_frame(load(cel))


def _empty_cel() -> CelPixels:
    return CelPixels(None, None)
