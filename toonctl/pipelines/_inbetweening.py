"""Inbetweening under way: keys are delivered as they came, the engine draws the rest in worker processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from toonctl.core.errors import CheckFailed
from toonctl.core.types import Cel, CelPixels, InbetweenPlan, Layer, Size
from toonctl.engines import load
from toonctl.engines.base import (
    DrawnInbetween,
    EngineFacts,
    InbetweenEngine,
    InbetweenRequest,
    Key,
    KeyPicture,
)
from toonctl.engines.inbetween._packed import Engine as PackedEngine
from toonctl.pipelines._drawing import Drawing, Shown
from toonctl.pipelines._latents_page import write_latents_page
from toonctl.pipelines._shot import Shot
from toonctl.stages.finish import FinishJob
from toonctl.stages.finish_keys import NewDrawing, finish_key, finish_new
from toonctl.stages.key_colors import KeyColors
from toonctl.stages.key_pixels import key_pixels
from toonctl.stages.notes import DrawingNote


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
        engine = load("inbetween", shot.spec.engine.name).Engine()
        self._engine: InbetweenEngine = PackedEngine(engine) if is_packed else engine

    def facts(self) -> EngineFacts:
        """Number format and weights of the engine. Raises: CheckpointError when they are unusable."""
        return self._engine.facts(self._shot.engine_options(""))

    def draw(self, run: Drawing) -> None:
        """The frames of the cel layers on disk. Raises: DeliveryError, ArtError, EngineError, CheckFailed."""
        layers = self._shot.cel_layers
        missing = {layer.name: run.missing(layer) for layer in layers}
        for layer in layers:
            write_keys(run, layer, missing[layer.name])
        try:
            for plan in self._shot.art.plans:
                if not run.is_stopped:
                    self._draw_plan(run, plan, missing)
        except CheckFailed as error:
            page = write_latents_page(run.shot.tree, run.key)  # where it is wanted most
            [failed] = error.problems
            raise CheckFailed(failed.what, str(page) if page else failed.where, failed.hint) from error
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
            keys=tuple(_request_keys(run, plan, layers)),
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


def write_keys(run: Drawing, layer: Layer, shown: Shown) -> None:
    """Delivers those of `shown` that are there already. Raises: DeliveryError, ArtError."""
    backlog = run.backlog(shown)
    for name, frames in shown.items():
        if name in layer.cels and not run.is_stopped:
            backlog.submit(finish_key, run.job(layer, name, frames), name)
    backlog.drain()


def _request_keys(run: Drawing, plan: InbetweenPlan, layers: Sequence[Layer]) -> list[Key]:
    """The keys of a plan with the means to load each."""
    cels = {layer.name: layer.cels for layer in layers}
    size = run.shot.art.size
    return [
        Key(
            key.index,
            {
                layer: partial(load_key, run.load, cels[layer][name], size)
                for layer, name in key.drawings.items()
            },
        )
        for key in plan.keys
    ]


def load_key(load_pixels: partial[CelPixels], cel: Cel, size: Size) -> KeyPicture:
    """A key as an engine sees it; runs in worker processes."""
    key = key_pixels(load_pixels(cel), size)
    return KeyPicture(key.picture, key.line)
