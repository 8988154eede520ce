"""What a run remembers of finished drawings, so that any later run can deliver them without drawing again.

A note is written before the drawing's frames: a frame that stands has its note, whenever the run was killed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from toonctl.core.files import write_whole
from toonctl.core.types import ColorModel, Doubt, FellBack, Pixels, Warned
from toonctl.stages.tree import OutputTree


@dataclass(frozen=True, slots=True)
class DrawingNote:
    """What became of one drawing.

    `color_regions` counts the regions by color-model index; `parts` names the parts written apart (`paint`,
    `shadow`, `line`). `warnings` are what the drawing itself gives rise to, the same in any run; `fell_back`
    tells where an inbetween was not drawn by its regions.
    """

    layer: str
    drawing: str
    n_regions: int
    color_regions: Mapping[int, int]
    doubts: tuple[Doubt, ...] = ()
    parts: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()
    fell_back: tuple[FellBack, ...] = ()


@dataclass(frozen=True, slots=True)
class PaletteNote:
    """The color model of a layer as read from its references, and what `doubt_below` and the like were."""

    layer: str
    model: ColorModel
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])


def write_note(tree: OutputTree, note: DrawingNote, *, job_key: str) -> None:
    """Store the note of a drawing. Raises: DeliveryError when the disk refuses."""
    _store(tree.note(note.layer, note.drawing), {"job_key": job_key, **asdict(note)})


def read_note(tree: OutputTree, layer: str, drawing: str, *, job_key: str) -> DrawingNote | None:
    """The note of a drawing; None when there is none of this job."""
    data = _recall(tree.note(layer, drawing), job_key)
    if data is None:
        return None
    return DrawingNote(
        layer=layer,
        drawing=drawing,
        n_regions=data["n_regions"],
        color_regions={int(index): count for index, count in data["color_regions"].items()},
        doubts=tuple(replace(Doubt(**doubt), box=tuple(doubt["box"])) for doubt in data["doubts"]),
        parts=tuple(data["parts"]),
        warnings=tuple(Warned(**warned) for warned in data["warnings"]),
        fell_back=tuple(
            replace(FellBack(**place), box=tuple(place["box"])) for place in data.get("fell_back", ())
        ),
    )


def write_palette_note(tree: OutputTree, note: PaletteNote, *, job_key: str) -> None:
    """Store the color model of a layer. Raises: DeliveryError when the disk refuses."""
    model = note.model
    planes = {name: _rows(getattr(model, name)) for name in ("colors", "flats", "shadows", "highlights")}
    data = {"job_key": job_key, **planes, "blends": dict(model.blends), "thresholds": dict(note.thresholds)}
    _store(tree.palette_note(note.layer), data)


def read_palette_note(tree: OutputTree, layer: str, *, job_key: str) -> PaletteNote | None:
    """The color model of a layer; None when there is none of this job."""
    data = _recall(tree.palette_note(layer), job_key)
    if data is None:
        return None
    colors, flats, shadows, highlights = (
        np.array(data[name], np.uint8).reshape(-1, 4) for name in ("colors", "flats", "shadows", "highlights")
    )
    return PaletteNote(
        layer, ColorModel(colors, flats, shadows, highlights, data["blends"]), data["thresholds"]
    )


def _rows(plane: Pixels) -> list[list[int]]:
    return cast("list[list[int]]", plane.tolist())


def _store(path: Path, data: Mapping[str, object]) -> None:
    write_whole(path, json.dumps(data, ensure_ascii=False, sort_keys=True, default=_number).encode())


def _number(value: object) -> object:
    if isinstance(value, np.generic):  # engines count in numpy
        return cast("object", value.item())
    raise TypeError(f"{type(value).__name__} has no place in a note")


def _recall(path: Path, job_key: str) -> Any | None:
    try:
        data: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # gone or half a file from elsewhere: the drawing is simply done again
    is_note = isinstance(data, dict) and cast("dict[str, object]", data).get("job_key") == job_key
    return cast("Any", data) if is_note else None
