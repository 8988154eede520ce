"""Weights from disk: whole sets fill the network, anything else is refused with its keys."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, empty_model, load_files, open_weights
from toonctl.models.keymaps.rules import KeyMap, Rule


class Toy(nn.Module):
    """Two layers, one table that stands at two places, a buffer that is stored and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.table = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.table.weight
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("ramp", torch.arange(4.0), persistent=False)


def weights() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {name: torch.randn(t.shape) for name, t in Toy().state_dict().items() if name != "head.weight"}


def test_a_file_fills_an_empty_network(tmp_path: Path) -> None:
    expected = weights()
    save_file(expected, tmp_path / "toy.safetensors")
    model = empty_model(Toy)
    assert all(p.is_meta for p in model.parameters())
    load_files(model, [Source(open_weights(tmp_path / "toy.safetensors"))])
    assert not any(t.is_meta for t in [*model.parameters(), *model.buffers()])
    assert all(model.state_dict()[name].equal(tensor) for name, tensor in expected.items())
    assert model.head.weight is model.table.weight
    assert model.ramp.tolist() == [0, 1, 2, 3]


def test_precision_is_chosen_by_name(tmp_path: Path) -> None:
    save_file(weights(), tmp_path / "toy.safetensors")
    model = empty_model(Toy)
    load_files(
        model,
        [Source(open_weights(tmp_path))],
        dtype_of=lambda name: torch.bfloat16 if name.startswith("blocks") else None,
    )
    assert {p.dtype for p in model.blocks.parameters()} == {torch.bfloat16}
    assert model.table.weight.dtype == torch.float32


def test_two_sources_make_one_network(tmp_path: Path) -> None:
    whole = weights()
    save_file({k: t for k, t in whole.items() if "blocks" in k}, tmp_path / "a.safetensors")
    torch.save({f"toy.{k}": t for k, t in whole.items() if "blocks" not in k}, tmp_path / "b.ckpt")
    rules = KeyMap("b", (Rule("toy.{rest:.+}", "{rest}"),))
    model = empty_model(Toy)
    base, rest = open_weights(tmp_path / "a.safetensors"), open_weights(tmp_path / "b.ckpt")
    load_files(model, [Source(base, rules), Source(rest, rules)])
    assert model.scale.equal(whole["scale"])
    with pytest.raises(CheckpointError, match="hold the same keys"):
        load_files(empty_model(Toy), [Source(base), Source(base)])


def shards(folder: Path) -> dict[str, Tensor]:
    """A sharded set with its index, and the tensors in it."""
    whole = weights()
    names = sorted(whole)
    parts = {"w-1-of-2.safetensors": names[:4], "w-2-of-2.safetensors": names[4:]}
    for file, keys in parts.items():
        save_file({key: whole[key] for key in keys}, folder / file)
    table = {key: file for file, keys in parts.items() for key in keys}
    (folder / "w.safetensors.index.json").write_text(json.dumps({"weight_map": table}))
    return whole


def test_a_folder_is_read_by_its_index(tmp_path: Path) -> None:
    whole = shards(tmp_path)
    model = empty_model(Toy)
    load_files(model, [Source(open_weights(tmp_path))])
    assert model.blocks[2].weight.equal(whole["blocks.2.weight"])
    (tmp_path / "w-2-of-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"1 of 2 files .* w-2-of-2\.safetensors"):
        open_weights(tmp_path)


def test_keys_that_do_not_fit_are_listed_together(tmp_path: Path) -> None:
    wrong = {k: t for k, t in weights().items() if not k.endswith("bias")}
    wrong |= {"stray.7.x": torch.zeros(1), "stray.8.x": torch.zeros(1), "table.weight": torch.zeros(6, 4)}
    save_file(wrong, tmp_path / "toy.safetensors")
    model = empty_model(Toy)
    with pytest.raises(CheckpointError) as caught:
        load_files(model, [Source(open_weights(tmp_path))])
    assert caught.value.exit_code == 6
    for part in ("missing blocks.0-2.bias", "unexpected stray.7-8.x", "table.weight is (6, 4), not (5, 4)"):
        assert part in str(caught.value)
    assert all(p.is_meta for p in model.parameters()), "nothing is read before all keys fit"


class Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_what_a_pickle_carries_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"weight": torch.zeros(2), "more": Hostile(mark)}, tmp_path / "bad.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps(Hostile(mark)))
    for name in ("bad.ckpt", "plain.ckpt"):
        with pytest.raises(CheckpointError, match=name):
            open_weights(tmp_path / name)
    assert not mark.exists()


@pytest.mark.parametrize("wrapper", ["state_dict", "module"])
def test_trainers_wrap_their_tensors(wrapper: str, tmp_path: Path) -> None:
    torch.save({wrapper: {"weight": torch.ones(2)}}, tmp_path / "w.ckpt")
    assert open_weights(tmp_path).read("weight").tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.safetensors", b"\x40\0\0\0\0\0\0\0{}"),
        ("cut.ckpt", b"PK\3\4 and no more"),
        ("none.safetensors", None),
    ],
)
def test_broken_and_absent_files_are_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        open_weights(tmp_path / name)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match="not a table of tensors"):
        open_weights(tmp_path / "state.pt")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no weights"):
        open_weights(tmp_path)


def test_two_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_file({"weight": torch.zeros(1)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(CheckpointError, match="holds keys twice: weight"):
        open_weights(tmp_path)
