"""Smaller forms of weights: how exact they are, who keeps what, layers that compute with them, files."""

import io
import json
from pathlib import Path

import bitsandbytes.functional as published
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load
from torch import Tensor, nn

from goldens.tooncrafter import tiny_params
from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import WeightFiles
from toonctl.models.quantization.fp8 import FP8
from toonctl.models.quantization.half import BF16, FP16, Plain
from toonctl.models.quantization.int8 import INT8
from toonctl.models.quantization.layers import pack_layers
from toonctl.models.quantization.nf4 import NF4, STATE
from toonctl.models.quantization.policy import POLICIES, TARGETS, Choice, detect
from toonctl.models.quantization.shards import Planned, ShardWriter, split
from toonctl.models.quantization.storage import Storage, n_bytes
from toonctl.models.quantization.unpacking import unpacked_weights
from toonctl.models.tooncrafter.unet import UNet

INVENTORY = Path(__file__).parents[1] / "goldens" / "data" / "tooncrafter" / "inventory_512.json"


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def decibel(signal: Tensor, seen: Tensor) -> float:
    return float(10 * torch.log10(signal.pow(2).mean() / (seen - signal).pow(2).mean()))


@pytest.mark.parametrize(
    ("storage", "least_db"), [(FP16, 70), (BF16, 54), (INT8, 44), (FP8, 31), (NF4, 20.5)], ids=str
)
@pytest.mark.parametrize("scale", [1e-4, 0.02, 3.0])
def test_gaussian_weights_come_back(storage: Storage, least_db: float, scale: float) -> None:
    weight = normal(64, 320) * scale
    back = storage.decode(storage.encode(weight), (64, 320), torch.float32)
    assert back.shape == weight.shape
    assert decibel(weight, back) > (least_db if scale > 1e-3 or storage is not FP16 else 65)


@given(
    storage=st.sampled_from([INT8, FP8, NF4]),
    n_rows=st.integers(1, 5),
    n_columns=st.integers(2, 200),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_matrix_has_the_planned_parts(storage: Storage, n_rows: int, n_columns: int, seed: int) -> None:
    weight = normal(n_rows, n_columns, seed=seed)
    parts, layout = storage.encode(weight), storage.layout((n_rows, n_columns))
    assert {end: (part.dtype, tuple(part.shape)) for end, part in parts.items()} == dict(layout)
    assert n_bytes(layout) == sum(part.numel() * part.element_size() for part in parts.values())
    error = (storage.decode(parts, (n_rows, n_columns), torch.float32) - weight).abs()
    coarsest = {"int8": 0.5 / 127, "fp8": 1 / 16, "nf4": 0.16}[storage.name]
    assert float(error.max()) <= coarsest * 1.02 * float(weight.abs().max())


@pytest.mark.parametrize("storage", [INT8, FP8, NF4], ids=str)
def test_zeros_stay_zeros(storage: Storage) -> None:
    zeros = torch.zeros(3, 70)
    assert torch.equal(storage.decode(storage.encode(zeros), (3, 70), torch.float32), zeros)


def test_convolutions_are_packed_by_fan_in() -> None:
    weight = normal(8, 5, 3, 3, 3)
    for storage in (INT8, FP8):
        assert decibel(weight, storage.decode(storage.encode(weight), (8, 5, 3, 3, 3), torch.float32)) > 31
    assert not NF4.holds((8, 5, 3, 3, 3))
    assert not INT8.holds((8, 1))


def test_packing_twice_changes_nothing_more() -> None:
    once = INT8.decode(INT8.encode(normal(16, 200)), (16, 200), torch.float32)
    assert torch.equal(INT8.decode(INT8.encode(once), (16, 200), torch.float32), once)


def test_four_bits_are_those_of_bitsandbytes() -> None:
    weight = normal(48, 70) * 0.02
    codes, state = published.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=False)
    ours = NF4.encode(weight)
    assert torch.equal(ours[""], codes)
    theirs = {f".{key}": value for key, value in state.as_dict(packed=True).items()}
    torch.testing.assert_close(ours[".absmax"], theirs[".absmax"])
    torch.testing.assert_close(ours[".quant_map"], theirs[".quant_map"])
    read = json.loads(bytes(ours[STATE].tolist()))
    assert read | {"dtype": "float32"} == json.loads(bytes(theirs[STATE].tolist()))
    torch.testing.assert_close(
        NF4.decode(ours, (48, 70), torch.float32), published.dequantize_4bit(codes, state)
    )


def test_what_does_not_fit_half_precision_is_refused() -> None:
    with pytest.raises(CheckpointError, match="1e\\+05 does not fit fp16"):
        FP16.encode(torch.tensor([1.0, 1e5]))
    assert float(BF16.encode(torch.tensor([1e5]))[""]) == pytest.approx(1e5, rel=0.01)


@pytest.fixture(scope="module")
def inventory() -> dict[str, tuple[int, ...]]:
    return {key: tuple(shape) for key, shape in json.loads(INVENTORY.read_text("utf-8"))["keys"].items()}


@pytest.mark.parametrize(("target", "least_gb", "most_gb"), [("fp16", 5.3, 5.6), ("int8", 2.9, 3.2)])
def test_the_published_file_shrinks(
    inventory: dict[str, tuple[int, ...]], target: str, least_gb: float, most_gb: float
) -> None:
    choice = Choice(detect(inventory, name="model.ckpt"), target)
    total = sum(
        n_bytes(choice.storage(name, shape, torch.float32).layout(shape)) for name, shape in inventory.items()
    )
    assert least_gb < total / 1e9 < most_gb


@pytest.mark.parametrize("target", TARGETS)
def test_sensitive_parts_keep_their_precision(inventory: dict[str, tuple[int, ...]], target: str) -> None:
    choice = Choice(POLICIES["tooncrafter"], target)
    forms = {name: choice.storage(name, shape, torch.float32).name for name, shape in inventory.items()}
    exact = ("first_stage_model.", "betas", "scale_arr", "model.diffusion_model.time_embed.")
    assert {form for name, form in forms.items() if name.startswith(exact)} == {"fp32"}
    unet = "model.diffusion_model."
    assert forms[f"{unet}input_blocks.1.0.in_layers.0.weight"] == "fp32"
    assert forms[f"{unet}input_blocks.1.1.transformer_blocks.0.norm2.weight"] == "fp32"
    given = choice.given
    for name in ("input_blocks.0.0.weight", "out.2.weight", "input_blocks.1.2.proj_out.weight"):
        assert forms[f"{unet}{name}"] == ("fp16" if given not in ("fp16", "bf16") else given)
    for name in ("input_blocks.1.0.in_layers.2.weight", "input_blocks.1.1.proj_out.weight"):
        assert forms[f"{unet}{name}"] == given
    assert given == ("int8" if target == "nf4" else target)


KEYS = {
    "cel": ("none_score.weight", "vote_score.0.weight"),
    "wan": ("patch_embedding.weight", "blocks.0.attn1.to_q.weight"),
    "cogvideox": ("patch_embed.proj.weight", "transformer_blocks.0.norm1.linear.weight"),
    "hunyuan": ("x_embedder.proj.weight", "single_transformer_blocks.0.proj_out.weight"),
    "picture-coder": ("encoder.conv_in.weight", "decoder.conv_out.weight"),
    "text-encoder": ("shared.weight", "encoder.block.0.layer.0.SelfAttention.q.weight"),
    "vision-encoder": ("embeddings.patch_embedding.weight", "encoder.layers.0.mlp.fc1.weight"),
}


@pytest.mark.parametrize("name", KEYS)
def test_networks_are_known_by_their_keys(name: str) -> None:
    assert detect(KEYS[name], name="toy").name == name


def test_modulation_is_never_packed() -> None:
    choice = Choice(POLICIES["cogvideox"], "nf4")
    assert choice.storage("transformer_blocks.0.norm1.linear.weight", (96, 16), torch.float32) is BF16
    assert choice.storage("transformer_blocks.0.attn1.to_q.weight", (96, 16), torch.float32) is NF4
    kept = Choice(POLICIES["cogvideox"], "nf4", keep=("to_q",))
    assert kept.storage("transformer_blocks.0.attn1.to_q.weight", (96, 16), torch.float32) == Plain(
        torch.float32
    )


def test_only_four_bits_spare_the_ends_of_a_video_transformer() -> None:
    forms = {
        (target, name): Choice(POLICIES["wan"], target).storage(f"{name}.weight", (128, 64), torch.bfloat16)
        for target in ("int8", "nf4")
        for name in ("blocks.0.attn1.to_q", "blocks.7.ffn.net.2", "blocks.7.attn1.to_q", "proj_out")
    }
    assert {form.name for (target, _), form in forms.items() if target == "int8"} == {"int8", "bf16"}
    assert [form.name for (target, _), form in forms.items() if target == "nf4"] == [
        "int8",
        "int8",
        "nf4",
        "bf16",
    ]
    single = Choice(POLICIES["hunyuan"], "int8").storage(
        "single_transformer_blocks.3.proj_out.weight", (64, 64), torch.bfloat16
    )
    assert single.name == "int8"


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(CheckpointError, match="of no network toonctl knows"):
        detect(["alpha", "beta"], name="toy.safetensors")


def toy_unet() -> UNet:
    torch.manual_seed(0)
    return UNet(tiny_params({}).unet).eval().requires_grad_(False)


@torch.no_grad()
@pytest.mark.parametrize(("target", "least_db"), [("int8", 30), ("fp8", 15), ("nf4", 30)])
def test_packed_layers_keep_the_velocity(target: str, least_db: float) -> None:
    whole, packed = toy_unet(), toy_unet()
    choice = Choice(POLICIES["tooncrafter"], target)
    n_packed = pack_layers(
        packed, lambda name, weight: choice.storage(f"unet.{name}", tuple(weight.shape), weight.dtype)
    )
    x, context, timestep = normal(1, 8, 4, 8, 8), normal(1, 77 + 64, 32, seed=1), torch.tensor([700])
    assert n_packed > 80
    assert decibel(whole(x, timestep, context), packed(x, timestep, context)) > least_db
    held = sum(b.numel() * b.element_size() for b in packed.buffers())
    held += sum(p.numel() * p.element_size() for p in packed.parameters())
    assert held < 0.45 * sum(p.numel() * p.element_size() for p in whole.parameters())


def test_a_packed_layer_is_still_that_layer() -> None:
    model = nn.Sequential(nn.Linear(70, 5), nn.Conv1d(5, 6, 3), nn.GroupNorm(2, 6))
    linear, weight = model[0], model[0].weight.detach().clone()
    pack_layers(model, lambda _name, _weight: NF4 if _weight.ndim == 2 else INT8)
    assert model[0] is linear
    assert isinstance(linear, nn.Linear)
    x = normal(2, 70)
    expected = x @ NF4.decode(NF4.encode(weight), (5, 70), torch.float32).T + linear.bias
    torch.testing.assert_close(linear(x), expected)
    assert model[1](normal(1, 5, 9)).shape == (1, 6, 7)


def test_shards_are_whole_safetensors_and_read_back() -> None:
    weights = {"a.weight": normal(3, 65), "b.weight": normal(5, 7), "c.bias": normal(3), "n": torch.tensor(7)}
    forms: dict[str, Storage] = {
        "a.weight": INT8, "b.weight": NF4, "c.bias": FP16, "n": Plain(torch.int64)
    }  # fmt: skip
    planned = [Planned(name, tuple(weight.shape), forms[name]) for name, weight in weights.items()]
    file = io.BytesIO()
    writer = ShardWriter(file, planned, {"format": "pt"})
    for name in ("n", "b.weight", "a.weight", "c.bias"):
        writer.write(name, forms[name].encode(weights[name]))
    stored = load(file.getvalue())
    shapes = {name: tuple(tensor.shape) for name, tensor in stored.items()}
    back = unpacked_weights(WeightFiles("toy", shapes, stored.__getitem__))
    assert back.shapes == {name: tuple(weight.shape) for name, weight in weights.items()}
    for name, weight in weights.items():
        torch.testing.assert_close(back.read(name).double(), weight.double(), atol=0.4, rtol=0)
    assert int(back.read("n")) == 7


def test_shards_hold_what_they_may() -> None:
    planned = [Planned(str(i), (size,), BF16) for i, size in enumerate((10, 10, 50, 10))]
    assert [[t.name for t in shard] for shard in split(planned, 45)] == [["0", "1"], ["2"], ["3"]]
