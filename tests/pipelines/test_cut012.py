"""The sample cut: an artist's PSD with an exposure sheet, colored and compared with the painted answer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.process import TOONCTL, ended
from pipelines.toyshot import frame
from toonctl.core.types import Cel, Pixels
from toonctl.formats.compositing import blend_over
from toonctl.formats.psd import open_psd
from toonctl.stages.cel_pixels import load_cel

DATA = Path(__file__).with_name("data")
SHEETS = Path(__file__).parents[1] / "formats/data"
SIZE = (1920, 1080)

SHOT = """\
[shot]
name = "cut012"
rate = "24"
[art]
psd = "cut012_keys.psd"
sheet = "cut012.xdts"
[[reference]]
psd = "cut012_0001.psd"
drawings = { A = "1", B = "2" }
[output]
movies = []
psd = true
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The delivery of the cut."""
    folder = tmp_path_factory.mktemp("cut012")
    for name in ("cut012_keys.psd", "cut012.xdts", "cut012_0001.psd"):
        shutil.copy((SHEETS if name.endswith("xdts") else DATA) / name, folder / name)
    (folder / "shot.toml").write_text(SHOT)
    done = ended(*TOONCTL, "colorize-long", folder / "shot.toml")
    assert done.returncode == 0, done.stderr
    return folder / "out" / "cut012"


def answer() -> dict[str, Pixels]:
    """Paint and multiplied shadow of A's drawings, RGBA, without lines."""
    truth = open_psd(DATA / "cut012_truth.psd")
    painted: dict[str, Pixels] = {}
    for group in truth.nodes:
        for drawing in group.children:
            cel = Cel("A", drawing.name, truth.path, "", drawing.path, is_line_art=False)
            picture = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
            for part in load_cel(cel, size=SIZE).paint:
                picture = blend_over(picture, part.rgba, blend=part.blend, is_clipped=part.is_clipped)
            painted[drawing.name] = picture
    return painted


def test_painted_pixels_are_the_answer(root: Path) -> None:
    first = {"1": 1, "2": 7, "3": 13, "4": 19}
    painted = answer()
    assert set(painted) == set(first)
    for drawing, number in first.items():
        truth, found = painted[drawing], frame(root, number)
        keys = Cel("A", drawing, DATA / "cut012_keys.psd", "", _place(drawing))
        line = load_cel(keys, size=SIZE).line
        assert line is not None
        counted = (truth[..., 3] > 0) & (line[..., 3] == 0)
        apart = np.abs(found.astype(np.int16) - truth).max(-1)
        share = float((apart[counted] <= 1).mean())
        assert share >= 0.99, (drawing, share)
        on_line = line[..., 3] == 255
        assert (found[on_line] == line[on_line]).all()
        empty = (truth[..., 3] == 0) & (line[..., 3] == 0)
        assert float((found[..., 3][empty] > 0).mean()) < 0.001


def _place(drawing: str) -> tuple[int, ...]:
    for group in open_psd(DATA / "cut012_keys.psd").nodes:
        for child in group.children if group.name == "A" else ():
            if child.name == drawing:
                return child.path
    raise AssertionError(drawing)


def test_the_sheet_is_followed(root: Path) -> None:
    exposure = json.loads((SHEETS / "cut012.exposure.json").read_text())
    for layer in ("A", "B"):
        files = [root / f"frames/{layer}/cut012.{layer}.{n:04d}.png" for n in range(1, 49)]
        pixels: dict[str | None, bytes] = {}
        for name, file in zip(exposure[layer], files, strict=True):
            data = file.read_bytes()
            body = data[data.index(b"IDAT") :]  # the stamp before it tells the frame
            assert pixels.setdefault(name, body) == body
        assert len(set(pixels.values())) == len(pixels)


def test_the_layered_psd_holds_every_drawing(root: Path) -> None:
    nodes = {node.name: node for node in open_psd(root / "psd/cut012.layered.psd").nodes}
    assert [child.name for child in nodes["A"].children] == ["1", "2", "3", "4"]
    assert [child.name for child in nodes["B"].children] == ["1", "2", "3"]
