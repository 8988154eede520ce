"""ToonComposer against its golden set, and every key of the real-size inventories."""

import json
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from golden_runner import run
from goldens.sets import DATA, cases, part_of, spoil
from goldens.tooncomposer import weight
from goldens.values import normal
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.keymaps.tooncomposer import CLIP_VISION, TRANSFORMER, UMT5, VAE
from toonctl.models.tooncomposer import encoders
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer, TransformerParams, is_adapter
from toonctl.models.tooncomposer.vae import build_vae

FOLDER = DATA / "tooncomposer"
INVENTORY = json.loads((FOLDER / "inventory.json").read_text("utf-8"))


def test_every_case_is_within_tolerance() -> None:
    verdicts = list(run(FOLDER))
    assert [verdict.line for verdict in verdicts if not verdict.is_ok] == []
    assert [verdict.name for verdict in verdicts] == list(cases("tooncomposer"))


@pytest.mark.parametrize(
    ("case", "tensor"), [("dit_one_sketch", "out.velocity"), ("conditioning", "out.indices")]
)
def test_a_spoiled_copy_fails(case: str, tensor: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = part_of("tooncomposer", [case], tmp_path_factory.mktemp("golden") / "set")
    spoil(folder, case, tensor)
    assert [verdict.is_ok for verdict in run(folder)] == [False]


@pytest.mark.parametrize(
    ("name", "shape", "first", "total"),
    [
        ("patch_embedding.weight", (128, 36, 1, 2, 2), (0.073743, 0.052886, -0.137485), 16.9452),
        ("blocks.0.self_attn.norm_q.weight", (128,), (0.913102, 1.023942, 1.024339), 128.0833),
        ("blocks.0.modulation", (1, 6, 128), (0.128191, -0.182161, -0.047887), 7.1426),
        ("blocks.2.dera.spatial_attn.q.bias", (48,), (-0.058488, -0.011050, 0.011165), 0.2047),
        ("vae.encoder.conv1.weight", (8, 3, 3, 3, 3), (0.025374, 0.027813, -0.002515), 1.0708),
    ],
)
def test_weights_follow_from_their_names(
    name: str, shape: tuple[int, ...], first: tuple[float, ...], total: float
) -> None:
    """Check values of the set's README."""
    found = weight(name, shape)
    assert found.flatten()[:3].tolist() == pytest.approx(first, abs=1e-6)
    assert float(found.sum()) == pytest.approx(total, abs=1e-4)


def test_inputs_follow_from_their_names() -> None:
    found = normal("input:dit_two_sketches:x", (1, 16, 5, 8, 12))
    assert found.flatten()[:3].tolist() == pytest.approx((-1.033703, 1.435201, 0.343117), abs=1e-6)


def real_transformer() -> ToonComposerTransformer:
    return ToonComposerTransformer(TransformerParams())


@pytest.mark.parametrize(
    ("parts", "key_map", "build"),
    [
        (("i2v_14b", "base", "adapter"), TRANSFORMER, real_transformer),
        (("vae",), VAE, build_vae),
        (("clip_vision",), CLIP_VISION, partial(encoders.build_vision_encoder, encoders.VisionParams())),
        (("umt5_encoder",), UMT5, partial(encoders.build_text_encoder, encoders.TextParams())),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_every_published_key_has_its_place(
    parts: tuple[str, ...], key_map: KeyMap, build: Callable[[], nn.Module]
) -> None:
    """Strict in both directions at the real size: nothing missing, nothing over, every shape the same."""
    table = INVENTORY[parts[0]]
    groups = [table[part] for part in parts[1:]] or [table]
    shapes = {key: tuple(shape) for group in groups for key, shape in group.items()}
    files = WeightFiles("inventory", shapes, lambda key: torch.empty(shapes[key], device="meta"))
    model = empty_model(build)
    load_files(model, [Source(files, key_map)])
    used = {key: shape for key, shape in shapes.items() if key_map.our_names(key)}
    ours = dict(model.named_parameters())
    assert {key: tuple(t.shape) for key, t in key_map.to_published(ours).items()} == used
    assert sum(p.numel() for p in ours.values()) == sum(torch.Size(shape).numel() for shape in used.values())


def test_the_smaller_model_of_the_paper_has_the_counted_size() -> None:
    """No file of it is published; the inventory states how many numbers it would have."""
    table = INVENTORY["i2v_1_3b_hypothetical"]
    params = TransformerParams(n_heads=12, ffn_dim=8960, n_layers=30)
    model = empty_model(partial(ToonComposerTransformer, params))
    ours = dict(model.named_parameters())
    adapter = TRANSFORMER.to_published({name: p for name, p in ours.items() if is_adapter(name)})
    assert {key: list(p.shape) for key, p in adapter.items()} == table["adapter"]
    assert sum(p.numel() for name, p in ours.items() if not is_adapter(name)) == table["base_params"]


def test_the_adapter_is_told_from_the_base() -> None:
    table = INVENTORY["i2v_14b"]
    names = {name for key in table["adapter"] for name in TRANSFORMER.our_names(key)}
    with_base = names | {name for key in table["base"] for name in TRANSFORMER.our_names(key)}
    assert {name for name in with_base if is_adapter(name)} == names
    assert len(names) == table["adapter_keys"] == 404
