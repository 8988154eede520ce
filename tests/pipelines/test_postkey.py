"""`postkey` on a toy shot: sketches cleaned and colored, free areas continued, the rest drawn between."""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from artkit import BALL, CUP, INK, ball, cup, save_png, sky, tint
from cli.process import TOONCTL, ended
from pipelines.conftest import Toonctl
from pipelines.toykeys import FREE_PX, SIZE, dives, diving, diving_psds
from pipelines.toyshot import delivered, differing, frame, share_equal
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import read_picture

OUTPUT = 'movies = ["png"]\npreview = false\npsd = true\n'


@dataclass(frozen=True)
class Dive:
    path: Path
    root: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dive:
    """The shot drawn by the real command."""
    folder = tmp_path_factory.mktemp("dive")
    path = diving(folder, output=OUTPUT)
    done = ended(*TOONCTL, "postkey", path, "--progress", "none")
    assert done.returncode == 0, done.stderr
    return Dive(path, folder / "out/dive")


def test_the_reference_is_the_key_at_its_frame(whole: Dive) -> None:
    assert (frame(whole.root, 1) == read_picture(whole.path.parent / "dive.0001.png")).all()


def test_a_rough_sketch_is_cleaned_and_colored(whole: Dive) -> None:
    assert share_equal(frame(whole.root, 7), dives()[2].painted, within=8) > 0.85


def test_a_free_area_goes_on_from_the_neighbors(whole: Dive) -> None:
    found, wanted = frame(whole.root, 4), dives()[1].painted
    assert share_equal(found[:, FREE_PX:], wanted[:, FREE_PX:], within=24) > 0.95
    # The cup stands still on the left, under the scribble that does not count.
    assert share_equal(found[:, :FREE_PX], wanted[:, :FREE_PX], within=24) > 0.7


def test_only_colors_of_the_reference_are_used(whole: Dive) -> None:
    allowed = {(*BALL, 255), (*CUP, 255)}
    for number in (4, 7):
        colors, counts = np.unique(frame(whole.root, number).reshape(-1, 4), axis=0, return_counts=True)
        seen = {tuple(c): n for c, n in zip(colors.tolist(), counts.tolist(), strict=True) if c[3] == 255}
        flat = sum(seen.get(color, 0) for color in allowed)
        light = sum(n for color, n in seen.items() if max(color[:3]) > 110)  # the rest is line, or its edge
        assert flat > 0.9 * light
        assert all(seen.get(color, 0) > 1000 for color in allowed)


def test_the_delivery_tells_keys_colors_and_drawings(whole: Dive) -> None:
    manifest = json.loads((whole.root / "manifest.json").read_text())
    assert manifest["command"] == "postkey"
    assert manifest["frames"] == {"range": "1-7", "rate": "24/1", "drawings": {"A": 7}}
    assert {file["path"] for file in manifest["inputs"]} >= {
        "dive.0001.png",
        "free.0004.png",
        "sketch.0007.png",
    }
    palette = json.loads((whole.root / "palette.json").read_text())["layers"][0]
    assert {"#F2C14E", "#3D5A80"} <= {color["hex"] for color in palette["colors"]}
    assert set(palette["drawings"]) == {"1", "1a", "1b", "4", "4a", "4b", "7"}
    assert sum(palette["drawings"]["7"].values()) >= 2
    assert (whole.root / "psd/dive.layered.psd").exists()


@pytest.mark.parametrize("order", [("5-7", "1-4"), ("1-2", "3-7")])
def test_chunks_give_the_bytes_of_a_whole_run(
    whole: Dive, tmp_path: Path, toonctl: Toonctl, order: tuple[str, ...]
) -> None:
    for frames in order:
        toonctl("postkey", whole.path, "--out", tmp_path, "--frames", frames)
    toonctl("deliver", whole.path, "--out", tmp_path)
    assert differing(delivered(tmp_path / "dive"), delivered(whole.root)) == []


def test_resume_goes_on_without_the_state(whole: Dive, tmp_path: Path, toonctl: Toonctl) -> None:
    toonctl("postkey", whole.path, "--out", tmp_path, "--frames", "3-5")
    for path in (tmp_path / "dive/state").rglob("*"):
        if path.is_file() and "memory" in path.parts:
            path.unlink()
    toonctl("postkey", whole.path, "--out", tmp_path, "--resume")
    assert differing(delivered(tmp_path / "dive"), delivered(whole.root)) == []


def test_a_dry_run_counts_what_is_to_be_drawn(tmp_path: Path, toonctl: Toonctl) -> None:
    said = toonctl("postkey", diving(tmp_path), "--dry-run").stdout
    assert "1 reference, 2 sketches to color, 4 drawings between" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "code", "what"),
    [
        ("frame = 7", "frame = 4", 3, "frame 4 has two"),
        ("frame = 7", "frame = 2", 3, "stands after frame 4"),
        ("frame = 7", "frame = 1", 3, "frame 1 has a sketch as well"),
        ("frame = 7", "frame = 7\nstrength = 1.5", 3, "less than or equal to 1"),
        ('"sketch.0007.png"', '"absent.png"', 4, "absent.png"),
        ('"free.0004.png"', '"small.png"', 4, "is 20 x 10"),
        ('"free.0004.png"', '"broken.png"', 4, "broken.png"),
        ('"dive.0001.png"', '"dive.0001.png"\nline = "small.png"', 4, "is 20 x 10"),
        ("[engine]", '[engine]\nsketches = "ruff"', 3, "not a choice"),
    ],
)
def test_wrong_sketches_are_refused_before_anything_is_drawn(
    tmp_path: Path, toonctl: Toonctl, old: str, new: str, code: int, what: str
) -> None:
    path = diving(tmp_path)
    save_png(tmp_path / "small.png", np.full((10, 20, 4), 255, np.uint8))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    path.write_text(path.read_text().replace(old, new))
    assert what in toonctl("postkey", path, "--dry-run", code=code).stderr
    assert not (tmp_path / "out").exists()


def test_a_color_design_colors_sketches_alone(tmp_path: Path, toonctl: Toonctl) -> None:
    path = diving(tmp_path, engine='sketches = "clean"\n')
    text = path.read_text().replace("[[reference]]\nframe = 1\n", "[[reference]]\n")
    path.write_text(text.replace('region = "free.0004.png"\n', ""))
    save_png(tmp_path / "sketch.0004.png", dives()[1].on_white)
    save_png(tmp_path / "sketch.0007.png", dives()[2].on_white)
    toonctl("postkey", path)
    for number, drawing in ((4, 1), (7, 2)):
        assert share_equal(frame(tmp_path / "out/dive", number), dives()[drawing].painted, within=24) > 0.97


def test_psds_are_read_by_their_roles(tmp_path: Path, toonctl: Toonctl) -> None:
    toonctl("postkey", diving_psds(tmp_path))
    root = tmp_path / "out/dive"
    for number, drawing in zip((1, 4, 7), dives(), strict=True):
        assert share_equal(frame(root, number), drawing.painted, within=8) > 0.97
    stack = frame(root, 4, "comp")
    assert (stack[..., 3] == 255).all()
    assert (stack[:20, :200] == sky(SIZE)[:20, :200]).all()  # the reference's background, and no guide
    book = cup(0.8 * SIZE[0], 0, size=SIZE).paint[..., 3] == 255
    assert (stack[book] == (*CUP, 255)).all()
    manifest = json.loads((root / "manifest.json").read_text())
    assert {file["path"] for file in manifest["inputs"]} == {"dive.0001.psd", "keys.psd"}


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ('drawing = "1"\n', "", 4, "cel `A` of `keys.psd` has 2 drawings"),
        ('drawing = "1"', 'drawing = "9"', 4, "has no drawing `9`"),
        ("[engine]", '[art]\nlayer = "Z"\n[engine]', 4, "`keys.psd` has no cel layer `Z`"),
        ('drawing = "1"', 'image = "x.png"', 3, "`image` and `psd` are both given"),
        ('psd = "dive.0001.psd"', 'psd = "dive.0001.psd"\nline = "x.png"', 3, "`line` goes with `image`"),
        ('psd = "dive.0001.psd"\n', "", 3, "there is no picture"),
    ],
)
def test_psds_that_leave_a_drawing_open_are_refused(
    tmp_path: Path, toonctl: Toonctl, old: str, new: str, code: int, says: str
) -> None:
    path = diving_psds(tmp_path)
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    assert says in toonctl("postkey", path, code=code).stderr


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        ("sketch.0004.png", "the sketch of frame 4 is dark nearly all over"),
        ("dive.0001.png", "`dive.0001.png` shows no colors"),
    ],
)
def test_pictures_that_cannot_be_meant_are_refused(
    tmp_path: Path, toonctl: Toonctl, picture: str, says: str
) -> None:
    path = diving(tmp_path)
    line = dives()[1].line
    save_png(tmp_path / picture, line if picture.startswith("sketch") else tint(line, INK))
    said = toonctl("postkey", path, code=4).stderr
    assert says in said
    assert f"at {tmp_path / picture}" in said


def test_odd_pictures_are_told_and_drawn(tmp_path: Path, toonctl: Toonctl) -> None:
    path = diving(tmp_path)
    save_png(tmp_path / "dive.0001.png", dives()[0].paint)
    save_png(tmp_path / "sketch.0007.png", np.full_like(dives()[0].line, 255))
    said = toonctl("postkey", path).stderr
    assert "`dive.0001.png` has no black lines" in said
    assert "the sketch of frame 7 has no line" in said
    warnings = json.loads((tmp_path / "out/dive/manifest.json").read_text())["warnings"]
    assert [warned["code"] for warned in warnings] == ["W301", "W301"]


def test_a_reference_saved_with_losses_is_told(tmp_path: Path, toonctl: Toonctl) -> None:
    path = diving(tmp_path)
    path.write_text(path.read_text().replace('"dive.0001.png"', '"dive.0001.jpg"'))
    painted = dives()[0].painted
    paper = np.where(painted[..., 3:] > 0, painted[..., :3], 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "dive.0001.jpg"), paper[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    toonctl("postkey", path)
    [warned] = json.loads((tmp_path / "out/dive/manifest.json").read_text())["warnings"]
    assert warned["text"].startswith("the reference `dive.0001.jpg` shows more than flat colors")


def test_a_sketch_on_gray_paper_is_colored(tmp_path: Path, toonctl: Toonctl) -> None:
    path = diving(tmp_path)
    text = path.read_text().replace('region = "free.0004.png"\n', "")
    path.write_text(text)
    save_png(tmp_path / "sketch.0004.png", 180 - (dives()[1].line // 10 * 7))
    save_png(tmp_path / "sketch.0007.png", dives()[2].on_white)
    toonctl("postkey", path)
    for number, drawing in ((4, 1), (7, 2)):
        assert share_equal(frame(tmp_path / "out/dive", number), dives()[drawing].painted, within=24) > 0.95


def test_lines_keep_the_colors_they_have_in_the_reference(tmp_path: Path, toonctl: Toonctl) -> None:
    path = diving(tmp_path, engine='sketches = "clean"\n')
    text = path.read_text().replace('region = "free.0004.png"\n', "")
    path.write_text(
        text.replace('image = "dive.0001.png"', 'image = "dive.0001.png"\nline = "line.0001.png"')
    )
    purple = (120, 40, 140)
    stands, rolls = cup(30, 60, 60, size=SIZE), ball(140, 90, 34, size=SIZE)
    save_png(tmp_path / "dive.0001.png", dives()[0].paint)
    save_png(tmp_path / "line.0001.png", blend_over(tint(stands.line, INK), tint(rolls.line, purple)))
    for number, drawing in ((4, 1), (7, 2)):
        save_png(tmp_path / f"sketch.{number:04d}.png", dives()[drawing].on_white)
    toonctl("postkey", path)
    for number, x in ((4, 190), (5, 210), (7, 250)):
        found = frame(tmp_path / "out/dive", number)
        moved = ball(x, 90, 34, size=SIZE).line == 255
        if number != 5:  # between, nobody knows where exactly the ball is
            assert (found[moved] == (*purple, 255)).all(-1).mean() > 0.95
            assert (found[stands.line == 255] == (*INK, 255)).all(-1).mean() > 0.95
        dark = (found[..., 3] == 255) & (found[..., :3].max(-1) < 60)
        assert not dark[:, 110:].any()  # the ball has no black
