"""Postkey under way: references are delivered as they came, the engine draws all else from the sketches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from toonctl.core.errors import ArtError, Problem
from toonctl.core.types import Cel, CelPixels, ColorModel, Layer, Pixels, Size
from toonctl.engines import load
from toonctl.engines.base import (
    DrawnFrame,
    EngineFacts,
    PaintedReference,
    PlacedReference,
    PlacedSketch,
    PostkeyEngine,
    PostkeyRequest,
    SketchPicture,
    WantedFrame,
)
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import read_picture
from toonctl.pipelines._coloring import read_painted
from toonctl.pipelines._drawing import Drawing, Shown
from toonctl.pipelines._inbetweening import load_key, write_keys
from toonctl.pipelines._shot import Shot
from toonctl.regions.color_table import coded
from toonctl.regions.snap import Snap
from toonctl.regions.texture import textured
from toonctl.spec.postkey import PostkeySpec
from toonctl.stages.finish import FinishJob
from toonctl.stages.finish_keys import NewDrawing, finish_new
from toonctl.stages.lines import off_lines
from toonctl.stages.notes import DrawingNote, PaletteNote, write_palette_note
from toonctl.stages.sketch_lines import SketchFault, sketch_fault, sketch_frame

_INK = 128
"""Coverage from which a pixel belongs to a line."""
_MOST_TEXTURE = 0.05


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Takes finished frames to disk, in the process that drew them."""

    job: FinishJob
    shown: Shown
    snap: Snap | None

    def __call__(self, drawn: DrawnFrame) -> DrawingNote:
        picture, paint, line = drawn.picture, drawn.paint, drawn.line
        if self.snap is not None and not drawn.is_flat:
            paint, line = self.snap.layers(picture)
            picture = blend_over(paint, line)
        new = NewDrawing(
            name=drawn.name,
            picture=picture,
            paint=paint,
            line=line,
            fell_back=drawn.fell_back,
            color_regions=drawn.color_regions,
            doubts=drawn.doubts,
        )
        return finish_new(replace(self.job, frames=self.shown[drawn.name]), new)


class Postkeying:
    """Draws a shot from references and sketches. Raises: EngineError for an unknown engine."""

    def __init__(self, shot: Shot[PostkeySpec]) -> None:
        self._shot = shot
        self._engine: PostkeyEngine = load("postkey", shot.spec.engine.name).Engine()

    def facts(self) -> EngineFacts:
        """Number format and weights of the engine. Raises: CheckpointError when they are unusable."""
        return self._engine.facts(self._shot.engine_options(""))

    def draw(self, run: Drawing) -> None:
        """The frames of the layer on disk. Raises: DeliveryError, ArtError, EngineError."""
        [layer] = self._shot.cel_layers
        shown = run.missing(layer)
        sketches = {sketch.drawing for sketch in self._shot.art.sketches}
        given = {
            name: frames for name, frames in shown.items() if name in layer.cels and name not in sketches
        }
        write_keys(run, layer, given)
        rest = {name: frames for name, frames in shown.items() if name not in given}
        if not rest or run.is_stopped:
            return
        self._check_sketches(run)
        for note in self._engine.draw(self._request(run, layer, rest)):
            if isinstance(note, DrawingNote):
                run.wrote(note, rest)
            if run.is_stopped:
                return

    def _check_sketches(self, run: Drawing) -> None:
        """Tells of sketches that look like none. Raises: ArtError for those that cannot be used."""
        sketches = self._shot.art.sketches
        jobs = [
            run.pool.submit(_fault_of, run.load, each.cel, has_matte=each.free is not None)
            for each in sketches
        ]
        fatal: list[Problem] = []
        for sketch, job in zip(sketches, jobs, strict=True):
            fault = job.result()
            if fault is None:
                continue
            what = f"the sketch of frame {sketch.drawing} {fault.what}"
            if fault.is_fatal:
                fatal.append(Problem(what, str(sketch.cel.path), fault.hint))
            else:
                run.tell(f"{what}: {fault.hint}")
        if fatal:
            raise ArtError.listing(fatal)

    def _check_references(self, run: Drawing, painted: Sequence[PaintedReference]) -> None:
        """Tells of references without lines or flats. Raises: ArtError when none of them shows two colors."""
        shown = [np.unique(reference.index[off_lines(reference.line.ink)]) for reference in painted]
        if len(np.unique(np.concatenate(shown))) < 2:
            file = self._shot.art.references[0].cel.path
            hint = "give a painted picture, as `[[reference]]` at a frame or as a color design"
            raise ArtError(f"`{file.name}` shows no colors, only lines or nothing", str(file), hint)
        for placed, reference in zip(self._shot.art.references, painted, strict=True):
            name, drawn = placed.cel.path.name, np.where(reference.line.trace > 0, 0, reference.line.ink)
            if not (drawn >= _INK).any():
                run.tell(f"the reference `{name}` has no black lines: those of the sketches are drawn black")
            picture = load_key(run.load, placed.cel, self._shot.art.size).picture
            if _textured_share(picture, reference.line.ink) > _MOST_TEXTURE:
                hint = "others are lost; save it as PNG, painted in flats"
                run.tell(f"the reference `{name}` shows more than flat colors: {hint}")

    def _request(self, run: Drawing, layer: Layer, shown: Shown) -> PostkeyRequest:
        art, options = self._shot.art, self._shot.spec.engine
        [plan] = art.plans
        index = {key.drawings[layer.name]: key.index for key in plan.keys}
        painted, model, ink = read_painted(run, layer, {name: name for name in layer.cels})
        self._check_references(run, painted)
        # Only an engine that colors by region has doubts about regions.
        doubt_below = getattr(options, "doubt_below", None)
        thresholds = {} if doubt_below is None else {"doubt_below": float(doubt_below)}
        write_palette_note(self._shot.tree, PaletteNote(layer.name, model, thresholds), job_key=run.key)
        return PostkeyRequest(
            size=art.size,
            n_frames=art.n_frames,
            prompt=self._shot.spec.shot.prompt,
            references=tuple(
                PlacedReference(r.drawing, index[r.drawing], partial(load_key, run.load, r.cel, art.size))
                for r in art.references
                if r.drawing is not None
            ),
            sketches=tuple(
                PlacedSketch(
                    sketch.drawing,
                    index[sketch.drawing],
                    partial(_load_sketch, run.load, sketch.cel, sketch.free, art.size),
                    options.sketch_strength if sketch.strength is None else sketch.strength,
                )
                for sketch in art.sketches
            ),
            painted=painted,
            color_model=model,
            ink=ink,
            wanted=tuple(self._wanted(layer, shown)),
            options=self._shot.engine_options(layer.name),
            deliver=_Delivery(run.job(layer, None, ()), shown, self._snap(painted, model, ink)),
            executor=run.pool,
            state=run.state(layer.name),
            tell=run.tell,
        )

    def _snap(
        self, painted: Sequence[PaintedReference], model: ColorModel, ink: tuple[int, int, int]
    ) -> Snap | None:
        """The colors that pictures of a network are brought to, None when they stay as they are."""
        if not self._shot.spec.output.snap_palette:
            return None
        is_clear = any(bool((reference.index == 0).any()) for reference in painted)
        return Snap.of(model, ink, getattr(self._shot.spec.engine, "paper", None) if is_clear else None)

    def _wanted(self, layer: Layer, shown: Shown) -> Iterator[WantedFrame]:
        """What is missing: sketches to be colored, and what lies between keys."""
        art = self._shot.art
        [plan] = art.plans
        for first, key in enumerate(plan.keys):
            name = key.drawings[layer.name]
            if name in shown:
                yield WantedFrame(name, key.index, first, 0.0)
        for between in plan.betweens:
            if between.name in shown:
                at = art.exposures[layer.name].index(between.name)
                yield WantedFrame(between.name, at, between.first, between.time)


def _textured_share(picture: Pixels, ink: Pixels) -> float:
    """The share of what is not the commonest color that has neither flat color nor line, 0..1."""
    shown = coded(picture)
    is_figure = shown.codes != shown.counts().argmax()
    return float(textured(shown, ink)[is_figure].mean()) if is_figure.any() else 0.0


def _fault_of(load_pixels: partial[CelPixels], cel: Cel, *, has_matte: bool) -> SketchFault | None:
    return sketch_fault(sketch_frame(load_pixels(cel)), has_matte=has_matte)


def _load_sketch(load_pixels: partial[CelPixels], cel: Cel, free: Path | None, size: Size) -> SketchPicture:
    lines = sketch_frame(load_pixels(cel))
    if cel.node:
        # What is not black covers less, and a line layer has its own ink: the reference's takes its place.
        lines = replace(lines, ink=_in_full(lines.ink), trace=_in_full(lines.trace))
    return SketchPicture(lines, None if free is None else _load_matte(free, size))


def _in_full(coverage: Pixels) -> Pixels:
    """Coverage uint8 `[H, W]` with its fullest place at 255."""
    full = max(1, int(coverage.max(initial=0)))
    return np.asarray((coverage.astype(np.uint16) * 255 + full // 2) // full, np.uint8)


def _load_matte(path: Path, size: Size) -> Pixels:
    """How white and opaque the picture is, uint8 `[H, W]`."""
    rgba = read_picture(path)
    if rgba.shape[1::-1] != size:
        raise ArtError(f"`{path.name}` has changed while it was read", str(path), "run again")
    white = rgba[..., :3].min(-1).astype("uint16") * rgba[..., 3]
    return (white // 255).astype("uint8")
