"""CSV exposure sheets: Clip Studio's form read and written, the form of TVPaint and Krita read.

Clip Studio: row 1 names the parent of each layer, row 2 the layers from the bottom up, then a row for each
frame with its number from 1 and what changes: a drawing, `×` nothing from here, `○` inbetween mark, `●`
reverse-sheet mark, blank hold. TVPaint and Krita: a scene header, then rows that start with `#`, layers from
the top down, every frame spelled out.
[Clip Studio manual, timeline export; Krita manual `*.csv` and csv_saver.cpp; TVPaint CSV 1.1 exports.]
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from toonctl.core.errors import SpecError
from toonctl.core.names import name_fault
from toonctl.core.timesheet import MAX_FRAMES, Timesheet, hold_changes
from toonctl.formats.sheetfile import Faults, check_drawings, is_of_size, read_sheet_bytes

_EMPTY = "×"
_TICKS = {"○": "tick_1", "●": "tick_2"}
_SYMBOLS = {mark: symbol for symbol, mark in _TICKS.items()}

_HEADER_ROWS = 20  # more than any program writes before the first frame
_FRAME_ROW = re.compile(r"#([0-9]{1,9})")
_PICTURE_SUFFIX = re.compile(r"\.(png|tga|tiff?|jpe?g|bmp|psd|exr)$", re.IGNORECASE)
_LAYER_NUMBER = re.compile(r"\[([0-9]{1,6})\]\[[0-9]+\]")

_Row = tuple[int, list[str]]
"""(1-based line in the file, cells without surrounding blanks)"""


def read_csv(path: Path) -> Timesheet:
    """The sheet in the CSV file `path`, in either form; UTF-8 with or without mark, or Shift-JIS (cp932).

    In the TVPaint and Krita form a drawing is named as its picture in `<path without .csv>.frames`, without
    `.png`, and layers switched off are left out. Raises: SpecError listing every fault with its line.
    """
    rows = _rows(path)
    faults = Faults(path)
    is_tvpaint = len(rows[0][1]) > 1 and rows[0][1][1] == "TVPaint" if rows else False
    sheet = _read_tvpaint(rows, faults) if is_tvpaint else _read_clip_studio(rows, faults)
    faults.check()
    return sheet


def _rows(path: Path) -> list[_Row]:
    """The rows that are not blank."""
    data = read_sheet_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp932")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SpecError(
                "the sheet is neither UTF-8 nor Shift-JIS text", f"{path}:{line}", "save it as CSV in UTF-8"
            ) from error
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    rows: list[_Row] = []
    try:
        for cells in reader:
            if any(cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
            if len(rows) > MAX_FRAMES + _HEADER_ROWS:
                raise SpecError(f"the sheet has more than {MAX_FRAMES:,} frames", f"{path}:{reader.line_num}")
    except csv.Error as error:
        raise SpecError(f"the sheet is not CSV: {error}", f"{path}:{reader.line_num}") from error
    return rows


def _read_clip_studio(rows: Sequence[_Row], faults: Faults) -> Timesheet:
    if len(rows) < 3 or len(rows[1][1]) < 2:
        faults.add("the sheet needs a row of parents, a row of layers and a row for each frame")
        return Timesheet("", 0, {})
    (_, parents), (names_line, names), *frames = rows
    _check_numbers([(line, cells[0]) for line, cells in frames], 1, faults)
    layers = {column: name for column, name in enumerate(names) if column and name}
    if not is_of_size(len(layers), len(frames), faults):
        return Timesheet("", 0, {})
    _check_layers(layers.values(), names_line, faults)
    changes: dict[int, list[tuple[int, str]]] = {column: [] for column in layers}
    for index, (line, cells) in enumerate(frames):
        for column, cell in enumerate(cells):
            if column in layers and cell:
                changes[column].append((index, cell))
            elif column and cell:
                faults.add(f"`{cell[:60]}` stands below no layer name", line=line)
    exposures: dict[str, tuple[str | None, ...]] = {}
    marks: dict[str, dict[int, str]] = {}
    for column, layer in layers.items():
        held = [(index, cell) for index, cell in changes[column] if cell not in _TICKS]
        drawings = [(index, None if cell == _EMPTY else cell) for index, cell in held]
        check_drawings((drawing for _, drawing in drawings), faults.inside(f"layer `{layer[:60]}`"))
        exposures[layer] = hold_changes(drawings, len(frames))
        ticks = {index: _TICKS[cell] for index, cell in changes[column] if cell in _TICKS}
        if ticks:
            marks[layer] = ticks
    name = next((parent for parent in parents[1:] if parent), "")
    return Timesheet(name, len(frames), exposures, marks)


def _read_tvpaint(rows: Sequence[_Row], faults: Faults) -> Timesheet:
    frames = [(line, cells) for line, cells in rows if _FRAME_ROW.fullmatch(cells[0])]
    names_line, names = _row_called("#Layers", rows)
    if len(names) < 2 or not frames:
        faults.add("the sheet needs a row `#Layers` and a row for each frame", line=names_line)
        return Timesheet("", 0, {})
    # Krita counts from 0 or from where its clip starts, TVPaint from 1.
    first = int(frames[0][1][0][1:])
    _check_numbers([(line, cells[0][1:]) for line, cells in frames], first, faults)
    _, visible = _row_called("#Visible", rows)
    layers = {
        column: names[column]
        for column in range(len(names) - 1, 0, -1)
        if visible[column : column + 1] != ["0"]
    }
    if not is_of_size(len(layers), len(frames), faults):
        return Timesheet("", 0, {})
    _check_layers(layers.values(), names_line, faults)
    shown: dict[int, list[str | None]] = {column: [None] * len(frames) for column in layers}
    for index, (line, cells) in enumerate(frames):
        for position, cell in enumerate(cells[1:], 1):
            # TVPaint leaves out layers with nothing on them: the number in the name tells the layer.
            found = _LAYER_NUMBER.match(cell)
            column = int(found[1]) if found else position
            if cell and not 1 <= column < len(names):
                faults.add(f"`{cell[:60]}` belongs to no layer", line=line)
            elif cell and column in shown:
                shown[column][index] = _PICTURE_SUFFIX.sub("", cell)
    for column, layer in layers.items():
        check_drawings(shown[column], faults.inside(f"layer `{layer[:60]}`"))
    return Timesheet(
        _scene_value(rows, "Project Name"),
        len(frames),
        {layers[column]: tuple(shown[column]) for column in layers},
    )


def _row_called(head: str, rows: Sequence[_Row]) -> _Row:
    """The row that starts with `head`, blank when there is none."""
    for row in rows:
        if row[1][0] == head:
            return row
    return 1, []


def _scene_value(rows: Sequence[_Row], key: str) -> str:
    """What the row below the scene header holds under `key`, empty when there is none."""
    for (_, header), (_, values) in pairwise(rows):
        if key in header[: len(values)]:
            return values[header.index(key)]
    return ""


def _check_numbers(numbered: Sequence[tuple[int, str]], due: int, faults: Faults) -> None:
    """Notes the rows (line, number) that do not count on from `due`."""
    for line, text in numbered:
        if not re.fullmatch("[0-9]{1,9}", text):
            faults.add(f"`{text[:60]}` is not a frame number", line=line)
        elif int(text) != due:
            hint = "give each frame one row, in order"
            faults.add(f"frame {int(text)} stands where frame {due} is due", line=line, hint=hint)
            due = int(text)
        due += 1


def _check_layers(layers: Iterable[str], line: int, faults: Faults) -> None:
    for layer, n_columns in Counter(layers).items():
        if fault := name_fault(layer):
            faults.add(f"the layer name `{layer[:60]}` {fault}", line=line, hint="rename the layer")
        elif n_columns > 1:
            faults.add(f"{n_columns} layers are called `{layer}`", line=line, hint="rename the others")


def csv_text(sheet: Timesheet) -> str:
    """`sheet` in Clip Studio's form, to be encoded as UTF-8; dialogue and camera have no place in it.

    `read_csv` gives name, exposures and marks back; a mark on a frame that shows another drawing than the one
    before is left out. Raises: SpecError on a name the form would read as a symbol or as blank.
    """
    for text in {
        *sheet.exposures,
        *(name for shown in sheet.exposures.values() for name in shown if name is not None),
    }:
        if not text or text.strip() != text or text == _EMPTY or text in _TICKS:
            raise SpecError(
                f"`{text}` cannot be written to a CSV sheet", hint="rename the layer or the drawing"
            )
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(["Frame", *[sheet.name] * len(sheet.exposures)])
    writer.writerow(["", *sheet.exposures])
    columns = [_column(sheet, layer) for layer in sheet.exposures]
    writer.writerows((index + 1, *cells) for index, cells in enumerate(zip(*columns, strict=True)))
    return lines.getvalue()


def _column(sheet: Timesheet, layer: str) -> list[str]:
    cells: list[str] = []
    before: str | None = None
    for index, drawing in enumerate(sheet.exposures[layer]):
        if drawing == before:
            mark = sheet.marks.get(layer, {}).get(index)
            cells.append(_SYMBOLS[mark] if mark else _EMPTY if index == 0 else "")
        else:
            cells.append(_EMPTY if drawing is None else drawing)
        before = drawing
    return cells
