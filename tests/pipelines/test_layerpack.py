"""`layerpack` on toy layers: held layers stay, the others move in step, all come apart and together."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from psd_tools import PSDImage

from artkit import difference, sky
from cli.process import TOONCTL, ended
from pipelines.conftest import Toonctl
from pipelines.toykeys import BARE, packed, packed_psds
from pipelines.toyshot import delivered, differing, frame
from toonctl.formats.compositing import blend_over
from toonctl.formats.png import read_picture

OUTPUT = 'movies = ["png", "h264"]\npreview = false\n'


@dataclass(frozen=True)
class Cup:
    path: Path
    root: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Cup:
    """The shot drawn by the real command."""
    folder = tmp_path_factory.mktemp("cup")
    path = packed(folder, output=OUTPUT)
    done = ended(*TOONCTL, "layerpack", path, "--progress", "none")
    assert done.returncode == 0, done.stderr
    return Cup(path, folder / "out/cup")


def test_keys_and_held_layers_come_out_as_they_went_in(whole: Cup) -> None:
    for number in (1, 6):
        for layer in ("A", "B"):
            given = read_picture(whole.path.parent / f"{layer}.{number:04d}.png")
            assert (frame(whole.root, number, layer) == given).all()
    pictures = {
        (whole.root / f"frames/BG/cup.BG.{n:04d}.png").read_bytes().partition(b"IDAT")[2] for n in range(1, 7)
    }
    assert len(pictures) == 1
    assert (frame(whole.root, 3, "BG") == sky()).all()
    assert [p.name for p in (whole.root / "cels/BG").iterdir()] == ["BG0001.png"]


def test_every_layer_is_clear_around_its_drawing_and_the_composite_is_their_stack(whole: Cup) -> None:
    for number in range(1, 7):
        layers = [frame(whole.root, number, name) for name in ("BG", "A", "B")]
        assert 0.5 < (layers[1][..., 3] == 0).mean() < 1
        assert 0.5 < (layers[2][..., 3] == 0).mean() < 1
        stack = blend_over(blend_over(layers[0], layers[1]), layers[2])
        assert difference(frame(whole.root, number, "comp"), stack) == 0
    moved = [np.argwhere(frame(whole.root, n, "B")[..., 3] > 0).mean(0)[1] for n in range(1, 7)]
    assert moved == sorted(moved)


def test_movies_and_a_psd_of_every_picture(whole: Cup) -> None:
    names = {path.name for path in (whole.root / "movies").iterdir()}
    layers = {f"cup.{layer}.png.mov" for layer in ("BG", "A", "B", "comp")}
    assert names == {*layers, "cup.comp.h264.mp4"}
    assert sorted(p.name for p in (whole.root / "psd").iterdir()) == [f"cup.{n:04d}.psd" for n in range(1, 7)]
    psd = PSDImage.open(whole.root / "psd/cup.0003.psd")
    assert [layer.name for layer in psd] == ["BG", "A", "B"]
    shown = np.asarray(psd[1].topil().convert("RGBA"))
    left, top, right, bottom = psd[1].bbox
    assert difference(shown, frame(whole.root, 3, "A")[top:bottom, left:right]) == 0


def test_chunks_give_the_bytes_of_a_whole_run(whole: Cup, tmp_path: Path, toonctl: Toonctl) -> None:
    for frames in ("4-6", "1-3"):
        toonctl("layerpack", whole.path, "--out", tmp_path, "--frames", frames)
    toonctl("deliver", whole.path, "--out", tmp_path)
    assert differing(delivered(tmp_path / "cup"), delivered(whole.root)) == []


def test_layered_psds_go_in_and_come_out(tmp_path: Path, toonctl: Toonctl) -> None:
    path = packed_psds(tmp_path, output=BARE)
    toonctl("layerpack", path)
    root = tmp_path / "out/cup"
    assert sorted(p.name for p in (root / "frames").iterdir()) == ["A", "B", "BG", "BOOK1", "comp"]
    assert [layer.name for layer in PSDImage.open(root / "psd/cup.0002.psd")] == ["BG", "A", "B", "BOOK1"]
    assert {len(list((root / "cels" / held).iterdir())) for held in ("BG", "BOOK1")} == {1}
    said = toonctl("layerpack", path, "--dry-run").stdout
    assert "layer BG: 1 key, 0 inbetweens" in said
    assert "layer A: 2 keys, 2 inbetweens" in said


def test_a_layer_can_be_told_to_stay(tmp_path: Path, toonctl: Toonctl) -> None:
    path = packed(tmp_path)
    path.write_text(path.read_text() + 'psd_per_picture = false\n[[layer]]\nname = "B"\ninbetween = false\n')
    toonctl("layerpack", path)
    root = tmp_path / "out/cup"
    assert (frame(root, 5, "B") == frame(root, 1, "B")).all()
    assert (frame(root, 6, "B") != frame(root, 1, "B")).any()
    assert not (root / "psd").exists()


def test_forty_layers_are_drawn_and_no_more(tmp_path: Path, toonctl: Toonctl) -> None:
    path = packed(tmp_path / "most", n_layers=37)
    toonctl("layerpack", path, "--frames", "2", "--set", "engine.matcher=geometric")
    assert len(list((tmp_path / "most/out/cup/frames").iterdir())) == 41
    many = packed(tmp_path / "many", n_layers=38)
    assert "41 layers, 40 are allowed" in toonctl("layerpack", many, "--dry-run", code=3).stderr


def test_flat_keys_are_sent_to_inbetween(tmp_path: Path, toonctl: Toonctl) -> None:
    path = packed(tmp_path)
    text = path.read_text()
    line = next(line for line in text.splitlines() if line.startswith("layers"))
    path.write_text(text.replace(line, 'image = "A.0001.png"'))
    assert "`toonctl inbetween` takes plain pictures" in toonctl("layerpack", path, code=3).stderr


def test_the_manifest_tells_of_every_layer(whole: Cup) -> None:
    manifest = json.loads((whole.root / "manifest.json").read_text())
    assert manifest["command"] == "layerpack"
    assert [layer["name"] for layer in manifest["layers"]] == ["BG", "A", "B", "comp"]
    assert manifest["frames"]["drawings"] == {"BG": 1, "A": 6, "B": 6}
    assert manifest["engine"]["name"] == "cel"
