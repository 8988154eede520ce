"""`init`: a shot file that says every default truly, art that the shot names, and no file ever replaced."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage

from toonctl.core.errors import DeliveryError
from toonctl.formats.xdts import read_xdts
from toonctl.pipelines import init
from toonctl.pipelines.init_art import N_DRAWINGS, draw_ball
from toonctl.pipelines.init_files import EXAMPLES
from toonctl.spec.load import load_shot, resolved
from toonctl.spec.schema import shot_schema
from toonctl.stages.read import read_art

KINDS = pytest.mark.parametrize("kind", list(init.Kind))


@KINDS
def test_it_writes_a_shot_that_loads(tmp_path: Path, kind: init.Kind) -> None:
    folder = tmp_path / "new" / "ball"
    started = init.run(folder, kind=kind)
    assert sorted(started.files) == sorted(path for path in folder.rglob("*") if path.is_file())
    command = EXAMPLES[kind].command
    assert started.next_command == f"toonctl {command} {started.shot}"
    loaded = load_shot(started.shot, command=command)
    assert loaded.spec.shot.name == "ball"
    assert json.loads((folder / "shot.schema.json").read_text("utf-8")) == shot_schema(command)
    assert started.shot.read_text("utf-8").startswith("#:schema ./shot.schema.json\n")


@KINDS
def test_a_key_behind_a_hash_shows_its_default(tmp_path: Path, kind: init.Kind) -> None:
    shot = init.run(tmp_path, kind=kind).shot
    command = EXAMPLES[kind].command
    plain = resolved(load_shot(shot, command=command).spec)
    text = shot.read_text("utf-8")
    tables = text.split("\n\n")
    # An absent `[[layer]]` has no defaults to show: naming one is up to the reader.
    opened = [re.sub(r"(?m)^#(\w+ = )", r"\1", table) for table in tables if "#[[" not in table]
    shot.write_text("\n\n".join(opened), "utf-8")
    assert resolved(load_shot(shot, command=command).spec) == plain
    assert sum(len(re.findall(r"(?m)^#\w+ = ", table)) for table in tables) > 20


@KINDS
def test_a_second_time_changes_nothing(tmp_path: Path, kind: init.Kind) -> None:
    init.run(tmp_path, kind=kind)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(DeliveryError, match="already there"):
        init.run(tmp_path, kind=init.Kind.FLAT)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_other_art_in_the_folder_is_not_replaced(tmp_path: Path) -> None:
    own = tmp_path / "line" / "ball.0003.png"
    own.parent.mkdir()
    own.write_bytes(b"mine")
    with pytest.raises(DeliveryError, match=re.escape("line/ball.0003.png")):
        init.run(tmp_path, kind=init.Kind.FLAT)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "ball").write_text("")
    with pytest.raises(DeliveryError, match="is a file"):
        init.run(tmp_path / "ball", kind=init.Kind.FLAT)


def test_the_reference_shows_every_color_of_the_drawings() -> None:
    drawings = [draw_ball(number, on_ground=True) for number in range(1, N_DRAWINGS + 1)]
    shown = [set(np.unique(drawing.paint[drawing.line < 64])) for drawing in drawings]
    assert all(colors <= shown[0] for colors in shown)


def test_the_flat_reference_is_the_first_line_drawing_painted(tmp_path: Path) -> None:
    init.run(tmp_path, kind=init.Kind.FLAT)
    with (
        Image.open(tmp_path / "line/ball.0001.png") as line,
        Image.open(tmp_path / "color/ball.0001.png") as color,
    ):
        assert line.size == color.size == (480, 270)
        assert (np.asarray(color)[np.asarray(line) == 0] == 0).all()


def test_the_psd_holds_the_drawings_the_sheet_shows(tmp_path: Path) -> None:
    init.run(tmp_path, kind=init.Kind.PSD)
    shown = {name for name in read_xdts(tmp_path / "ball.xdts").exposures["A"] if name is not None}
    (folder,) = PSDImage.open(tmp_path / "ball_keys.psd")
    assert {child.name for child in folder} == shown
    assert [child.name for child in folder if child.visible] == ["1"]
    assert all([layer.name for layer in child] == ["色トレス", "線"] for child in folder)
    still = PSDImage.open(tmp_path / "ball_0001.psd")
    assert [layer.name for layer in still.descendants()] == [
        "BG",
        "A",
        "A_paint",
        "A_shadow",
        "A_trace",
        "A_line",
    ]


def test_every_kind_has_its_art() -> None:
    assert set(EXAMPLES) == {str(kind) for kind in init.Kind}


@KINDS
def test_the_art_is_what_the_shot_file_asks_for(tmp_path: Path, kind: init.Kind) -> None:
    shot = init.run(tmp_path, kind=kind).shot
    loaded = load_shot(shot, command=EXAMPLES[kind].command)
    art = read_art(loaded.spec, folder=loaded.folder)
    assert art.warnings == ()
    assert art.size == (480, 270)
    assert art.n_frames >= 12
