"""Pictures to files: the same pixels back, a stamp in each, whole files or none."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from shotkit import EXPOSURES, KEY, SIZE, drawn
from toonctl.core.errors import CheckFailed, DeliveryError
from toonctl.formats.png import read_picture, read_stamp
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree
from toonctl.stages.write import (
    CompJob,
    compose_frame,
    deliver_png,
    encode_picture,
    plan_comps,
    write_comp,
    write_still,
)

TIMELINE = Timeline(1, 10, ("A", "B"), EXPOSURES)
PAINT = drawn("A", "1")["paint"]


@pytest.fixture
def tree(tmp_path: Path) -> OutputTree:
    return OutputTree.of(tmp_path, None, "walk")


def noise() -> np.ndarray:
    """More colors than a palette holds."""
    return np.random.default_rng(0).integers(1, 256, (40, 50, 4), np.uint8)


def test_held_frames_are_equal_pictures_with_stamps_of_their_own(tree: OutputTree) -> None:
    targets = [(tree.frame("A", frame), frame) for frame in (1, 2, 7)]
    deliver_png(targets, PAINT, job_key=KEY, layer="A")
    for path, frame in targets:
        assert np.array_equal(read_picture(path), PAINT)
        assert json.loads(read_stamp(path) or "") == {"key": KEY, "frame": frame, "layer": "A"}
    sizes = {path.stat().st_size for path, _ in targets}
    assert len(sizes) == 1


def test_many_colors_and_wide_indices_keep_every_pixel(tree: OutputTree) -> None:
    picture = noise()
    deliver_png([(tree.frame("A", 1), 1)], picture, job_key=KEY, layer="A")
    assert np.array_equal(read_picture(tree.frame("A", 1)), picture)
    colors = picture.reshape(-1, 4)[:1000]
    index = (np.arange(600) % 1000).astype(np.uint16).reshape(20, 30)
    deliver_png([(tree.frame("A", 2), 2)], (index, colors), job_key=KEY, layer="A")
    assert np.array_equal(read_picture(tree.frame("A", 2)), colors[index])


def test_rgba_is_written_when_asked(tree: OutputTree) -> None:
    path = tree.frame("A", 1)
    deliver_png([(path, 1)], encode_picture(PAINT, is_rgba=True), job_key=KEY, layer="A")
    assert path.read_bytes()[25] == 6  # color type RGBA
    assert np.array_equal(read_picture(path), PAINT)


def test_composites_lay_layers_over_the_background_once_per_combination(tree: OutputTree) -> None:
    sky = np.full((SIZE[1], SIZE[0], 4), (90, 120, 200, 255), np.uint8)
    write_still(tree, "BG", sky, job_key=KEY)
    for layer in TIMELINE.layers:
        for drawing in (*TIMELINE.drawings(layer), None):
            picture = drawn(layer, drawing)["paint"] if drawing else np.zeros_like(sky)
            frames = TIMELINE.frames_of(layer, drawing)
            targets = [(tree.frame(layer, frame), frame) for frame in frames]
            deliver_png(targets, picture, job_key=KEY, layer=layer)
    jobs = plan_comps(tree, TIMELINE, stack=("BG", "A", "B"), frames=TIMELINE.frames, job_key=KEY)
    assert sum(map(write_comp, jobs)) == 10
    assert len(jobs) == len({TIMELINE.shown(frame) for frame in TIMELINE.frames})
    expected = compose_frame([sky, drawn("A", "3")["paint"], drawn("B", "1")["paint"]])
    assert np.array_equal(read_picture(tree.frame(COMP, 5)), expected)
    assert np.array_equal(expected[0, 0], (90, 120, 200, 255))


def test_a_single_layer_is_copied_as_it_is_compressed(tree: OutputTree) -> None:
    timeline = Timeline(1, 3, ("A",), {"A": ("1", "1", None)})
    deliver_png([(tree.frame("A", 1), 1), (tree.frame("A", 2), 2)], PAINT, job_key=KEY, layer="A", level=1)
    deliver_png([(tree.frame("A", 3), 3)], np.zeros_like(PAINT), job_key=KEY, layer="A")
    for job in plan_comps(tree, timeline, stack=("A",), frames=(1, 2, 3), job_key=KEY):
        write_comp(job)
    own, comp = tree.frame("A", 1).read_bytes(), tree.frame(COMP, 1).read_bytes()
    assert own[-200:] == comp[-200:]
    assert json.loads(read_stamp(tree.frame(COMP, 2)) or "")["layer"] == "comp"
    assert not read_picture(tree.frame(COMP, 3)).any()


def test_a_still_alone_is_written_as_rgba_when_asked(tree: OutputTree) -> None:
    still = write_still(tree, "BG", PAINT, job_key=KEY)
    for is_rgba, color_type in ((False, 3), (True, 6)):
        write_comp(CompJob((still,), ((tree.frame(COMP, 1), 1),), KEY, is_rgba))
        assert tree.frame(COMP, 1).read_bytes()[25] == color_type
        assert np.array_equal(read_picture(tree.frame(COMP, 1)), PAINT)


def test_a_missing_picture_is_named(tree: OutputTree) -> None:
    with pytest.raises(CheckFailed, match=r"walk\.A\.0001\.png"):
        write_comp(CompJob((tree.frame("A", 1),), ((tree.frame(COMP, 1), 1),), KEY))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_ends_with_5_and_keeps_what_is_written(
    tree: OutputTree, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    first, second = tree.frame("A", 1), tree.frame("A", 2)
    deliver_png([(first, 1)], PAINT, job_key=KEY, layer="A")
    before = first.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), full)
    with pytest.raises(DeliveryError, match="No space left") as caught:
        deliver_png([(first, 1), (second, 2)], np.zeros_like(PAINT), job_key=KEY, layer="A")
    assert caught.value.exit_code == 5
    assert first.read_bytes() == before
    assert not second.exists()
    assert not list(first.parent.glob(".*"))
