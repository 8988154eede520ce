"""A small finished shot as the drawing commands leave it, for the tests of the delivery.

Two cel layers over a background: A on twos and threes, B empty at both ends; flat shapes, black lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from toonctl.core.types import ColorModel, Doubt, Pixels, Role
from toonctl.stages.chunks import ChunkRecord, EngineRecord, RunClock, WeightsFile, write_chunk
from toonctl.stages.notes import DrawingNote, PaletteNote, write_note, write_palette_note
from toonctl.stages.palette import LayerColors
from toonctl.stages.show import ReferencePicture, Show
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree
from toonctl.stages.write import CompJob, deliver_png, write_comp, write_still

KEY = "5e" * 32
SIZE = (320, 180)
EXPOSURES: Mapping[str, tuple[str | None, ...]] = {
    "A": ("1", "1", "2", "2", "3", "3", "3", "2", "1", "1"),
    "B": (None, None, "1", "1", "1", "2", "2", "2", None, None),
}
SKIN, HAIR, SHADE = (246, 213, 190, 255), (61, 90, 128, 255), (188, 160, 150, 255)
LINE = (20, 20, 20, 255)


@dataclass(frozen=True, slots=True)
class Finished:
    """The tree of a finished shot and what its pictures were made from."""

    tree: OutputTree
    timeline: Timeline
    lines: Mapping[tuple[str, str], Pixels]
    show: Show


def color_model() -> ColorModel:
    """Four colors: nothing, skin, hair, and skin in the shade."""
    colors = np.array([(0, 0, 0, 0), SKIN, HAIR, SHADE], np.uint8)
    flats = np.array([(0, 0, 0, 0), SKIN, HAIR, SKIN], np.uint8)
    shadows = np.zeros_like(colors)
    shadows[3] = (195, 192, 201, 255)
    return ColorModel(colors, flats, shadows, np.zeros_like(colors), {"shadow": "multiply"})


def drawn(layer: str, name: str, size: tuple[int, int] = SIZE) -> Mapping[str, Pixels]:
    """The parts of a drawing: `paint` and `line`, RGBA `[H, W, 4]`."""
    width, height = size
    unit = height / 180
    parts = {part: np.zeros((height, width, 4), np.uint8) for part in ("paint", "line")}
    x = (70 + 40 * int(name)) if layer == "A" else (250 - 40 * int(name))
    y = 90 if layer == "A" else 60
    at, axes = (round(x * unit), round(y * unit)), (round(38 * unit), round(52 * unit))
    cv2.ellipse(parts["paint"], at, axes, 0, 0, 360, SKIN if layer == "A" else HAIR, -1)
    cv2.ellipse(parts["paint"], at, axes, 0, 200, 300, SHADE if layer == "A" else SKIN, -1)
    cv2.ellipse(parts["line"], at, axes, 0, 0, 360, LINE, max(2, round(3 * unit)))
    cv2.line(parts["line"], (at[0] - axes[0], at[1]), (at[0] + axes[0], at[1]), LINE, max(1, round(2 * unit)))
    return parts


def doubts(layer: str, name: str) -> tuple[Doubt, ...]:
    """Drawing 2 of A is unsure of two regions, drawing 3 of one."""
    if layer != "A" or name == "1":
        return ()
    here = Doubt(2, (120, 40, 60, 50), 1500, 3, 1, 0.31, False)
    there = Doubt(1, (100, 95, 90, 45), 2200, 1, 2, 0.12, True)
    return (here, there) if name == "2" else (here,)


def finish_shot(tree: OutputTree) -> Finished:
    """Write frames, stills, notes and the record of one whole run; nothing that `deliver` writes."""
    timeline = Timeline(1, len(EXPOSURES["A"]), tuple(EXPOSURES), EXPOSURES)
    lines: dict[tuple[str, str], Pixels] = {}
    model = color_model()
    told: dict[str, LayerColors] = {}
    write_still(tree, "BG", background(), job_key=KEY)
    for layer in timeline.layers:
        palette = PaletteNote(layer, model, {"doubt_below": 0.5})
        write_palette_note(tree, palette, job_key=KEY)
        notes: list[DrawingNote] = []
        for name in timeline.drawings(layer):
            parts = drawn(layer, name)
            lines[layer, name] = parts["line"]
            for part, pixels in parts.items():
                deliver_png([(tree.part(layer, name, part), None)], pixels, job_key=KEY, layer=layer)
            counts = {1: 2, 3: 1} if layer == "A" else {2: 1, 1: 1}
            notes.append(DrawingNote(layer, name, 3, counts, doubts(layer, name), ("paint", "line")))
            write_note(tree, notes[-1], job_key=KEY)
            flat = np.where(parts["line"][..., 3:] > 0, parts["line"], parts["paint"])
            frames = timeline.frames_of(layer, name)
            targets = [(tree.cel(layer, name), frames[0]), *((tree.frame(layer, f), f) for f in frames)]
            deliver_png(targets, flat, job_key=KEY, layer=layer)
        blank = [(tree.frame(layer, f), f) for f in timeline.frames_of(layer, None)]
        if blank:
            deliver_png(blank, np.zeros((SIZE[1], SIZE[0], 4), np.uint8), job_key=KEY, layer=layer)
        told[layer] = LayerColors(palette, tuple(notes))
    for frame in timeline.frames:
        shown = [tree.frame(layer, frame) for layer in timeline.layers]
        write_comp(CompJob((tree.still("BG"), *shown), ((tree.frame(COMP, frame), frame),), KEY))
    write_chunk(tree, record(timeline))
    stack = (("BG", Role.BACKGROUND), ("A", Role.CEL), ("B", Role.CEL))
    references = tuple(ReferencePicture(layer, "1", drawn(layer, "1")["paint"]) for layer in timeline.layers)
    line = lambda layer, name: lines.get((layer, name))  # noqa: E731 - a look-up, not worth a name
    return Finished(
        tree, timeline, lines, Show(tree, timeline, SIZE, Fraction(24), stack, references, told, line)
    )


def record(timeline: Timeline) -> ChunkRecord:
    """The record of one run over the whole shot."""
    engine = EngineRecord(
        "cel", "cpu", "float32", 0, (WeightsFile("cel_matcher.safetensors", "ab" * 32, "MIT"),)
    )
    return ChunkRecord(KEY, "colorize-long", tuple(timeline.frames), engine, {}, RunClock().facts())


def background() -> Pixels:
    """A painted sky, RGBA `[H, W, 4]`."""
    down = np.linspace(150, 230, SIZE[1]).astype(np.uint8)[:, None]
    across = np.linspace(0, 40, SIZE[0]).astype(np.uint8)[None, :]
    sky = np.full((SIZE[1], SIZE[0], 4), 255, np.uint8)
    sky[..., 0], sky[..., 1], sky[..., 2] = down - across, down - across // 2, down
    return sky
