"""The examples of `inbetween`, `layerpack` and `postkey`: art as its script draws it, and a run of each."""

import json
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from pipelines.conftest import Toonctl
from toonctl.formats.png import read_picture
from toonctl.spec.load import load_shot
from toonctl.stages.read import read_art

SHOTS = {"jump": ("inbetween", 17), "cup": ("layerpack", 24), "dive": ("postkey", 25)}


def test_the_art_is_what_its_script_draws(examples: Path, draw_small: ModuleType, tmp_path: Path) -> None:
    draw_small.write_art(tmp_path)
    drawn = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.png"))
    assert len(drawn) == 16
    for name in drawn:
        with Image.open(tmp_path / name) as new, Image.open(examples / name) as stored:
            assert np.array_equal(np.asarray(new), np.asarray(stored)), name


@pytest.mark.parametrize("shot", SHOTS)
def test_the_shot_file_and_its_art_fit(examples: Path, shot: str) -> None:
    command, n_frames = SHOTS[shot]
    loaded = load_shot(examples / shot / "shot.toml", command=command)
    art = read_art(loaded.spec, folder=loaded.folder)
    assert (art.n_frames, art.size, art.warnings) == (n_frames, (640, 360), ())


@pytest.mark.parametrize("shot", SHOTS)
def test_the_example_runs(examples: Path, shot: str, tmp_path: Path, toonctl: Toonctl) -> None:
    command, n_frames = SHOTS[shot]
    options = ["--out", tmp_path, "--progress", "none", "--set", "output.movies=[]"]
    options += ["--set", "output.preview=false", "--set", "output.psd_per_picture=false"]
    toonctl(command, examples / shot / "shot.toml", *options)
    root = tmp_path / shot
    assert json.loads((root / "manifest.json").read_text())["command"] == command
    frames = sorted((root / "frames/comp").iterdir())
    assert len(frames) == n_frames
    pictures = [read_picture(path) for path in frames]
    changes = sum(bool((a != b).any()) for a, b in pairwise(pictures))
    assert changes >= n_frames // 2 - 1
