"""Weights in buffers of their own: values stay, bytes stay, memory is locked once and given back unlocked."""

import gc

import torch
from torch import nn

from toonctl.engines.diffusion.locking import lock_weights


def network() -> nn.Module:
    torch.manual_seed(2)
    model = nn.Module()
    model.blocks = nn.ModuleList([nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7)) for _ in range(3)])
    model.scale = nn.Parameter(torch.tensor(3.0))
    model.narrow = nn.Parameter(torch.randn(3, 3).bfloat16())
    return model


class Host:
    """Keeps account of locked memory; locks as often as `allowed`."""

    def __init__(self, allowed: int = 99) -> None:
        self.locked: dict[int, int] = {}
        self.allowed = allowed

    def lock(self, address: int, n_bytes: int) -> bool:
        if len(self.locked) == self.allowed:
            return False
        self.locked[address] = n_bytes
        return True

    def unlock(self, address: int) -> None:
        del self.locked[address]


def test_every_block_lies_in_one_locked_buffer() -> None:
    model, host = network(), Host()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    groups = [*([block] for block in model.blocks), [model]]
    assert lock_weights(groups, lock=host.lock, unlock=host.unlock)
    assert len(host.locked) == 4
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype == before[name].dtype
        assert tensor.data_ptr() % 256 == 0
        inside = [
            a
            for a, n in host.locked.items()
            if a <= tensor.data_ptr() and tensor.data_ptr() + tensor.nbytes <= a + n
        ]
        assert len(inside) == 1
    # Not rounded to a power of two: as many bytes as the tensors, each begun anew after 256.
    n_tensors = len(before)
    assert sum(host.locked.values()) <= sum(t.nbytes for t in before.values()) + 256 * n_tensors
    outputs = model.blocks.eval()[0](torch.ones(1, 5))
    assert outputs.shape == (1, 7)


def test_memory_is_unlocked_before_it_is_given_back() -> None:
    model, host = network(), Host()
    lock_weights([[block] for block in model.blocks], lock=host.lock, unlock=host.unlock)
    kept = model.blocks[0][0].weight
    del model
    gc.collect()
    assert len(host.locked) == 1
    del kept
    gc.collect()
    assert host.locked == {}


def test_a_refusal_leaves_a_network_that_works() -> None:
    model, host = network(), Host(allowed=1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert not lock_weights([[block] for block in model.blocks], lock=host.lock, unlock=host.unlock)
    assert len(host.locked) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_weights_that_two_groups_share_are_moved_once() -> None:
    shared = nn.Linear(4, 4)
    host = Host()
    assert lock_weights([[shared], [nn.Sequential(shared)]], lock=host.lock, unlock=host.unlock)
    assert len(host.locked) == 1
