"""`deliver` on a shot whose frames lie there: everything it writes, everything it refuses."""

import json
import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from shotkit import color_model
from toonctl import __version__
from toonctl.cli import build_app
from toonctl.core.errors import CheckFailed, DeliveryError, Stopped
from toonctl.core.reporter import SilentReporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines import contact, deliver
from toonctl.pipelines._shot import Shot
from toonctl.spec.load import load_shot, resolved
from toonctl.spec.run_options import RunOptions
from toonctl.stages.chunks import ChunkRecord, EngineRecord, RunClock, write_chunk
from toonctl.stages.gather import patience_s
from toonctl.stages.job import job_key
from toonctl.stages.notes import DrawingNote, PaletteNote, write_note, write_palette_note
from toonctl.stages.tree import COMP
from toonctl.stages.write import deliver_png, plan_comps, write_comp

SIZE = (96, 54)
OUTPUT = 'movies = ["png"]\npsd = true\nsheets = ["xdts"]\n'


def line_art(number: int) -> np.ndarray:
    """A black circle on white, moving to the right, `[H, W]`."""
    page = np.full((SIZE[1], SIZE[0]), 255, np.uint8)
    cv2.circle(page, (20 + 12 * number, 27), 14, 0, 2)
    return page


def painted(number: int) -> np.ndarray:
    """The circle filled, RGBA `[H, W, 4]`."""
    picture = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    cv2.circle(picture, (20 + 12 * number, 27), 14, (246, 213, 190, 255), -1)
    picture[line_art(number) < 128] = (0, 0, 0, 255)
    return picture


@pytest.fixture
def shot_file(tmp_path: Path) -> Path:
    """A shot of four line drawings with a painted first one."""
    for folder in ("line", "color"):
        (tmp_path / folder).mkdir()
    for number in range(1, 5):
        cv2.imwrite(str(tmp_path / f"line/walk.{number:04d}.png"), line_art(number))
    rgba = cv2.cvtColor(painted(1), cv2.COLOR_RGBA2BGRA)
    cv2.imwrite(str(tmp_path / "color/walk.0001.png"), rgba)
    path = tmp_path / "shot.toml"
    path.write_text(
        '[shot]\nname = "walk"\nrate = "24"\n[art]\nline = "line/walk.####.png"\n'
        f'[[reference]]\nframe = 1\nimage = "color/walk.0001.png"\n[output]\n{OUTPUT}'
    )
    return path


def draw(path: Path, frames: range = range(1, 5)) -> Shot:
    """Leave behind what `colorize-long --frames` would."""
    loaded = load_shot(path, command="colorize-long")
    shot = Shot.read(loaded, RunOptions())
    values = resolved(shot.spec)
    key = job_key(values, shot.art.inputs, engine="cel", weights={}, seed=0, version=__version__)
    write_palette_note(shot.tree, PaletteNote("A", color_model(), {"doubt_below": 0.5}), job_key=key)
    for frame in frames:
        name = shot.timeline.drawing("A", frame) or ""
        picture = painted(frame)
        deliver_png([(shot.tree.part("A", name, "paint"), None)], picture, job_key=key, layer="A")
        write_note(shot.tree, DrawingNote("A", name, 1, {1: 1}, parts=("paint",)), job_key=key)
        deliver_png([(shot.tree.frame("A", frame), frame)], picture, job_key=key, layer="A")
    for job in plan_comps(shot.tree, shot.timeline, stack=("A",), frames=frames, job_key=key):
        write_comp(job)
    engine = EngineRecord("cel", "cpu", "float32", 0)
    write_chunk(
        shot.tree, ChunkRecord(key, "colorize-long", tuple(frames), engine, values, RunClock().facts())
    )
    return shot


def finish(path: Path, stop: StopFlag | None = None, **choices: Any) -> Mapping[str, Any]:
    loaded = load_shot(path, command="colorize-long")
    result = deliver.run(loaded, RunOptions(**choices), SilentReporter(), stop or StopFlag())
    assert result.manifest is not None
    return result.manifest


def test_chunks_become_a_delivery(shot_file: Path) -> None:
    shot = draw(shot_file, range(3, 5))
    draw(shot_file, range(1, 3))
    manifest = finish(shot_file)
    root = shot_file.parent / "out" / "walk"
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert {
        *("manifest.json", "palette.json", "doubts.json", "sheet/walk.xdts", "psd/walk.layered.psd"),
        *("preview/index.html", "preview/contact.png", "movies/walk.comp.png.mov"),
    } <= files
    assert manifest["run"]["chunks"] == 2
    assert manifest["frames"]["range"] == "1-4"
    assert json.loads(shot.tree.manifest.read_text(encoding="utf-8")) == manifest
    assert str(shot_file.parent) not in shot.tree.manifest.read_text(encoding="utf-8")


def test_delivering_twice_gives_the_same_bytes(shot_file: Path) -> None:
    draw(shot_file)
    finish(shot_file)
    root = shot_file.parent / "out" / "walk"
    kept = [root / part for part in ("psd", "movies", "preview", "sheet", "palette.json", "doubts.json")]
    files = [path for part in kept for path in (part.rglob("*") if part.is_dir() else [part])]
    before = {path: path.read_bytes() for path in files}
    finish(shot_file)
    assert before == {path: path.read_bytes() for path in files}


def test_missing_frames_fail_the_check_and_keep_the_old_delivery(shot_file: Path) -> None:
    shot = draw(shot_file)
    finish(shot_file)
    for frame in (2, 3):
        shot.tree.frame(COMP, frame).unlink()
    with pytest.raises(CheckFailed, match="frames 2-3 of `comp` are missing"):
        finish(shot_file)
    assert shot.tree.manifest.exists()


def test_nothing_drawn_is_said_and_nothing_made(shot_file: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailed, match="no frame of `walk`"):
        finish(shot_file, out=tmp_path / "mistyped")
    assert not (tmp_path / "mistyped").exists()


def test_other_movies_need_no_new_drawing(shot_file: Path) -> None:
    draw(shot_file)
    shot_file.write_text(shot_file.read_text().replace('["png"]', '["ffv1"]'))
    assert [movie["file"] for movie in finish(shot_file)["movies"]] == ["movies/walk.comp.ffv1.mkv"]


def test_other_settings_are_refused_by_name(shot_file: Path) -> None:
    draw(shot_file)
    shot_file.write_text(shot_file.read_text() + 'line_aa = "binary"\n')
    with pytest.raises(DeliveryError, match=r"`output\.line_aa` was keep"):
        finish(shot_file)


def test_changed_art_is_refused(shot_file: Path) -> None:
    draw(shot_file)
    cv2.imwrite(str(shot_file.parent / "line/walk.0002.png"), line_art(3))
    with pytest.raises(DeliveryError, match="has changed since"):
        finish(shot_file)


def test_a_stop_leaves_no_manifest(shot_file: Path) -> None:
    shot = draw(shot_file)
    stop = StopFlag()
    stop.set("SIGTERM")
    with pytest.raises(Stopped):
        finish(shot_file, stop)
    assert not shot.tree.manifest.exists()
    assert shot.tree.frame("A", 1).exists()
    finish(shot_file)


def test_a_contact_sheet_of_half_a_shot(shot_file: Path) -> None:
    loaded = load_shot(shot_file, command="colorize-long")
    with pytest.raises(CheckFailed):
        contact.run(loaded, RunOptions(), SilentReporter(), StopFlag())
    shot = draw(shot_file, range(2, 4))
    result = contact.run(loaded, RunOptions(), SilentReporter(), StopFlag())
    assert result.outputs == (shot.tree.contact,)


@pytest.mark.parametrize(("command", "code"), [("deliver", 8), ("contact", 8)])
def test_the_commands_tell_by_their_exit_code(shot_file: Path, command: str, code: int) -> None:
    ask = [command, str(shot_file), "--json", "--progress", "none"]
    failed = CliRunner().invoke(build_app(command), ask)
    assert failed.exit_code == code
    assert json.loads(failed.stdout)["status"] == "failed"
    draw(shot_file)
    done = CliRunner().invoke(build_app(command), ask)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["outputs"]


def test_a_record_of_other_settings_does_not_count_though_its_clock_ran_ahead(shot_file: Path) -> None:
    text = shot_file.read_text()
    shot_file.write_text(text + 'line_aa = "binary"\n')
    shot = draw(shot_file)
    (ahead,) = shot.tree.chunks.glob("*.json")
    ahead.rename(ahead.with_name("1-4.older.json"))
    shutil.rmtree(shot.tree.root / "frames")
    shot_file.write_text(text)
    draw(shot_file)
    tomorrow = time.time() + 24 * 3600
    os.utime(ahead.with_name("1-4.older.json"), (tomorrow, tomorrow))
    assert finish(shot_file)["run"]["chunks"] == 1


def test_frames_that_storage_shows_late_are_waited_for(
    shot_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = draw(shot_file)
    late = {shot.tree.frame(COMP, 2), shot.tree.note("A", "3")}
    for path in late:
        path.rename(path.with_suffix(".late"))

    def appear() -> None:
        for path in late:
            path.with_suffix(".late").rename(path)

    with pytest.raises(CheckFailed):
        finish(shot_file)
    timer = threading.Timer(0.3, appear)
    timer.start()
    monkeypatch.setenv("TOONCTL_PATIENCE", "30")
    assert finish(shot_file)["frames"]["range"] == "1-4"
    timer.join()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0.0),
        ({"SLURM_JOB_ID": "1"}, 30.0),
        ({"SLURM_JOB_ID": "1", "TOONCTL_PATIENCE": "2.5"}, 2.5),
        ({"TOONCTL_PATIENCE": "soon"}, 0.0),
    ],
)
def test_only_a_farm_host_is_patient(environment: dict[str, str], seconds: float) -> None:
    assert patience_s(environment) == seconds
