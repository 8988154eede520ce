"""Inbetweening under way: keys are delivered as they came, the engine draws the rest in worker processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from toonctl.core.errors import CheckFailed
from toonctl.core.types import Cel, CelPixels, InbetweenPlan, Layer, Size
from toonctl.engines import load as load_engine
from toonctl.engines.base import (
    DrawnInbetween,
    EarlyReader,
    EngineFacts,
    InbetweenEngine,
    InbetweenRequest,
    Key,
    KeyPicture,
    KeysAhead,
    Submit,
)
from toonctl.pipelines._drawing import Drawing, Shown
from toonctl.pipelines._latents_page import write_latents_page
from toonctl.pipelines._shot import Shot
from toonctl.stages.cel_pixels import load_cel
from toonctl.stages.finish import FinishJob
from toonctl.stages.finish_keys import NewDrawing, finish_key, finish_new
from toonctl.stages.key_colors import KeyColors
from toonctl.stages.key_pixels import key_pixels
from toonctl.stages.notes import DrawingNote
from toonctl.stages.pool import Backlog


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Takes finished inbetweens to disk, in the process that drew them: a blank job and frames by layer."""

    jobs: Mapping[str, FinishJob]
    shown: Mapping[str, Shown]
    colors: Mapping[str, KeyColors | None]

    def __call__(self, drawn: DrawnInbetween) -> DrawingNote:
        job = replace(self.jobs[drawn.layer], frames=self.shown[drawn.layer][drawn.name])
        colors = self.colors[drawn.layer]
        picture = drawn.picture if colors is None or drawn.is_flat else colors.snapped(drawn.picture)
        new = NewDrawing(drawn.name, picture, drawn.paint, drawn.line, drawn.fell_back)
        return finish_new(job, new)


class Inbetweening:
    """Draws what lies between the keys of a shot. Raises: EngineError for an unknown engine."""

    def __init__(self, shot: Shot, *, is_packed: bool = False) -> None:
        """`is_packed` puts layers into one picture, for an engine that knows pictures and no layers."""
        self._shot, self._is_packed = shot, is_packed
        engine = load_engine("inbetween", shot.spec.engine.name).Engine()
        if is_packed:
            from toonctl.engines.inbetween._packed import Engine as PackedEngine  # brings torch

            engine = PackedEngine(engine)
        self._engine: InbetweenEngine = engine

    def facts(self) -> EngineFacts:
        """Number format and weights of the engine. Raises: CheckpointError when they are unusable."""
        return self._engine.facts(self._shot.engine_options(""))

    def begin(self, frames: Sequence[int], submit: Submit) -> None:
        """Has the keys read that the first plan needs for `frames`, if the engine can do that by itself."""
        if not isinstance(self._engine, EarlyReader):
            return
        shot = self._shot
        for plan in shot.art.plans:
            shown = {(layer, shot.timeline.drawing(layer, f)) for layer in plan.layers for f in frames}
            firsts = sorted({each.first for each in plan.betweens if (each.layer, each.name) in shown})
            if firsts:
                layers = [layer for layer in shot.cel_layers if layer.name in plan.layers]
                keys = tuple(_request_keys(shot, plan, layers))
                options = {name: shot.engine_options(name) for name in plan.layers}
                self._engine.begin(KeysAhead(shot.art.size, keys, tuple(firsts), options, submit))
                return

    def draw(self, run: Drawing) -> None:
        """The frames of the cel layers on disk. Raises: DeliveryError, ArtError, EngineError, CheckFailed."""
        layers = self._shot.cel_layers
        missing = {layer.name: run.missing(layer) for layer in layers}
        given = [submit_keys(run, layer, missing[layer.name]) for layer in layers]
        if not isinstance(self._engine, EarlyReader):
            _drain(given)  # before an engine that takes hours begins
        try:
            for plan in self._shot.art.plans:
                if not run.is_stopped:
                    self._draw_plan(run, plan, missing)
        except CheckFailed as error:
            page = write_latents_page(run.shot.tree, run.key)  # where it is wanted most
            [failed] = error.problems
            raise CheckFailed(failed.what, str(page) if page else failed.where, failed.hint) from error
        _drain(given)
        write_latents_page(run.shot.tree, run.key)

    def _draw_plan(self, run: Drawing, plan: InbetweenPlan, missing: Mapping[str, Shown]) -> None:
        """Sends what is missing of a plan through the engine, all its layers in one request."""
        wanted = tuple(each for each in plan.betweens if each.name in missing[each.layer])
        if not wanted:
            return
        layers = [layer for layer in self._shot.cel_layers if layer.name in plan.layers]
        names = {each.name for each in wanted}
        shown = {
            layer.name: {name: frames for name, frames in missing[layer.name].items() if name in names}
            for layer in layers
        }
        request = InbetweenRequest(
            size=self._shot.art.size,
            layers=plan.layers,
            keys=tuple(_request_keys(self._shot, plan, layers)),
            wanted=wanted,
            options={layer.name: self._shot.engine_options(layer.name) for layer in layers},
            deliver=_Delivery(
                {layer.name: run.job(layer, None, ()) for layer in layers},
                shown,
                {layer.name: self._colors(run, layer) for layer in layers},
            ),
            executor=run.pool,
            state=run.state("+".join(plan.layers)),
            prompt=self._shot.spec.shot.prompt,
            planned=plan.betweens,
            tell=run.tell,
        )
        for note in self._engine.draw(request):
            if isinstance(note, DrawingNote):
                run.wrote(note, shown[note.layer])
            if run.is_stopped:
                return

    def _colors(self, run: Drawing, layer: Layer) -> KeyColors | None:
        """What whole pictures of a network are snapped to; None where colors are the keys' own anyway."""
        spec = self._shot.spec
        if self._is_packed or not spec.engine_table.paints_whole or not spec.output.snap_palette:
            return None
        size = self._shot.art.size
        return KeyColors.of(load_key(run.load, cel, size).picture for cel in layer.cels.values())


def _drain(backlogs: Sequence[Backlog[DrawingNote]]) -> None:
    for backlog in backlogs:
        backlog.drain()


def write_keys(run: Drawing, layer: Layer, shown: Shown) -> None:
    """Delivers those of `shown` that are there already. Raises: DeliveryError, ArtError."""
    submit_keys(run, layer, shown).drain()


def submit_keys(run: Drawing, layer: Layer, shown: Shown) -> Backlog[DrawingNote]:
    """The same under way. Raises: DeliveryError, ArtError; also when it is drained."""
    backlog = run.backlog(shown)
    for name, frames in shown.items():
        if name in layer.cels and not run.is_stopped:
            backlog.submit(finish_key, run.job(layer, name, frames), name)
    return backlog


def _request_keys(shot: Shot, plan: InbetweenPlan, layers: Sequence[Layer]) -> list[Key]:
    """The keys of a plan with the means to load each."""
    cels = {layer.name: layer.cels for layer in layers}
    size = shot.art.size
    load = partial(load_cel, size=size, options=shot.read_options())
    return [
        Key(
            key.index,
            {layer: partial(load_key, load, cels[layer][name], size) for layer, name in key.drawings.items()},
        )
        for key in plan.keys
    ]


def load_key(load_pixels: partial[CelPixels], cel: Cel, size: Size) -> KeyPicture:
    """A key as an engine sees it; runs in worker processes."""
    key = key_pixels(load_pixels(cel), size)
    return KeyPicture(key.picture, key.line)
