"""`colorize-long` on a toy shot: what it draws, what it delivers, and what the shot file can ask of it."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from artkit import BALL, CUP, TRACE, difference, save_png, save_psd_shot, walk
from artkit import INK as LINE
from cli.process import TOONCTL, ended
from pipelines.conftest import Toonctl, Whole
from pipelines.toyshot import (
    BARE,
    HELD,
    N_FRAMES,
    delivered,
    differing,
    drawings,
    frame,
    line_art,
    rolling,
    share_equal,
)
from toonctl.core.types import Pixels
from toonctl.formats.png import read_picture

SHADED = tuple(round(a * b / 255) for a, b in zip(BALL, (185, 180, 214), strict=True))


def test_the_delivery_is_there(whole: Whole) -> None:
    files = {path.relative_to(whole.root).as_posix() for path in whole.root.rglob("*") if path.is_file()}
    frames = [f"frames/{layer}/roll.{layer}.{n:04d}.png" for layer in ("A", "comp") for n in range(1, 13)]
    others = ["manifest.json", "palette.json", "doubts.json", "psd/roll.layered.psd", "sheet/roll.xdts"]
    others += ["movies/roll.comp.png.mov", "preview/index.html", "preview/contact.png", "cels/A/A0001.png"]
    assert {*frames, *others} <= files
    assert not [name for name in files if name.endswith(".part") or ".lock" in name]
    assert whole.document["status"] == "done"
    manifest = json.loads((whole.root / "manifest.json").read_text())
    assert whole.document["manifest"] == manifest
    assert manifest["frames"] == {"range": "1-12", "rate": "24/1", "drawings": {"A": N_FRAMES}}
    assert str(whole.path.parent) not in (whole.root / "manifest.json").read_text()


def test_every_frame_is_colored_right_with_the_line_untouched(whole: Whole) -> None:
    for number, drawing in enumerate(drawings(), 1):
        found = frame(whole.root, number)
        assert share_equal(found, drawing.painted) >= 0.99
        solid = drawing.line == 255
        assert difference(found[solid][None], drawing.painted[solid][None]) == 0


def test_only_colors_of_the_reference_are_used(whole: Whole) -> None:
    allowed = {(0, 0, 0, 0), *((*color, 255) for color in (BALL, SHADED, CUP))}
    for number, drawing in enumerate(drawings(), 1):
        clear = (drawing.line == 0) & (drawing.trace == 0)
        assert {tuple(pixel) for pixel in frame(whole.root, number)[clear].tolist()} <= allowed
    flats = [
        tuple(entry["rgba"]) for entry in _entries(json.loads((whole.root / "palette.json").read_text()))
    ]
    assert {(*BALL, 255), (*CUP, 255)} <= set(flats)


def _entries(node: object) -> list[dict[str, list[int]]]:
    if isinstance(node, dict):
        return [node] * ("rgba" in node) + [entry for value in node.values() for entry in _entries(value)]
    return [entry for value in node for entry in _entries(value)] if isinstance(node, list) else []


def test_a_held_drawing_is_the_same_picture(whole: Whole) -> None:
    for later, earlier in HELD.items():
        for layer in ("A", "comp"):
            assert (frame(whole.root, later, layer) == frame(whole.root, earlier, layer)).all()


def test_a_process_with_workers_gives_the_same(whole: Whole, tmp_path: Path) -> None:
    done = ended(*TOONCTL, "colorize-long", whole.path, "--out", tmp_path, "--json", "--threads", "2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "done"
    assert differing(delivered(tmp_path / "roll"), delivered(whole.root)) == []


@pytest.mark.parametrize("order", [("1-5", "6-12"), ("9-12", "1-8x2,5", "2-8x2")])
def test_chunks_and_deliver_give_what_one_run_gives(
    whole: Whole, tmp_path: Path, toonctl: Toonctl, order: tuple[str, ...]
) -> None:
    for chunk in order:
        toonctl("colorize-long", whole.path, "--out", tmp_path, "--frames", chunk)
    root = tmp_path / "roll"
    assert not [root / name for name in ("manifest.json", "movies", "psd") if (root / name).exists()]
    toonctl("deliver", whole.path, "--out", tmp_path)
    assert differing(delivered(root), delivered(whole.root)) == []


def test_a_chunk_writes_its_own_frames_only(whole: Whole, tmp_path: Path, toonctl: Toonctl) -> None:
    toonctl("colorize-long", whole.path, "--out", tmp_path, "--frames", "3-4")
    names = sorted(path.name for path in (tmp_path / "roll/frames").rglob("*.png"))
    assert names == [f"roll.{layer}.{n:04d}.png" for layer in ("A", "comp") for n in (3, 4)]


def test_dry_run_touches_nothing(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=3)
    before = sorted(tmp_path.rglob("*"))
    said = toonctl("colorize-long", path, "--dry-run", "--frames", "1-2").stdout
    assert "frames 1-2 of 1-3" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_dry_run_does_without_torch(whole: Whole) -> None:
    ask = ["colorize-long", str(whole.path), "--dry-run", "--json"]
    code = f"import sys; sys.argv[1:] = {ask}\nfrom toonctl.cli import main\ntry: main()\n"
    done = ended(sys.executable, "-c", code + "finally: print('torch' in sys.modules, file=sys.stderr)")
    assert json.loads(done.stdout)["status"] == "planned"
    assert done.stderr.splitlines()[-1] == "False"


@pytest.mark.parametrize("frames", ["99", "0-3", "1-13"])
def test_frames_outside_the_shot_are_refused(whole: Whole, toonctl: Toonctl, frames: str) -> None:
    result = toonctl("colorize-long", whole.path, "--frames", frames, code=3)
    assert "not in the shot" in result.stderr


Change = Callable[[Pixels], Pixels]


def _opaque(art: Pixels) -> Pixels:
    alpha = art[..., 3:].astype(np.uint16)
    return np.dstack([(art[..., :3] * alpha + 255 * (255 - alpha)) // 255, np.full_like(alpha, 255)]).astype(
        np.uint8
    )


def _save_rgb(path: Path, art: Pixels) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(_opaque(art), cv2.COLOR_RGBA2BGR))


def _save_16_bit(path: Path, art: Pixels) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(art, cv2.COLOR_RGBA2BGRA).astype(np.uint16) * 257)


def _save_palette(path: Path, art: Pixels) -> None:
    from PIL import Image

    Image.fromarray(_opaque(art)[..., :3]).quantize(16).save(path)


@pytest.mark.parametrize("save", [_save_rgb, _save_16_bit, _save_palette])
def test_line_art_of_any_kind_gives_the_same_colors(
    tmp_path: Path, toonctl: Toonctl, save: Callable[[Path, Pixels], None]
) -> None:
    path = rolling(tmp_path, n=3, output=BARE)
    for number, drawing in enumerate(drawings(3), 1):
        save(tmp_path / f"line/roll.{number:04d}.png", line_art(drawing))
    toonctl("colorize-long", path)
    for number, drawing in enumerate(drawings(3), 1):
        clear = (drawing.line == 0)[..., None]
        found = frame(tmp_path / "out/roll", number)
        assert share_equal(found * clear, drawing.painted * clear) >= 0.99


def test_a_shot_may_start_at_1001(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=3, output=BARE, shot="first_frame = 1001")
    path.write_text(path.read_text() + "frame = 1001\n")
    toonctl("colorize-long", path, "--frames", "1002-1003")
    names = sorted(p.name for p in (tmp_path / "out/roll/frames/A").iterdir())
    assert names == ["roll.A.1002.png", "roll.A.1003.png"]
    assert share_equal(frame(tmp_path / "out/roll", 1002), drawings(3)[1].painted) >= 0.99


def test_binary_lines_have_no_soft_edge(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=2, output=BARE + 'line_aa = "binary"\n')
    toonctl("colorize-long", path)
    found = frame(tmp_path / "out/roll", 2)
    assert set(np.unique(found[..., 3])) <= {0, 255}
    assert len(np.unique(found.reshape(-1, 4), axis=0)) == 5  # nothing, line, cup, ball, ball in shadow


def test_trace_lines_take_the_color_that_is_asked_for(tmp_path: Path, toonctl: Toonctl) -> None:
    seen: dict[str, set[tuple[int, ...]]] = {}
    for kind in ("darker", "lighter", "keep"):
        path = rolling(tmp_path, n=2, output=f'{BARE}trace_fill = "{kind}"\n')
        toonctl("colorize-long", path, "--out", tmp_path / kind)
        drawing = drawings(2)[1]
        on_trace = (drawing.trace == 255) & (cv2.dilate(drawing.line, np.ones((5, 5))) == 0)
        seen[kind] = {tuple(pixel) for pixel in frame(tmp_path / kind / "roll", 2)[on_trace].tolist()}
    assert seen == {"darker": {(*SHADED, 255)}, "lighter": {(*BALL, 255)}, "keep": {(0, 0, 255, 255)}}


def test_line_and_paint_come_apart_on_request(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=2, output=f"{BARE}split = true\n")
    toonctl("colorize-long", path)
    cels = tmp_path / "out/roll/cels/A"
    assert {"A0002.png", "A_line0002.png", "A_paint0002.png"} <= {p.name for p in cels.iterdir()}
    drawing = drawings(2)[1]
    black = line_art(drawing)
    black[drawing.line == 0] = 0
    assert difference(read_picture(cels / "A_line0002.png"), black) == 0


@pytest.mark.parametrize(("png", "kind"), [("auto", 3), ("rgba", 6)])
def test_pngs_are_stored_as_asked(tmp_path: Path, toonctl: Toonctl, png: str, kind: int) -> None:
    path = rolling(tmp_path, n=2, output=f'{BARE}png = "{png}"\n')
    toonctl("colorize-long", path)
    root = tmp_path / "out/roll"
    assert {p.read_bytes()[25] for p in (root / "frames").rglob("*.png")} == {kind}  # PNG's color type
    assert share_equal(frame(root, 2), drawings(2)[1].painted) >= 0.99


def test_cels_in_a_psd_with_a_sheet_and_a_painted_psd(tmp_path: Path, toonctl: Toonctl) -> None:
    path = save_psd_shot(tmp_path)
    path.write_text(path.read_text() + f"[output]\n{BARE}psd = true\n")
    toonctl("colorize-long", path)
    root = tmp_path / "out/cut"
    for number, drawing in zip((1, 3, 5), walk(3), strict=True):
        assert share_equal(frame(root, number), drawing.painted) >= 0.99
    assert not frame(root, 1, "B").any()
    assert not frame(root, 8, "B").any()
    assert (frame(root, 3, "B") == frame(root, 5, "B")).all()
    assert frame(root, 1, "comp")[..., 3].min() == 255  # the reference's background
    assert (root / "psd/cut.layered.psd").exists()


def test_a_layer_may_stay_as_it_is(tmp_path: Path, toonctl: Toonctl) -> None:
    path = save_psd_shot(tmp_path)
    text = path.read_text().replace(', B = "2"', "")
    path.write_text(f"{text}[output]\n{BARE}")
    missing = toonctl("colorize-long", path, code=3)
    assert "layer `B` has no reference" in missing.stderr
    path.write_text(f'{path.read_text()}[[layer]]\nname = "B"\ncolor = false\n')
    toonctl("colorize-long", path)
    lines = frame(tmp_path / "out/cut", 3, "B")
    assert {tuple(pixel) for pixel in lines[lines[..., 3] == 255].tolist()} == {(*LINE, 255), (*TRACE, 255)}
    assert not (tmp_path / "out/cut/state/palettes/B.json").exists()


def test_a_design_sheet_colors_a_shot(tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, n=3, output=BARE)
    path.write_text(path.read_text().replace("frame = 1\n", 'line = "color/line.png"\n'))
    sheet = walk(6)[3]
    save_png(tmp_path / "color/roll.0001.png", sheet.painted)
    save_png(tmp_path / "color/line.png", line_art(sheet))
    toonctl("colorize-long", path)
    for number, drawing in enumerate(drawings(3), 1):
        assert share_equal(frame(tmp_path / "out/roll", number), drawing.painted) >= 0.99


def test_the_art_is_not_touched(whole: Whole, tmp_path: Path, toonctl: Toonctl) -> None:
    shutil.copytree(whole.path.parent, tmp_path / "shot", ignore=shutil.ignore_patterns("out"))
    before = {path: path.read_bytes() for path in (tmp_path / "shot").rglob("*") if path.is_file()}
    toonctl("colorize-long", tmp_path / "shot/roll.toml", "--out", tmp_path / "out", "--frames", "1-2")
    assert before == {path: path.read_bytes() for path in (tmp_path / "shot").rglob("*") if path.is_file()}
