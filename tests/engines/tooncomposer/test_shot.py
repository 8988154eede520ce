"""`postkey --engine tooncomposer` as a whole on toy weights: frames, segments, resume, chunks, refusals."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from artkit import save_keys_psd, save_still_psd
from engines.tooncomposer.toyshot import OPTIONS, diving, pictures, postkey
from engines.tooncomposer.toyweights import CONFIG, write_adapter
from pipelines.toykeys import dives
from pipelines.toyshot import differing, frame
from toonctl.engines.postkey import _tooncomposer_networks as networks
from toonctl.formats.png import read_picture

pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, models: Path, at_once: None) -> Path:
    """The shot drawn in two segments, its last frame held; the folder of its shot file."""
    folder = tmp_path_factory.mktemp("dive")
    postkey(diving(folder, frames="1-10"), models=models)
    return folder


def manifest(folder: Path) -> Any:
    return json.loads((folder / "out/dive/manifest.json").read_text())


def segments(folder: Path, kind: str = "frames") -> list[str]:
    return sorted(p.name for p in (folder / "out/dive/state/memory").rglob(f"segment_*.{kind}"))


def test_every_frame_is_drawn_in_the_shots_size(whole: Path) -> None:
    assert len(pictures(whole / "out/dive")) == 20
    for number in range(1, 11):
        assert frame(whole / "out/dive", number).shape == (180, 320, 4)
    assert (frame(whole / "out/dive", 1) == read_picture(whole / "dive.0001.png")).all()


def test_segments_and_words_are_kept_for_a_run_that_goes_on(whole: Path) -> None:
    for kind in ("frames", "conditioning"):
        assert segments(whole, kind) == [f"segment_{number}.{kind}" for number in range(2)]
    assert len(list((whole / "out/dive/state/memory").rglob("text"))) == 1


def test_the_manifest_names_engine_device_and_weights(whole: Path) -> None:
    told = manifest(whole)["engine"]
    assert (told["name"], told["device"], told["dtype"]) == ("tooncomposer", "cpu", "float32")
    roles = [file["file"].partition(":")[0] for file in told["weights"]]
    assert roles == ["adapter-480p", "base", "text", "tokenizer", "vision", "vae"]
    assert all(len(file["sha256"]) == 64 for file in told["weights"])
    assert told["weights"][0]["licence"] == "mit"
    assert manifest(whole)["warnings"] == []


def test_flats_are_the_references_own(whole: Path) -> None:
    palette = json.loads((whole / "out/dive/palette.json").read_text())["layers"][0]
    allowed = {tuple(int(c["hex"][i : i + 2], 16) for i in (1, 3, 5)) for c in palette["colors"] if c["hex"]}
    reference = read_picture(whole / "dive.0001.png")
    ink = {tuple(c) for c in reference[reference[..., 3] == 255][:, :3].tolist() if max(c) < 64}
    for number in (3, 7):
        shown = frame(whole / "out/dive", number)
        colors = [tuple(c) for c in shown[uniform(shown)][:, :3].tolist()]
        assert sum(c in allowed | ink for c in colors) > 0.99 * len(colors) > 100


def uniform(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Opaque pixels whose neighbors to the right and below are the same."""
    same = np.zeros(picture.shape[:2], bool)
    same[:-1, :-1] = (picture[:-1, :-1] == picture[1:, :-1]).all(-1) & (
        picture[:-1, :-1] == picture[:-1, 1:]
    ).all(-1)
    return same & (picture[..., 3] == 255)


@pytest.mark.parametrize("order", [("7-10", "1-6")])
def test_chunks_give_the_bytes_of_a_whole_run(
    whole: Path, models: Path, tmp_path: Path, order: tuple[str, ...]
) -> None:
    for frames in order:
        postkey(whole / "dive.toml", "--out", tmp_path, "--frames", frames, models=models)
        if frames == order[0]:
            assert len(pictures(tmp_path / "dive")) == 8
    assert differing(pictures(tmp_path / "dive"), pictures(whole / "out/dive")) == []


def test_a_killed_run_goes_on_with_the_segment_it_was_in(whole: Path, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(whole, folder)
    for path in (folder / "out/dive").rglob("segment_1.*"):
        path.unlink()
    for number in range(6, 10):
        for layer in ("A", "comp"):
            (folder / f"out/dive/frames/{layer}/dive.{layer}.{number:04d}.png").unlink()
    drawn: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        plain = networks.denoise

        def counted(transformer: Any, latents: Any, inputs: Any, index: int, **more: Any) -> Any:
            drawn.append(index)
            return plain(transformer, latents, inputs, index, **more)

        patch.setattr(networks, "denoise", counted)
        postkey(folder / "dive.toml", "--resume", models=models)
    assert drawn == [0, 1]
    assert differing(pictures(folder / "out/dive"), pictures(whole / "out/dive")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steps = 2", "steps = 2\nseed = 7"),
        ("a ball rolls", "a cup rolls"),
        ("steps = 2", 'steps = 2\nnegative_prompt = "blur"'),
        ('region = "free.png"\n', 'region = "free.png"\nstrength = 0.5\n'),
        ('region = "free.png"\n', ""),
        ("steps = 2", 'steps = 2\nresolution = "608p"'),
        ("steps = 2", "steps = 2\nshift = 3.0\nguidance = 1.0"),
        ("steps = 2", 'steps = 2\nmemory = "int8"'),
    ],
)
def test_every_option_counts(whole: Path, models: Path, tmp_path: Path, old: str, new: str) -> None:
    path = diving(tmp_path, frames="1-10")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    postkey(path, "--frames", "4", models=models)
    assert segments(tmp_path) == ["segment_0.frames"]
    before = (whole / "out/dive/frames/A/dive.A.0004.png").read_bytes()
    assert (tmp_path / "out/dive/frames/A/dive.A.0004.png").read_bytes() != before


def test_colors_stay_the_networks_own_when_asked_for(models: Path, tmp_path: Path) -> None:
    options = OPTIONS.replace("segment_frames = 5", "segment_frames = 9").replace("steps = 2", "steps = 1")
    path = diving(tmp_path, options=options, output="snap_palette = false\n")
    postkey(path, models=models)
    assert segments(tmp_path) == ["segment_0.frames"]
    shown = frame(tmp_path / "out/dive", 4)
    assert shown[..., 3].min() == 255
    assert len(np.unique(shown.reshape(-1, 4), axis=0)) > 1000


def test_steps_served_from_the_cache_change_little_and_are_told(models: Path, tmp_path: Path) -> None:
    options = 'width = 64\nheight = 32\nsteps = 5\ncache = "steps"\ncached_steps = [1, 3, 4]\n'
    done = postkey(diving(tmp_path, options=options), "--frames", "2", models=models)
    assert "steps 1 are always computed" in done.stderr
    assert (tmp_path / "out/dive/frames/A/dive.A.0002.png").exists()


def test_a_stretch_without_a_picture_is_joined_where_its_length_ends(models: Path, tmp_path: Path) -> None:
    path = diving(tmp_path)
    sketch = '[[sketch]]\nframe = 5\nimage = "sketch.0005.png"\nregion = "free.png"\n'
    assert sketch in path.read_text()
    path.write_text(path.read_text().replace(sketch, ""))
    postkey(path, "--frames", "5-6", models=models)
    assert segments(tmp_path) == ["segment_0.frames", "segment_1.frames"]


def run_out(times: int, real: Any) -> Any:
    """`real`, which runs out of memory so many times first."""
    left = [times]

    def work(*args: Any, **kwargs: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory: tried to allocate 2.00 GiB")
        return real(*args, **kwargs)

    return work


def test_every_network_is_read_once_for_all_segments(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("load_transformer", "load_vision_encoder", "load_text_encoder", "load_vae")
    read: list[str] = []
    for name in names:
        monkeypatch.setattr(networks, name, noting(read, name, getattr(networks, name)))
    postkey(diving(tmp_path), models=models)
    assert len(segments(tmp_path)) == 2
    assert sorted(read) == sorted(names)


def noting(read: list[str], name: str, load: Any) -> Any:
    def noted(*args: Any, **named: Any) -> Any:
        read.append(name)
        return load(*args, **named)

    return noted


def test_out_of_memory_is_answered_by_the_next_plan_and_told(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "denoise", run_out(1, networks.denoise))
    monkeypatch.setattr(networks, "decode", run_out(2, networks.decode))
    done = postkey(diving(tmp_path), "--frames", "2-4", models=models)
    assert "memory plan `resident` ran out of memory; going on with `int8`" in done.stderr
    assert "decoding beside the transformer ran out of memory; going on alone on the card" in done.stderr
    assert "decoding alone on the card ran out of memory; going on in blended tiles" in done.stderr
    postkey(tmp_path / "dive.toml", "--resume", models=models)
    assert [w["code"] for w in manifest(tmp_path)["warnings"]] == ["W301"] * 3


@pytest.mark.parametrize(("name", "times"), [("denoise", 5), ("decode", 3), ("condition", 1)])
def test_nothing_left_to_try_ends_with_7(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, times: int
) -> None:
    monkeypatch.setattr(networks, name, run_out(times, getattr(networks, name)))
    failed = postkey(diving(tmp_path), "--frames", "2", models=models, code=7)
    assert "error: out of memory" in failed.stderr


def test_missing_weights_end_with_6_and_three_lines(tmp_path: Path) -> None:
    failed = postkey(diving(tmp_path), models=None, code=6)
    lines = failed.stderr.strip().splitlines()
    assert len(lines) == 3
    assert lines[0] == "error: the weights `adapter-480p` of `tooncomposer` are not on this host"
    assert "looked in" in lines[1]
    assert "toonctl models fetch tooncomposer" in lines[2]
    assert not (tmp_path / "out/dive/frames").exists()


def test_partial_weights_end_with_6_and_the_list_of_keys(models: Path, tmp_path: Path) -> None:
    adapter = models / "TencentARC--ToonComposer/480p"
    tensors = torch.load(adapter / "tooncomposer.ckpt", weights_only=True)
    kept = {key: value for key, value in tensors.items() if "spatial_up" not in key}
    write_adapter(tmp_path / "480p", kept)
    options = OPTIONS + 'weights = { adapter-480p = "' + str(tmp_path / "480p") + '" }\n'
    failed = postkey(diving(tmp_path, options=options), models=models, code=6)
    assert "missing blocks.0-2.dera.spatial_up_proj.weight" in failed.stderr


def test_the_adapter_of_another_network_ends_with_6(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "TencentARC--ToonComposer/480p", tmp_path / "480p")
    (tmp_path / "480p/config.json").write_text(json.dumps({**CONFIG, "sequence_cond_mode": "full"}))
    options = OPTIONS + 'weights = { adapter-480p = "' + str(tmp_path / "480p") + '" }\n'
    failed = postkey(diving(tmp_path, options=options), models=models, code=6)
    assert "sequence_cond_mode = full" in failed.stderr


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("frame = 5\n", "frame = 8\n", "sketches too close to each other to be told apart: 8 and 9"),
        ("[[reference]]\nframe = 1\n", "[[reference]]\n", "no reference stands at a frame"),
        ("segment_frames = 5", "segment_frames = 6", "6 is not 4n + 1"),
        ("steps = 2", 'steps = 2\ncache = "steps"', "no step is named"),
        ("steps = 2", "steps = 2\ncached_steps = [4]", "there is no step 4"),
        ("steps = 2", "steps = 2\npaper = [0, 0, 256]", "not within 0 to 255"),
        ("width = 64", "width = 90", "multiple of 16"),
    ],
)
def test_shots_that_cannot_be_drawn_end_with_3(
    models: Path, tmp_path: Path, old: str, new: str, what: str
) -> None:
    path = diving(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert what in postkey(path, models=models, code=3).stderr


def test_the_published_faults_are_there_when_asked_for(models: Path, tmp_path: Path) -> None:
    path = diving(tmp_path, options=OPTIONS + 'compat = "upstream"\nfit = "crop"\n')
    path.write_text(path.read_text().replace("frame = 5\n", "frame = 8\n"))
    postkey(path, "--frames", "9", models=models)
    assert (tmp_path / "out/dive/frames/A/dive.A.0009.png").exists()


def test_psds_are_read_by_their_roles(whole: Path, models: Path, tmp_path: Path) -> None:
    path, drawings = diving(tmp_path, frames="1-10"), dives()
    save_still_psd(tmp_path / "dive.psd", {"A": drawings[0]}, size=(320, 180))
    save_keys_psd(tmp_path / "keys.psd", {"A": drawings[1:]}, size=(320, 180))
    text = path.read_text("utf-8").replace('image = "dive.0001.png"', 'psd = "dive.psd"')
    for number, frame_number in ((1, 5), (2, 9)):
        drawing = f'psd = "keys.psd"\ndrawing = "{number}"'
        text = text.replace(f'image = "sketch.{frame_number:04d}.png"', drawing)
    path.write_text(text, "utf-8")
    postkey(path, models=models)
    for number in range(1, 10):
        apart = np.abs(frame(tmp_path / "out/dive", number).astype(int) - frame(whole / "out/dive", number))
        assert apart.mean() < 2  # the same lines, softened in another way


def test_a_dry_run_tells_size_and_segments(tmp_path: Path) -> None:
    said = postkey(diving(tmp_path), "--dry-run", models=None).stdout
    assert "engine tooncomposer, 2 steps" in said
    assert "64x32, segments of up to 5 frames" in said
