"""LongAnimation's golden set and inventories: cases within tolerance, published keys accounted for."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import golden_runner
from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, WeightFiles, load_files
from toonctl.models.keymaps import longanimation as names
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.longanimation.cogvideox import InjectedCogVideoX, SketchDiT
from toonctl.models.longanimation.dglm import Dglm, DglmSizes
from toonctl.models.longanimation.line_extractor import LineExtractor
from toonctl.models.longanimation.lvu import LongVideoModel, LvuSizes

DATA = Path(__file__).parents[1] / "goldens" / "data" / "longanimation"
INVENTORY = json.loads((DATA / "inventory.json").read_text("utf-8"))


def entry(start: str) -> dict[str, object]:
    return next(value for key, value in INVENTORY.items() if key.startswith(start))


def published(start: str) -> WeightFiles:
    shapes = {name: tuple(shape) for name, shape in entry(start)["keys"]}  # type: ignore[union-attr]
    return WeightFiles(start, shapes, lambda key: torch.empty(shapes[key], device="meta"))


def real_size(start: str) -> tuple[nn.Module, KeyMap]:
    """The network at its published size on the meta device, and its key map."""
    config = entry("sketchdit")["config"]
    with torch.device("meta"):
        match start:
            case "sketchdit":
                return SketchDiT(**config), names.SKETCH_DIT  # type: ignore[arg-type]
            case "base":
                return InjectedCogVideoX(**(config | {"num_layers": 42})), names.BASE  # type: ignore[operator]
            case "dglm":
                return Dglm(DglmSizes()), names.DGLM
            case "lvu":
                return LongVideoModel(LvuSizes()), names.lvu(LvuSizes().layers)
            case _:
                return LineExtractor(), names.LINE_EXTRACTOR


def test_every_case_is_within_tolerance() -> None:
    verdicts = list(golden_runner.run(DATA))
    assert len(verdicts) == 10
    assert [verdict.line for verdict in verdicts if not verdict.is_ok] == []


@pytest.mark.parametrize("case", ["dglm_a_fan", "lvu_a"])
def test_a_spoiled_case_fails(case: str, tmp_path: Path) -> None:
    for name in ("cases.json", "stitching.json"):
        shutil.copy(DATA / name, tmp_path)
    cases = json.loads((tmp_path / "cases.json").read_text("utf-8"))
    cases["cases"] = {case: cases["cases"][case]}
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    tensors = load_file(DATA / f"{case}.safetensors")
    spoiled = next(iter(tensors.values()))
    spoiled.view(-1)[5] += 1e-3 * spoiled.abs().max()
    save_file(tensors, tmp_path / f"{case}.safetensors")
    verdicts = {verdict.name: verdict for verdict in golden_runner.run(tmp_path)}
    assert not verdicts[case].is_ok
    assert verdicts["stitching"].is_ok


@pytest.mark.parametrize("start", ["sketchdit", "base", "dglm", "lvu", "line"])
def test_every_published_key_and_shape_is_ours(start: str) -> None:
    model, key_map = real_size(start)
    files = published(start)
    load_files(model, [Source(files, key_map)])
    used = [key for key in files.shapes if key_map.our_names(key)]
    assert len(used) == len(dict(model.named_parameters()))
    assert start == "lvu" or used == list(files.shapes)


def test_the_language_model_leaves_out_only_what_nothing_reads() -> None:
    """Video-XL's head, and of its last layer all but norm and key and value projections."""
    unused = {key for key in published("lvu").shapes if not names.lvu(28).our_names(key)}
    assert {key.removeprefix("model.layers.27.") for key in unused} == {
        "lm_head.weight",
        "model.norm.weight",
        "self_attn.q_proj.weight",
        "self_attn.q_proj.bias",
        "self_attn.beacon_q_proj.weight",
        "self_attn.beacon_q_proj.bias",
        "self_attn.o_proj.weight",
        "mlp.gate_proj.weight",
        "mlp.up_proj.weight",
        "mlp.down_proj.weight",
        "post_attention_layernorm.weight",
    }


def test_a_control_file_with_a_foreign_lead_is_refused() -> None:
    """The published program would run with an untrained control network and say nothing."""
    model, key_map = real_size("dglm")
    files = published("dglm")
    shapes = {f"model.{key}": shape for key, shape in files.shapes.items()}
    with pytest.raises(CheckpointError, match="missing"):
        load_files(model, [Source(WeightFiles("glm", shapes, files.read), key_map)])
