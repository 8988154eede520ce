"""From a drawing's colors to its files: cel, parts, every frame that shows it. Runs in worker processes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import CelPixels, ColoredDrawing, ColorModel, Pixels, Size
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import EncodedPng
from toonctl.regions.paint import darkest_first, paint_index
from toonctl.stages.lines import line_frame, lines_on_top
from toonctl.stages.notes import DrawingNote, write_note
from toonctl.stages.show import flattened
from toonctl.stages.tree import OutputTree
from toonctl.stages.write import deliver_png, encode_picture

TraceFill = Literal["darker", "lighter", "keep"]


@dataclass(frozen=True, slots=True)
class FinishOptions:
    """What `[output]` asks of every drawing; `is_kept_apart` when a PSD will need its parts."""

    is_split: bool
    is_kept_apart: bool
    is_rgba: bool
    is_line_binary: bool
    trace_fill: TraceFill


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
    frame = line_frame(cel)
    index = paint_index(colored.regions.label_map(), colored.colors, frame, darkness_rank=_trace_rank(job))
    keep_trace = job.options.trace_fill == "keep"
    line = lines_on_top(cel, is_binary=job.options.is_line_binary, keep_trace=keep_trace)
    parts = _paint_parts(job.model, index)
    if line is not None:
        parts["line"] = line
    if cel.trace is not None and not keep_trace:
        parts["trace"] = cel.trace
    paint = _take(job.model.colors, index)
    _write_parts(job, colored.name, parts)
    counts = np.bincount(colored.colors, minlength=1)
    note = DrawingNote(
        layer=job.layer,
        drawing=colored.name,
        n_regions=len(colored.colors),
        color_regions={int(i): int(n) for i, n in enumerate(counts) if n},
        doubts=colored.doubts,
        parts=tuple(parts),
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


def _paint_parts(model: ColorModel, index: NDArray[np.uint16]) -> dict[str, Pixels]:
    """Paint, shadow and highlight apart, bottom to top; kinds that the drawing does not use are left out."""
    used = np.unique(index)
    planes = {"paint": model.flats, "shadow": model.shadows, "highlight": model.highlights}
    return {name: _take(plane, index) for name, plane in planes.items() if plane[used, 3].any()}


def _take(colors: Pixels, index: NDArray[np.uint16]) -> Pixels:
    words = np.ascontiguousarray(colors).view(np.uint32)[:, 0]
    return np.take(words, index)[..., None].view(np.uint8)


def _write_parts(job: FinishJob, drawing: str, parts: dict[str, Pixels]) -> None:
    if not (job.options.is_split or job.options.is_kept_apart):
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
