"""`inbetween` on toy keys: what it draws and delivers, in chunks or whole, resumed, and what it refuses."""

import csv
import json
import shutil
import signal
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from psd_tools import PSDImage

from artkit import difference, line_layers, save_keys_psd, save_png, save_still_psd, walk
from cli.process import TOONCTL, ended
from pipelines.conftest import Toonctl
from pipelines.toykeys import BARE, KEYS, jumping
from pipelines.toyshot import broken_pictures, delivered, differing, frame, started, wait_for
from toonctl.core.timesheet import Timesheet
from toonctl.formats.png import read_picture
from toonctl.formats.psd import PsdOut, write_psd
from toonctl.formats.xdts import read_xdts, xdts_text

OUTPUT = 'movies = ["png"]\npsd = true\n'


@dataclass(frozen=True)
class Jump:
    path: Path
    root: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Jump:
    """The shot inbetweened by the real command."""
    folder = tmp_path_factory.mktemp("jump")
    path = jumping(folder, output=OUTPUT)
    done = ended(*TOONCTL, "inbetween", path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "done"
    return Jump(path, folder / "out/jump")


def test_keys_come_out_as_they_went_in(whole: Jump) -> None:
    for number, drawing in KEYS.items():
        given = read_picture(whole.path.parent / f"keys/jump.{number:04d}.png")
        assert (frame(whole.root, number) == given).all()
        assert (read_picture(whole.root / f"cels/A/A{number:04d}.png") == given).all()
        assert difference(given, walk(4)[drawing - 1].painted) == 0


def test_what_lies_between_is_new_and_of_the_keys_colors(whole: Jump) -> None:
    seen = {frame(whole.root, number).tobytes() for number in range(1, 10)}
    assert len(seen) == 9
    colors = {tuple(c) for n in KEYS for c in np.unique(frame(whole.root, n).reshape(-1, 4), axis=0).tolist()}
    flat = {color for color in colors if color[3] == 255 and max(color[:3]) > 60}
    for number in (2, 3, 4, 6, 7, 8):
        picture = frame(whole.root, number)
        counts = {
            tuple(c): n
            for c, n in zip(
                *(a.tolist() for a in np.unique(picture.reshape(-1, 4), axis=0, return_counts=True)),
                strict=True,
            )
        }
        many = {
            color for color, count in counts.items() if count > 60 and max(color[:3]) > 60 and color[3] == 255
        }
        assert many <= flat


def test_the_delivery_is_there(whole: Jump) -> None:
    files = {path.relative_to(whole.root).as_posix() for path in whole.root.rglob("*") if path.is_file()}
    cels = [f"cels/A/A{name}.png" for name in ("0001", "0001a", "0001c", "0005", "0005a", "0009")]
    frames = [f"frames/{layer}/jump.{layer}.{n:04d}.png" for layer in ("A", "comp") for n in range(1, 10)]
    others = ["movies/jump.comp.png.mov", "psd/jump.layered.psd", "sheet/jump.xdts", "sheet/jump.csv"]
    others += ["preview/index.html", "preview/contact.png", "manifest.json"]
    assert {*cels, *frames, *others} <= files
    assert "movies/jump.A.png.mov" not in files
    manifest = json.loads((whole.root / "manifest.json").read_text())
    assert manifest["command"] == "inbetween"
    assert manifest["frames"]["drawings"] == {"A": 9}
    assert all(
        set(place) == {"layer", "drawing", "frames", "what", "how", "box"} for place in manifest["fell_back"]
    )


def test_the_sheet_names_the_new_drawings(whole: Jump) -> None:
    named = ("1", "1a", "1b", "1c", "5", "5a", "5b", "5c", "9")
    sheet = read_xdts(whole.root / "sheet/jump.xdts")
    assert sheet.exposures == {"A": named}
    rows = list(csv.reader(StringIO((whole.root / "sheet/jump.csv").read_text())))
    assert [row[1] for row in rows[2:]] == list(named)
    [group] = PSDImage.open(whole.root / "psd/jump.layered.psd")
    assert {child.name for child in group} == set(named)


@pytest.mark.parametrize("order", [("1-3", "4-6", "7-9"), ("7-9", "2,4-6", "1-3x2")])
def test_chunks_give_the_bytes_of_a_whole_run(
    whole: Jump, tmp_path: Path, toonctl: Toonctl, order: tuple[str, ...]
) -> None:
    for frames in order:
        toonctl("inbetween", whole.path, "--out", tmp_path, "--frames", frames)
    assert not (tmp_path / "jump/manifest.json").exists()
    toonctl("deliver", whole.path, "--out", tmp_path)
    assert differing(delivered(tmp_path / "jump"), delivered(whole.root)) == []
    manifests = [json.loads((root / "manifest.json").read_text()) for root in (whole.root, tmp_path / "jump")]
    for manifest in manifests:
        del manifest["run"]
    assert manifests[0] == manifests[1]


def test_resume_draws_what_is_missing(whole: Jump, tmp_path: Path, toonctl: Toonctl) -> None:
    root = tmp_path / "jump"
    shutil.copytree(whole.root, root)
    assert "exist already" in toonctl("inbetween", whole.path, "--out", tmp_path, code=5).stderr
    for name in ("frames/A/jump.A.0003.png", "frames/comp/jump.comp.0003.png", "frames/A/jump.A.0005.png"):
        (root / name).unlink()
    kept = (root / "frames/A/jump.A.0007.png").stat().st_mtime_ns
    toonctl("inbetween", whole.path, "--out", tmp_path, "--resume")
    assert differing(delivered(root), delivered(whole.root)) == []
    assert (root / "frames/A/jump.A.0007.png").stat().st_mtime_ns == kept
    said = toonctl("inbetween", whole.path, "--out", tmp_path, "--resume", "--set", "timing.ease=in", code=5)
    assert "made from other art, settings" in said.stderr


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_ends_early_goes_on(
    whole: Jump, tmp_path: Path, toonctl: Toonctl, sent: signal.Signals
) -> None:
    root = tmp_path / "jump"
    process = started(whole.path, "--out", str(tmp_path), command="inbetween")
    wait_for(process, root, "frames/A/*.png", 4)
    process.send_signal(sent)
    _, said = process.communicate(timeout=240)
    assert process.returncode == (75 if sent == signal.SIGTERM else -9), said
    assert not (root / "manifest.json").exists()
    assert broken_pictures(root) == []
    toonctl("inbetween", whole.path, "--out", tmp_path, "--resume")
    assert differing(delivered(root), delivered(whole.root)) == []


def test_a_dry_run_says_what_would_be_drawn(tmp_path: Path, toonctl: Toonctl) -> None:
    path = jumping(tmp_path, more="[timing]\nexposure = 2\n")
    said = toonctl("inbetween", path, "--dry-run").stdout
    assert "layer A: 3 keys, 2 inbetweens -> frames/A/jump.A.####.png" in said
    assert not (tmp_path / "out").exists()
    assert "2 keys, 0 inbetweens" in toonctl("inbetween", path, "--dry-run", "--frames", "1-2,5").stdout


def test_held_frames_are_written_from_one_drawing(tmp_path: Path, toonctl: Toonctl) -> None:
    path = jumping(tmp_path, more="[timing]\nexposure = 2\n")
    toonctl("inbetween", path)
    root = tmp_path / "out/jump"
    assert sorted(p.name for p in (root / "cels/A").iterdir()) == [
        f"A{name}.png" for name in ("0001", "0001a", "0005", "0005a", "0009")
    ]
    assert (frame(root, 3) == frame(root, 4)).all()
    assert (frame(root, 1) == frame(root, 2)).all()


def test_line_keys_give_line_inbetweens(tmp_path: Path, toonctl: Toonctl) -> None:
    tables = ""
    for number, drawing in zip((1, 3), walk(2), strict=True):
        save_png(tmp_path / f"l{number}.png", drawing.on_white)
        tables += f'[[key]]\nframe = {number}\nline = "l{number}.png"\n'
    path = tmp_path / "lines.toml"
    path.write_text(f'[shot]\nname = "lines"\nrate = "24"\n{tables}[output]\n{BARE}')
    toonctl("inbetween", path)
    root = tmp_path / "out/lines"
    assert (frame(root, 1) == read_picture(tmp_path / "l1.png")).all()
    middle = frame(root, 2)
    assert middle[..., 3].min() == 255
    assert (middle[..., :3].max(-1) - middle[..., :3].min(-1)).max() == 0
    assert 0.002 < (middle[..., 0] < 128).mean() < 0.2


def test_marks_of_a_sheet_are_filled(tmp_path: Path, toonctl: Toonctl) -> None:
    drawings = [walk(4)[0], walk(4)[2]]
    cels = tuple(
        PsdOut(str(n), children=(PsdOut("paint", d.paint), line_layers(d)[1]), is_visible=n == 1)
        for n, d in enumerate(drawings, 1)
    )
    write_psd(tmp_path / "keys.psd", (PsdOut("A", children=cels),), size=(160, 96))
    shown = Timesheet("cut", 6, {"A": ("1",) * 4 + ("2",) * 2}, {"A": {2: "tick_1"}})
    (tmp_path / "cut.xdts").write_text(xdts_text(shown), "utf-8")
    path = tmp_path / "cut.toml"
    path.write_text(
        '[shot]\nname = "cut"\nrate = "24"\n[art]\npsd = "keys.psd"\nsheet = "cut.xdts"\n'
        "[output]\nmovies = []\npreview = false\nsplit = true\n"
    )
    toonctl("inbetween", path)
    root = tmp_path / "out/cut"
    assert read_xdts(root / "sheet/cut.xdts").exposures == {"A": ("1", "1", "1a", "1a", "2", "2")}
    assert read_xdts(root / "sheet/cut.xdts").marks == {}
    assert {"A_line0001.png", "A_paint0001.png", "A0001a.png"} <= {
        p.name for p in (root / "cels/A").iterdir()
    }
    assert (frame(root, 3) == frame(root, 4)).all()
    assert (frame(root, 2) != frame(root, 3)).any()


def test_a_psd_key_keeps_background_and_book(tmp_path: Path, toonctl: Toonctl) -> None:
    tables = ""
    for number, drawing in zip((1, 3), walk(2), strict=True):
        save_still_psd(tmp_path / f"{number}.psd", {"A": drawing})
        tables += f'[[key]]\nframe = {number}\npsd = "{number}.psd"\n'
    path = tmp_path / "cut.toml"
    path.write_text(f'[shot]\nname = "cut"\nrate = "24"\n{tables}[output]\n{BARE}')
    toonctl("inbetween", path)
    root = tmp_path / "out/cut"
    assert difference(frame(root, 1), walk(2)[0].painted) == 0
    assert frame(root, 2, "comp")[..., 3].min() == 255
    assert sorted(p.name for p in (root / "frames").iterdir()) == ["A", "comp"]


@pytest.mark.parametrize(
    ("text", "code", "what"),
    [
        ('frame = 9\nimage = "keys/jump.0009.png"', 0, ""),
        ('frame = 9\nimage = "keys/absent.png"', 4, "absent.png"),
        ('frame = 9\nimage = "keys/small.png"', 4, "is 20 x 10"),
        ('frame = 2\nimage = "keys/jump.0009.png"', 3, "stands after frame 5"),
        ('frame = 5\nimage = "keys/jump.0009.png"', 3, "frame 5 has two"),
        ('frame = 9\nimage = "keys/many.psd"', 4, "many.psd"),
        ('frame = 9\npsd = "keys/many.psd"', 4, "cel `A` has 2 drawings"),
        ('frame = 7\nimage = "keys/jump.0009.png"\nchart = [0.2, 0.7]', 3, "2 drawings do not fit into 1"),
        ('frame = 7\nimage = "keys/jump.0009.png"\nchart = [0.2, 0.7]', 3, "jump.toml:13: key[3].chart"),
    ],
)
def test_wrong_keys_are_refused_before_anything_is_drawn(
    tmp_path: Path, toonctl: Toonctl, text: str, code: int, what: str
) -> None:
    path = jumping(tmp_path)
    save_png(tmp_path / "keys/small.png", np.full((10, 20, 4), 255, np.uint8))
    save_keys_psd(tmp_path / "keys/many.psd", {"A": walk(2)})
    path.write_text(path.read_text().replace('frame = 9\nimage = "keys/jump.0009.png"', text))
    said = toonctl("inbetween", path, "--dry-run", code=code)
    assert what in said.stderr
    assert not (tmp_path / "out").exists()


def test_a_layer_in_one_key_only_is_declared(tmp_path: Path, toonctl: Toonctl) -> None:
    path = jumping(tmp_path)
    path.write_text(
        path.read_text().replace('image = "keys/jump.0005.png"', 'image = "keys/jump.0005.png"\nlayer = "B"')
    )
    said = toonctl("inbetween", path)
    assert "layer `B` is in the keys of frames 5 only" in said.stderr
    root = tmp_path / "out/jump"
    assert not frame(root, 4, "B").any()
    assert not frame(root, 5, "A").any()
    codes = [w["code"] for w in json.loads((root / "manifest.json").read_text())["warnings"]]
    assert codes == ["W109", "W109"]


def test_keys_with_nothing_in_common_are_declared(tmp_path: Path, toonctl: Toonctl) -> None:
    path = jumping(tmp_path)
    rest = np.zeros((96, 160, 4), np.uint8)
    rest[5:20, 100:150] = (200, 30, 90, 255)
    for name, picture in (("0005", rest), ("0009", rest[::-1, ::-1])):
        save_png(tmp_path / f"keys/jump.{name}.png", picture)
    toonctl("inbetween", path)
    manifest = json.loads((tmp_path / "out/jump/manifest.json").read_text())
    assert {place["drawing"][0] for place in manifest["fell_back"]} >= {"1"}


def test_keys_that_are_no_cels_are_declared(tmp_path: Path, toonctl: Toonctl) -> None:
    path = jumping(tmp_path)
    for frame_number in KEYS:
        key = read_picture(tmp_path / f"keys/jump.{frame_number:04d}.png")
        paper = np.where(key[..., 3:] > 0, key[..., :3], 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"keys/jump.{frame_number:04d}.jpg"), paper[..., ::-1])
    path.write_text(path.read_text().replace(".png", ".jpg"))
    toonctl("inbetween", path)
    manifest = json.loads((tmp_path / "out/jump/manifest.json").read_text())
    fell = {place["drawing"]: place for place in manifest["fell_back"]}
    assert set(fell) == {"1a", "1b", "1c", "5a", "5b", "5c"}
    assert all(place["what"] == "frame" for place in fell.values())
    assert all("not painted in flat colors" in place["how"] for place in fell.values())
