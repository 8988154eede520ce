"""`colorize-long --engine longanimation` on a drawn shot with toy weights: files, parts, cels, refusals."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from artkit import BALL, CUP, save_psd_shot
from pipelines.conftest import Toonctl
from pipelines.toyshot import delivered, differing, drawings, frame, rolling
from toonctl.formats.png import read_picture

N = 30
SHADED = tuple(round(a * b / 255) for a, b in zip(BALL, (185, 180, 214), strict=True))


def shot(folder: Path, weights: Mapping[str, str], *, engine: str = "", output: str = "") -> Path:
    """The toy shot for the toy networks; `engine` and `output` are lines for these tables."""
    lines = f"movies = []\npreview = false\n{output}"
    path = rolling(folder, n=N, output=lines, shot='prompt = "the boy"\n')
    named = "".join(f'{role} = "{place}"\n' for role, place in weights.items())
    table = (
        'name = "longanimation"\ndevice = "cpu"\nsteps = 2\nwidth = 48\nheight = 32\nsegment_frames = 25\n'
    )
    text = f"{path.read_text()}\n[engine]\n{table}{engine}\n[engine.weights]\n{named}"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shot")


def test_a_shot_whole_in_parts_and_resumed(
    toonctl: Toonctl, weights: Mapping[str, str], folder: Path
) -> None:
    path = shot(folder, weights)
    root = folder / "out/roll"
    toonctl("colorize-long", path)
    whole = delivered(root)
    for number, drawing in enumerate(drawings(N), 1):
        found = frame(root, number)
        assert (found[..., 3] == 255).all()
        solid = drawing.line == 255
        assert (found[solid] == drawing.painted[solid]).all()
    assert (frame(root, 5) == frame(root, 4)).all()  # the same drawing, held
    manifest = json.loads((root / "manifest.json").read_text())
    assert manifest["engine"]["device"] == "cpu"
    assert manifest["engine"]["dtype"] == "float32"
    roles = [file["file"].partition(":")[0] for file in manifest["engine"]["weights"]]
    assert roles == ["base", "sketch", "dglm", "lvu", "vae", "text", "tokenizer", "scheduler"]
    assert manifest["frames"]["range"] == f"1-{N}"

    # the last segment again, from what the first left on disk
    for number in range(25, N + 1):
        for layer in ("A", "comp"):
            (root / f"frames/{layer}/roll.{layer}.{number:04d}.png").unlink()
    toonctl("colorize-long", path, "--resume")
    assert differing(delivered(root), whole) == []

    # the same in two chunks elsewhere, the later one first
    other = folder / "chunks"
    toonctl("colorize-long", path, "--out", other, "--frames", f"25-{N}")
    assert sorted(p.name for p in (other / "roll/frames/A").glob("*.png")) == [
        f"roll.A.{number:04d}.png" for number in range(25, N + 1)
    ]
    toonctl("colorize-long", path, "--out", other, "--frames", "1-24")
    toonctl("deliver", path, "--out", other)
    assert differing(delivered(other / "roll"), whole) == []


def test_cels_have_only_colors_of_the_reference(
    toonctl: Toonctl, weights: Mapping[str, str], tmp_path: Path
) -> None:
    path = shot(tmp_path, weights, output="cels = true\n")
    toonctl("colorize-long", path, "--frames", "1-3")
    allowed = {(0, 0, 0, 0), *((*color, 255) for color in (BALL, SHADED, CUP))}
    for number, drawing in enumerate(drawings(N)[:3], 1):
        found = frame(tmp_path / "out/roll", number)
        clear = (drawing.line == 0) & (drawing.trace == 0)
        assert {tuple(pixel) for pixel in found[clear].tolist()} <= allowed
    cel = read_picture(tmp_path / "out/roll/cels/A/A0001.png")
    assert cel.shape == (96, 160, 4)


def test_missing_weights_are_named_in_three_lines(toonctl: Toonctl, tmp_path: Path) -> None:
    path = shot(tmp_path, {})
    said = toonctl("colorize-long", path, code=6).stderr
    assert "`base` of `longanimation`" in said
    assert "looked in" in said
    assert "toonctl models fetch longanimation" in said
    assert "cogvideox" in said
    assert len(said.strip().splitlines()) == 3
    assert not (tmp_path / "out/roll/frames").exists()


def test_weights_that_are_named_but_absent(
    toonctl: Toonctl, weights: Mapping[str, str], tmp_path: Path
) -> None:
    path = shot(tmp_path, {**weights, "dglm": str(tmp_path / "gone.safetensors")})
    assert "gone.safetensors" in toonctl("colorize-long", path, code=6).stderr


def test_no_card_and_none_excused(toonctl: Toonctl, weights: Mapping[str, str], tmp_path: Path) -> None:
    path = shot(tmp_path, weights)
    said = toonctl("colorize-long", path, "--device", "cuda:63", code=6).stderr
    assert "CUDA" in said


def test_the_published_run_refuses_lengths_it_would_cut(
    toonctl: Toonctl, weights: Mapping[str, str], tmp_path: Path
) -> None:
    path = shot(tmp_path, weights, engine='compat = "upstream"\n')
    said = toonctl("colorize-long", path, code=6).stderr
    assert "lose frames 26 to 30" in said
    assert "25 frames" in said


def test_segments_of_another_form_are_refused(
    toonctl: Toonctl, weights: Mapping[str, str], tmp_path: Path
) -> None:
    path = shot(tmp_path, weights)
    said = toonctl("colorize-long", path, "--set", "engine.segment_frames=30", code=3).stderr
    assert "8k + 1" in said
    assert "25" in said


def test_a_dry_run_says_who_draws(toonctl: Toonctl, weights: Mapping[str, str], tmp_path: Path) -> None:
    path = shot(tmp_path, weights)
    said = toonctl("colorize-long", path, "--dry-run").stdout
    assert "engine longanimation, 2 steps" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("preset", ["final", "fast", "low-vram"])
def test_presets_are_found_by_their_short_names(toonctl: Toonctl, tmp_path: Path, preset: str) -> None:
    path = rolling(tmp_path, n=2)
    words = ["--engine", "longanimation", "--preset", preset, "--dry-run"]
    assert "1024x576" in toonctl("colorize-long", path, *words).stdout


def test_pictures_of_several_layers_must_be_cels(toonctl: Toonctl, tmp_path: Path) -> None:
    path = save_psd_shot(tmp_path)
    said = toonctl("colorize-long", path, "--engine", "longanimation", code=3).stderr
    assert "A, B would hide each other" in said
    assert "cels = true" in said
    words = ["--engine", "longanimation", "--set", "output.cels=true", "--dry-run"]
    assert "layer B" in toonctl("colorize-long", path, *words).stdout


def test_the_cel_engine_gives_nothing_but_cels(toonctl: Toonctl, tmp_path: Path) -> None:
    path = rolling(tmp_path, n=2, output="cels = false\n")
    said = toonctl("colorize-long", path, code=3).stderr
    assert "nothing but cels" in said
