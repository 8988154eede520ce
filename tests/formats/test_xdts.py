"""XDTS and TDTS: every rule of the reader, what it refuses, and that written sheets come back."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.sheetkit import DATA, EXPOSURE, sheets
from toonctl.core.errors import SpecError
from toonctl.core.timesheet import SheetNote, Timesheet
from toonctl.formats.xdts import TDTS_LINE, XDTS_LINE, read_xdts, xdts_text

Json = Any


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sheets") / "cut.xdts"


def entry(frame: Json, *values: Json) -> Json:
    return {"frame": frame, "data": [{"id": 0, "values": list(values)}]}


def table(*entries: Json, duration: Json = 8, name: str = "cut") -> Json:
    return {
        "name": name,
        "duration": duration,
        "timeTableHeaders": [{"fieldId": 0, "names": ["A"]}],
        "fields": [{"fieldId": 0, "tracks": [{"trackNo": 0, "frames": list(entries)}]}],
    }


def read(path: Path, *tables: Json, first_line: str = XDTS_LINE, version: int = 5) -> Timesheet:
    root = {"header": {"cut": "12", "scene": "1"}, "timeTables": list(tables), "version": version}
    path.write_text(f"{first_line}\n{json.dumps(root)}", encoding="utf-8")
    return read_xdts(path)


def refusal(path: Path, *tables: Json) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read(path, *tables)
    assert all(problem.where and str(path) in problem.where for problem in caught.value.problems)
    return [problem.what for problem in caught.value.problems]


def test_the_sample_sheet() -> None:
    sheet = read_xdts(DATA / "cut012.xdts")
    assert (sheet.name, sheet.n_frames, sheet.cut, sheet.scene) == ("cut012", 48, "12", "1")
    assert sheet.exposures == EXPOSURE
    assert list(sheet.exposures) == ["A", "B"]
    assert sheet.marks == {"A": {9: "tick_1"}}
    assert sheet.dialogue == (SheetNote("S1", 4, 16, ("HANA", "catch!")),)
    assert sheet.camera == (SheetNote("C1", 30, 18, ("PAN",)),)


def test_the_sample_sheet_is_written_as_its_program_did(path: Path) -> None:
    text = xdts_text(read_xdts(DATA / "cut012.xdts"))
    source = (DATA / "cut012.xdts").read_text(encoding="utf-8")
    written, wanted = (json.loads(t.partition("\n")[2]) for t in (text, source))
    held = wanted["timeTables"][0]["fields"][0]["tracks"][1]["frames"]
    held.remove(entry(30, "SYMBOL_HYPHEN"))
    wanted["timeTables"][0]["fields"][2]["tracks"][0]["frames"].append(entry(48, "SYMBOL_NULL_CELL"))
    assert text.partition("\n")[0] == XDTS_LINE
    assert written == wanted


@given(sheets())
def test_a_written_sheet_reads_back(path: Path, sheet: Timesheet) -> None:
    path.write_bytes(xdts_text(sheet).encode())
    again = read_xdts(path)
    assert again == sheet
    assert list(again.exposures) == list(sheet.exposures)


def test_unsorted_entries_and_the_symbols(path: Path) -> None:
    sheet = read(
        path,
        table(
            *(entry(6, "SYMBOL_NULL_CELL"), entry(5, "SYMBOL_TICK_2"), entry(2, "SYMBOL_HYPHEN")),
            *(entry(4, "2a"), entry(3, "SYMBOL_TICK_1"), entry(1, "1"), entry(8, "9")),
        ),
    )
    assert sheet.exposures["A"] == (None, "1", "1", "1", "2a", "2a", None, None)
    assert sheet.marks == {"A": {3: "tick_1", 5: "tick_2"}}


def test_negative_frames_set_what_the_layer_starts_with(path: Path) -> None:
    entries = (entry(-1, "SYMBOL_TICK_1"), entry(3, "2"), entry(-5, "7"), entry(-3, "1"))
    sheet = read(path, table(*entries))
    assert sheet.exposures["A"] == ("1", "1", "1", "2", "2", "2", "2", "2")
    assert sheet.marks == {}


def test_names_stay_text(path: Path) -> None:
    sheet = read(path, table(entry(0, "01"), entry(1, "1"), entry(2, "口パク"), entry(3, " 1")))
    assert sheet.exposures["A"][:4] == ("01", "1", "口パク", " 1")


@pytest.mark.parametrize("version", [5, 10])
def test_versions(path: Path, version: int) -> None:
    assert read(path, table(entry(0, "1")), version=version).exposures["A"] == ("1",) * 8


def test_tdts_in_both_its_trees(path: Path) -> None:
    one = table(entry(0, "1")) | {"color": 3, "books": []}
    assert read(path, one, first_line=TDTS_LINE).exposures["A"] == ("1",) * 8
    root = {"timeSheets": [{"header": {"cut": "7", "episode": "2"}, "timeTables": [one]}], "version": 11}
    path.write_text(f"{TDTS_LINE}\n{json.dumps(root)}", encoding="utf-8")
    sheet = read_xdts(path)
    assert (sheet.cut, sheet.exposures["A"]) == ("7", ("1",) * 8)


def test_byte_order_mark_and_windows_line_ends(path: Path) -> None:
    text = (DATA / "cut012.xdts").read_text(encoding="utf-8").replace("\n", "\r\n")
    path.write_bytes(text.encode("utf-8-sig"))
    assert read_xdts(path) == read_xdts(DATA / "cut012.xdts")


def test_several_tables(path: Path) -> None:
    read(path, table(entry(0, "1"), name="first"), table(entry(0, "2"), name="second"))
    assert read_xdts(path).exposures["A"][0] == "1"
    assert read_xdts(path, table="second").exposures["A"][0] == "2"
    with pytest.raises(SpecError, match="no time table `third`") as caught:
        read_xdts(path, table="third")
    assert caught.value.problems[0].hint == "it has `first`, `second`"


def test_columns_without_entries_are_no_layers(path: Path) -> None:
    one = table(entry(0, "1"))
    one["timeTableHeaders"][0]["names"] = ["A", "", "C"]
    one["fields"][0]["tracks"].append({"trackNo": 1, "frames": []})
    assert list(read(path, one).exposures) == ["A"]


def test_fields_of_other_kinds_are_not_read(path: Path) -> None:
    one = table(entry(0, "1"))
    one["timeTableHeaders"].append({"fieldId": 4, "names": None})
    one["fields"].append({"fieldId": 4, "tracks": "other"})
    assert read(path, one).exposures == {"A": ("1",) * 8}


def test_notes_of_two_tracks_with_one_name(path: Path) -> None:
    one = table(entry(0, "1"))
    one["timeTableHeaders"].append({"fieldId": 3, "names": ["S", "S"]})
    first = [entry(-2, "HANA", "oh"), entry(2, "SYMBOL_HYPHEN"), entry(3, "SYMBOL_NULL_CELL")]
    tracks = [{"trackNo": 0, "frames": first}, {"trackNo": 1, "frames": [entry(7, "TARO"), entry(9, "x")]}]
    one["fields"].append({"fieldId": 3, "tracks": tracks})
    assert read(path, one).dialogue == (
        SheetNote("S", 0, 3, ("HANA", "oh")),
        SheetNote("S (1)", 7, 1, ("TARO",)),
    )


def test_as_long_as_a_shot_can_be(path: Path) -> None:
    sheet = read(path, table(entry(0, "1"), duration=100_000))
    assert sheet.exposures["A"] == ("1",) * 100_000


def test_all_faults_of_the_broken_sample_are_named() -> None:
    with pytest.raises(SpecError) as caught:
        read_xdts(DATA / "broken_fields.xdts")
    assert [problem.what for problem in caught.value.problems] == [
        "table `cut012`, track 0 (`A`), frame 10 (`frame` 9 in the file): `data` is empty",
        "table `cut012`, track 1: `names` has no name for it (1 are given)",
    ]


def test_a_wrong_first_line() -> None:
    with pytest.raises(SpecError, match="first line"):
        read_xdts(DATA / "broken_header.xdts")


def test_faults_of_all_tables_are_listed_together(path: Path) -> None:
    no_cels = table(name="dialogue only")
    no_cels["fields"][0]["fieldId"] = 3
    assert refusal(path, table(duration=0, name="a"), no_cels, table(entry(2, "a/b"), name="c")) == [
        "table `a`: `duration` is not a number of frames from 1 to 100,000",
        "table `dialogue only`: there are no cels (no field with fieldId 0)",
        "table `c`, track 0 (`A`): the drawing `a/b` contains `/`",
    ]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"duration": 100_001}, "duration"),
        ({"duration": "8"}, "duration"),
        ({"duration": True}, "duration"),
        ({"fields": None}, "`fields` is not a list"),
        ({"timeTableHeaders": [3]}, "not an object"),
        ({"timeTableHeaders": [{"fieldId": 0, "names": ["A/B"]}]}, "layer's name contains `/`"),
        ({"timeTableHeaders": [{"fieldId": 0, "names": [""]}]}, "no name"),
        ({"fields": [{"fieldId": 0, "tracks": [{"frames": [entry(0, "1")]}]}]}, "trackNo"),
    ],
)
def test_a_broken_table(path: Path, change: dict[str, Json], what: str) -> None:
    (found, *_) = refusal(path, table(entry(0, "1")) | change)
    assert "table `cut`" in found
    assert what in found


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (entry(2), "`values`"),
        (entry(2, ""), "`values`"),
        (entry(2, 7), "`values`"),
        ({"frame": 2, "data": []}, "`data` is empty"),
        ({"frame": 2, "data": None}, "`data` is not a list"),
        (entry(0, "2"), "given twice"),
        (entry(10**4299), "no whole number as `frame`"),
        (entry(True, "1"), "no whole number as `frame`"),
        (entry(2, "\ud800"), "half a character"),
        (entry(2, ".."), "is not a name"),
    ],
)
def test_a_broken_entry(path: Path, broken: Json, what: str) -> None:
    (found,) = refusal(path, table(entry(0, "1"), broken))
    assert "table `cut`, track 0 (`A`)" in found
    assert what in found


def test_two_layers_of_one_name(path: Path) -> None:
    one = table(entry(0, "1"))
    one["timeTableHeaders"][0]["names"] = ["A", "A"]
    one["fields"][0]["tracks"].append({"trackNo": 1, "frames": [entry(0, "1")]})
    assert refusal(path, one) == ["table `cut`, track 1 (`A`): another layer has the same name"]


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        (b"", "2:1", "not JSON"),
        (b'{"a": 1,\n "b": }', "3:7", "not JSON"),
        (b"[1]", "2", "not a JSON object"),
        (b"{}", "", "time table"),
        (b"\xff\xfe", "2", "not UTF-8"),
        (b"[" * 100_000, "", "nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "", "beyond all bounds"),
    ],
)
def test_not_a_tree_at_all(path: Path, body: bytes, where: str, what: str) -> None:
    path.write_bytes(XDTS_LINE.encode() + b"\n" + body)
    with pytest.raises(SpecError, match=what) as caught:
        read_xdts(path)
    assert caught.value.problems[0].where == (f"{path}:{where}" if where else str(path))


def test_a_file_over_20_mb_is_refused_unread(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20_000_001)
    with pytest.raises(SpecError, match="over 20 MB"):
        read_xdts(path)
    path.write_bytes(b"")


def test_more_layers_than_memory_has_room_for(path: Path) -> None:
    one = table(duration=100_000)
    one["timeTableHeaders"][0]["names"] = [f"L{number}" for number in range(1000)]
    tracks = [{"trackNo": number, "frames": [entry(0, "1")]} for number in range(1000)]
    one["fields"][0]["tracks"] = tracks
    assert refusal(path, one) == ["table `cut`: 1,000 layers of 100,000 frames are too many for one sheet"]


def test_the_list_of_faults_ends(path: Path) -> None:
    found = refusal(path, table(*(entry(frame) for frame in range(5000))))
    assert len(found) == 201
    assert found[-1] == "and more of the kind"


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.xdts", tmp_path):
        with pytest.raises(SpecError, match="no sheet"):
            read_xdts(path)


def test_a_drawing_called_like_a_symbol_is_not_written() -> None:
    with pytest.raises(SpecError, match="SYMBOL_HYPHEN"):
        xdts_text(Timesheet("cut", 1, {"A": ("SYMBOL_HYPHEN",)}))


def test_the_header_is_what_the_format_allows() -> None:
    text = xdts_text(Timesheet("cut", 1, {"A": ("1",)}, cut="c012B", scene=""))
    assert json.loads(text.partition("\n")[2])["header"] == {"cut": "012", "scene": "1"}


SAMPLE: Json = json.loads((DATA / "cut012.xdts").read_text(encoding="utf-8").partition("\n")[2])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**7) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutations(draw: st.DrawFn) -> Json:
    """The sample's tree with up to three places changed, taken out or doubled."""
    root = copy.deepcopy(SAMPLE)
    for _ in range(draw(st.integers(1, 3))):
        node: Json = root
        while node:
            key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
            if not isinstance(node[key], dict | list) or draw(st.integers(0, 4)) == 0:
                how = draw(st.sampled_from(["change", "remove", "double"]))
                if how == "change":
                    node[key] = draw(VALUES)
                elif how == "remove":
                    del node[key]
                elif isinstance(node, list):
                    node.append(copy.deepcopy(node[key]))
                break
            node = node[key]
    return root


@given(mutations())
def test_a_damaged_tree_is_read_or_refused(path: Path, root: Json) -> None:
    path.write_text(f"{XDTS_LINE}\n{json.dumps(root)}", encoding="utf-8")
    try:
        sheet = read_xdts(path)
    except SpecError:
        return
    assert all(len(shown) == sheet.n_frames for shown in sheet.exposures.values())


@given(st.data())
def test_damaged_bytes_are_read_or_refused(path: Path, data: st.DataObject) -> None:
    text = bytearray((DATA / "cut012.xdts").read_bytes())
    start = data.draw(st.integers(0, len(text)))
    text[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    path.write_bytes(text)
    try:
        sheet = read_xdts(path)
    except SpecError:
        return
    assert all(len(shown) == sheet.n_frames for shown in sheet.exposures.values())
