"""From shot file to keys: every form of a key, what is shown when, and what is refused or warned about."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from artkit import (
    ball,
    cup,
    difference,
    line_layers,
    painted_layers,
    save_keys_psd,
    save_png,
    save_still_psd,
    sky,
    walk,
)
from toonctl.core.errors import ArtError, SpecError, ToonctlError
from toonctl.core.timesheet import Timesheet
from toonctl.core.types import Art, Role
from toonctl.formats.png import read_picture
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.formats.xdts import xdts_text
from toonctl.spec.inbetween import InbetweenSpec
from toonctl.spec.layerpack import LayerpackSpec
from toonctl.stages.cel_pixels import load_cel
from toonctl.stages.key_pixels import key_pixels
from toonctl.stages.read import read_art

SHOT = {"name": "jump", "rate": "24"}


def read(folder: Path, *keys: dict[str, Any], model: Any = InbetweenSpec, **tables: Any) -> Art:
    """The art of a shot file with these keys and tables."""
    tables["shot"] = {**SHOT, **tables.pop("shot", {})}
    return read_art(model.model_validate({**tables, "key": list(keys)}), folder=folder)


def refused(kind: type[ToonctlError], folder: Path, *keys: dict[str, Any], **tables: Any) -> str:
    """What reading says when it refuses."""
    with pytest.raises(kind) as caught:
        read(folder, *keys, **tables)
    return "\n".join(f"{p.what} [{p.where}] ({p.hint})" for p in caught.value.problems)


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    for number, drawing in enumerate(walk(4), 1):
        save_png(tmp_path / f"k{number}.png", drawing.painted)
        save_png(tmp_path / f"l{number}.png", drawing.on_white)
        save_png(tmp_path / f"p{number}.png", drawing.paint)
    return tmp_path


def key(frame: int, number: int, **more: Any) -> dict[str, Any]:
    return {"frame": frame, "image": f"k{number}.png", **more}


def betweens(art: Art) -> list[tuple[str, str, int, float]]:
    return [(b.layer, b.name, b.first, round(b.time, 4)) for plan in art.plans for b in plan.betweens]


def test_keys_stand_at_their_frames_and_are_named_by_them(painted: Path) -> None:
    art = read(painted, key(1, 1), key(4, 2), key(6, 3))
    assert art.exposures == {"A": ("1", "1a", "1b", "4", "4a", "6")}
    assert [k.index for k in art.plans[0].keys] == [0, 3, 5]
    assert betweens(art) == [("A", "1a", 0, 0.3333), ("A", "1b", 0, 0.6667), ("A", "4a", 1, 0.5)]
    assert sorted(art.layers[0].cels) == ["1", "4", "6"]
    assert (art.first_frame, art.n_frames, art.size) == (1, 6, (160, 96))
    assert [file.path for file in art.inputs] == ["k1.png", "k2.png", "k3.png"]


def test_twos_a_chart_and_a_layer_of_its_own_mind(painted: Path) -> None:
    timing = {"exposure": 2, "ease": "in"}
    art = read(painted, key(1, 1), key(6, 2), key(10, 3, chart=[0.1, 0.2]), timing=timing)
    assert art.exposures == {"A": ("1", "1", "1a", "1a", "1b", "6", "6a", "6b", "6b", "10")}
    assert [b[3] for b in betweens(art)] == [0.16, 0.64, 0.1, 0.2]
    own = [{"name": "A", "ease": "out", "charts": {"6": [0.7]}}]
    art = read(painted, key(1, 1), key(6, 2), key(10, 3, chart=[0.1, 0.2]), timing=timing, layer=own)
    assert [b[3] for b in betweens(art)] == [0.64, 0.96, 0.7]
    held = read(painted, key(1, 1), key(4, 2), layer=[{"name": "A", "inbetween": False}])
    assert held.exposures == {"A": ("1", "1", "1", "4")}


def test_frames_around_the_keys_hold_the_first_and_the_last(painted: Path) -> None:
    art = read(painted, key(3, 1), key(5, 2), shot={"frames": "1-7"})
    assert art.exposures == {"A": ("3", "3", "3", "3a", "5", "5", "5")}
    assert [warned.code for warned in art.warnings] == ["W110"]
    said = refused(SpecError, painted, key(3, 1), key(9, 2), shot={"frames": "1-7"})
    assert "keys at frames 9 lie outside the shot" in said


def test_equal_keys_are_one_drawing_that_is_held(painted: Path) -> None:
    save_png(painted / "again.png", read_picture(painted / "k1.png"))
    (painted / "resaved.png").write_bytes(
        cv2.imencode(".png", cv2.cvtColor(read_picture(painted / "k1.png"), cv2.COLOR_RGBA2BGRA))[1].tobytes()
    )
    art = read(
        painted,
        key(1, 1),
        {"frame": 3, "image": "again.png"},
        {"frame": 5, "image": "resaved.png"},
        key(7, 2),
        key(9, 1),
    )
    assert art.exposures["A"] == ("1", "1", "1", "1", "1", "1a", "7", "7a", "1")
    assert sorted(art.layers[0].cels) == ["1", "7"]


def test_layers_that_move_are_drawn_and_those_that_stand_are_held(painted: Path) -> None:
    save_png(painted / "BG.png", sky())
    first = {"frame": 1, "layers": {"BG": "BG.png", "A": "k1.png", "B": "k3.png"}}
    last = {"frame": 3, "layers": {"BG": "BG.png", "A": "k2.png", "B": "k4.png"}}
    art = read(painted, first, last, model=LayerpackSpec)
    assert art.exposures == {"BG": ("1", "1", "1"), "A": ("1", "1a", "3"), "B": ("1", "1a", "3")}
    assert [layer.role for layer in art.layers] == [Role.CEL] * 3
    [plan] = art.plans
    assert plan.layers == ("BG", "A", "B")
    assert plan.keys[1].drawings == {"BG": "1", "A": "3", "B": "3"}


def test_a_layer_in_one_key_only_is_told_and_never_made_up(painted: Path) -> None:
    first = {"frame": 1, "layers": {"A": "k1.png", "B": "k3.png"}}
    last = {"frame": 4, "layers": {"C": "k4.png", "A": "k2.png"}}
    art = read(painted, first, last, model=LayerpackSpec)
    assert art.exposures == {
        "C": (None, None, None, "4"),
        "A": ("1", "1a", "1b", "4"),
        "B": ("1", "1", "1", None),
    }
    assert {b[0] for b in betweens(art)} == {"A"}
    assert [warned.code for warned in art.warnings] == ["W109", "W109"]
    assert "layer `B` is in the keys of frames 1 only" in art.warnings[1].text


def test_another_order_of_layers_is_told(painted: Path) -> None:
    first = {"frame": 1, "layers": {"A": "k1.png", "B": "k3.png"}}
    last = {"frame": 4, "layers": {"B": "k3.png", "A": "k2.png"}}
    art = read(painted, first, last, model=LayerpackSpec)
    assert [layer.name for layer in art.layers] == ["A", "B"]
    [warned] = art.warnings
    assert warned.code == "W112"
    assert "frame 4 has its layers in the order `B`, `A`" in warned.text


def test_layers_that_hide_all_below_are_told(painted: Path) -> None:
    for number, color in ((1, 200), (2, 90)):
        save_png(painted / f"o{number}.png", np.full((96, 160, 4), (color, 220, 235, 255), np.uint8))
    whole = [{"frame": n, "layers": {"A": f"k{n}.png", "B": f"o{n}.png"}} for n in (1, 2)]
    [above] = read(painted, *whole, model=LayerpackSpec).warnings
    assert (above.code, "layer `B` is opaque all over at frames 1-2:" in above.text) == ("W113", True)
    behind = [{"frame": n, "layers": {"B": f"o{n}.png", "A": f"k{n}.png"}} for n in (1, 2)]
    assert read(painted, *behind, model=LayerpackSpec).warnings == ()
    [jump] = read(painted, key(1, 1), {"frame": 2, "image": "o2.png"}).warnings
    assert "at frames 2 and not at 1" in jump.text
    plain = [{"frame": n, "image": f"o{n}.png"} for n in (1, 2)]
    assert read(painted, *plain).warnings == ()
    [hidden] = read(painted, *plain, art={"background": "o1.png"}).warnings
    assert "it hides what lies below it" in hidden.text


def test_names_are_equal_however_their_accents_are_stored(painted: Path) -> None:
    apart, together = "e\u0301", "\u00e9"
    keys = [{"frame": n, "layers": {name: f"k{n}.png"}} for n, name in ((1, apart), (2, together))]
    layer = {"name": apart, "inbetween": False}
    art = read(painted, *keys, model=LayerpackSpec, layer=[layer])
    assert art.warnings == ()
    assert art.exposures == {together: ("1", "2")}
    twice = {"frame": 2, "layers": {apart: "k1.png", together: "k2.png"}}
    with pytest.raises(SpecError, match="several layers"):
        read(painted, keys[0], twice, model=LayerpackSpec)


def test_a_pace_to_the_first_key_is_told(painted: Path) -> None:
    [warned] = read(painted, key(1, 1, ease="in", exposure=2), key(4, 2)).warnings
    assert warned.code == "W114"
    assert "`ease`, `exposure` of the first key" in warned.text


def test_keys_too_far_apart_are_refused_at_once(painted: Path) -> None:
    assert "100,000 frames are allowed" in refused(SpecError, painted, key(1, 1), key(100_001, 2))


def test_psd_keys_give_cels_by_role(tmp_path: Path) -> None:
    cels = {"A": walk(2)[0], "B": ball(40, 30, 12)}
    save_still_psd(tmp_path / "1.psd", cels)
    save_still_psd(tmp_path / "2.psd", {**cels, "A": walk(2)[1]})
    keys = ({"frame": 1, "psd": "1.psd"}, {"frame": 3, "psd": "2.psd"})
    art = read(tmp_path, *keys)
    assert [(layer.name, layer.role) for layer in art.layers] == [
        ("BG", Role.BACKGROUND),
        ("A", Role.CEL),
        ("B", Role.CEL),
        ("BOOK1", Role.BOOK),
    ]
    assert art.exposures == {"A": ("1", "1a", "3"), "B": ("1", "1", "1")}
    assert art.warnings == ()
    packed = read(tmp_path, *keys, model=LayerpackSpec)
    assert packed.exposures == {"BG": ("1",) * 3, **art.exposures, "BOOK1": ("1",) * 3}


def test_key_pixels_are_those_of_the_file(painted: Path) -> None:
    art = read(
        painted,
        key(1, 1),
        {"frame": 2, "image": "p2.png", "line": "l2.png"},
        {"frame": 3, "line": "l3.png"},
        key(4, 4, line="l4.png"),
    )
    found = {
        name: key_pixels(load_cel(cel, size=art.size), art.size) for name, cel in art.layers[0].cels.items()
    }
    drawn = walk(4)
    assert difference(found["1"].picture, drawn[0].painted) == 0
    assert found["1"].line is None
    assert found["2"].line is not None
    assert (found["2"].line[..., 3] == drawn[1].line).all()
    assert (found["2"].picture[drawn[1].line == 255, :3] == 0).all()
    assert (found["2"].paint == read_picture(painted / "p2.png")).all()
    assert (found["3"].picture == read_picture(painted / "l3.png")).all()
    assert found["3"].line is not None
    assert difference(found["4"].picture, drawn[3].painted) == 0
    assert found["4"].line is not None


def test_a_psd_key_of_lines_alone_is_its_lines(tmp_path: Path) -> None:
    for number, drawing in enumerate(walk(2), 1):
        write_psd(tmp_path / f"{number}.psd", (PsdOut("A", children=line_layers(drawing)),), size=(160, 96))
    art = read(tmp_path, {"frame": 1, "psd": "1.psd"}, {"frame": 3, "psd": "2.psd"})
    found = key_pixels(load_cel(art.layers[0].cels["1"], size=art.size), art.size)
    assert found.paint is None
    assert found.line is not None
    assert (found.picture == found.line).all()
    assert (found.line[walk(2)[0].trace > 0, 2] == 255).all()


@pytest.fixture
def sheeted(tmp_path: Path) -> Path:
    """Three drawings of A and two of B; A is marked twice between 1 and 2 and once between 2 and 3."""
    save_keys_psd(tmp_path / "keys.psd", {"A": walk(3), "B": [ball(40, 30, 12), cup(60, 30)]})
    shown = {"A": ("1",) * 7 + ("2",) * 3 + ("3",) * 2, "B": ("1",) * 6 + ("2",) * 6}
    marks = {"A": {2: "tick_1", 4: "tick_1", 8: "tick_1", 11: "tick_2"}}
    (tmp_path / "cut.xdts").write_text(xdts_text(Timesheet("cut", 12, shown, marks)), "utf-8")
    return tmp_path


SHEETED = {"psd": "keys.psd", "sheet": "cut.xdts"}


def test_marks_of_a_sheet_become_drawings(sheeted: Path) -> None:
    art = read(sheeted, art=SHEETED)
    assert art.exposures["A"] == ("1", "1", "1a", "1a", "1b", "1b", "1b", "2", "2a", "2a", "3", "3")
    assert art.exposures["B"] == ("1",) * 6 + ("2",) * 6
    assert art.marks == {"A": {11: "tick_2"}}
    assert betweens(art) == [("A", "1a", 0, 0.3333), ("A", "1b", 0, 0.6667), ("A", "2a", 1, 0.5)]
    assert art.plans[0].layers == ("A",)


def test_marks_before_the_cut_count_too(sheeted: Path) -> None:
    art = read(sheeted, art=SHEETED, shot={"frames": "5-9"})
    assert art.exposures["A"] == ("1b", "1b", "1b", "2", "2a")
    assert [k.index for k in art.plans[0].keys] == [-4, 3, 6]
    assert art.first_frame == 5


def test_a_sheet_in_words_marks_with_a_plus(painted: Path) -> None:
    art = read(painted, art={"image": "k####.png", "exposure": {"A": "1x2 + +x2 2x2 1 + 2"}})
    assert art.exposures["A"] == ("1", "1", "1a", "1b", "1b", "2", "2", "1", "1c", "2")
    assert [round(b[3], 3) for b in betweens(art)] == [0.333, 0.667, 0.5]


def test_line_drawings_with_a_sheet_are_keys_of_lines_alone(painted: Path) -> None:
    art = read(painted, art={"line": "l####.png", "exposure": {"A": "1x2 +x2 2"}})
    found = key_pixels(load_cel(art.layers[0].cels["1"], size=art.size), art.size)
    assert (found.picture == read_picture(painted / "l1.png")).all()
    assert found.line is not None
    assert (found.line[..., 3] == walk(4)[0].line).all()


@pytest.mark.parametrize(
    ("exposure", "what"),
    [
        ("1x4 2x4", "the sheet marks no inbetween"),
        ("1x2 +x2", "has no drawing after the mark at frame 3"),
        ("+x2 1x2", "has no drawing before the mark at frame 1"),
        ("1x2 +x2 -x2 2", "has no drawing after the mark at frame 3"),
    ],
)
def test_marks_that_cannot_be_filled_are_told(painted: Path, exposure: str, what: str) -> None:
    assert what in refused(SpecError, painted, art={"image": "k####.png", "exposure": {"A": exposure}})


def test_everything_wrong_with_the_keys_is_told_at_once(painted: Path) -> None:
    save_png(painted / "small.png", np.full((40, 60, 4), 255, np.uint8))
    (painted / "broken.png").write_bytes((painted / "k3.png").read_bytes()[:60])
    said = refused(
        ArtError,
        painted,
        key(1, 1),
        {"frame": 2, "image": "small.png"},
        {"frame": 3, "image": "broken.png"},
        {"frame": 4, "image": "absent.png"},
    )
    assert "`small.png` is 60 x 40, `k1.png` is 160 x 96" in said
    assert "broken.png" in said
    assert "absent.png" in said


def test_a_picture_broken_past_its_head_is_found_before_anything_is_drawn(painted: Path) -> None:
    data = (painted / "k2.png").read_bytes()
    (painted / "k2.png").write_bytes(data[:-200] + bytes(200))
    assert "k2.png" in refused(ArtError, painted, key(1, 1), key(3, 2))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"chart": [0.2, 0.4, 0.6]}, "3 drawings do not fit into 2 frames"),
        ({"layer": [{"name": "B"}]}, "the shot has no layer `B` [layer[1].name] (it has `A`)"),
        (
            {"layer": [{"name": "A", "charts": {"1": (0.2, 0.4, 0.6)}}]},
            "3 drawings do not fit into 2 frames [layer[1].charts]",
        ),
        (
            {"layer": [{"name": "A", "charts": {"2": (0.5,)}}]},
            "layer `A` has no drawing `2` [layer[1].charts] (it has `1`, `4`)",
        ),
    ],
)
def test_charts_and_layers_that_do_not_fit(painted: Path, more: dict[str, Any], what: str) -> None:
    tables = more if "layer" in more else {}
    more = {} if tables else more
    assert what in refused(SpecError, painted, key(1, 1), key(4, 2, **more), **tables)


def test_a_chart_of_marks_that_do_not_fit_is_the_one_problem(painted: Path) -> None:
    sheet = {"image": "k####.png", "exposure": {"A": "1x2 +x2 +x2 2x2"}}
    tables = {"art": sheet, "layer": [{"name": "A", "charts": {"1": (0.3,)}}]}
    said = refused(SpecError, painted, **tables)
    assert said.startswith(
        "way from drawing `1`: the chart has 1 drawings, the sheet marks 2 [layer[1].charts] ("
    )
    assert "\n" not in said


def test_a_psd_with_several_drawings_is_no_key(tmp_path: Path) -> None:
    save_keys_psd(tmp_path / "many.psd", {"A": walk(2)})
    write_psd(tmp_path / "one.psd", (PsdOut("A", children=painted_layers(walk(2)[0])),), size=(160, 96))
    write_psd(tmp_path / "none.psd", (PsdOut("BG", sky()),), size=(160, 96))
    keys = [{"frame": n, "psd": f"{name}.psd"} for n, name in enumerate(("one", "many", "none"), 1)]
    said = refused(ArtError, tmp_path, *keys)
    assert "cel `A` has 2 drawings" in said
    assert "`none.psd` has no cel layer" in said
    assert "it has `BG`" in said


def test_a_background_that_moves_is_told(tmp_path: Path) -> None:
    for number, color in (("1", 200), ("2", 90)):
        pixels = np.full((96, 160, 4), (color, 220, 235, 255), np.uint8)
        painted = PsdOut("A", children=painted_layers(walk(2)[0]))
        write_psd(tmp_path / f"{number}.psd", (PsdOut("BG", pixels), painted), size=(160, 96))
    art = read(tmp_path, {"frame": 1, "psd": "1.psd"}, {"frame": 3, "psd": "2.psd"})
    assert [warned.code for warned in art.warnings] == ["W111"]
