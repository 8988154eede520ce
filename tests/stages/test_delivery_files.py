"""Movies, layered PSD, contact sheet and sheets of a finished shot."""

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from shotkit import SIZE, Finished, background, drawn, finish_shot
from toonctl.core.errors import CheckFailed, Stopped
from toonctl.core.stop import StopFlag
from toonctl.core.timesheet import Timesheet
from toonctl.core.types import Pixels
from toonctl.formats.csvsheet import read_csv
from toonctl.formats.mov import find_ffmpeg
from toonctl.formats.png import read_picture
from toonctl.formats.psd import load_node, open_psd
from toonctl.formats.xdts import read_xdts
from toonctl.stages import movies
from toonctl.stages.contact import chosen, write_contact
from toonctl.stages.layered_psd import write_layered_psd
from toonctl.stages.movies import plan_movies, write_movies
from toonctl.stages.picture_psd import picture_stacks, write_picture_psd
from toonctl.stages.sheet import write_sheets
from toonctl.stages.tree import COMP, OutputTree


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finish_shot(OutputTree.of(tmp_path_factory.mktemp("out"), None, "cut012"))


def decoded(path: Path) -> Pixels:
    command = [find_ffmpeg(), "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, SIZE[1], SIZE[0], 4)


def test_movies_hold_every_frame_and_decode_no_held_picture_twice(
    shot: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(movies, "read_picture", lambda path: read.append(path) or read_picture(path))
    told: list[int] = []
    jobs = plan_movies(shot.timeline, ("png", "h264"), size=SIZE, rate=Fraction(24000, 1001))
    assert [(job.layer, job.profiles) for job in jobs] == [
        (COMP, ("png", "h264")),
        ("A", ("png",)),
        ("B", ("png",)),
    ]
    made = write_movies(shot.tree, shot.timeline, jobs[0], stop=StopFlag(), on_frame=told.append)
    assert [movie.file for movie in made] == ["movies/cut012.comp.png.mov", "movies/cut012.comp.h264.mp4"]
    assert told == list(range(1, 11))
    assert len(read) == 6  # ten frames show six combinations in a row
    assert not any(str(shot.tree.root) in arg for movie in made for arg in movie.args)
    frames = decoded(shot.tree.root / made[0].file)
    for frame in (1, 5, 10):
        assert np.array_equal(frames[frame - 1], read_picture(shot.tree.frame(COMP, frame)))


def test_one_layer_gets_no_movie_of_its_own(shot: Finished) -> None:
    alone = replace(shot.timeline, layers=("A",))
    assert [job.layer for job in plan_movies(alone, ("png",), size=SIZE, rate=Fraction(24))] == [COMP]
    assert plan_movies(alone, (), size=SIZE, rate=Fraction(24)) == ()


def test_layers_get_movies_or_none_as_asked(shot: Finished) -> None:
    alone = replace(shot.timeline, layers=("A",))
    asked = plan_movies(alone, ("png", "h264"), size=SIZE, rate=Fraction(24), has_layers=True)
    assert [(job.layer, job.profiles) for job in asked] == [(COMP, ("png", "h264")), ("A", ("png",))]
    none = plan_movies(shot.timeline, ("png",), size=SIZE, rate=Fraction(24), has_layers=False)
    assert [job.layer for job in none] == [COMP]


def test_every_new_picture_is_a_psd_of_all_its_layers(shot: Finished) -> None:
    stacks = dict(picture_stacks(shot.show))
    assert list(stacks) == [1, 3, 5, 6, 8]  # frame 9 shows what frame 1 does
    for frame, stack in stacks.items():
        path = write_picture_psd(shot.tree, frame, stack, SIZE)
        document = open_psd(path)
        assert path.name == f"cut012.{frame:04d}.psd"
        assert [node.name for node in document.nodes] == [name for name, _ in stack]
        for node, (_, file) in zip(document.nodes, stack, strict=True):
            assert np.array_equal(load_node(document, node.path), read_picture(file))
    assert [name for name, _ in stacks[3]] == ["BG", "A", "B"]
    assert [name for name, _ in stacks[1]] == ["BG", "A"]
    with pytest.raises(CheckFailed, match="is missing"):
        write_picture_psd(shot.tree, 1, (("A", shot.tree.root / "gone.png"),), SIZE)


def test_a_contact_sheet_without_line_art_pairs_the_drawings(shot: Finished) -> None:
    plain = replace(shot.show, line=lambda _layer, _drawing: None, references=())
    write_contact(plain)
    without = read_picture(shot.tree.contact)
    write_contact(shot.show)
    assert without.shape[0] < read_picture(shot.tree.contact).shape[0]  # fewer cells, fewer rows


def test_a_stopped_movie_leaves_nothing_half(shot: Finished, tmp_path: Path) -> None:
    tree = replace(shot.tree, shot="stopped")
    stop = StopFlag()
    (job,) = plan_movies(replace(shot.timeline, layers=("A",)), ("png",), size=SIZE, rate=Fraction(24))
    for frame in shot.timeline.frames:
        tree.frame(COMP, frame).write_bytes(shot.tree.frame(COMP, frame).read_bytes())

    def halfway(frame: int) -> None:
        if frame == 5:
            stop.set("SIGTERM")

    with pytest.raises(Stopped, match="SIGTERM"):
        write_movies(tree, shot.timeline, job, stop=stop, on_frame=halfway)
    assert not list((tree.root / "movies").glob("*stopped*"))


def test_the_psd_reads_back_as_an_animation_folder(shot: Finished) -> None:
    write_layered_psd(shot.show)
    document = open_psd(shot.tree.psd)
    assert [node.name for node in document.nodes] == ["BG", "A", "B"]
    cel = document.nodes[1]
    assert [(child.name, child.is_visible) for child in cel.children] == [
        ("1", True),
        ("2", False),
        ("3", False),
    ]
    second = cel.children[1]
    assert [part.name for part in second.children] == ["paint", "line"]
    for part in second.children:
        assert np.array_equal(load_node(document, part.path), drawn("A", "2")[part.name])
    assert np.array_equal(load_node(document, document.nodes[0].path), background())


def test_a_missing_part_of_the_psd_is_named(shot: Finished, tmp_path: Path) -> None:
    other = finish_shot(OutputTree.of(tmp_path, None, "walk"))
    other.tree.part("A", "2", "line").unlink()
    with pytest.raises(CheckFailed, match=r"0002\.line\.png"):
        write_layered_psd(other.show)
    assert not other.tree.psd.exists()


def test_the_contact_sheet_shows_references_drawings_and_composites(shot: Finished) -> None:
    write_contact(shot.show)
    sheet = read_picture(shot.tree.contact)
    assert sheet.shape[1] > 3 * 2 * SIZE[0]
    for color in ((246, 213, 190), (61, 90, 128), (244, 243, 240), (20, 20, 20)):
        assert (np.abs(sheet[..., :3].astype(int) - color).max(-1) <= 2).sum() > 500


def test_a_contact_sheet_can_be_made_of_a_part(tmp_path: Path) -> None:
    part = finish_shot(OutputTree.of(tmp_path, None, "walk"))
    for frame in range(3, 11):
        for layer in ("A", "B", COMP):
            part.tree.frame(layer, frame).unlink()
    write_contact(replace(part.show, colors={}))
    assert read_picture(part.tree.contact).shape[0] > SIZE[1]


def test_first_and_last_are_always_chosen() -> None:
    names = [str(number) for number in range(1, 101)]
    assert chosen(names, 4) == ("1", "34", "67", "100")
    assert chosen(names[:3], 8) == ("1", "2", "3")


def test_sheets_read_back_equal(shot: Finished) -> None:
    sheet = Timesheet("cut012", 10, shot.timeline.exposures, {"A": {1: "tick_1"}}, cut="12", scene="1")
    paths = write_sheets(shot.tree, sheet, ("xdts", "csv"), rate=Fraction(24), first_frame=1)
    assert [path.name for path in paths] == ["cut012.xdts", "cut012.csv"]
    assert read_xdts(paths[0]).exposures == shot.timeline.exposures
    assert read_xdts(paths[0]).cut == "12"
    assert read_csv(paths[1]).exposures == shot.timeline.exposures
