"""XDTS and TDTS exposure sheets: read to a `Timesheet`, and written as XDTS version 5.

A file is an identifying line and a JSON object. It counts frames from 0, people from 1; messages name both.
TDTS is the same tree with keys that are not read; its tables may lie inside `timeSheets`.
[OpenToonz `xdtsio`; Celsys, XDTS file format. Negative frames: Clip Studio, for what a layer starts with.]
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias, cast

from toonctl.core.errors import SpecError
from toonctl.core.names import name_fault
from toonctl.core.timesheet import MAX_FRAMES, SheetNote, Timesheet, hold_changes
from toonctl.formats.sheetfile import Faults, check_drawings, is_of_size, read_sheet_bytes

XDTS_LINE = "exchangeDigitalTimeSheet Save Data"
TDTS_LINE = "toeiDigitalTimeSheet Save Data"

_CELS, _DIALOGUE, _CAMERA = 0, 3, 5
_FIELDS = {_CELS: "", _DIALOGUE: "dialogue ", _CAMERA: "camera "}
_NULL, _HYPHEN = "SYMBOL_NULL_CELL", "SYMBOL_HYPHEN"
_TICKS = {"SYMBOL_TICK_1": "tick_1", "SYMBOL_TICK_2": "tick_2"}
_SYMBOLS = {mark: symbol for symbol, mark in _TICKS.items()}
_HOLDS = frozenset({_HYPHEN, *_TICKS})
_GIVE_DRAWING = f"give it a drawing, or `{_NULL}` where nothing is shown"
_EXPORT_AGAIN = "export the sheet again from the program it was made with"


_Entries: TypeAlias = Sequence[tuple[int, tuple[str, ...]]]
"""(0-based frame as in the file, values), ascending."""


@dataclass(frozen=True, slots=True)
class _Track:
    """A column of the sheet."""

    label: str
    entries: _Entries


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    header: Mapping[str, object]
    n_frames: int
    tracks: Mapping[int, tuple[_Track, ...]]


def read_xdts(path: Path, *, table: str | None = None) -> Timesheet:
    """The sheet in the XDTS or TDTS file `path`: its time table named `table`, else the first.

    Raises: SpecError listing every fault of the file with time table, track and frame; on a `table` it lacks.
    """
    root = _parse(path)
    faults = Faults(path)
    tables = tuple(_tables(root, faults))
    if not tables:
        faults.add("the sheet has no time table", hint=_EXPORT_AGAIN)
    faults.check()
    if table is None:
        return _sheet(tables[0])
    for candidate in tables:
        if candidate.name == table:
            return _sheet(candidate)
    names = ", ".join(f"`{candidate.name}`" for candidate in tables)
    raise SpecError(f"the sheet has no time table `{table}`", str(path), f"it has {names}")


def _parse(path: Path) -> dict[str, object]:
    """The JSON object below the identifying line."""
    data = read_sheet_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError("the sheet is not UTF-8 text", f"{path}:{line}", _EXPORT_AGAIN) from error
    first, _, body = text.partition("\n")
    if first.strip() not in (XDTS_LINE, TDTS_LINE):
        raise SpecError(f"the first line is not `{XDTS_LINE}`", f"{path}:1", "give an XDTS or TDTS file")
    try:
        root: object = json.loads(body)
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno + 1}:{error.colno}"
        raise SpecError(f"the sheet is not JSON: {error.msg}", place, _EXPORT_AGAIN) from error
    except RecursionError as error:
        raise SpecError("the sheet is nested too deep", str(path), _EXPORT_AGAIN) from error
    except ValueError as error:
        # Python refuses to read whole numbers of thousands of digits.
        raise SpecError("the sheet holds a number beyond all bounds", str(path), _EXPORT_AGAIN) from error
    if not isinstance(root, dict):
        raise SpecError("the sheet is not a JSON object", f"{path}:2", _EXPORT_AGAIN)
    return cast("dict[str, object]", root)


def _tables(root: dict[str, object], faults: Faults) -> Iterator[_Table]:
    for sheet in _objects(root, "timeSheets", faults) if "timeSheets" in root else [root]:
        header = sheet.get("header")
        header = cast("dict[str, object]", header) if isinstance(header, dict) else {}
        for number, raw in enumerate(_objects(sheet, "timeTables", faults), 1):
            name = _text(raw.get("name"))
            inside = faults.inside(f"table `{name[:60]}`" if name else f"table {number}")
            n_frames = _whole(raw, "duration")
            if n_frames is None or not 1 <= n_frames <= MAX_FRAMES:
                inside.add(f"`duration` is not a number of frames from 1 to {MAX_FRAMES:,}")
                n_frames = 1
            yield _Table(name, header, n_frames, _tracks_by_field(raw, n_frames, inside))


def _tracks_by_field(
    table: dict[str, object], n_frames: int, faults: Faults
) -> dict[int, tuple[_Track, ...]]:
    labels = {
        field_id: _items(header, "names", faults)
        for header in _objects(table, "timeTableHeaders", faults)
        if (field_id := _whole(header, "fieldId")) in _FIELDS
    }
    tracks: dict[int, tuple[_Track, ...]] = {}
    for raw in _objects(table, "fields", faults):
        field_id = _whole(raw, "fieldId")
        if field_id not in _FIELDS:
            continue
        if field_id in tracks:
            faults.add(f"the field with fieldId {field_id} is given twice", hint=_EXPORT_AGAIN)
        tracks[field_id] = _tracks(raw, labels.get(field_id, []), field_id, faults)
    if _CELS not in tracks:
        faults.add("there are no cels (no field with fieldId 0)", hint=_EXPORT_AGAIN)
    else:
        is_of_size(len(tracks[_CELS]), n_frames, faults)
    return tracks


def _tracks(
    raw: dict[str, object], labels: list[object], field_id: int, faults: Faults
) -> tuple[_Track, ...]:
    """The tracks of a field that hold anything, by `trackNo`: bottom layer first."""
    tracks: dict[int, _Track] = {}
    taken: set[str] = set()
    for item in _objects(raw, "tracks", faults):
        number = _whole(item, "trackNo")
        if number is None or number < 0:
            faults.add(f"a {_FIELDS[field_id]}track has no `trackNo` of 0 or above", hint=_EXPORT_AGAIN)
            continue
        label = _text(labels[number]) if number < len(labels) else ""
        inside = faults.inside(f"{_FIELDS[field_id]}track {number}" + (f" (`{label[:60]}`)" if label else ""))
        entries = _entries(item, inside)
        if not entries:
            continue
        if number in tracks:
            inside.add("the track is given twice", hint=_EXPORT_AGAIN)
        if not label:
            inside.add(f"`names` has no name for it ({len(labels)} are given)", hint=_EXPORT_AGAIN)
        elif field_id == _CELS:
            _check_layer(label, label in taken, entries, inside)
        elif label in taken:
            label = f"{label} ({number})"
        taken.add(label)
        tracks[number] = _Track(label, entries)
    return tuple(tracks[number] for number in sorted(tracks))


def _check_layer(label: str, is_taken: bool, entries: _Entries, faults: Faults) -> None:
    if fault := name_fault(label):
        faults.add(f"the layer's name {fault}", hint="rename the layer")
    elif is_taken:
        faults.add("another layer has the same name", hint="rename one of them")
    check_drawings((values[0] for _, values in entries if values[0] not in _HOLDS), faults)


def _entries(track: Mapping[str, object], faults: Faults) -> _Entries:
    entries: dict[int, tuple[str, ...]] = {}
    for item in _objects(track, "frames", faults):
        frame = _whole(item, "frame")
        if frame is None:
            faults.add("an entry has no whole number as `frame`", hint=_EXPORT_AGAIN)
            continue
        inside = faults.inside(f"frame {frame + 1} (`frame` {frame} in the file)")
        if frame in entries:
            inside.add("the frame is given twice", hint="keep one of the entries")
        entries[frame] = _values(item, inside)
    return sorted(entries.items())


def _values(entry: Mapping[str, object], faults: Faults) -> tuple[str, ...]:
    data = _objects(entry, "data", faults)
    values = _items(data[0], "values", faults) if data else []
    texts = tuple(value for value in values if isinstance(value, str))
    if entry.get("data") == []:
        faults.add("`data` is empty", hint=_GIVE_DRAWING)
    elif data and (not values or values[0] == "" or len(texts) < len(values)):
        faults.add("`values` is not a list of texts that starts with a drawing", hint=_GIVE_DRAWING)
    return texts if texts and texts[0] else (_NULL,)


def _sheet(table: _Table) -> Timesheet:
    exposures: dict[str, tuple[str | None, ...]] = {}
    marks: dict[str, Mapping[int, str]] = {}
    for track in table.tracks[_CELS]:
        changes = [(frame, values[0]) for frame, values in track.entries if values[0] not in _HOLDS]
        drawings = [(frame, None if name == _NULL else name) for frame, name in changes]
        exposures[track.label] = hold_changes(drawings, table.n_frames)
        ticks = {
            frame: _TICKS[values[0]]
            for frame, values in track.entries
            if values[0] in _TICKS and 0 <= frame < table.n_frames
        }
        if ticks:
            marks[track.label] = ticks
    return Timesheet(
        table.name,
        table.n_frames,
        exposures,
        marks,
        cut=_text(table.header.get("cut")),
        scene=_text(table.header.get("scene")),
        dialogue=tuple(_notes(table, _DIALOGUE)),
        camera=tuple(_notes(table, _CAMERA)),
    )


def _notes(table: _Table, field_id: int) -> Iterator[SheetNote]:
    for track in table.tracks.get(field_id, ()):
        changes = [(max(frame, 0), values) for frame, values in track.entries if values[0] not in _HOLDS]
        for (start, values), (end, _) in pairwise([*changes, (table.n_frames, (_NULL,))]):
            n_frames = min(end, table.n_frames) - start
            if values[0] != _NULL and n_frames > 0:
                yield SheetNote(track.label, start, n_frames, tuple(_text(value) for value in values))


def _text(value: object) -> str:
    """The text `value`, empty when it is none; half characters, which no file can hold, become `?`."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _whole(item: Mapping[str, object], key: str) -> int | None:
    value = item.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    # Numbers beyond any sheet would need bounds wherever they are counted with or printed.
    return value if abs(value) < 10**9 else None


def _items(item: Mapping[str, object], key: str, faults: Faults) -> list[object]:
    value = item.get(key)
    if not isinstance(value, list):
        faults.add(f"`{key}` is not a list", hint=_EXPORT_AGAIN)
        return []
    return cast("list[object]", value)


def _objects(item: Mapping[str, object], key: str, faults: Faults) -> list[dict[str, object]]:
    """The objects listed under `key`; what is no object is a fault."""
    items = _items(item, key, faults)
    objects = [cast("dict[str, object]", value) for value in items if isinstance(value, dict)]
    if len(objects) < len(items):
        faults.add(f"`{key}` holds something that is not an object", hint=_EXPORT_AGAIN)
    return objects


def xdts_text(sheet: Timesheet) -> str:
    """`sheet` as XDTS version 5, to be encoded as UTF-8; `read_xdts` gives an equal sheet back.

    An entry stands at every change, `SYMBOL_NULL_CELL` where nothing is shown any more. The format wants cut
    and scene of one to four digits: the first digits found are written, else `1`. A mark on a frame that
    shows another drawing than the one before has no place in the format and is left out.
    Raises: SpecError on a drawing or a note called like a symbol of the format.
    """
    fields = {_CELS: {layer: _cel_entries(sheet, layer) for layer in sheet.exposures}}
    for field_id, notes in ((_DIALOGUE, sheet.dialogue), (_CAMERA, sheet.camera)):
        if notes:
            fields[field_id] = {label: _note_entries(notes, label) for label in _labels(notes)}
    table = {
        "name": sheet.name,
        "duration": sheet.n_frames,
        "timeTableHeaders": [
            {"fieldId": field_id, "names": list(tracks)} for field_id, tracks in fields.items()
        ],
        "fields": [_field(field_id, tracks.values()) for field_id, tracks in fields.items()],
    }
    header = {"cut": _digits(sheet.cut), "scene": _digits(sheet.scene)}
    root = {"header": header, "timeTables": [table], "version": 5}
    return f"{XDTS_LINE}\n{json.dumps(root, ensure_ascii=False, separators=(',', ':'))}\n"


def _cel_entries(sheet: Timesheet, layer: str) -> dict[int, tuple[str, ...]]:
    shown, marks = sheet.exposures[layer], sheet.marks.get(layer, {})
    entries: dict[int, tuple[str, ...]] = {}
    before: str | None = None
    for index, drawing in enumerate(shown):
        if drawing == before and index in marks:
            entries[index] = (_SYMBOLS[marks[index]],)
        elif drawing != before or index == 0:
            entries[index] = (_NULL,) if drawing is None else (_plain(drawing),)
        before = drawing
    if before is not None:
        entries[len(shown)] = (_NULL,)
    return entries


def _labels(notes: Iterable[SheetNote]) -> Iterable[str]:
    return dict.fromkeys(note.track for note in notes)


def _note_entries(notes: Iterable[SheetNote], label: str) -> dict[int, tuple[str, ...]]:
    entries: dict[int, tuple[str, ...]] = {}
    for note in sorted((note for note in notes if note.track == label), key=lambda note: note.index):
        # Sheet programs draw the line of a note through frames that hold it.
        end = note.index + note.n_frames
        entries |= dict.fromkeys(range(note.index + 1, end), (_HYPHEN,))
        entries[note.index] = (_plain(note.values[0]), *note.values[1:])
        entries[end] = (_NULL,)
    return entries


def _plain(text: str) -> str:
    if not text or text == _NULL or text in _HOLDS:
        raise SpecError(f"`{text}` cannot be written to an XDTS sheet", hint="rename the drawing or the note")
    return text


def _field(field_id: int, tracks: Iterable[Mapping[int, tuple[str, ...]]]) -> dict[str, object]:
    return {
        "fieldId": field_id,
        "tracks": [
            {
                "trackNo": number,
                "frames": [
                    {"frame": frame, "data": [{"id": 0, "values": list(values)}]}
                    for frame, values in sorted(entries.items())
                ],
            }
            for number, entries in enumerate(tracks)
        ],
    }


def _digits(text: str) -> str:
    found = re.search(r"[0-9]{1,4}", text)
    return found[0] if found else "1"
