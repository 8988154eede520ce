"""CSV sheets: Clip Studio's form both ways, the form of TVPaint and Krita read."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.sheetkit import DATA, EXPOSURE, sheets
from toonctl.core.errors import SpecError
from toonctl.core.timesheet import Timesheet
from toonctl.formats.csvsheet import csv_text, read_csv

MARKED = """"Frame","本編","本編"
"","A","背景"
"1","×","1"
"2","○",""
"3","2a","●"
"4","○","×"
""".replace("\n", "\r\n")

KRITA = """UTF-8, TVPaint, "CSV 1.0"
Project Name, Width, Height, Frame Count, Layer Count, Frame Rate, Pixel Aspect Ratio, Field Mode
"study, one", 16, 16, 3, 3, 12.000000, 1.000000, Progressive
#Layers, "top", "off", "B low"
#Density, 1.000000, 1.000000, 1.000000
#Blending, "Color", "Color", "Color"
#Visible, 1, 0, 1
#00000, "frame00001-00000.png", "x.png", ""
#00001, "frame00001-00000.png", "x.png", "frame00003-00001.png"
#00002, "", "x.png", "frame00003-00001.png"
"""

TVPAINT = """UTF-8, TVPaint, "CSV 1.1"
Project Name, Width, Height, Frame Count, Layer Count
"C001", 8, 8, 3, 2

#Layers,"SE","A"
#Folder,"[001] SE","[002] A"
#00001, "[001][00001] おはよ,1.5.png", "[002][00001] 1.png"
#00002, "[002][00002] 2.png"
#00003
"""


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sheets") / "cut.csv"


def read(path: Path, text: str, encoding: str = "utf-8") -> Timesheet:
    path.write_bytes(text.encode(encoding))
    return read_csv(path)


def refusal(path: Path, text: str) -> list[tuple[str, str]]:
    """(what, line of the file) of every problem."""
    with pytest.raises(SpecError) as caught:
        read(path, text)
    return [(p.what, (p.where or "").removeprefix(str(path)).lstrip(":")) for p in caught.value.problems]


def test_the_sample_sheet() -> None:
    sheet = read_csv(DATA / "cut012.csv")
    assert (sheet.name, sheet.n_frames, sheet.exposures) == ("cut012", 48, EXPOSURE)
    assert list(sheet.exposures) == ["A", "B"]
    assert csv_text(sheet).encode() == (DATA / "cut012.csv").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_marks_and_encodings(path: Path, encoding: str) -> None:
    sheet = read(path, MARKED, encoding)
    assert sheet.name == "本編"
    assert sheet.exposures == {"A": (None, None, "2a", "2a"), "背景": ("1", "1", "1", None)}
    assert sheet.marks == {"A": {1: "tick_1", 3: "tick_1"}, "背景": {2: "tick_2"}}
    assert csv_text(sheet) == MARKED


@given(sheets())
def test_a_written_sheet_reads_back(path: Path, sheet: Timesheet) -> None:
    again = read(path, csv_text(sheet))
    assert again == replace(sheet, cut="", scene="", dialogue=(), camera=())
    assert list(again.exposures) == list(sheet.exposures)


def test_what_a_spreadsheet_program_makes_of_it(path: Path) -> None:
    sheet = read(path, "Frame,cut,cut,\n,A,B,\n1,1\n2\n3, ,2,\n,,,\n")
    assert sheet.exposures == {"A": ("1", "1", "1"), "B": (None, None, "2")}


def test_all_faults_are_listed_with_their_lines(path: Path) -> None:
    text = "Frame,c,c,c\n,A,A,B/C\n1,1,,\n3,..,,\nfour,,,,9\n\n5,2,,\n"
    assert refusal(path, text) == [
        ("frame 3 stands where frame 2 is due", "4"),
        ("`four` is not a frame number", "5"),
        ("2 layers are called `A`", "2"),
        ("the layer name `B/C` contains `/`", "2"),
        ("`9` stands below no layer name", "5"),
        ("layer `A`: the drawing `..` is not a name", ""),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "a", "Frame,c\n,A\n", "Frame\n\n1\n2\n"])
def test_no_sheet(path: Path, text: str) -> None:
    ((what, _),) = refusal(path, text)
    assert "needs a row" in what


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x81\x00\xff\xff", "neither UTF-8 nor Shift-JIS"),
        (b'Frame,c\n,A\n1,"' + b"x" * 200_000, "not CSV"),
        (b"Frame\n" + b"".join(b",%d" % number for number in range(1001)) + b"\n1,1\n", "too many"),
        (b"Frame,c\n,A\n" + b"".join(b"%d,\n" % number for number in range(1, 100_002)), "too many"),
        (b"Frame,c\n,A\n" + b"1\n" * 9_000_000, "more than 100,000 frames"),
    ],
)
def test_files_that_are_refused_whole(path: Path, data: bytes, what: str) -> None:
    path.write_bytes(data)
    with pytest.raises(SpecError, match=what):
        read_csv(path)


def test_krita(path: Path) -> None:
    for text in (KRITA, KRITA.replace("\n", "\r\n")):
        sheet = read(path, text)
        assert (sheet.name, sheet.n_frames) == ("study, one", 3)
        assert sheet.exposures == {
            "B low": (None, "frame00003-00001", "frame00003-00001"),
            "top": ("frame00001-00000", "frame00001-00000", None),
        }
        assert list(sheet.exposures) == ["B low", "top"]


def test_tvpaint_leaves_out_layers_with_nothing_on_them(path: Path) -> None:
    sheet = read(path, TVPAINT)
    assert (sheet.name, sheet.n_frames) == ("C001", 3)
    assert sheet.exposures == {
        "A": ("[002][00001] 1", "[002][00002] 2", None),
        "SE": ("[001][00001] おはよ,1.5", None, None),
    }


def test_faults_of_the_other_form(path: Path) -> None:
    text = TVPAINT.replace('"SE","A"', '"A","A"').replace("#00003", '#00005, "[007][00005] 3.png"')
    assert refusal(path, text) == [
        ("frame 5 stands where frame 3 is due", "9"),
        ("2 layers are called `A`", "5"),
        ("`[007][00005] 3.png` belongs to no layer", "9"),
    ]
    ((what, _),) = refusal(path, "UTF-8, TVPaint, 1.0\n#00001\n")
    assert "#Layers" in what


@pytest.mark.parametrize("name", ["×", "○", " 1", ""])
def test_a_name_the_form_cannot_hold_is_not_written(name: str) -> None:
    with pytest.raises(SpecError):
        csv_text(Timesheet("cut", 1, {"A": (name,)}))


@given(st.data())
def test_damaged_bytes_are_read_or_refused(path: Path, data: st.DataObject) -> None:
    text = bytearray(data.draw(st.sampled_from([MARKED, KRITA, TVPAINT])).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        piece = st.binary(max_size=6) | st.sampled_from([b",", b'"', b"\n", b"#1", b"\xe2\x97\x8b"])
        text[start : start + data.draw(st.integers(0, 10))] = data.draw(piece)
    path.write_bytes(text)
    try:
        sheet = read_csv(path)
    except SpecError:
        return
    assert all(len(shown) == sheet.n_frames for shown in sheet.exposures.values())
