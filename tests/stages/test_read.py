"""From shot file to art: both forms of a shot, and every way in which art and shot file can disagree."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psd_tools import PSDImage

from artkit import (
    SIZE,
    ball,
    cup,
    painted_layers,
    save_flat_shot,
    save_png,
    save_psd_shot,
    save_sequence,
    save_sheet,
    save_still_psd,
    sky,
    walk,
)
from toonctl.core.errors import ArtError, SpecError, ToonctlError
from toonctl.core.types import Art, Role
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.spec.colorize_long import ColorizeLongSpec
from toonctl.spec.load import load_shot
from toonctl.stages.cel_pixels import load_cel
from toonctl.stages.read import layer_roles, read_art, read_options

SHOT = {"name": "cut", "rate": "24"}
PAINTED = {"frame": 1, "image": "color/walk.0001.png"}


def read(folder: Path, art: dict[str, Any], *references: dict[str, Any], **tables: Any) -> Art:
    """The art of a shot file with these tables."""
    shot = {**SHOT, **tables.pop("shot", {})}
    tables |= {"shot": shot, "art": art, "reference": list(references or (PAINTED,))}
    return read_art(ColorizeLongSpec.model_validate(tables), folder=folder)


def problems(error: ToonctlError) -> str:
    return "\n".join(f"{p.what} [{p.where}] ({p.hint})" for p in error.problems)


def refused(kind: type[ToonctlError], folder: Path, *args: dict[str, Any], **tables: Any) -> str:
    """What reading says when it refuses."""
    with pytest.raises(kind) as caught:
        read(folder, *args, **tables)
    return problems(caught.value)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    save_flat_shot(tmp_path)
    return tmp_path


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    save_psd_shot(tmp_path)
    return tmp_path


LINES = {"line": "line/walk.####.png"}
KEYS = {"psd": "keys.psd", "sheet": "cut.xdts"}
STILL = {"psd": "cut_0001.psd", "drawings": {"A": "1", "B": "2"}}
STILL_A = STILL | {"drawings": {"A": "1"}}


class TestFlat:
    def test_shot_file_of_design(self, flat: Path) -> None:
        loaded = load_shot(flat / "walk.toml", command="colorize-long")
        art = read_art(loaded.spec, folder=loaded.folder)
        assert (art.size, art.n_frames, art.first_frame) == (SIZE, 4, 1)
        assert [(layer.name, layer.role) for layer in art.layers] == [("A", Role.CEL)]
        assert art.exposures == {"A": ("1", "2", "3", "4")}
        [reference] = art.references
        assert (reference.layer, reference.drawing, reference.line) == ("A", "1", None)
        assert [file.path for file in art.inputs][:2] == ["line/walk.0001.png", "line/walk.0002.png"]
        first = art.inputs[0]
        data = (flat / first.path).read_bytes()
        assert first.sha256 == hashlib.sha256(data).hexdigest() == art.layers[0].cels["1"].digest
        assert (first.n_bytes, first.size, first.depth, first.icc) == (len(data), SIZE, 8, "sRGB (assumed)")
        assert art.warnings == ()
        assert pickle.loads(pickle.dumps(art)) == art  # our own bytes: how art reaches a worker

    def test_missing_pictures_are_all_named(self, flat: Path) -> None:
        for number in (2, 3):
            (flat / f"line/walk.{number:04d}.png").unlink()
        said = refused(ArtError, flat, LINES)
        assert "2-3" in said or "2,3" in said
        assert "walk.0002.png" in said
        assert "walk.0003.png" in said

    def test_mixed_sizes_are_refused_by_name(self, flat: Path) -> None:
        save_png(flat / "line/walk.0003.png", np.full((40, 50), 255, np.uint8))
        said = refused(ArtError, flat, LINES)
        assert "`walk.0003.png` is 50 x 40, `walk.0001.png` is 160 x 96" in said

    def test_all_problems_are_told_at_once(self, flat: Path) -> None:
        (flat / "line/walk.0002.png").write_bytes(b"")
        (flat / "line/walk.0003.png").write_bytes(b"no picture")
        (flat / "color/walk.0001.png").unlink()
        said = refused(ArtError, flat, {**LINES, "background": "bg.png"})
        for name in (
            "walk.0002.png` is empty",
            "walk.0003.png` is not",
            "walk.0001.png` does",
            "bg.png` does",
        ):
            assert name in said

    @pytest.mark.parametrize(
        ("frames", "numbers"), [("2-3", ("2", "3")), ("1-4", ("1", "2", "3", "4")), ("4", ("4",))]
    )
    def test_frames_limit_the_shot(self, frames: str, numbers: tuple[str, ...], flat: Path) -> None:
        painted = {**PAINTED, "frame": int(numbers[0])}
        art = read(flat, LINES, painted, shot={"frames": frames})
        assert art.exposures["A"] == numbers
        assert art.first_frame == int(numbers[0])
        assert art.references[0].drawing == numbers[0]

    def test_frames_beyond_the_pictures_are_missing(self, flat: Path) -> None:
        assert "walk.0006.png" in refused(ArtError, flat, LINES, shot={"frames": "1-6"})
        assert "has gaps" in refused(SpecError, flat, LINES, shot={"frames": "1-3x2"})

    def test_numbers_of_files_are_frame_numbers(self, tmp_path: Path) -> None:
        save_sequence(tmp_path, walk(3), name="line/walk", first=1001)
        save_png(tmp_path / "color/walk.0001.png", walk(3)[1].painted)
        art = read(tmp_path, LINES, {**PAINTED, "frame": 1002})
        assert (art.first_frame, art.exposures["A"]) == (1001, ("1001", "1002", "1003"))
        assert art.references[0].drawing == "1002"
        assert "frame 1 is not in the shot" in refused(SpecError, tmp_path, LINES)

    def test_first_frame_counts_otherwise(self, flat: Path) -> None:
        art = read(flat, LINES, {**PAINTED, "frame": 1002}, shot={"first_frame": 1001, "frames": "1002-1003"})
        assert (art.first_frame, art.exposures["A"]) == (1002, ("2", "3"))
        assert art.references[0].drawing == "2"

    def test_sheet_shows_drawings_by_number(self, flat: Path) -> None:
        art = read(flat, {**LINES, "exposure": {"A": "1x2 3x2 -x1"}})
        assert art.exposures["A"] == ("1", "1", "3", "3", None)
        assert list(art.layers[0].cels) == ["1", "3"]
        assert "walk.0009.png" in refused(ArtError, flat, {**LINES, "exposure": {"A": "1 9"}})
        assert "no layer `A`" in refused(SpecError, flat, {**LINES, "exposure": {"C": "1"}})

    def test_layer_background_and_reference_line(self, flat: Path) -> None:
        save_png(flat / "bg.png", sky())
        save_png(flat / "color/line.png", walk(1)[0].on_white)
        reference = {**PAINTED, "line": "color/line.png"}
        art = read(flat, {**LINES, "layer": "B", "background": "bg.png"}, reference)
        assert [(layer.name, layer.role) for layer in art.layers] == [
            ("BG", Role.BACKGROUND),
            ("B", Role.CEL),
        ]
        assert load_cel(art.layers[0].cels["BG"], size=art.size).paint[0].rgba[0, 0, 3] == 255
        line = art.references[0].line
        assert line is not None
        assert load_cel(line, size=art.size).line is not None

    def test_reference_without_frame_is_a_design(self, flat: Path) -> None:
        [reference] = read(flat, LINES, {"image": "color/walk.0001.png"}).references
        assert reference.drawing is None

    def test_no_picture_fits(self, flat: Path) -> None:
        said = refused(ArtError, flat, {"line": "line/wolk.####.png"})
        assert "no file fits `line/wolk.####.png`" in said
        assert "walk.0001.png" in said
        assert "folder" in refused(ArtError, flat, {"line": "lines/walk.####.png"})

    def test_lettered_drawings_need_a_sheet(self, tmp_path: Path) -> None:
        for name in ("line/walk.0002a.png", "color/walk.0001.png"):
            save_png(tmp_path / name, walk(1)[0].painted)
        assert "no file of" in refused(ArtError, tmp_path, LINES)
        assert read(tmp_path, {**LINES, "exposure": {"A": "2a"}}).exposures["A"] == ("2a",)

    def test_two_files_of_one_number(self, flat: Path) -> None:
        save_png(flat / "line/walk.1.png", walk(1)[0].on_white)
        assert "have the same number" in refused(ArtError, flat, LINES)

    def test_stray_number_is_no_endless_shot(self, flat: Path) -> None:
        save_png(flat / "line/walk.99999999.png", walk(1)[0].on_white)
        assert "100,000 frames are allowed" in refused(ArtError, flat, LINES)


class TestPsd:
    def test_shot_file_of_design(self, cut: Path) -> None:
        loaded = load_shot(cut / "cut.toml", command="colorize-long")
        art = read_art(loaded.spec, folder=loaded.folder)
        assert (art.size, art.n_frames, art.first_frame) == (SIZE, 8, 1)
        assert [(layer.name, layer.role) for layer in art.layers] == [
            ("BG", Role.BACKGROUND),
            ("A", Role.CEL),
            ("B", Role.CEL),
            ("BOOK1", Role.BOOK),
        ]
        assert art.exposures["A"] == ("1", "1", "2", "2", "3", "3", "3", "3")
        assert art.exposures["B"] == (None, None, "1", "1", "1", "2", "2", None)
        assert [(r.layer, r.drawing) for r in art.references] == [("A", "1"), ("B", "2")]
        assert [file.path for file in art.inputs] == ["cut.xdts", "keys.psd", "cut_0001.psd"]
        roles = {layer.name: layer.role for layer in art.inputs[1].layers}
        assert roles["A/2/線"] is Role.LINE
        assert roles["A/2/色トレス"] is Role.TRACE
        assert art.warnings == ()
        options = read_options(loaded.spec)
        digests = set()
        for layer in art.layers:
            for cel in layer.cels.values():
                digests.add(cel.digest)
                sent = pickle.loads(pickle.dumps(cel))  # our own bytes: how a cel reaches a worker
                pixels = load_cel(sent, size=art.size, options=options)
                assert (pixels.line is not None) == (layer.role is Role.CEL)
        assert len(digests) == 7
        painted = load_cel(art.references[1].cel, size=art.size)
        assert [part.role for part in painted.paint] == [Role.PAINT, Role.SHADOW]

    def test_missing_drawings_and_cels_are_all_named(self, cut: Path) -> None:
        save_sheet(cut / "cut.xdts", {"A": "1 7 8", "B": "1", "C": "1"})
        reference = {"psd": "cut_0001.psd", "drawings": {"A": "9", "D": "1"}}
        said = refused(SpecError, cut, KEYS, reference)
        assert "cel `A` has no drawing `7`, `8`" in said
        assert "`keys.psd` has no cel `C`" in said
        assert "layer `A` has no drawing `9`" in said
        assert "the shot has no layer `D`" in said
        assert "`cut_0001.psd` has no cel `D`" in said
        assert "no drawing `7`" in refused(ArtError, cut, KEYS, STILL_A)

    def test_hidden_cel_is_pointed_out(self, cut: Path) -> None:
        groups = [
            PsdOut(
                name, children=(PsdOut("1", children=painted_layers(ball(50, 50))),), is_visible=name == "A"
            )
            for name in ("A", "B")
        ]
        write_psd(cut / "keys.psd", groups, size=SIZE)
        said = refused(ArtError, cut, {"psd": "keys.psd", "exposure": {"A": "1", "B": "1"}}, STILL_A)
        assert "hides cel `B`" in said

    def test_exposure_in_the_shot_file_and_csv(self, cut: Path) -> None:
        art = read(cut, {"psd": "keys.psd", "exposure": {"A": "01x2 3x2", "B": "-x1 2x1"}}, STILL)
        assert art.exposures == {"A": ("1", "1", "3", "3"), "B": (None, "2", None, None)}
        part = read(cut, KEYS, STILL, shot={"frames": "3-4", "first_frame": 1})
        assert (part.first_frame, part.exposures["B"]) == (3, ("1", "1"))
        assert "not all in the sheet" in refused(SpecError, cut, KEYS, STILL, shot={"frames": "1-20"})

    def test_sheet_is_needed_and_its_faults_are_told(self, cut: Path) -> None:
        assert "no sheet says when" in refused(SpecError, cut, {"psd": "keys.psd"}, STILL)
        (cut / "cut.xdts").write_text("wrong", encoding="utf-8")
        assert "cut.xdts" in refused(SpecError, cut, KEYS, STILL)

    def test_cel_that_the_sheet_does_not_show(self, cut: Path) -> None:
        art = read(cut, {"psd": "keys.psd", "exposure": {"A": "1"}}, STILL_A)
        assert [warned.code for warned in art.warnings] == ["W108"]
        assert [layer.name for layer in art.layers if layer.role is Role.CEL] == ["A"]

    def test_painted_answer_gives_all_its_drawings(self, cut: Path) -> None:
        drawings = walk(3)
        groups = tuple(
            PsdOut(str(n), children=painted_layers(drawing, "")) for n, drawing in enumerate(drawings, 1)
        )
        write_psd(cut / "truth.psd", (PsdOut("A", children=groups),), size=SIZE)
        art = read(cut, KEYS, {"psd": "truth.psd"}, STILL | {"drawings": {"B": "1"}})
        assert [(r.layer, r.drawing) for r in art.references] == [
            ("A", "1"),
            ("A", "2"),
            ("A", "3"),
            ("B", "1"),
        ]
        one = read(cut, KEYS, {"psd": "truth.psd", "frame": 4}, STILL | {"drawings": {"B": "1"}})
        assert one.references[0].drawing == "2"
        design = read(cut, KEYS, {"psd": "cut_0001.psd"})
        assert {r.drawing for r in design.references} == {None}
        write_psd(cut / "truth.psd", (PsdOut("C", children=groups),), size=SIZE)
        assert "paints no drawing of the shot" in refused(SpecError, cut, KEYS, {"psd": "truth.psd"})

    def test_flat_reference_needs_a_layer(self, cut: Path) -> None:
        save_png(cut / "b.png", ball(40, 30, 12).painted)
        assert "which layer" in refused(SpecError, cut, KEYS, {"image": "b.png", "frame": 3})
        art = read(cut, KEYS, {"image": "b.png", "frame": 3, "layer": "B"})
        assert (art.references[0].layer, art.references[0].drawing) == ("B", "1")
        said = refused(SpecError, cut, KEYS, {"image": "b.png", "frame": 1, "layer": "B"})
        assert "shows nothing at frame 1" in said
        assert "no layer `Z`" in refused(SpecError, cut, KEYS, {"image": "b.png", "layer": "Z"})

    def test_stills_of_the_keys_win(self, cut: Path) -> None:
        lines = PsdOut("1", children=painted_layers(ball(60, 50)))
        stack = (PsdOut("美術", sky()), PsdOut("A", children=(lines,)), PsdOut("BOOK1", cup(9, 9).paint))
        stack += (PsdOut("B", children=(lines,)), PsdOut("BOOK1", cup(30, 9).paint))
        write_psd(cut / "keys.psd", stack, size=SIZE)
        art = read(cut, {"psd": "keys.psd", "exposure": {"A": "1", "B": "1"}}, STILL_A)
        assert [layer.name for layer in art.layers] == ["美術", "A", "BOOK1", "B", "BOOK1_2"]
        assert [warned.code for warned in art.warnings] == ["W101"]

    def test_one_still_psd_is_held(self, cut: Path) -> None:
        art = read(
            cut, {"psd": "cut_0001.psd"}, STILL | {"drawings": {"A": "1", "B": "1"}}, shot={"frames": "1-3"}
        )
        assert art.exposures == {"A": ("1",) * 3, "B": ("1",) * 3}

    def test_numbered_psds_are_frames(self, cut: Path) -> None:
        for number, x in enumerate((40, 60, 80), 1):
            cels = {"A": ball(x, 50)} if number == 2 else {"A": ball(x, 50), "B": cup(x, 5)}
            save_still_psd(cut / f"still.{number:04d}.psd", cels)
        art = read(cut, {"psd": "still.####.psd"}, STILL | {"drawings": {"A": "2", "B": "3"}})
        assert art.exposures == {"A": ("1", "2", "3"), "B": ("1", None, "3")}
        assert [layer.name for layer in art.layers] == ["BG", "A", "B", "BOOK1"]
        assert load_cel(art.layers[1].cels["2"], size=art.size).line is not None
        (cut / "still.0002.psd").unlink()
        assert "still.0002.psd" in refused(ArtError, cut, {"psd": "still.####.psd"}, STILL_A)

    def test_broken_psds_are_all_told(self, cut: Path) -> None:
        (cut / "keys.psd").write_bytes((cut / "keys.psd").read_bytes()[:-50])
        assert "`keys.psd` is damaged" in refused(ArtError, cut, KEYS, STILL)

    def test_sizes_of_psds_must_agree(self, cut: Path) -> None:
        save_still_psd(cut / "cut_0001.psd", {"A": ball(20, 20, 8, size=(64, 40))}, size=(64, 40))
        assert "64 x 40" in refused(ArtError, cut, KEYS, STILL_A)


class TestWarnings:
    def warned(self, folder: Path, *layers: PsdOut, **psd: Any) -> dict[str, str]:
        write_psd(folder / "keys.psd", layers, size=SIZE)
        art = {"psd": "keys.psd", "exposure": {"A": "1"}}
        found = read(folder, art, STILL_A, psd=psd).warnings
        return {warned.code: warned.text for warned in found}

    def drawing(self, *layers: PsdOut) -> PsdOut:
        return PsdOut("A", children=(PsdOut("1", children=layers),))

    def test_each_has_its_code_and_names_file_and_layer(self, cut: Path) -> None:
        trace, line = painted_layers(ball(60, 50), "")[2:]
        found = self.warned(
            cut,
            self.drawing(line, line, PsdOut("修正", sky())),
            PsdOut("なぞ", sky()),
        )
        assert found.keys() == {"W101", "W103", "W107"}
        assert all("keys.psd" in text for text in found.values())
        assert "A/1/修正" in found["W103"]
        assert "なぞ" in found["W107"]
        assert self.warned(cut, self.drawing(trace))["W102"] == "`keys.psd`: `A/1` has no line layer"
        assert not self.warned(cut, self.drawing(line, PsdOut("修正", sky())), corrections="apply")
        assert not self.warned(cut, self.drawing(line), PsdOut("なぞ", sky()), roles={"ignore": ["なぞ"]})

    def test_duplicate_cels_and_drawings(self, cut: Path) -> None:
        line = painted_layers(ball(60, 50), "")[3]
        twice = PsdOut("A", children=(PsdOut("1", children=(line,)), PsdOut("01", children=(line,))))
        assert "two drawings `1`" in self.warned(cut, twice)["W101"]
        assert "two layers `A`" in self.warned(cut, self.drawing(line), self.drawing(line))["W101"]

    def test_32_bit_and_what_only_psd_tools_draws(self, cut: Path) -> None:
        document = PSDImage.new("RGB", SIZE, depth=32)
        rgba = np.zeros((SIZE[1], SIZE[0], 4), np.float32)
        rgba[20:40, 20:22] = (0, 0, 0, 1)
        group = document.create_group(name="A")
        inner = group.create_group(name="1")
        inner.create_pixel_layer_from_array(rgba, name="line")
        inner.create_pixel_layer_from_array(rgba, name="paint").blend_mode = b"diff"
        document.save(cut / "keys.psd")
        art = read(cut, {"psd": "keys.psd", "exposure": {"A": "1"}}, STILL_A)
        found = {warned.code: warned.text for warned in art.warnings}
        assert found.keys() == {"W104", "W105"}
        assert "rasterise this layer" in found["W105"]
        assert art.inputs[0].depth == 32

    def test_name_that_is_no_path_component(self, cut: Path) -> None:
        line = painted_layers(ball(60, 50), "")[3]
        write_psd(cut / "keys.psd", (PsdOut("BG_空/1", sky()), self.drawing(line)), size=SIZE)
        said = refused(SpecError, cut, {"psd": "keys.psd", "exposure": {"A": "1"}}, STILL_A)
        assert "contains `/`" in said


def test_roles_of_every_layer_for_check(cut: Path) -> None:
    roles = {layer.name: layer.role for layer in layer_roles(cut / "cut_0001.psd", {"paint": ["A_line"]})}
    assert roles == {
        "BG": Role.BACKGROUND,
        "A": Role.CEL,
        "A/A_paint": Role.PAINT,
        "A/A_shadow": Role.SHADOW,
        "A/A_trace": Role.TRACE,
        "A/A_line": Role.PAINT,
        "B": Role.CEL,
        "B/B_paint": Role.PAINT,
        "B/B_shadow": Role.SHADOW,
        "B/B_trace": Role.TRACE,
        "B/B_line": Role.LINE,
        "BOOK1": Role.BOOK,
        "_guide": Role.IGNORE,
        "_guide/frame_100": Role.IGNORE,
    }
