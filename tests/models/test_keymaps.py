"""Rename rules: both directions, fused tensors, layouts, keys nobody knows."""

import pytest
import torch

from toonctl.core.errors import CheckpointError
from toonctl.models.keymaps.rules import KeyMap, Rule

TOY = KeyMap(
    "toy",
    (
        Rule("layer.{n}.qkv.{w}", tuple(f"blocks.{{n}}.{part}.{{w}}" for part in "qkv")),
        Rule("layer.{n}.{side:left|right}.gain", "blocks.{n}.{side}_gain"),
        Rule("class", "token", layout="1 1 d -> d"),
    ),
    dropped=("step", "other.{rest:.+}"),
)


def test_both_directions_give_the_same_tensors() -> None:
    published = {
        "layer.3.qkv.weight": torch.randn(6, 4),
        "layer.3.qkv.bias": torch.randn(6),
        "layer.12.right.gain": torch.randn(5),
        "class": torch.randn(1, 1, 7),
        "kept.weight": torch.randn(2),
    }
    ours = {name: t for key, tensor in published.items() for name, t in TOY.to_ours(key, tensor)}
    assert ours["blocks.3.k.weight"].equal(published["layer.3.qkv.weight"][2:4])
    assert ours["token"].shape == (7,)
    assert set(ours) > {"blocks.12.right_gain", "kept.weight"}
    back = TOY.to_published(ours)
    assert back.keys() == published.keys()
    assert all(back[key].equal(tensor) for key, tensor in published.items())
    assert {TOY.published_name(name) for name in ours} == set(published)


def test_unused_keys_have_no_name_here() -> None:
    assert TOY.our_names("step") == TOY.our_names("other.thing.weight") == ()
    assert list(TOY.to_ours("step", torch.zeros(1))) == []


def test_a_form_fits_whole_keys_alone() -> None:
    for key in ("layer.x.qkv.weight", "layer.3.qkv.scale", "my.layer.3.qkv.weight", "layer.3.middle.gain"):
        assert TOY.our_names(key) == (key,)


@pytest.mark.parametrize(("key", "shape"), [("layer.0.qkv.bias", (2,)), ("class", (2, 1, 7))])
def test_tensors_of_another_form_are_refused(key: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(CheckpointError, match=key):
        list(TOY.to_ours(key, torch.zeros(shape)))


def test_part_of_a_fused_tensor_is_not_stored() -> None:
    with pytest.raises(KeyError):
        TOY.to_published({"blocks.0.q.weight": torch.zeros(2, 2)})
