"""`inbetween --engine tooncrafter` on a toy file of the published form: what it delivers and refuses."""

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from typer.testing import CliRunner

from artkit import ball, save_png
from engines.tooncrafter.toycrafter import ENGINE, SIZES, published, rolling
from engines.toys import AtOnce
from pipelines.conftest import Toonctl
from pipelines.toyshot import delivered, differing, frame
from toonctl.cli import build_app
from toonctl.engines.tooncrafter.clips import ClipDrawer
from toonctl.engines.tooncrafter.windows import plan_span
from toonctl.formats.png import read_picture
from toonctl.stages import pool

WINDOWS = plan_span([0.2, 0.4, 0.6, 0.8], trained=4).windows
"""What four even inbetweens take when a window draws two."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """The shot file, drawn with its latents watched; `out/roll` lies beside it."""
    path = rolling(tmp_path_factory.mktemp("roll"), weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "worker_pool", lambda _n_workers: nullcontext(AtOnce()))
        words = ["inbetween", str(path), "--watch-latents", "--json"]
        result = CliRunner().invoke(build_app("inbetween"), words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["status"] == "done"
    return path


def root(path: Path) -> Path:
    return path.parent / "out/roll"


def test_keys_come_out_as_they_went_in_and_the_rest_is_new(whole: Path) -> None:
    for number in (1, 6):
        assert (frame(root(whole), number) == read_picture(whole.parent / f"roll.{number:04d}.png")).all()
    pictures = [frame(root(whole), number) for number in range(1, 7)]
    assert len({picture.tobytes() for picture in pictures}) == 6
    assert all(picture.shape == (96, 160, 4) for picture in pictures)
    assert all((picture[..., 3] == 255).all() for picture in pictures)
    assert {path.name for path in (root(whole) / "cels/A").iterdir()} == {
        f"A{name}.png" for name in ("0001", "0001a", "0001b", "0001c", "0001d", "0006")
    }


def test_the_manifest_names_the_weights(whole: Path) -> None:
    engine = json.loads((root(whole) / "manifest.json").read_text())["engine"]
    [file] = engine.pop("weights")
    assert engine == {"name": "tooncrafter", "device": "cpu", "dtype": "float32", "seed": 0}
    assert file["file"] == "model: model.ckpt"
    assert len(file["sha256"]) == 64


def test_the_latents_of_every_step_are_plotted(whole: Path) -> None:
    page = (root(whole) / "preview/latents.html").read_text()
    documents = json.loads((root(whole) / "preview/latents.json").read_text())
    assert len(documents) == len(WINDOWS) > 1
    assert page.count("<h2>") == len(WINDOWS)
    assert page.count("<polyline") == 8 * len(WINDOWS)
    for document in documents:
        assert document["fault"] == ""
        assert [step["timestep"] for step in document["figures"]] == [999, 499]
        assert all(len(step["frames_std"]) == 4 for step in document["figures"])
        assert all(step["non_finite_share"] == 0 for step in document["figures"])


@pytest.mark.parametrize("order", [("1-3", "4-6"), ("5", "6,1-4")])
def test_chunks_give_the_bytes_of_a_whole_run(
    whole: Path, tmp_path: Path, toonctl: Toonctl, order: tuple[str, ...]
) -> None:
    for frames in order:
        toonctl("inbetween", whole, "--out", tmp_path, "--frames", frames)
    toonctl("deliver", whole, "--out", tmp_path)
    assert differing(delivered(tmp_path / "roll"), delivered(root(whole))) == []


def test_a_resumed_run_takes_finished_windows_from_the_disk(
    whole: Path, tmp_path: Path, toonctl: Toonctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root(whole), tmp_path / "roll")
    (tmp_path / "roll/frames/A/roll.A.0003.png").unlink()
    drawn: list[object] = []
    monkeypatch.setattr(ClipDrawer, "draw", lambda *job: drawn.append(job))
    toonctl("inbetween", whole, "--out", tmp_path, "--resume")
    assert drawn == []
    assert differing(delivered(tmp_path / "roll"), delivered(root(whole))) == []


def test_a_half_precision_safetensors_file_is_read_too(
    whole: Path, weights: Path, tmp_path: Path, toonctl: Toonctl
) -> None:
    tensors: dict[str, Tensor] = torch.load(weights, weights_only=True)["state_dict"]
    half = tmp_path / "half.safetensors"
    save_file(
        {name: tensor.half() for name, tensor in tensors.items()}, half, {"toonctl.params": SIZES.to_json()}
    )
    path = rolling(tmp_path, half)
    toonctl("inbetween", path)
    for number in (2, 5):
        difference = frame(root(path), number).astype(int) - frame(root(whole), number)
        assert 0 < np.abs(difference).mean() < 12


def test_absent_weights_are_told_in_three_lines(whole: Path, tmp_path: Path, toonctl: Toonctl) -> None:
    text = "".join(line for line in whole.read_text().splitlines(True) if not line.startswith("weights"))
    path = whole.with_name("bare.toml")
    path.write_text(text.replace('"roll.', f'"{whole.parent}/roll.'))
    said = toonctl("inbetween", path, "--out", tmp_path, code=6).stderr.splitlines()
    assert len(said) == 3
    assert "`model` of `tooncrafter` are not on this host" in said[0]
    assert "toonctl models fetch tooncrafter" in said[2]
    assert "10.5 GB" in said[2]
    assert not list((tmp_path / "roll").rglob("*.png"))


def hostile(path: Path) -> None:
    torch.save({"state_dict": {"betas": torch.zeros(2)}, "callbacks": Path("x")}, path)


def foreign(path: Path) -> None:
    torch.save({"state_dict": {"other": torch.zeros(3)}}, path)


@pytest.mark.parametrize(("make", "says"), [(hostile, "not run"), (foreign, "does not fit")])
def test_files_that_are_not_the_network_are_refused(
    tmp_path: Path, toonctl: Toonctl, make: Callable[[Path], None], says: str
) -> None:
    make(tmp_path / "model.ckpt")
    path = rolling(tmp_path, tmp_path / "model.ckpt")
    assert says in toonctl("inbetween", path, code=6).stderr
    assert not list(root(path).rglob("*.png"))


def test_a_drawing_without_numbers_ends_the_run(tmp_path: Path, toonctl: Toonctl) -> None:
    def spoil(tensors: dict[str, Tensor]) -> None:
        tensors["model.diffusion_model.out.2.bias"][0] = torch.inf

    path = rolling(tmp_path, published(tmp_path / "weights", spoil), n_frames=4)
    assert "no numbers" in toonctl("inbetween", path, code=8).stderr
    assert not (root(path) / "preview/latents.html").exists()
    said = toonctl("inbetween", path, "--resume", "--watch-latents", code=8).stderr
    assert "collapsed at step 1" in said
    assert "latents.html" in said
    assert "are no numbers" in (root(path) / "preview/latents.html").read_text()


def shrinking(tensors: dict[str, Tensor]) -> None:
    """A denoiser that says the noisy latents themselves: every step then takes the picture nearer to nothing.

    Latents pass the first convolution as themselves and as their negative, all blocks but the last skip are
    silent, and behind the activation both halves meet again: silu(x) - silu(-x) = x. They are so small on
    the way that the last norm only scales them, by the root of its epsilon.
    """
    small, norm = 1e-4, 1e-5**0.5

    def part(name: str) -> Tensor:
        return tensors[f"model.diffusion_model.{name}"]

    silent = ["init_attn.0.proj_out", "output_blocks.3.1.proj_out", "output_blocks.3.2.proj_out", "out.2"]
    silent += ["output_blocks.3.0.out_layers.3", "output_blocks.3.0.temopral_conv.conv4.3"]
    silent += ["output_blocks.3.0.skip_connection", "input_blocks.0.0"]
    for name in silent:
        part(f"{name}.weight").zero_()
        part(f"{name}.bias").zero_()
    part("out.0.weight").fill_(1)
    part("out.0.bias").zero_()
    for c in range(4):
        for at, sign in ((c, 1.0), (c + 4, -1.0)):
            part("input_blocks.0.0.weight")[at, c, 1, 1] = sign * small
            part("output_blocks.3.0.skip_connection.weight")[at, 32 + at, 0, 0] = 1
            part("out.2.weight")[c, at, 1, 1] = sign * norm / small


def test_a_collapse_made_on_purpose_is_caught(tmp_path: Path, toonctl: Toonctl) -> None:
    settings = ("--set", "engine.steps=5", "--set", "engine.eta=0", "--set", "engine.guidance=1")
    path = rolling(tmp_path, published(tmp_path / "weights", shrinking), n_frames=4)
    said = toonctl("inbetween", path, "--watch-latents", *settings, code=8).stderr
    assert "the drawing collapsed at step" in said
    [document] = json.loads((root(path) / "preview/latents.json").read_text())
    assert "deviation" in document["fault"]
    assert len(document["figures"]) < 5  # it was stopped on the way
    assert "class=fault" in (root(path) / "preview/latents.html").read_text()
    # All its numbers are fine, and so it passes where nobody looks.
    toonctl("inbetween", path, "--resume", *settings)


def test_white_around_the_keys_becomes_alpha_again(tmp_path: Path, toonctl: Toonctl) -> None:
    def spoil(tensors: dict[str, Tensor]) -> None:
        tensors["first_stage_model.decoder.conv_out.time_mix_conv.weight"].zero_()
        tensors["first_stage_model.decoder.conv_out.time_mix_conv.bias"].fill_(1.0)

    white = published(tmp_path / "weights", spoil)
    for folder, is_opaque, alpha in (("nothing", False, 0), ("sky", True, 255)):
        path = rolling(
            tmp_path / folder, white, n_frames=4, is_opaque=is_opaque, engine="match_colors = false\n"
        )
        toonctl("inbetween", path)
        assert (frame(root(path), 2)[0, :, 3] == alpha).all()
        assert (frame(root(path), 4) == read_picture(path.with_name("roll.0004.png"))).all()


def test_layers_that_move_together_are_refused(weights: Path, tmp_path: Path, toonctl: Toonctl) -> None:
    tables = ""
    for number in (1, 4):
        for layer, y in (("A", 30), ("B", 60)):
            save_png(tmp_path / f"{layer}.{number}.png", ball(20 * number, y, 10).painted)
        tables += f'[[key]]\nframe = {number}\nlayers = {{ A = "A.{number}.png", B = "B.{number}.png" }}\n'
    path = tmp_path / "two.toml"
    path.write_text(
        f'[shot]\nname = "two"\nrate = "24"\n{tables}[engine]\nname = "tooncrafter"\n{ENGINE}'
        f'weights = {{ model = "{weights}" }}\n[output]\nmovies = []\npreview = false\n'
    )
    said = toonctl("inbetween", path, code=6).stderr
    assert "2 layers move together" in said
    assert "layerpack" in said


def test_equal_keys_are_held_and_words_go_by_the_way(
    weights: Path, tmp_path: Path, toonctl: Toonctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[str] = []
    draw = ClipDrawer.draw
    monkeypatch.setattr(
        ClipDrawer, "draw", lambda self, job, watch: (words.append(job.prompt), draw(self, job, watch))[1]
    )
    more = '[[key]]\nframe = 6\nimage = "roll.0004.png"\n[[key]]\nframe = 8\nimage = "roll.0001.png"\n'
    path = rolling(tmp_path, weights, n_frames=4, more=more, engine='prompts = ["", "", "it rolls back"]\n')
    toonctl("inbetween", path)
    assert words == ["a ball rolls", "it rolls back"]
    assert (frame(root(path), 5) == frame(root(path), 4)).all()


def test_a_dry_run_names_the_engine(weights: Path, tmp_path: Path, toonctl: Toonctl) -> None:
    path = rolling(tmp_path, weights)
    said = toonctl("inbetween", path, "--dry-run").stdout
    assert "engine tooncrafter, 2 steps, memory plan auto, on cpu, 48x32 upscaled" in said
    said = toonctl("inbetween", path, "--watch-latents", "--engine", "cel", code=3).stderr
    assert "unknown key `watch_latents`" in said
