"""The example art of each kind of new shot, as files: what `init` puts beside the shot file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from toonctl.core.types import Pixels
from toonctl.pipelines.init_art import (
    INK,
    N_DRAWINGS,
    SHADOW,
    SIZE,
    TRACE,
    draw_background,
    draw_ball,
)

Table = Mapping[str, object]

_EXPOSURE = "1x4 2x1 3x2 4x2 5x4 6x2 7x2 8x1 9x6"
_FLAT_DRAWINGS = (1, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 9)  # by frame
_KEYS, _STILL, _SHEET = "ball_keys.psd", "ball_0001.psd", "ball.xdts"
_FLAT_FILES = (
    *(f"line/ball.{frame:04d}.png" for frame in range(1, len(_FLAT_DRAWINGS) + 1)),
    "color/ball.0001.png",
)
_KEY_DRAWINGS = {1: 1, 4: 3, 7: 5, 10: 7, 13: 9}
"""Drawings by the frame they are keys at."""


@dataclass(frozen=True, slots=True)
class Example:
    """The art of one kind of shot: its command, its files, who writes them, and what the shot file says.

    `tables` has the tables that the example fills; of those that are lists, each element.
    """

    command: str
    files: tuple[str, ...]
    write: Callable[[Path], None]
    tables: Mapping[str, Table | tuple[Table, ...]]


def _write_flat(folder: Path) -> None:
    """Line drawings on white, some held for two frames, and the painted first one."""
    drawings = [draw_ball(number, on_ground=True) for number in range(1, N_DRAWINGS + 1)]
    (folder / "line").mkdir(parents=True, exist_ok=True)
    (folder / "color").mkdir(exist_ok=True)
    coded = [_png(255 - np.maximum(drawing.line, drawing.trace)) for drawing in drawings]
    for name, number in zip(_FLAT_FILES, _FLAT_DRAWINGS, strict=False):
        (folder / name).write_bytes(coded[number - 1])
    (folder / "color/ball.0001.png").write_bytes(_png(drawings[0].painted()))


def _write_psd(folder: Path) -> None:
    """Line drawings in animation-folder form, the first one painted in still form, and the exposure sheet."""
    from toonctl.core.timesheet import Timesheet, parse_exposure
    from toonctl.formats.psd_writer import PsdOut, write_psd
    from toonctl.formats.xdts import xdts_text

    numbers = [str(number) for number in range(1, N_DRAWINGS + 1)]
    drawings = {number: draw_ball(int(number), on_ground=False) for number in numbers}
    lines = {number: PsdOut("線", _tinted(drawing.line, INK)) for number, drawing in drawings.items()}
    traces = {
        number: PsdOut("色トレス", _tinted(drawing.trace, TRACE)) for number, drawing in drawings.items()
    }
    cels = tuple(
        # As drawing programs leave them: one drawing of the folder is visible.
        PsdOut(number, children=(traces[number], lines[number]), is_visible=number == "1")
        for number in numbers
    )
    write_psd(folder / _KEYS, (PsdOut("A", children=cels),), size=SIZE)
    first = drawings["1"]
    painted = (
        PsdOut("A_paint", first.flat()),
        PsdOut("A_shadow", _tinted(first.shadow, SHADOW), blend="multiply", is_clipped=True),
        replace(traces["1"], name="A_trace"),
        replace(lines["1"], name="A_line"),
    )
    still = (PsdOut("BG", draw_background()), PsdOut("A", children=painted))
    write_psd(folder / _STILL, still, size=SIZE)
    shown = parse_exposure(_EXPOSURE)
    sheet = Timesheet("ball", len(shown), {"A": shown}, cut="1", scene="1")
    (folder / _SHEET).write_bytes(xdts_text(sheet).encode())


def _write_keys(folder: Path) -> None:
    """Painted keys on nothing."""
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    for frame, number in _KEY_DRAWINGS.items():
        (folder / f"keys/ball.{frame:04d}.png").write_bytes(_png(_painted_cel(number)))


def _write_layers(folder: Path) -> None:
    """A background that is held, and a painted layer for each key."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "BG.png").write_bytes(_png(draw_background()))
    for frame, number in _KEY_DRAWINGS.items():
        (folder / f"A.{frame:04d}.png").write_bytes(_png(_painted_cel(number)))


def _write_sketches(folder: Path) -> None:
    """The painted first drawing, and line drawings to be colored."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame, number in _KEY_DRAWINGS.items():
        drawing = draw_ball(number, on_ground=True)
        line = 255 - np.maximum(drawing.line, drawing.trace)
        is_first = frame == 1
        name = "ball.0001.png" if is_first else f"sketch.{frame:04d}.png"
        (folder / name).write_bytes(_png(drawing.painted() if is_first else line))


def _painted_cel(number: int) -> Pixels:
    """A finished drawing on nothing: uint8 RGBA `[H, W, 4]`."""
    from toonctl.formats.compositing import blend_over

    drawing = draw_ball(number, on_ground=False)
    shaded = blend_over(drawing.flat(), _tinted(drawing.shadow, SHADOW), blend="multiply", is_clipped=True)
    return blend_over(shaded, _tinted(drawing.line, INK))


def _tinted(coverage: Pixels, color: tuple[int, int, int]) -> Pixels:
    """RGBA `[H, W, 4]` of one color where `coverage` is."""
    rgba = np.zeros((*coverage.shape, 4), np.uint8)
    rgba[coverage > 0, :3] = color
    rgba[..., 3] = coverage
    return rgba


def _png(pixels: Pixels) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _shot(**more: object) -> Table:
    return {"name": "ball", "rate": "24", **more}


EXAMPLES: Mapping[str, Example] = {
    "flat": Example(
        "colorize-long",
        _FLAT_FILES,
        _write_flat,
        {
            "shot": _shot(),
            "art": {"line": "line/ball.####.png"},
            "reference": ({"frame": 1, "image": "color/ball.0001.png"},),
        },
    ),
    "psd": Example(
        "colorize-long",
        (_KEYS, _STILL, _SHEET),
        _write_psd,
        {
            "shot": _shot(),
            "art": {"psd": _KEYS, "sheet": _SHEET},
            "reference": ({"psd": _STILL, "drawings": {"A": "1"}},),
        },
    ),
    "inbetween": Example(
        "inbetween",
        tuple(f"keys/ball.{frame:04d}.png" for frame in _KEY_DRAWINGS),
        _write_keys,
        {
            "shot": _shot(),
            "key": tuple({"frame": f, "image": f"keys/ball.{f:04d}.png"} for f in _KEY_DRAWINGS),
        },
    ),
    "layerpack": Example(
        "layerpack",
        ("BG.png", *(f"A.{frame:04d}.png" for frame in _KEY_DRAWINGS)),
        _write_layers,
        {
            "shot": _shot(),
            "key": tuple(
                {"frame": f, "layers": {"BG": "BG.png", "A": f"A.{f:04d}.png"}} for f in _KEY_DRAWINGS
            ),
        },
    ),
    "postkey": Example(
        "postkey",
        ("ball.0001.png", *(f"sketch.{frame:04d}.png" for frame in _KEY_DRAWINGS if frame > 1)),
        _write_sketches,
        {
            "shot": _shot(prompt="a ball with a sprout bounces across a meadow"),
            "reference": ({"frame": 1, "image": "ball.0001.png"},),
            "sketch": tuple({"frame": f, "image": f"sketch.{f:04d}.png"} for f in _KEY_DRAWINGS if f > 1),
        },
    ),
}
"""The kinds of shots that `init` can start."""
