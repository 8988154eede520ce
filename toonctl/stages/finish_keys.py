"""Keys and inbetweens to their files: cel, parts, every frame that shows them. Runs in worker processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from toonctl.core.types import Doubt, FellBack, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.stages.finish import FinishJob, finish_picture
from toonctl.stages.key_pixels import KeyPixels, key_pixels
from toonctl.stages.notes import DrawingNote


@dataclass(frozen=True, slots=True)
class NewDrawing:
    """A drawing that an engine made, RGBA `[H, W, 4]`; `paint` and `line` where they lie apart.

    `color_regions` counts the regions by color-model index where it was colored by region.
    """

    name: str
    picture: Pixels
    paint: Pixels | None
    line: Pixels | None
    fell_back: tuple[FellBack, ...] = ()
    color_regions: Mapping[int, int] = field(default_factory=dict[int, int])
    doubts: tuple[Doubt, ...] = ()


def finish_key(job: FinishJob, name: str) -> DrawingNote:
    """The note of a key, delivered as it came, now that its cel and its frames are written.

    Raises: DeliveryError when the disk refuses, ArtError when its art has changed meanwhile.
    """
    key = key_pixels(job.load(), job.size, is_binary=job.options.is_line_binary)
    return _finish(job, DrawingNote(job.layer, name, 0, {}), key)


def finish_new(job: FinishJob, drawn: NewDrawing) -> DrawingNote:
    """The note of a new drawing, now that its cel and its frames are written. Raises: DeliveryError."""
    picture, line = drawn.picture, drawn.line
    if line is not None and drawn.paint is not None and job.options.is_line_binary:
        line = line.copy()
        line[..., 3] = np.where(line[..., 3] >= 128, 255, 0)
        picture = blend_over(drawn.paint, line)
    note = DrawingNote(
        layer=job.layer,
        drawing=drawn.name,
        n_regions=sum(drawn.color_regions.values()),
        color_regions=drawn.color_regions,
        doubts=drawn.doubts,
        fell_back=drawn.fell_back,
    )
    return _finish(job, note, KeyPixels(picture, line, drawn.paint))


def _finish(job: FinishJob, note: DrawingNote, key: KeyPixels) -> DrawingNote:
    parts = {"paint": key.paint, "line": key.line}
    kept = {part: pixels for part, pixels in parts.items() if pixels is not None}
    kept = kept or {"paint": key.picture}
    told = replace(note, parts=tuple(kept))
    finish_picture(job, told, key.picture, kept)
    return told
