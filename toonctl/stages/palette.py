"""What a delivery says about color: `palette.json` and the list of doubtful places, `doubts.json`."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from toonctl.core.files import write_whole
from toonctl.core.timesheet import format_frames
from toonctl.core.types import ColorModel, Doubt, Pixels
from toonctl.stages.notes import DrawingNote, PaletteNote
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import OutputTree

_DEPTH = 6  # of doubts.json: a line for every doubt
_REACH = 24.0  # drawings; how far, by e-folding, a drawing colored by hand is trusted to settle others


@dataclass(frozen=True, slots=True)
class LayerColors:
    """The color side of one delivered layer: its color model and the notes of its drawings, in order."""

    palette: PaletteNote
    notes: tuple[DrawingNote, ...]


@dataclass(frozen=True, slots=True)
class HandPick:
    """A drawing worth coloring by hand; `gain` 0..1 is the share of doubtful pixels it would settle."""

    drawing: str
    gain: float


def color_name(index: int) -> str:
    """What a color-model entry is called where people read it: `color_07`."""
    return f"color_{index:02d}"


def hex_color(rgba: Iterable[int]) -> str:
    """`#F6D5BE`, with two more digits where the color is not opaque."""
    values = [int(value) for value in rgba]
    return "#" + "".join(f"{value:02X}" for value in (values[:3] if values[3] == 255 else values))


def write_palette(tree: OutputTree, layers: Mapping[str, LayerColors]) -> None:
    """`palette.json`: every layer's colors, what they are mixed from, and where they are used.

    Raises: DeliveryError when the disk refuses.
    """
    entries = [
        {
            "name": name,
            "blends": dict(colors.palette.model.blends),
            "colors": _swatches(colors.palette.model, colors.notes),
            "drawings": {
                note.drawing: {color_name(i): n for i, n in sorted(note.color_regions.items())}
                for note in colors.notes
            },
        }
        for name, colors in layers.items()
    ]
    _write(tree, "palette", {"schema": 1, "shot": tree.shot, "layers": entries})


def write_doubts(tree: OutputTree, layers: Mapping[str, LayerColors], timeline: Timeline) -> None:
    """`doubts.json`: the doubtful regions of every drawing, and which drawing to color by hand next.

    Raises: DeliveryError when the disk refuses.
    """
    entries: list[dict[str, object]] = []
    for name, colors in layers.items():
        model = colors.palette.model
        entries.append(
            {
                "name": name,
                "thresholds": dict(colors.palette.thresholds),
                "drawings": [
                    {
                        "drawing": note.drawing,
                        "frames": format_frames(timeline.frames_of(name, note.drawing)),
                        "regions": note.n_regions,
                        "doubts": [doubt_entry(doubt, model) for doubt in _ranked(note.doubts)],
                    }
                    for note in colors.notes
                    if note.doubts
                ],
                "by_hand_next": [
                    {
                        "drawing": pick.drawing,
                        "frame": timeline.frames_of(name, pick.drawing)[0],
                        "gain": round(pick.gain, 4),
                    }
                    for pick in pick_by_hand(colors.notes)
                ],
            }
        )
    _write(tree, "doubts", {"schema": 1, "shot": tree.shot, "layers": entries})


def doubt_entry(doubt: Doubt, model: ColorModel) -> dict[str, object]:
    """One doubtful region as the delivery shows it, colors by name and hex."""
    return {
        "region": doubt.region,
        "box": list(doubt.box),
        "area_px": doubt.area_px,
        "color": color_name(doubt.color),
        "hex": hex_color(model.colors[doubt.color]),
        "runner_up": color_name(doubt.runner_up),
        "runner_up_hex": hex_color(model.colors[doubt.runner_up]),
        "confidence": round(float(doubt.confidence), 4),
        "unseen": doubt.is_unseen,
    }


def pick_by_hand(notes: Sequence[DrawingNote], *, limit: int = 8) -> tuple[HandPick, ...]:
    """The drawings best colored by hand next, most useful first.

    A drawing settles its own doubts, and those of other drawings that waver between the same two colors, the
    less the further away. Picked greedily: each gain counts what the picks before it left open. A function of
    the notes alone, so that a shot drawn in chunks gives the list of one drawn whole.
    """
    open_px: defaultdict[frozenset[int], np.ndarray] = defaultdict(lambda: np.zeros(len(notes)))
    for at, note in enumerate(notes):
        for doubt in note.doubts:
            open_px[frozenset((doubt.color, doubt.runner_up))][at] += doubt.area_px
    total = sum(float(px.sum()) for px in open_px.values())
    if total == 0:
        return ()
    places = np.arange(len(notes))
    trust = np.exp(-np.abs(places[:, None] - places[None, :]) / _REACH)  # [picked, settled]
    has = {pair: px > 0 for pair, px in open_px.items()}
    picks: list[HandPick] = []
    for _ in range(min(limit, len(notes))):
        gains = np.zeros(len(notes))
        for pair, px in open_px.items():
            gains += has[pair] * (trust @ px)
        best = int(gains.argmax())
        if gains[best] < 0.005 * total:
            break
        picks.append(HandPick(notes[best].drawing, float(gains[best]) / total))
        for pair, px in open_px.items():
            if has[pair][best]:
                px *= 1 - trust[best]
    return tuple(picks)


def _swatches(model: ColorModel, notes: Sequence[DrawingNote]) -> list[dict[str, object]]:
    used: defaultdict[int, int] = defaultdict(int)
    for note in notes:
        for index, count in note.color_regions.items():
            used[index] += count
    return [
        {
            "index": index,
            "name": color_name(index),
            "hex": hex_color(rgba),
            "rgba": rgba.tolist(),
            "flat": _part(model.flats, index),
            "shadow": _part(model.shadows, index),
            "highlight": _part(model.highlights, index),
            "regions": used[index],
        }
        for index, rgba in enumerate(model.colors)
    ]


def _part(plane: Pixels, index: int) -> str | None:
    return hex_color(plane[index]) if plane[index, 3] else None


def _ranked(doubts: Sequence[Doubt]) -> list[Doubt]:
    return sorted(doubts, key=lambda doubt: (doubt.confidence, -doubt.area_px, doubt.region))


def _write(tree: OutputTree, name: str, content: Mapping[str, object]) -> None:
    path = tree.palette if name == "palette" else tree.doubts
    write_whole(path, (_layout(content, depth=_DEPTH) + "\n").encode())


def _layout(value: object, depth: int) -> str:
    """JSON with a line for each entry down to `depth` levels, and deeper entries each within their line.

    The indented form of the standard library takes a second for the doubts of a hundred drawings.
    """
    if depth and isinstance(value, dict) and value:
        entries = cast("dict[str, object]", value).items()
        lines = [
            f"{json.dumps(name, ensure_ascii=False)}: {_layout(entry, depth - 1)}" for name, entry in entries
        ]
        return "{\n" + ",\n".join(lines) + "\n}"
    if depth and isinstance(value, list) and value:
        return "[\n" + ",\n".join(_layout(entry, depth - 1) for entry in cast("list[object]", value)) + "\n]"
    return json.dumps(value, ensure_ascii=False)
