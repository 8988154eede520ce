"""What the shot files of `inbetween` and `layerpack` may say, and what is said about wrong ones."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.shots import CUP, JUMP
from toonctl.core.errors import Problem, SpecError
from toonctl.spec.load import LoadedShot, load_shot
from toonctl.spec.tomlfile import key_path, key_text

SHEET = """\
[shot]
name = "cut"
rate = "24"
[art]
psd = "keys.psd"
sheet = "cut.xdts"
"""


def load(folder: Path, text: str, command: str = "inbetween") -> LoadedShot:
    path = folder / "shot.toml"
    path.write_text(text, "utf-8")
    return load_shot(path, command=command)


def problems(folder: Path, text: str, command: str = "inbetween") -> dict[str, Problem]:
    """The problems of a faulty shot file by place."""
    with pytest.raises(SpecError) as caught:
        load(folder, text, command)
    return {problem.where or "": problem for problem in caught.value.problems}


def test_keys_are_read_as_written(tmp_path: Path) -> None:
    spec = load(tmp_path, JUMP).spec
    assert [(key.frame, key.image, key.ease) for key in spec.keys] == [
        (1, "keys/jump.0001.png", None),
        (9, "keys/jump.0009.png", "out"),
    ]
    assert (spec.timing.exposure, spec.timing.ease, spec.engine.name) == (1, "linear", "cel")


def test_layered_keys_keep_the_order_of_their_layers(tmp_path: Path) -> None:
    spec = load(tmp_path, CUP, "layerpack").spec
    assert [list(key.layers) for key in spec.keys] == [["BG", "A", "B"]] * 2
    assert spec.keys[1].layers["B"] == "B.0024.png"


def test_everything_a_key_may_say(tmp_path: Path) -> None:
    text = JUMP.replace('ease = "out"', "chart = [0.1, 0.3, 0.6, 0.9]")
    text += '[[key]]\nframe = 20\nline = "l.png"\nexposure = 3\n[[key]]\nframe = 30\npsd = "k.psd"\n'
    text += '[timing]\nexposure = 2\nease = "in-out"\n'
    text += '[[layer]]\nname = "A"\nease = "in"\ncharts = { "9" = [0.5] }\ngap_px = 2\ninbetween = false\n'
    spec = load(tmp_path, text).spec
    assert spec.keys[1].chart == (0.1, 0.3, 0.6, 0.9)
    assert (spec.keys[2].exposure, spec.timing.exposure, spec.timing.ease) == (3, 2, "in-out")
    [layer] = spec.layers
    assert (layer.ease, layer.charts, layer.gap_px, layer.inbetween) == ("in", {"9": (0.5,)}, 2, False)


@pytest.mark.parametrize("drawings", ['psd = "keys.psd"', 'image = "A.####.png"', 'line = "A.####.png"'])
@pytest.mark.parametrize("sheet", ['sheet = "cut.csv"', 'exposure = { A = "1x4 +x2 2x6" }'])
def test_a_sheet_may_stand_for_keys(tmp_path: Path, drawings: str, sheet: str) -> None:
    text = SHEET.replace('psd = "keys.psd"', drawings).replace('sheet = "cut.xdts"', sheet)
    spec = load(tmp_path, text).spec
    assert spec.has_sheet
    assert spec.keys == ()


FIRST = JUMP[JUMP.index("[[key]]") : JUMP.rindex("[[key]]")]


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (("frame = 9", "frame = 1"), "shot.toml:9: key[2].frame", "frame 1 has two"),
        (("frame = 1\n", "frame = 12\n"), "shot.toml:9: key[2].frame", "stands after frame 12"),
        (("frame = 1\n", "frame = 0\n"), "shot.toml:6: key[1].frame", "before the shot"),
        ((FIRST, ""), "shot.toml:5: key", "one key has nothing to draw between"),
        (('"out"', '"outt"'), "shot.toml:11: key[2].ease", "not a choice"),
        (('ease = "out"', "esae = 1"), "shot.toml:11: key[2].esae", "unknown key"),
        (('ease = "out"', "chart = [0.6, 0.3]"), "shot.toml:11: key[2].chart", "rise"),
        (('ease = "out"', "chart = [0.0, 0.3]"), "shot.toml:11: key[2].chart", "rise"),
        (('ease = "out"', "chart = []"), "shot.toml:11: key[2].chart", "rise"),
        (('ease = "out"', 'chart = ["a"]'), "shot.toml:11: key[2].chart", "rise"),
        (('ease = "out"', "exposure = 4"), "shot.toml:11: key[2].exposure", "not a choice"),
        (('ease = "out"', 'ease = "out"\nchart = [0.5]'), "shot.toml:11: key[2].ease", "both given"),
        (('ease = "out"', 'psd = "k.psd"'), "shot.toml:11: key[2].psd", "both given"),
        (('image = "keys/jump.0009.png"', ""), "shot.toml:8: key[2]", "no picture"),
        (("[[key]]\nframe = 9", "[[key]]"), "shot.toml:8: key[2].frame", "missing"),
        (
            ("[[key]]\nframe = 9", '[art]\nsheet = "a"\npsd = "b"\n[[key]]\nframe = 9'),
            "shot.toml:5: key[1]",
            "both",
        ),
    ],
)
def test_faulty_keys_are_told_with_place_and_remedy(
    tmp_path: Path, change: tuple[str, str], where: str, what: str
) -> None:
    text = JUMP.replace(*change)
    assert text != JUMP
    found = problems(tmp_path, text)
    assert set(found) == {where}
    assert what in found[where].what
    assert found[where].hint


def test_a_shot_without_keys_is_told_so(tmp_path: Path) -> None:
    found = problems(tmp_path, JUMP.partition("[[key]]")[0])
    assert [problem.what for problem in found.values()] == ["no key means nothing to draw between"]


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (('sheet = "cut.xdts"', ""), "art.psd", "no sheet says"),
        (('psd = "keys.psd"', ""), "art.sheet", "no drawings"),
        (('psd = "keys.psd"', 'psd = "keys.psd"\nline = "A.####.png"'), "art.line", "both given"),
        (("[art]", '[art]\nexposure = { A = "1x2 2x2" }'), "art.exposure", "both given"),
    ],
)
def test_faulty_sheets(tmp_path: Path, change: tuple[str, str], where: str, what: str) -> None:
    found = problems(tmp_path, SHEET.replace(*change))
    assert [place.rpartition(" ")[2] for place in found] == [where]
    assert what in next(iter(found.values())).what


def test_layerpack_wants_layers(tmp_path: Path) -> None:
    [flat] = problems(
        tmp_path,
        CUP.replace('layers = { BG = "BG.png", A = "A.0024.png", B = "B.0024.png" }', 'image = "a.png"'),
        "layerpack",
    ).values()
    assert "layered" in flat.what
    many = ", ".join(f'L{n} = "a.png"' for n in range(41))
    [found] = problems(
        tmp_path, CUP.replace('BG = "BG.png", A = "A.0024.png", B = "B.0024.png"', many), "layerpack"
    ).values()
    assert "41 layers, 40 are allowed" in found.what
    assert "comp" in next(iter(problems(tmp_path, CUP.replace("BG =", "comp ="), "layerpack").values())).what


def test_no_layers_are_told_with_what_belongs_there(tmp_path: Path) -> None:
    text = CUP.replace('{ BG = "BG.png", A = "A.0024.png", B = "B.0024.png" }', "{}")
    [found] = problems(tmp_path, text, "layerpack").values()
    assert found.what == "`layers` is empty"
    assert found.hint is not None
    assert "a picture for each layer" in found.hint


def test_problems_found_later_get_the_line_of_their_key(tmp_path: Path) -> None:
    loaded = load(tmp_path, JUMP)
    with pytest.raises(SpecError) as caught, loaded.naming_lines():
        raise SpecError.listing(
            [
                Problem("too long", "key[2].ease", "shorten it"),
                Problem("no such track", "sheets/jump.xdts: table 1"),
                Problem("two names"),
            ]
        )
    places = [problem.where for problem in caught.value.problems]
    assert places == ["shot.toml:11: key[2].ease", "sheets/jump.xdts: table 1", "shot.toml"]


@given(
    st.lists(
        st.one_of(st.text("ab_-", min_size=1), st.text("ü .", min_size=1), st.integers(0, 99)), min_size=1
    )
)
def test_key_paths_are_read_as_they_are_written(path: list[str | int]) -> None:
    path[0] = "key"
    assert key_path(key_text(tuple(path))) == tuple(path)


@pytest.mark.parametrize("text", ["/art/cut.xdts", "cut.xdts: table 1", "", "[1].key", "key[x]", ".key"])
def test_other_places_are_no_key_paths(text: str) -> None:
    assert key_path(text) is None
