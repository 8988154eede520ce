"""One drawing loaded: lines, trace lines and paint apart, whatever the layers are called."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artkit import (
    BALL,
    INK,
    SHADOW,
    SIZE,
    SKY,
    TRACE,
    Drawing,
    ball,
    cup,
    difference,
    line_layers,
    painted_layers,
    save_png,
    save_still_psd,
    sky,
    tint,
)
from toonctl.core.errors import ArtError
from toonctl.core.types import Cel, CelPixels, Pixels, Role
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.cel_pixels import load_cel
from toonctl.stages.line_pixels import split_lines

DRAWING = ball(60, 50)


def load_group(
    tmp_path: Path, *layers: PsdOut, is_line_art: bool = True, options: ReadOptions | None = None
) -> CelPixels:
    """What is loaded of a cel group with these layers."""
    path = tmp_path / "a.psd"
    write_psd(path, (PsdOut("A", children=layers),), size=SIZE)
    return load_cel(Cel("A", "1", path, "", (0,), is_line_art), size=SIZE, options=options)


def lines(drawing: Drawing) -> Pixels:
    return tint(drawing.line, INK)


def test_gray_picture_is_ink_on_paper(tmp_path: Path) -> None:
    path = save_png(tmp_path / "a.png", DRAWING.on_white)
    cel = load_cel(Cel("A", "1", path, ""), size=SIZE)
    assert cel.line is not None
    assert np.array_equal(cel.line[..., 3], DRAWING.line)
    assert not cel.line[..., :3].any()
    assert cel.trace is None
    assert cel.paint == ()


def test_colored_strokes_on_paper_become_trace_lines(tmp_path: Path) -> None:
    paper = Image.fromarray(np.full((SIZE[1], SIZE[0], 4), 255, np.uint8))
    for part in (tint(DRAWING.trace, (250, 5, 5)), lines(DRAWING)):
        paper.alpha_composite(Image.fromarray(part))
    path = tmp_path / "a.png"
    paper.convert("RGB").save(path)
    cel = load_cel(Cel("A", "1", path, ""), size=SIZE)
    assert cel.line is not None
    assert cel.trace is not None
    assert np.array_equal(cel.trace[..., 3] > 0, DRAWING.trace > 0)
    assert cel.trace[DRAWING.trace > 0].min(0).tolist() == [250, 0, 0, 250]
    assert (cel.line[DRAWING.trace > 0] == 0).all()
    assert np.abs(cel.line[..., 3].astype(int) - (DRAWING.line * (235 / 255))).max() <= 1


def test_transparent_picture_keeps_its_pixels_less_the_paper(tmp_path: Path) -> None:
    rgba = lines(DRAWING)
    rgba[:10] = 255
    rgba[DRAWING.trace > 0] = (0, 0, 255, 200)
    path = save_png(tmp_path / "a.png", rgba)
    cel = load_cel(Cel("A", "1", path, ""), size=SIZE)
    assert cel.line is not None
    assert cel.trace is not None
    assert difference(cel.line, lines(DRAWING)) == 0
    assert cel.trace[DRAWING.trace > 0].tolist() == [[0, 0, 255, 200]] * int((DRAWING.trace > 0).sum())


@pytest.mark.parametrize(
    ("color", "is_trace"),
    [
        ((255, 0, 0), True),
        ((0, 255, 0), True),
        ((30, 30, 220), True),
        ((255, 100, 0), True),  # 24 degrees
        ((255, 112, 0), False),  # 26 degrees
        ((255, 0, 255), False),
        ((120, 70, 50), False),  # a brown outline
        ((40, 40, 60), False),
        ((0, 0, 0), False),
    ],
)
@pytest.mark.parametrize("coverage", [255, 128, 40])
def test_hue_and_saturation_decide(color: tuple[int, int, int], is_trace: bool, coverage: int) -> None:
    clear = np.full((1, 2, 4), (*color, coverage), np.uint8)
    clear[0, 1] = 0
    assert (split_lines(clear)[1] is not None) == is_trace
    opaque = np.full((1, 2, 4), 255, np.uint8)
    opaque[0, 0, :3] = 255 - (255 - np.array(color)) * coverage // 255
    assert (split_lines(opaque)[1] is not None) == is_trace


def test_finished_picture_is_one_paint(tmp_path: Path) -> None:
    path = save_png(tmp_path / "a.png", DRAWING.painted)
    cel = load_cel(Cel("A", "1", path, "", is_line_art=False), size=SIZE)
    assert cel.line is None
    assert [part.role for part in cel.paint] == [Role.PAINT]
    assert difference(cel.paint[0].rgba, DRAWING.painted) == 0


def test_line_drawing_of_a_psd(tmp_path: Path) -> None:
    cel = load_group(tmp_path, *line_layers(DRAWING))
    assert cel.line is not None
    assert cel.trace is not None
    assert difference(cel.line, lines(DRAWING)) == 0
    assert difference(cel.trace, tint(DRAWING.trace, TRACE)) == 0
    assert cel.paint == ()


def test_painted_drawing_of_a_psd(tmp_path: Path) -> None:
    cel = load_group(tmp_path, *painted_layers(DRAWING), is_line_art=False)
    assert [(part.role, part.blend, part.is_clipped) for part in cel.paint] == [
        (Role.PAINT, "normal", False),
        (Role.SHADOW, "multiply", True),
    ]
    assert cel.paint[0].rgba[50, 60].tolist() == [*BALL, 255]
    assert cel.paint[1].rgba[60, 60].tolist() == [*SHADOW, 255]
    assert cel.line is not None


def test_clipped_paint_ends_where_its_base_ends(tmp_path: Path) -> None:
    everywhere = sky()
    layers = (
        PsdOut("floor paint", cup(90, 40).paint),
        PsdOut("paint", DRAWING.paint),
        PsdOut("影", everywhere, blend="multiply", is_clipped=True),
    )
    cel = load_group(tmp_path, *layers, is_line_art=False)
    assert [part.role for part in cel.paint] == [Role.PAINT, Role.SHADOW]
    assert np.array_equal(cel.paint[1].rgba[..., 3] > 0, DRAWING.paint[..., 3] > 0)


def test_many_flats_are_one_paint(tmp_path: Path) -> None:
    inner = PsdOut(
        "head", children=(PsdOut("hair_塗り", cup(20, 10).paint), PsdOut("skin_塗り", DRAWING.paint))
    )
    cel = load_group(tmp_path, PsdOut("paint", cup(90, 40).paint), inner, is_line_art=False)
    assert len(cel.paint) == 1
    flats = (cup(20, 10).paint, DRAWING.paint, cup(90, 40).paint)
    assert np.array_equal(cel.paint[0].rgba[..., 3], np.max([paint[..., 3] for paint in flats], axis=0))


def test_nameless_layers_are_lines_only_where_lines_are_expected(tmp_path: Path) -> None:
    layer = PsdOut("レイヤー 1", lines(DRAWING))
    assert load_group(tmp_path, layer).line is not None
    painted = load_group(tmp_path, layer, is_line_art=False)
    assert painted.line is None
    assert len(painted.paint) == 1
    beside = load_group(tmp_path, PsdOut("レイヤー 1", DRAWING.paint), PsdOut("線", lines(DRAWING)))
    assert beside.line is not None
    assert difference(beside.line, lines(DRAWING)) == 0
    assert len(beside.paint) == 1


def test_layer_clipped_to_a_line_colors_it(tmp_path: Path) -> None:
    brown = tint(np.full(SIZE[::-1], 255, np.uint8), (120, 70, 50))
    cel = load_group(tmp_path, PsdOut("線", lines(DRAWING)), PsdOut("色変え", brown, is_clipped=True))
    assert cel.line is not None
    assert np.array_equal(cel.line[..., 3], DRAWING.line)
    assert cel.line[DRAWING.line == 255, :3].max(0).tolist() == [120, 70, 50]


def test_corrections_are_skipped_or_replace_the_line(tmp_path: Path) -> None:
    layers = (PsdOut("線", lines(DRAWING)), PsdOut("作監", lines(cup(90, 40))))
    skipped = load_group(tmp_path, *layers).line
    applied = load_group(tmp_path, *layers, options=ReadOptions(applies_corrections=True)).line
    assert skipped is not None
    assert applied is not None
    assert difference(skipped, lines(DRAWING)) == 0
    assert difference(applied, lines(cup(90, 40))) == 0


def test_hidden_and_ignored_layers_are_not_read(tmp_path: Path) -> None:
    hidden = PsdOut("paint", sky(), is_visible=False)
    clipped = PsdOut("影", sky(), blend="multiply", is_clipped=True)
    cel = load_group(tmp_path, hidden, clipped, PsdOut("memo", sky()), PsdOut("線", lines(DRAWING)))
    assert cel.paint == ()
    assert cel.line is not None
    assert difference(cel.line, lines(DRAWING)) == 0


def test_shot_file_names_roles(tmp_path: Path) -> None:
    options = ReadOptions({"trace": ("nazo",)})
    cel = load_group(tmp_path, PsdOut("nazo", lines(DRAWING)), options=options)
    assert cel.trace is not None
    assert cel.line is not None
    assert not cel.line.any()


def test_drawing_without_layers_is_an_empty_line(tmp_path: Path) -> None:
    cel = load_group(tmp_path)
    assert cel.line is not None
    assert not cel.line.any()


def test_background_is_loaded_whole(tmp_path: Path) -> None:
    path = save_still_psd(tmp_path / "a.psd", {"A": DRAWING})
    cel = load_cel(Cel("BG", "BG", path, "", (0,), is_line_art=False), size=SIZE)
    assert cel.line is None
    assert cel.paint[0].rgba[3, 3].tolist() == [*SKY, 255]


def test_changed_or_missing_files_are_told(tmp_path: Path) -> None:
    path = save_png(tmp_path / "a.png", DRAWING.on_white)
    with pytest.raises(ArtError, match="has changed"):
        load_cel(Cel("A", "1", path, ""), size=(10, 10))
    with pytest.raises(ArtError, match="does not exist"):
        load_cel(Cel("A", "1", tmp_path / "gone.psd", "", (0,)), size=SIZE)
