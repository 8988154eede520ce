"""XDTS and TDTS exposure sheets: read to a `Timesheet`, and written as XDTS version 5.

A file is one identifying line and one JSON object. Files count frames from 0, people from 1; messages name both.
TDTS is the same tree with keys that are not read; its tables may lie inside `timeSheets`.
[OpenToonz `xdtsio`; Celsys, XDTS file format; Clip Studio writes negative frames for what a layer starts with.]
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from toonctl.core.errors import SpecError
from toonctl.core.names import name_fault
from toonctl.core.timesheet import MAX_FRAMES, SheetNote, Timesheet
from toonctl.formats.sheetfile import MAX_CELLS, Faults, check_drawings, read_sheet_bytes

XDTS_LINE = "exchangeDigitalTimeSheet Save Data"
TDTS_LINE = "toeiDigitalTimeSheet Save Data"

_CELS, _DIALOGUE, _CAMERA = 0, 3, 5
_FIELDS = {_CELS: "", _DIALOGUE: "dialogue ", _CAMERA: "camera "}
_NULL, _HYPHEN = "SYMBOL_NULL_CELL", "SYMBOL_HYPHEN"
_TICKS = {"SYMBOL_TICK_1": "tick_1", "SYMBOL_TICK_2": "tick_2"}
_SYMBOLS = {mark: symbol for symbol, mark in _TICKS.items()}
_HOLDS = frozenset({_HYPHEN, *_TICKS})
_EXPORT_AGAIN = "export the sheet again from the program it was made with"


@dataclass(frozen=True, slots=True)
class _Track:
    """A column: its label and (0-based frame as in the file, values), ascending."""

    label: str
    entries: Sequence[tuple[int, tuple[str, ...]]]


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
            name = raw.get("name")
            name = name if isinstance(name, str) else ""
            inside = faults.inside(f"table `{name}`" if name else f"table {number}")
            n_frames = _whole(raw, "duration")
            if n_frames is None or not 1 <= n_frames <= MAX_FRAMES:
                inside.add(f"`duration` is not a number of frames from 1 to {MAX_FRAMES:,}")
                n_frames = 1
            yield _Table(name, header, n_frames, _tracks_by_field(raw, n_frames, inside))


def _tracks_by_field(table: dict[str, object], n_frames: int, faults: Faults) -> dict[int, tuple[_Track, ...]]:
    labels = {
        _whole(header, "fieldId"): _items(header, "names", faults)
        for header in _objects(table, "timeTableHeaders", faults)
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
    elif len(tracks[_CELS]) * n_frames > MAX_CELLS:
        faults.add(f"{len(tracks[_CELS]):,} layers of {n_frames:,} frames are too many for one sheet")
    return tracks


def _tracks(raw: dict[str, object], labels: list[object], field_id: int, faults: Faults) -> tuple[_Track, ...]:
    """The tracks of a field that hold anything, bottom layer first."""
    tracks: dict[int, _Track] = {}
    taken: set[str] = set()
    for item in _objects(raw, "tracks", faults):
        number = _whole(item, "trackNo")
        if number is None or number < 0:
            faults.add(f"a {_FIELDS[field_id]}track has no `trackNo` of 0 or above", hint=_EXPORT_AGAIN)
            continue
        label = labels[number] if number < len(labels) else None
        inside = faults.inside(f"{_FIELDS[field_id]}track {number}" + (f" (`{label}`)" if label else ""))
        entries = _entries(item, inside)
        if not entries:
            continue
        if number in tracks:
            inside.add("the track is given twice", hint=_EXPORT_AGAIN)
        elif not isinstance(label, str) or not label:
            inside.add(f"`names` has {len(labels)} entries, none for this track", hint=_EXPORT_AGAIN)
            label = ""
        elif field_id == _CELS:
            if fault := name_fault(label):
                inside.add(f"the layer name {fault}", hint="rename the layer")
            elif label in taken:
                inside.add("two layers have this name", hint="rename one of them")
            check_drawings((v[0] for _, v in entries if v[0] not in _HOLDS and v[0] != _NULL), inside)
            taken.add(label)
        tracks[number] = _Track(str(label), entries)
    return tuple(tracks[number] for number in sorted(tracks))


def _entries(track: dict[str, object], faults: Faults) -> list[tuple[int, tuple[str, ...]]]:
    entries: dict[int, tuple[str, ...]] = {}
    for item in _objects(track, "frames", faults):
        frame = _whole(item, "frame")
        if frame is None:
            faults.add("an entry has no whole number as `frame`", hint=_EXPORT_AGAIN)
            continue
        inside = faults.inside(f"frame {frame + 1} (`frame` {frame} in the file)")
        data = _objects(item, "data", inside)
        values = _items(data[0], "values", inside) if data else []
        if not data and item.get("data") == []:
            inside.add("`data` is empty", hint=f"give it a drawing, or `{_NULL}` where nothing is shown")
        elif data and not (values and values[0] and all(isinstance(value, str) for value in values)):
            inside.add("`values` holds no text", hint=f"give it a drawing, or `{_NULL}` where nothing is shown")
        if frame in entries:
            inside.add("the frame is given twice", hint="keep one of the entries")
        entries[frame] = tuple(str(value) for value in values) or (_NULL,)
    return sorted(entries.items())


def _sheet(table: _Table) -> Timesheet:
    exposures: dict[str, tuple[str | None, ...]] = {}
    marks: dict[str, Mapping[int, str]] = {}
    for track in table.tracks[_CELS]:
        exposures[track.label] = _exposure(track, table.n_frames)
        ticks = {
            frame: _TICKS[values[0]]
            for frame, values in track.entries
            if values[0] in _TICKS and 0 <= frame < table.n_frames
        }
        if ticks:
            marks[track.label] = ticks
    cut, scene = table.header.get("cut"), table.header.get("scene")
    return Timesheet(
        table.name,
        table.n_frames,
        exposures,
        marks,
        cut=cut if isinstance(cut, str) else "",
        scene=scene if isinstance(scene, str) else "",
        dialogue=tuple(_notes(table, _DIALOGUE)),
        camera=tuple(_notes(table, _CAMERA)),
    )


def _exposure(track: _Track, n_frames: int) -> tuple[str | None, ...]:
    shown: list[str | None] = [None] * n_frames
    changes = [(max(frame, 0), values[0]) for frame, values in track.entries if values[0] not in _HOLDS]
    ends = [start for start, _ in changes[1:]] + [n_frames]
    for (start, name), end in zip(changes, ends, strict=True):
        stop = min(end, n_frames)
        if name != _NULL and start < stop:
            shown[start:stop] = [name] * (stop - start)
    return tuple(shown)


def _notes(table: _Table, field_id: int) -> Iterator[SheetNote]:
    for track in table.tracks.get(field_id, ()):
        changes = [(max(frame, 0), values) for frame, values in track.entries if values[0] not in _HOLDS]
        ends = [start for start, _ in changes[1:]] + [table.n_frames]
        for (start, values), end in zip(changes, ends, strict=True):
            n_frames = min(end, table.n_frames) - start
            if values[0] != _NULL and n_frames > 0:
                yield SheetNote(track.label, start, n_frames, values)


def _whole(item: Mapping[str, object], key: str) -> int | None:
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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

    An entry stands at every change, `SYMBOL_NULL_CELL` where nothing is shown any more. The format wants cut and
    scene of one to four digits: the first digits found are written, else `1`. Raises: SpecError on a drawing or
    note named like a symbol of the format.
    """
    fields = [(_CELS, [(name, _cel_entries(sheet, name)) for name in sheet.exposures])]
    for field_id, notes in ((_DIALOGUE, sheet.dialogue), (_CAMERA, sheet.camera)):
        tracks = dict.fromkeys(note.track for note in notes)
        if tracks:
            fields.append((field_id, [(name, _note_entries(notes, name, sheet.n_frames)) for name in tracks]))
    table = {
        "name": sheet.name,
        "duration": sheet.n_frames,
        "timeTableHeaders": [
            {"fieldId": field_id, "names": [name for name, _ in tracks]} for field_id, tracks in fields
        ],
        "fields": [
            {
                "fieldId": field_id,
                "tracks": [
                    {"trackNo": number, "frames": [_frame(index, values) for index, values in sorted(entries.items())]}
                    for number, (_, entries) in enumerate(tracks)
                ],
            }
            for field_id, tracks in fields
        ],
    }
    header = {"cut": _digits(sheet.cut), "scene": _digits(sheet.scene)}
    root = {"header": header, "timeTables": [table], "version": 5}
    return f"{XDTS_LINE}\n{json.dumps(root, ensure_ascii=False, separators=(',', ':'))}\n"
