"""Coloring by an engine that paints whole pictures: what it is asked, and how its pictures are finished."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from toonctl.core.types import ColorModel, Layer, Pixels, Reference, Role
from toonctl.engines.base import FilmRequest, LoadLine, PaintedPicture, PaintedReference
from toonctl.formats.compositing import blend_over
from toonctl.pipelines._drawing import Drawing
from toonctl.regions.color_vote import paper_color
from toonctl.regions.segment import GAP_PX_AT_540, SegmentOptions
from toonctl.spec.colorize_long import ColorizeLongSpec
from toonctl.stages.finish import FinishJob
from toonctl.stages.finish_film import CelOptions, finish_film, finish_voted
from toonctl.stages.lines import lines_on_top
from toonctl.stages.notes import DrawingNote
from toonctl.stages.show import flattened

RGB = tuple[int, int, int]

_WHITE: RGB = (255, 255, 255)

FinishPicture = Callable[[FinishJob, str, Pixels], DrawingNote]
"""Takes a painted picture of a drawing to its files; picklable, called in a worker process."""


class Filming:
    """The film of one layer: `spec` says whether its pictures become cels of `model`."""

    def __init__(
        self,
        spec: ColorizeLongSpec,
        run: Drawing,
        layer: Layer,
        *,
        painted: tuple[PaintedReference, ...],
        model: ColorModel,
    ) -> None:
        self._run = run
        self._layer = layer
        self._painted = painted
        self._is_cels = bool(spec.output.cels)
        self._paper = paper_color(model.colors) if self._is_cels else _WHITE
        self._prompt = spec.shot.prompt

    def request(
        self, loader: Callable[[str], LoadLine], *, twin: Mapping[str, str], wanted: frozenset[str]
    ) -> FilmRequest:
        """What the engine is asked. `twin` names the first of drawings that are equal."""
        run, layer, art = self._run, self._layer, self._run.shot.art
        references = [reference for reference in art.references if reference.layer == layer.name]
        ground = self._ground()
        return FilmRequest(
            size=art.size,
            prompt=self._prompt,
            drawings=tuple(dict.fromkeys(twin.values())),
            exposure=tuple(None if name is None else twin[name] for name in art.exposures[layer.name]),
            wanted=wanted,
            loader=loader,
            references=tuple(
                PaintedPicture(self._picture(reference, ground), found.line)
                for reference, found in zip(references, self._painted, strict=True)
            ),
            options=run.shot.engine_options(layer.name),
            state=run.state(layer.name),
            tell=run.tell,
            is_late=lambda: run.is_late,
        )

    def finish(self, options: Mapping[str, object]) -> FinishPicture:
        """How pictures become files, by the engine's options for the layer."""
        if not self._is_cels:
            return finish_film
        gap, height = options["gap_px"], self._run.shot.art.size[1]
        gap_px = GAP_PX_AT_540 * height / 540 if gap == "auto" else float(str(gap))
        segment = SegmentOptions(
            gap_px, int(str(options["line_threshold"])), int(str(options["min_region_px"]))
        )
        is_open = any((reference.index == 0).any() for reference in self._painted)
        cels = CelOptions(segment, float(str(options["doubt_below"])), self._paper if is_open else None)
        return partial(finish_voted, options=cels)

    def _ground(self) -> Pixels:
        """What shows behind the layer, RGBA `[H, W, 4]`: paper for cels, else the still layers below."""
        art = self._run.shot.art
        ground = np.full((art.size[1], art.size[0], 4), (*self._paper, 255), np.uint8)
        if self._is_cels:
            return ground
        for layer in art.layers:
            if layer.name == self._layer.name:
                break
            if layer.role is not Role.CEL:
                for cel in layer.cels.values():
                    ground = blend_over(ground, flattened(self._run.load(cel), art.size))
        return ground

    def _picture(self, reference: Reference, ground: Pixels) -> Pixels:
        """A painted reference as it shows, RGB `[H, W, 3]`, its lines on top where they lie apart."""
        painted = self._run.load(reference.cel)
        picture = blend_over(ground, flattened(painted, self._run.shot.art.size))
        own = self._layer.cels.get(reference.drawing or "") or reference.line
        line = None if own is None else lines_on_top(self._run.load(own), is_binary=False, keep_trace=False)
        return (picture if line is None else blend_over(picture, line))[..., :3]
