"""Roles by name: the table of production.md 1.2 row by row, and what shot files add to it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toonctl.core.types import Role
from toonctl.stages.roles import (
    Level,
    cel_name,
    drawing_name,
    is_drawing_number,
    normal_name,
    role_of,
    shared_prefix,
)

ANYWHERE = {
    Role.IGNORE: "_guide #x //old guide ガイド memo メモ 指示 frame_100 フレーム タップ tap sheet ＿下書き",
    Role.LAYOUT: "LO layout レイアウト 原図 LO_A 背景_原図",
}
AT_TOP = {
    Role.BACKGROUND: "BG BG1 bg_02 背景 美術 BG-A",
    Role.BOOK: "BOOK BOOK1 BK1 book_2",
    Role.CEL: "A ZZ b Ａ Aセル cel_A セル.B C_cel A_line A_線",
}
INSIDE = {
    Role.CORRECTION: "修正 作監 総作監 演出 sakkan A_修正 作監_修正",
    Role.LINE: "line lines 線 実線 主線 線画 lineart A_line B_線 Line2 髪.線 LINE ＬＩＮＥ",
    Role.TRACE: "trace 色トレス 色線 ctrace A_trace 色ﾄﾚｽ",
    Role.PAINT: "paint 塗り 彩色 color colour fill base A_paint 髪_塗り",
    Role.SHADOW: "shadow 影 1号影 ２号影 kage A_shadow 影2 shadow-soft",
    Role.HIGHLIGHT: "highlight hi ハイライト HI A_hi",
}


def cases(table: dict[Role, str]) -> list[tuple[str, Role]]:
    return [(name, role) for role, names in table.items() for name in names.split()]


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize(("name", "role"), cases(ANYWHERE))
def test_anywhere(name: str, role: Role, level: Level) -> None:
    assert role_of(name, level=level, overrides={}) is role


@pytest.mark.parametrize(("name", "role"), cases(AT_TOP))
def test_at_top(name: str, role: Role) -> None:
    assert role_of(name, level=Level.TOP, overrides={}) is role


@pytest.mark.parametrize(("name", "role"), cases(INSIDE))
def test_inside_a_cel(name: str, role: Role) -> None:
    assert role_of(name, level=Level.INSIDE, overrides={}) is role
    decomposed = unicodedata.normalize("NFD", name)  # as macOS writes names
    assert role_of(decomposed, level=Level.INSIDE, overrides={}) is role


@pytest.mark.parametrize("name", ["Layer 1", "a girl", "taro", "ABC", "cel", "", "A1", "12", "レイヤー 3"])
def test_names_that_tell_nothing(name: str) -> None:
    assert role_of(name, level=Level.TOP, overrides={}) is None


def test_levels_are_apart() -> None:
    assert role_of("line", level=Level.TOP, overrides={}) is None
    assert role_of("BG", level=Level.INSIDE, overrides={}) is None
    assert role_of("A", level=Level.INSIDE, overrides={}) is None


def test_earlier_roles_win() -> None:
    assert role_of("memo line", level=Level.INSIDE, overrides={}) is Role.IGNORE
    assert role_of("線 影", level=Level.INSIDE, overrides={}) is Role.LINE
    assert role_of("LO", level=Level.TOP, overrides={}) is Role.LAYOUT
    assert role_of("BG", level=Level.TOP, overrides={}) is Role.BACKGROUND


def test_shot_file_adds_and_overrides() -> None:
    overrides = {"line": ["ink*", "鉛筆"], "ignore": ["rough?"], "cel": ["Taro"], "paint": ["shadow"]}
    assert role_of("Ink 02", level=Level.INSIDE, overrides=overrides) is Role.LINE
    assert role_of("A_鉛筆", level=Level.INSIDE, overrides=overrides) is Role.LINE
    assert role_of("rough1", level=Level.TOP, overrides=overrides) is Role.IGNORE
    assert role_of("TARO", level=Level.TOP, overrides=overrides) is Role.CEL
    assert role_of("A_shadow", level=Level.INSIDE, overrides=overrides) is Role.PAINT
    assert role_of("taro", level=Level.INSIDE, overrides=overrides) is None


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("a", "A"), ("Ａセル", "A"), ("cel b", "B"), ("A_line", "A"), ("Taro", "Taro"), (" 花子 ", "花子")],
)
def test_cel_names(name: str, wanted: str) -> None:
    assert cel_name(name) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("1", "1"),
        ("0012", "12"),
        ("0012A", "12a"),
        ("0", "0"),
        ("000", "0"),
        ("２", "2"),
        ("kuchi1", "kuchi1"),
    ],
)
def test_drawing_names(name: str, wanted: str) -> None:
    assert drawing_name(name) == wanted
    assert is_drawing_number(name) == wanted[0].isdigit()


def test_prefix_shared_by_the_layers_of_a_cel() -> None:
    assert shared_prefix(["A_line", "a_塗り"]) == "A"
    assert shared_prefix(["A_line", "B_line"]) is None
    assert shared_prefix(["A_line", "A"]) is None
    assert shared_prefix(["hair_line", "hair_paint"]) is None
    assert shared_prefix([]) is None


@given(st.text(max_size=12))
def test_any_name_has_at_most_one_role_however_it_is_written(name: str) -> None:
    for level in Level:
        role = role_of(name, level=level, overrides={})
        assert role is role_of(normal_name(name), level=level, overrides={})
    assert drawing_name(drawing_name(name)) == drawing_name(name)
    assert cel_name(cel_name(name)) == cel_name(name)
