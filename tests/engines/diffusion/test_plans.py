"""Memory plans: their order, their bytes at true size, and the way down through them."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import nn

from toonctl.core.errors import EngineError, OutOfMemory
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.numbers import NETWORKS
from toonctl.engines.diffusion.placing import need_of
from toonctl.engines.diffusion.plans import Need, Plan, is_out_of_memory, plans_for, run_down
from toonctl.models.checkpoint import WeightFiles
from toonctl.models.framepack.sampling import FramepackTransformer
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.published import transformer_config
from toonctl.models.tooncomposer.cost import VideoSize, block_activation_bytes
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, TransformerParams, keeps_float32
from toonctl.models.tooncrafter.params import ToonCrafterParams
from toonctl.models.tooncrafter.unet import UNet

GOLDENS = Path(__file__).parents[2] / "goldens" / "data"
WAN = Need(485_000_000, 32_300_000_000, 808_000_000, 4_000_000_000)
GB = 10**9


def fake_card(monkeypatch: pytest.MonkeyPatch, free_gb: float) -> torch.device:
    """A CUDA device that tells how much is free; nothing is computed on it."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (int(free_gb * GB), 10**12))
    return torch.device("cuda", 0)


@pytest.mark.parametrize(
    ("free_gb", "plans"),
    [
        (80, "resident streamed streamed-int8"),
        (24, "streamed streamed-int8"),
        (6.2, "streamed-int8"),
        (1, "streamed-int8"),
    ],
)
def test_the_first_plan_that_fits_the_card_is_taken(
    monkeypatch: pytest.MonkeyPatch, free_gb: float, plans: str
) -> None:
    monkeypatch.setattr("toonctl.engines.diffusion.plans.free_on_host", lambda: None)
    assert " ".join(plans_for("auto", fake_card(monkeypatch, free_gb), WAN)) == plans


def test_a_host_that_cannot_hold_the_blocks_packs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toonctl.engines.diffusion.plans.free_on_host", lambda: 8 * GB)
    assert plans_for("auto", fake_card(monkeypatch, 24), WAN)[0] is Plan.INT8
    assert plans_for("auto", fake_card(monkeypatch, 16), WAN)[0] is Plan.NF4


def test_a_named_plan_comes_first_and_smaller_ones_follow() -> None:
    cpu = torch.device("cpu")
    assert plans_for("int8", cpu, WAN) == (Plan.INT8, Plan.STREAMED_INT8)
    assert plans_for("nf4", cpu, WAN) == (Plan.NF4,)
    assert plans_for("fp8", cpu, WAN) == (Plan.FP8, Plan.STREAMED_INT8)
    assert plans_for("auto", cpu, WAN) == (Plan.RESIDENT, Plan.INT8, Plan.NF4)


def test_fp8_is_taken_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toonctl.engines.diffusion.plans.free_on_host", lambda: 8 * GB)
    need = NETWORKS["wan-flf2v"].need
    between = (need.on_card(Plan.FP8) + need.on_card(Plan.INT8)) / 2 / 0.95 / GB
    card = fake_card(monkeypatch, between)
    assert need.on_card(Plan.FP8) < 0.95 * between * GB < need.on_card(Plan.INT8)
    assert plans_for("auto", card, need)[0] is Plan.NF4
    assert plans_for("fp8", card, need)[0] is Plan.FP8
    assert Plan.FP8 not in plans_for("int8", card, need)


def test_running_out_of_memory_goes_down_aloud() -> None:
    told: list[str] = []
    tried: list[Plan] = []

    def attempt(plan: Plan) -> str:
        tried.append(plan)
        if plan is Plan.RESIDENT:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")
        if plan is Plan.STREAMED:
            torch.empty(
                1 << 60, dtype=torch.uint8
            )  # more than any address space: the allocator itself refuses
        return f"drawn under {plan}"

    plans = (Plan.RESIDENT, Plan.STREAMED, Plan.STREAMED_INT8)
    assert run_down(plans, attempt, told.append) == "drawn under streamed-int8"
    assert tried == list(plans)
    assert told[0] == (
        "memory plan `resident` ran out of memory; going on with `streamed` "
        "(CUDA out of memory. Tried to allocate 2.00 GiB.)"
    )
    assert "`streamed` ran out of memory; going on with `streamed-int8`" in told[1]


def test_the_end_of_the_ladder_is_exit_7() -> None:
    def attempt(_plan: Plan) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(OutOfMemory, match="`streamed`, `nf4`") as raised:
        run_down((Plan.STREAMED, Plan.NF4), attempt, lambda _text: None)
    assert raised.value.exit_code == 7


def test_what_an_attempt_held_is_free_before_the_next() -> None:
    held: list[bool] = []

    class Weights(nn.Linear):
        def __del__(self) -> None:
            held.append(False)

    def attempt(plan: Plan) -> int:
        if plan is Plan.NF4:
            return len(held)
        network = Weights(4, 4)
        raise torch.OutOfMemoryError(f"no room for {network}")

    assert run_down((Plan.INT8, Plan.NF4), attempt, lambda _text: None) == 1


def test_other_errors_are_not_taken_for_memory() -> None:
    def attempt(_plan: Plan) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        run_down((Plan.RESIDENT, Plan.NF4), attempt, lambda _text: None)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(ValueError("out of memory"))


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(is_available=lambda: True, device_count=lambda: 1))
    assert pick_device("auto") == torch.device("cuda", 0)
    with pytest.raises(EngineError, match="has 1 CUDA devices") as raised:
        pick_device("cuda:1")
    assert raised.value.exit_code == 6
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(is_available=lambda: False, device_count=lambda: 0))
    with pytest.raises(EngineError, match="no CUDA device"):
        pick_device("auto")


def on_meta(build: Callable[[], nn.Module], dtype_of: Callable[[str], torch.dtype]) -> nn.Module:
    with torch.device("meta"):
        model = build()
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(dtype_of(name))
    return model


def half(_name: str) -> torch.dtype:
    return torch.bfloat16


@cache
def tooncomposer() -> Need:
    params = TransformerParams()
    model = on_meta(
        lambda: ToonComposerTransformer(params),
        lambda name: torch.float32 if keeps_float32(name) else torch.bfloat16,
    )
    activations = block_activation_bytes(params, VideoSize(61, 480, 832, 1))
    return need_of(model, blocks=("blocks",), activations=activations)


@cache
def wan() -> Need:
    def build() -> nn.Module:
        return WanTransformer3DModel(
            in_channels=36,
            out_channels=16,
            num_attention_heads=40,
            attention_head_dim=128,
            ffn_dim=13824,
            num_layers=40,
            image_dim=1280,
            added_kv_proj_dim=5120,
            pos_embed_seq_len=514,
        )

    return need_of(on_meta(build, half), blocks=("blocks",), activations=21 * 1560 * 120_000)


@cache
def framepack() -> Need:
    config = json.loads((GOLDENS / "framepack" / "inventory_transformer.json").read_text())["config"]
    model = on_meta(lambda: FramepackTransformer(**config), half)
    blocks = ("transformer_blocks", "single_transformer_blocks")
    return need_of(model, blocks=blocks, activations=(14_040 + 5_000) * 150_000)


@cache
def tooncrafter() -> Need:
    model = on_meta(lambda: UNet(ToonCrafterParams().unet), lambda _name: torch.float16)
    return need_of(model, blocks=("input_blocks", "output_blocks"), activations=4_400_000_000)


@cache
def longanimation() -> Need:
    inventory = json.loads((GOLDENS / "longanimation" / "inventory.json").read_text())
    listed = {name.split()[0]: entry for name, entry in inventory.items()}

    def built(name: str, kind: type[nn.Module]) -> Need:
        shapes = {key: tuple(shape) for key, shape in listed[name]["keys"]}
        config = transformer_config(WeightFiles(name, shapes, lambda _key: torch.empty(0)))
        return need_of(on_meta(lambda: kind(**config), half), blocks=("transformer_blocks",))

    base, sketch = built("base", InjectedCogVideoX), built("sketchdit", SketchDiT)
    finer = {**sketch.packed, "nf4": sketch.packed["int8"]}
    packed = {
        storage: (
            base.packed[storage][0] + finer[storage][0],
            max(base.packed[storage][1], finer[storage][1]),
        )
        for storage in finer
    }
    return Need(
        base.outside + sketch.outside + listed["dglm"]["bytes_bf16"],
        base.inside + sketch.inside,
        base.largest_block,
        28 * 25_570 * 3072 * 2,
        packed,
    )


COUNTED = {
    "tooncomposer": tooncomposer,
    "longanimation": longanimation,
    "tooncrafter": tooncrafter,
    "framepack": framepack,
    "wan-flf2v": wan,
}


@pytest.mark.parametrize("engine", NETWORKS)
def test_the_table_is_what_the_networks_count(engine: str) -> None:
    assert NETWORKS[engine].need == COUNTED[engine]()


@pytest.mark.parametrize(
    ("plan", "card_gb", "host_gb"),
    [("resident", 32.8, 0), ("streamed", 2.1, 32.3), ("int8", 17.2, 0), ("streamed-int8", 1.3, 16.7)],
)
def test_wan_takes_what_its_page_says(plan: str, card_gb: float, host_gb: float) -> None:
    need = NETWORKS["wan-flf2v"].need
    assert round(need.weights_on_card(Plan(plan)) / GB, 1) == pytest.approx(card_gb, abs=0.1)
    assert round(need.on_host(Plan(plan)) / GB, 1) == pytest.approx(host_gb, abs=0.1)


def test_promised_cards_hold_every_engine_in_some_plan() -> None:
    for engine, free_gb in (("tooncomposer", 16), ("longanimation", 24), ("tooncrafter", 10)):
        assert min(NETWORKS[engine].need.on_card(plan) for plan in Plan) < free_gb * GB


def test_the_numbers_load_no_torch() -> None:
    script = (
        "import sys; from toonctl.engines.diffusion.numbers import NETWORKS as n\n"
        "print(n['wan-flf2v'].lines()[1], 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == (
        "memory plan streamed: 6.0 GB on the card (2.1 of weights), 32.3 GB locked in host memory False\n"
    )
