"""A generated whole picture to its files: under the artist's lines, or as a cel. Runs in worker processes."""

from dataclasses import dataclass

import numpy as np

from toonctl.core.types import ColoredDrawing, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.regions.color_vote import doubts_of, vote_colors
from toonctl.regions.segment import SegmentOptions, find_regions
from toonctl.stages.finish import FinishJob, finish_drawing
from toonctl.stages.finish_keys import NewDrawing, finish_new
from toonctl.stages.lines import line_frame, lines_on_top
from toonctl.stages.notes import DrawingNote


@dataclass(frozen=True, slots=True)
class CelOptions:
    """How regions are found and vote; `paper` stands for nothing, None where all is painted."""

    segment: SegmentOptions
    doubt_below: float
    paper: tuple[int, int, int] | None


def finish_film(job: FinishJob, name: str, picture: Pixels) -> DrawingNote:
    """The note of a drawing painted as `picture`, RGB `[H, W, 3]`, its lines laid on top as they were drawn.

    Raises: DeliveryError when the disk refuses, ArtError when its art has changed meanwhile.
    """
    cel = job.load()
    keep_trace = job.options.trace_fill == "keep"
    line = lines_on_top(cel, is_binary=job.options.is_line_binary, keep_trace=keep_trace)
    paint = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    whole = paint if line is None else blend_over(paint, line)
    return finish_new(job, NewDrawing(name, whole, paint, line))


def finish_voted(job: FinishJob, name: str, picture: Pixels, options: CelOptions) -> DrawingNote:
    """The note of a drawing whose regions took their colors from `picture`; raises as `finish_film`."""
    regions = find_regions(line_frame(job.load()), options.segment)
    voted = vote_colors(picture, regions, job.model, options.paper)
    doubts = doubts_of(voted, regions, options.doubt_below)
    return finish_drawing(job, ColoredDrawing(name, regions.runs(), voted.colors, voted.margin, doubts))
