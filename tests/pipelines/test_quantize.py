"""`quantize`: files and folders, memory that stays flat, going on after a stop, the honest comparison."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from engines.tooncrafter.toycrafter import SIZES
from goldens.tooncrafter import filled
from toonctl.core.errors import CheckpointError, DeliveryError, Stopped, UsageError
from toonctl.core.reporter import SilentReporter
from toonctl.core.stop import StopFlag
from toonctl.models.checkpoint import empty_model, open_weights
from toonctl.models.keymaps.tooncrafter import tooncrafter_map
from toonctl.models.quantization.unpacking import unpacked_weights
from toonctl.models.tooncrafter.model import ToonCrafter
from toonctl.pipelines.quantize import QuantizeOptions, QuantizeResult, parse_size, run

SHIPPED = Path(__file__).parents[2] / "toonctl" / "weights" / "cel_matcher.safetensors"


def quantize(source: Path, target: Path, to: str, **changes: object) -> QuantizeResult:
    options = QuantizeOptions(to, **changes)  # type: ignore[arg-type]  # names are the record's own
    return run(source, target, options, SilentReporter(), StopFlag())


def line_drawings(folder: Path, n: int) -> Path:
    """Circles in circles that wander, white paper, black lines."""
    folder.mkdir(parents=True)
    for i in range(n):
        picture = Image.new("L", (160, 96), 255)
        pen = ImageDraw.Draw(picture)
        for j, radius in enumerate((40, 26, 12)):
            x, y = 60 + 8 * i - 2 * j, 48 + 2 * j
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=0, width=2)
        picture.save(folder / f"{i:04}.png")
    return folder


def painted_clip(folder: Path, n: int = 4) -> Path:
    """A disk that crosses a colored ground."""
    folder.mkdir(parents=True)
    for i in range(n):
        picture = Image.new("RGB", (64, 32), (90, 140, 200))
        ImageDraw.Draw(picture).ellipse((6 + 12 * i, 8, 22 + 12 * i, 24), fill=(230, 60, 40))
        picture.save(folder / f"{i:04}.png")
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file of ToonCrafter at toy size."""
    params = SIZES
    empty = empty_model(lambda: ToonCrafter(params)).state_dict()
    shapes = tooncrafter_map(params.text.n_layers).to_published(empty)
    tensors = {key: filled(key, tuple(x.shape), "fan") for key, x in shapes.items()}
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    save_file(tensors, path, {"toonctl.params": params.to_json()})
    return path


@pytest.mark.parametrize("to", ["fp16", "bf16", "int8", "nf4", "fp8"])
def test_the_shipped_matcher_is_compared_on_drawings(tmp_path: Path, to: str) -> None:
    frames = line_drawings(tmp_path / "frames", 3)
    result = quantize(SHIPPED, tmp_path / "small.safetensors", to, frames=frames)
    compared = result.comparison
    assert compared is not None
    assert (compared.n_frames, compared.loss_db) == (2, None)
    assert compared.apart_db == 100.0  # every region found the same color
    assert compared.original.disk_bytes == SHIPPED.stat().st_size
    assert compared.smaller.disk_bytes < (0.75 if to in ("int8", "nf4", "fp8") else 1.01) * 5.5e6
    assert compared.smaller.ms_per_frame > 0


@pytest.mark.parametrize(("to", "most_loss_db", "least_db"), [("fp16", 0.1, 45), ("bf16", 0.1, 28)])
def test_half_precision_costs_next_to_nothing(
    toy: Path, tmp_path: Path, to: str, most_loss_db: float, least_db: float
) -> None:
    frames = painted_clip(tmp_path / "frames" / "a", 3).parent
    painted_clip(frames / "b", 4)
    small = tmp_path / "small.safetensors"
    result = quantize(toy, small, to, frames=frames, n_steps=2, size=(64, 32))
    compared = result.comparison
    assert compared is not None
    assert compared.loss_db is not None
    assert abs(compared.loss_db) < most_loss_db
    assert compared.apart_db > least_db
    assert compared.n_frames == 1 + 2


def test_eight_bits_are_reported_by_tensor(toy: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.safetensors"
    result = quantize(toy, small, "int8", frames=painted_clip(tmp_path / "clip"), n_steps=2, size=(64, 32))
    (part,) = result.parts
    assert part.policy == "tooncrafter"
    assert part.bytes_after < 0.6 * part.bytes_before
    assert all(35 < db < 50 for _, db in part.worst_db)
    assert result.comparison is not None
    with safe_open(small, "pt") as file:
        assert file.metadata()["toonctl.target"] == "int8"
        assert file.metadata()["toonctl.params"] == SIZES.to_json()


def test_a_checkpoint_of_lightning_is_read_without_running_it(toy: Path, tmp_path: Path) -> None:
    lightning = tmp_path / "model.ckpt"
    torch.save({"state_dict": load_file(toy)}, lightning)
    quantize(lightning, tmp_path / "out", "bf16")
    back = open_weights(tmp_path / "out" / "model.safetensors")
    assert back.shapes == open_weights(toy).shapes


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit('it ran')",)


def test_a_hostile_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    torch.save({"state_dict": {}, "callbacks": Hostile()}, path)
    with pytest.raises(CheckpointError, match="is not run"):
        quantize(path, tmp_path / "out", "bf16")


def pipeline_folder(folder: Path) -> Path:
    """A diffusers folder: a transformer in two shards, a picture coder, a tokenizer."""
    blocks = {
        "patch_embedding.weight": torch.randn(16, 4),
        **{f"blocks.{i}.attn1.to_q.weight": torch.randn(16, 128) for i in range(4)},
        **{f"blocks.{i}.norm2.weight": torch.randn(16) for i in range(4)},
    }
    for name in ("transformer", "vae", "tokenizer"):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps({"_class_name": name}))
    names = sorted(blocks)
    shards = {f"diffusion_pytorch_model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in (0, 1)}
    for file, keys in shards.items():
        save_file({key: blocks[key] for key in keys}, folder / "transformer" / file)
    index = {"weight_map": {key: file for file, keys in shards.items() for key in keys}}
    text = json.dumps(index)
    (folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text(text)
    coder = {
        "encoder.conv_in.weight": torch.randn(8, 3, 3, 3),
        "decoder.conv_out.weight": torch.randn(3, 8, 3, 3),
    }
    save_file(coder, folder / "vae" / "diffusion_pytorch_model.safetensors")
    (folder / "model_index.json").write_text("{}")
    return folder


def test_a_pipeline_folder_keeps_its_form(tmp_path: Path) -> None:
    source = pipeline_folder(tmp_path / "wan")
    target = tmp_path / "small"
    result = quantize(source, target, "int8", shard_bytes=4000)
    assert [part.policy for part in result.parts] == ["wan", "picture-coder"]
    assert (target / "model_index.json").read_text() == "{}"
    assert (target / "tokenizer" / "config.json").exists()
    config = json.loads((target / "transformer" / "config.json").read_text())
    assert config["quantization_config"]["quant_method"] == "toonctl"
    assert "quantization_config" not in json.loads((target / "vae" / "config.json").read_text())
    back, whole = unpacked_weights(open_weights(target / "transformer")), open_weights(source / "transformer")
    assert len(list((target / "transformer").glob("*.safetensors"))) > 1
    assert back.shapes == whole.shapes
    for name in whole.shapes:
        torch.testing.assert_close(back.read(name).float(), whole.read(name), atol=0.02, rtol=0.01)
    coder = open_weights(target / "vae")
    assert {coder.read(name).dtype for name in coder.shapes} == {torch.float32}


def test_a_stopped_run_goes_on_with_the_next_file(tmp_path: Path) -> None:
    source, target = pipeline_folder(tmp_path / "wan"), tmp_path / "small"
    flag = StopFlag()

    class StopsAtThird(SilentReporter):
        def step(self, *, done: int, frame: int, layer: str, note: str) -> None:
            if done == 3:
                flag.set("a test")

    options = QuantizeOptions("int8", shard_bytes=4000)
    with pytest.raises(Stopped):
        run(source, target, options, StopsAtThird(), flag)
    finished = {path: path.stat().st_mtime_ns for path in (target / "transformer").glob("*.safetensors")}
    assert finished
    quantize(source, target, "int8", shard_bytes=4000)
    assert all(path.stat().st_mtime_ns == before for path, before in finished.items())
    assert open_weights(target / "transformer").shapes
    with pytest.raises(DeliveryError, match="of another job"):
        quantize(source, target, "bf16", shard_bytes=4000)


def test_nothing_is_packed_twice(tmp_path: Path) -> None:
    quantize(SHIPPED, tmp_path / "once.safetensors", "int8")
    with pytest.raises(CheckpointError, match="packed already"):
        quantize(tmp_path / "once.safetensors", tmp_path / "twice.safetensors", "nf4")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = quantize(SHIPPED, tmp_path / "small.safetensors", "int8", dry_run=True)
    assert result.outputs == ()
    assert sum(result.parts[0].forms.values()) == 220
    assert list(tmp_path.iterdir()) == []


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no form of weights"):
        quantize(SHIPPED, tmp_path / "x.safetensors", "int4")
    with pytest.raises(UsageError, match="no policy"):
        quantize(SHIPPED, tmp_path / "x.safetensors", "int8", policy="foo")
    with pytest.raises(UsageError, match="source and target are the same"):
        quantize(SHIPPED, SHIPPED, "int8")
    with pytest.raises(CheckpointError, match="there is no `absent`"):
        quantize(tmp_path / "absent", tmp_path / "x", "int8")
    for text in ("512", "100x64", "0x8"):
        with pytest.raises(UsageError):
            parse_size(text)
    assert parse_size("64x32") == (64, 32)


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        quantize(SHIPPED, tmp_path / f"{name}.safetensors", "nf4")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


MEASURE = """
import sys
from pathlib import Path
from toonctl.core.stop import StopFlag
from toonctl.core.reporter import SilentReporter
from toonctl.pipelines.quantize import QuantizeOptions, run

def private_mb():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024

class Watching(SilentReporter):
    first, highest = None, 0.0
    def step(self, **_):
        now = private_mb()
        self.first = now if self.first is None else self.first
        self.highest = max(self.highest, now)

watching = Watching()
run(Path(sys.argv[1]), Path(sys.argv[2]), QuantizeOptions("int8"), watching, StopFlag())
print(watching.highest - watching.first)
"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    """128 MB of weights in tensors of 4 MB: more than a few of those is never held."""
    tensors = {f"blocks.{i}.attn1.to_q.weight": torch.full((1024, 1024), 0.5) for i in range(32)}
    source = tmp_path / "big.safetensors"
    save_file({"patch_embedding.weight": torch.ones(8, 8), **tensors}, source)
    command = [sys.executable, "-c", MEASURE, str(source), str(tmp_path / "small.safetensors")]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert float(found.stdout) < 36


def test_a_tooncrafter_reads_its_small_file(toy: Path, tmp_path: Path) -> None:
    quantize(toy, tmp_path / "small.safetensors", "fp8")
    whole = open_weights(toy)
    back = unpacked_weights(open_weights(tmp_path / "small.safetensors"))
    assert back.shapes == whole.shapes
    for name in whole.shapes:
        apart = np.abs(back.read(name).float().numpy() - whole.read(name).numpy()).max()
        assert apart <= 0.07 * float(whole.read(name).abs().max())
