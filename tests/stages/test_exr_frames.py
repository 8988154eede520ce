"""EXR frames: every layer's parts in channels, linear and premultiplied, the same bytes for held pictures."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shotkit import Finished, finish_shot
from toonctl.core.errors import CheckFailed, EngineError
from toonctl.core.lazy import need
from toonctl.formats.exr import scene_linear, write_exr
from toonctl.formats.png import read_picture
from toonctl.stages.exr_frames import exr_pictures, write_exr_picture
from toonctl.stages.tree import COMP, OutputTree


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish_shot(OutputTree.of(tmp_path_factory.mktemp("out"), None, "cut012"))


def channels(path: Path) -> dict[str, NDArray[np.float16]]:
    exr: Any = need("OpenEXR", for_="this test")
    with exr.File(str(path), separate_channels=True) as file:
        assert file.header()["compression"] == exr.ZIP_COMPRESSION
        return {name: channel.pixels for name, channel in file.channels().items()}


def test_a_frame_holds_its_composite_and_the_parts_of_its_layers(shot: Finished) -> None:
    picture = next(exr_pictures(shot.show))
    written = write_exr_picture(shot.tree, picture)
    assert [path.name for path in written] == [f"cut012.{frame:04d}.exr" for frame in picture.frames]
    found = channels(written[0])
    parts = {name.rpartition(".")[0] for name in found}
    assert {"", "A_line", "A_paint", "BG"} <= parts
    composite = scene_linear(read_picture(shot.tree.frame(COMP, picture.frames[0])))
    assert np.array_equal(np.stack([found[name] for name in "RGBA"], -1), composite)
    paint = scene_linear(read_picture(picture.channels["A_paint"]))
    assert np.array_equal(found["A_paint.R"], paint[..., 0])


def test_every_frame_has_one_file_and_held_pictures_the_same_bytes(shot: Finished) -> None:
    for picture in exr_pictures(shot.show):
        contents = {path.read_bytes() for path in write_exr_picture(shot.tree, picture)}
        assert len(contents) == 1
    files = sorted(shot.tree.exr(1).parent.iterdir())
    assert files == [shot.tree.exr(frame) for frame in shot.timeline.frames]


def test_a_missing_part_is_named(shot: Finished) -> None:
    picture = next(exr_pictures(shot.show))
    gone = type(picture)(picture.frames, picture.composite, {"A_line": Path("A_line0001.png")})
    with pytest.raises(CheckFailed, match=r"A_line0001\.png"):
        write_exr_picture(shot.tree, gone)


def test_light_is_linear_and_premultiplied() -> None:
    pixels = np.array([[[188, 0, 255, 255], [188, 10, 255, 51], [255, 255, 255, 0]]], np.uint8)
    linear = scene_linear(pixels)
    # By hand: 188 / 255 = .7373 gives ((.7373 + .055) / 1.055)^2.4 = .5029; 10 / 255 / 12.92 = .00304.
    assert linear[0, 0].tolist() == pytest.approx([0.5029, 0, 1, 1], abs=3e-4)
    assert linear[0, 1].tolist() == pytest.approx([0.1006, 0.00061, 0.2, 0.2], abs=2e-4)
    assert linear[0, 2].tolist() == [0, 0, 0, 0]


def test_without_openexr_the_install_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(EngineError) as told:
        write_exr(tmp_path / "x.exr", np.zeros((2, 2, 4), np.uint8), {})
    assert told.value.problems[0].hint == "pip install 'toonctl[exr]'"
