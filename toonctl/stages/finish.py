"""From a drawing's colors to its files: cel, parts, every frame that shows it. Runs in worker processes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, ColoredDrawing, ColorModel, Pixels, Size
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import EncodedPng, line_coverage
from toonctl.regions.paint import darkest_first, paint_index
from toonctl.stages.lines import lines_on_top
from toonctl.stages.notes import DrawingNote, write_note
from toonctl.stages.show import flattened
from toonctl.stages.tree import OutputTree
from toonctl.stages.write import deliver_png, encode_picture

TraceFill = Literal["darker", "lighter", "keep"]


@dataclass(frozen=True, slots=True)
class FinishOptions:
    """What `[output]` asks of every drawing; `is_kept_apart` when a PSD or EXR frames will need its parts."""

    is_split: bool
    is_kept_apart: bool
    is_rgba: bool
    is_line_binary: bool
    trace_fill: TraceFill

    @property
    def has_parts(self) -> bool:
        """Whether lines and paint are written apart too."""
        return self.is_split or self.is_kept_apart


@dataclass(frozen=True, slots=True)
class FinishJob:
    """One drawing to finish: `load` gives its art, `frames` show it, as numbered for people."""

    tree: OutputTree
    job_key: str
    layer: str
    load: Callable[[], CelPixels]
    size: Size
    model: ColorModel
    options: FinishOptions
    frames: tuple[int, ...]


def finish_drawing(job: FinishJob, colored: ColoredDrawing) -> DrawingNote:
    """The note of the drawing, now that its cel and its frames are written.

    Raises: DeliveryError when the disk refuses, ArtError when its art has changed meanwhile.
    """
    cel = job.load()
    trace = None if cel.trace is None else line_coverage(cel.trace)
    index = paint_index(colored.regions, colored.colors, trace, darkness_rank=_trace_rank(job))
    keep_trace = job.options.trace_fill == "keep"
    line = lines_on_top(cel, is_binary=job.options.is_line_binary, keep_trace=keep_trace)
    planes = _paint_planes(job.model, colored.colors)
    lines = {"line": line, "trace": None if keep_trace else cel.trace}
    drawn = {name: plane for name, plane in lines.items() if plane is not None}
    if job.options.has_parts:
        _write_parts(job, colored.name, {name: _take(plane, index) for name, plane in planes.items()} | drawn)
    paint = _take(job.model.colors, index)
    counts = np.bincount(colored.colors, minlength=1)
    note = DrawingNote(
        layer=job.layer,
        drawing=colored.name,
        n_regions=len(colored.colors),
        color_regions={int(i): int(n) for i, n in enumerate(counts) if n},
        doubts=colored.doubts,
        parts=(*planes, *drawn),
    )
    _write_whole_drawing(job, colored.name, paint if line is None else blend_over(paint, line), note)
    return note


def finish_uncolored(job: FinishJob, name: str) -> DrawingNote:
    """The note of a drawing that is delivered as it came, its files written; raises as `finish_drawing`."""
    cel = job.load()
    line = lines_on_top(cel, is_binary=job.options.is_line_binary, keep_trace=True)
    picture = flattened(replace(cel, line=line), job.size)
    _write_parts(job, name, {"line": picture})
    note = DrawingNote(job.layer, name, 0, {}, parts=("line",))
    _write_whole_drawing(job, name, picture, note)
    return note


def finish_picture(job: FinishJob, note: DrawingNote, picture: Pixels, parts: dict[str, Pixels]) -> None:
    """Writes the files of a drawing that needs no paint any more: RGBA `[H, W, 4]`, whole and by part.

    Raises: DeliveryError when the disk refuses.
    """
    _write_parts(job, note.drawing, parts)
    _write_whole_drawing(job, note.drawing, picture, note)


def write_empty(job: FinishJob) -> int:
    """The number of frames written in which the layer shows nothing."""
    width, height = job.size
    nothing = np.zeros((height, width), np.uint8), np.zeros((1, 4), np.uint8)
    _deliver(job, encode_picture(nothing, is_rgba=job.options.is_rgba))
    return len(job.frames)


def _trace_rank(job: FinishJob) -> NDArray[np.uint16] | None:
    if job.options.trace_fill == "keep":
        return None
    darkest = darkest_first(job.model.colors)
    if job.options.trace_fill == "darker":
        return darkest
    is_clear = job.model.colors[:, 3] == 0  # nothing is neither light nor dark: it stays last
    order = np.lexsort((-darkest.astype(np.int64), is_clear))
    rank = np.empty_like(darkest)
    rank[order] = np.arange(len(order), dtype=np.uint16)
    return rank


def _paint_planes(model: ColorModel, used: NDArray[np.uint16]) -> dict[str, Pixels]:
    """The colors of paint, shadow and highlight, bottom to top, less the kinds of which none is `used`."""
    planes = {"paint": model.flats, "shadow": model.shadows, "highlight": model.highlights}
    return {name: plane for name, plane in planes.items() if plane[used, 3].any()}


def _take(colors: Pixels, index: NDArray[np.uint16]) -> Pixels:
    words = np.ascontiguousarray(colors).view(np.uint32)[:, 0]
    flat = index.ravel()
    # Runs are few: looking up each once is several times as fast as looking up every pixel.
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = np.diff(starts, append=flat.size)
    return np.repeat(words[flat[starts]], lengths).view(np.uint8).reshape(*index.shape, 4)


def _write_parts(job: FinishJob, drawing: str, parts: dict[str, Pixels]) -> None:
    if not job.options.has_parts:
        return
    place = job.tree.cel if job.options.is_split else job.tree.part
    for part, pixels in parts.items():
        encoded = encode_picture(pixels, is_rgba=job.options.is_rgba)
        deliver_png([(place(job.layer, drawing, part), None)], encoded, job_key=job.job_key, layer=job.layer)


def _write_whole_drawing(job: FinishJob, drawing: str, picture: Pixels, note: DrawingNote) -> None:
    """Cel, then note, then frames: a frame that stands has its note, whenever the run was killed."""
    encoded = encode_picture(picture, is_rgba=job.options.is_rgba)
    deliver_png([(job.tree.cel(job.layer, drawing), None)], encoded, job_key=job.job_key, layer=job.layer)
    write_note(job.tree, note, job_key=job.job_key)
    _deliver(job, encoded)


def _deliver(job: FinishJob, encoded: EncodedPng) -> None:
    targets = [(job.tree.frame(job.layer, frame), frame) for frame in job.frames]
    deliver_png(targets, encoded, job_key=job.job_key, layer=job.layer)
