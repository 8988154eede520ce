"""`init`: a shot file that explains itself, the schema editors check it by, and small art to try it on."""

import inspect
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from toonctl.core.errors import DeliveryError
from toonctl.core.files import write_whole
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

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from toonctl.spec.table import Table

SHOT_FILE = "shot.toml"
SCHEMA_FILE = "shot.schema.json"
_EXPOSURE = "1x4 2x1 3x2 4x2 5x4 6x2 7x2 8x1 9x6"
_FLAT_DRAWINGS = (1, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 9)  # by frame
_WIDTH = 108  # of a comment


class Kind(StrEnum):
    """What the drawings of the new shot are."""

    FLAT = "flat"
    PSD = "psd"


@dataclass(frozen=True, slots=True)
class Started:
    """The shot file that was written, every file in the order of writing, and the command to try next."""

    shot: Path
    files: tuple[Path, ...]
    next_command: str


def run(folder: Path, *, kind: Kind) -> Started:
    """A new shot in `folder`, which is made when absent; nothing that is there is replaced.

    Raises: DeliveryError when `folder` is a file or already holds a file this would write.
    """
    shot = folder / SHOT_FILE
    names = _file_names(kind)
    if folder.exists() and not folder.is_dir():
        raise DeliveryError(f"`{folder.name}` is a file", str(folder), "name a folder for the new shot")
    taken = [name for name in (SHOT_FILE, SCHEMA_FILE, *names) if (folder / name).exists()]
    if taken:
        raise DeliveryError(
            f"`{taken[0]}` is already there, nothing was changed",
            str(folder / taken[0]),
            "name another folder: `toonctl init FOLDER`",
        )
    try:
        _write_flat(folder) if kind is Kind.FLAT else _write_psd(folder)
        (folder / SCHEMA_FILE).write_bytes(_schema_text().encode())
    except OSError as error:
        raise DeliveryError(f"cannot write to `{folder}`: {error.strerror or error}", str(folder)) from error
    # The shot file comes last: where it lies, the example is whole.
    write_whole(shot, shot_text(kind).encode())
    files = tuple(folder / name for name in (*names, SCHEMA_FILE, SHOT_FILE))
    return Started(shot, files, f"toonctl colorize-long {shlex.quote(str(shot))}")


def shot_text(kind: Kind) -> str:
    """The commented shot file: what the example sets, and every other key with its default, commented out."""
    from toonctl.spec.colorize_long import ColorizeLongSpec

    blocks = [
        f"#:schema ./{SCHEMA_FILE}\n"
        "# A shot for `toonctl colorize-long`. Paths are relative to this file, `####` is the frame number.\n"
        "# A key behind `#` shows its default: remove the `#` to change it."
    ]
    fields = {field.alias or key: field for key, field in ColorizeLongSpec.model_fields.items()}
    for name in sorted(fields, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER)):
        table, is_list = _table_of(fields[name])
        values = _EXAMPLE[kind].get(name, {})
        heading = f"[[{name}]]" if is_list else f"[{name}]"
        is_absent = is_list and not values
        lines = [*_comment(inspect.getdoc(table) or ""), f"#{heading}" if is_absent else heading]
        for key, field in table.model_fields.items():
            lines += _key_lines(key, field, value=values.get(key))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


_ORDER = ("shot", "art", "reference", "engine", "output", "layer", "psd")

_EXAMPLE: Mapping[Kind, Mapping[str, Mapping[str, object]]] = {
    Kind.FLAT: {
        "shot": {"name": "ball", "rate": "24"},
        "art": {"line": "line/ball.####.png"},
        "reference": {"frame": 1, "image": "color/ball.0001.png"},
    },
    Kind.PSD: {
        "shot": {"name": "ball", "rate": "24"},
        "art": {"psd": "ball_keys.psd", "sheet": "ball.xdts"},
        "reference": {"psd": "ball_0001.psd", "drawings": {"A": "1"}},
    },
}


def _table_of(field: "FieldInfo") -> "tuple[type[Table], bool]":
    """The table a key of the shot file holds, and whether it is a list of such tables."""
    kind = field.annotation
    inner = get_args(kind)
    return (inner[0], True) if inner else (cast("type[Table]", kind), False)


def _key_lines(key: str, field: "FieldInfo", *, value: object) -> Iterator[str]:
    about = field.description or {"name": "The engine."}.get(key, "")
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if value is not None:
        yield from _comment(about)
        yield f"{key} = {_toml(value)}"
    elif default is not None and default != {}:
        yield from _comment(about)
        yield f"#{key} = {_toml(default)}"
    else:
        yield from _comment(f"{key}: {about}")


def _comment(text: str) -> Iterator[str]:
    """`text` as comment lines; a list of short keys and long texts reads best unbroken up to the width."""
    for line in text.splitlines():
        yield from (f"# {part}" for part in wrap(line, _WIDTH))


def _toml(value: object) -> str:
    """One value as TOML spells it."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in pairs) + " }" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)


def _schema_text() -> str:
    from toonctl.spec.schema import shot_schema

    return json.dumps(shot_schema("colorize-long"), ensure_ascii=False, indent=2) + "\n"


def _file_names(kind: Kind) -> tuple[str, ...]:
    if kind is Kind.PSD:
        return (_KEYS, _STILL, _SHEET)
    frames = range(1, len(_FLAT_DRAWINGS) + 1)
    return (*(f"line/ball.{frame:04d}.png" for frame in frames), "color/ball.0001.png")


_KEYS, _STILL, _SHEET = "ball_keys.psd", "ball_0001.psd", "ball.xdts"


def _write_flat(folder: Path) -> None:
    """Line drawings on white, some held for two frames, and the painted first one."""
    drawings = [draw_ball(number, on_ground=True) for number in range(1, N_DRAWINGS + 1)]
    (folder / "line").mkdir(parents=True, exist_ok=True)
    (folder / "color").mkdir(exist_ok=True)
    coded = [_png(255 - np.maximum(drawing.line, drawing.trace)) for drawing in drawings]
    for name, number in zip(_file_names(Kind.FLAT), _FLAT_DRAWINGS, strict=False):
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
