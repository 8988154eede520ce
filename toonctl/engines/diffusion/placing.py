"""A loaded network on the card, as a memory plan says."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import torch
from diffusers.hooks.group_offloading import apply_group_offloading
from torch import Tensor, nn

from toonctl.engines.diffusion.locking import lock_on_card, lock_weights, unlock_on_card
from toonctl.engines.diffusion.plans import Need, Plan, free_on_host
from toonctl.models.quantization.layers import pack_layers, packable
from toonctl.models.quantization.policy import POLICIES, Choice, detect
from toonctl.models.quantization.storage import Storage, n_bytes

M = TypeVar("M", bound=nn.Module)

_CPU = torch.device("cpu")

_BUFFERS = 1.05
"""What locked buffers of ours take of the host, by their bytes: gaps, and one block while it is moved."""

_LOCKED_GROWTH = 1.6
"""torch rounds each page-locked tensor up to a power of two: Wan's blocks take 1.50 times their bytes,
FramePack's 1.57 (summed over their shapes); an allocator that knows no limit takes as much."""


def place(module: M, plan: Plan, device: torch.device, *, blocks: Sequence[str]) -> M:
    """`module` itself, ready to compute on `device`; precision of what is not packed stays.

    `blocks` are the attributes that hold its blocks, each an `nn.ModuleList`. Weights of linear and
    convolution layers in them are packed where the plan says so; what the network's policy keeps is kept.
    A streamed network is called through its own `forward`, and never moved again.

    Raises: ValueError when a name in `blocks` is no list of modules or a tensor is still on `meta`;
    CheckpointError when the plan packs and no policy knows the network.
    """
    stacks = [_stack(module, name) for name in blocks]
    if left := [name for name, tensor in _tensors(module) if tensor.is_meta]:
        raise ValueError(f"{len(left)} tensors have no values yet, the first is `{left[0]}`")
    if plan.storage is not None:
        _pack_blocks(module, plan, device, blocks)
    if not plan.is_streamed:
        return module.to(device)
    if not stacks:
        raise ValueError("a network without blocks cannot be streamed")
    is_cuda = device.type == "cuda"
    is_locked = is_cuda and _lock(module, stacks)
    # Every list of modules is a row of groups; naming it would make it one group.
    apply_group_offloading(
        module,
        onload_device=device,
        offload_device=_CPU,
        offload_type="block_level",
        num_blocks_per_group=1,
        use_stream=is_cuda,
        record_stream=is_cuda,
        # Slower: locked one tensor at a time on the way to the card, and not kept.
        low_cpu_mem_usage=is_cuda and not is_locked,
    )
    return module


def _lock(module: nn.Module, stacks: Sequence[nn.ModuleList]) -> bool:
    """Whether the weights wait in locked memory, block by block, or torch may lock them tensor by tensor.

    Where the system refuses buffers of ours, torch's allocator is asked to round none up; there is room for
    what it takes at worst or nothing is locked.
    """
    free, size = free_on_host(), sum(_bytes(stack) for stack in stacks)
    groups = [*([block] for stack in stacks for block in stack), [module]]
    if free is None or _BUFFERS * size <= free:
        if lock_weights(groups, lock=lock_on_card, unlock=unlock_on_card):
            return True
        _ask_for_no_rounding()
    return free is None or _LOCKED_GROWTH * size <= free


def _ask_for_no_rounding() -> None:
    """Tells torch's allocator of locked memory to keep, and so to round up, next to nothing."""
    ask = getattr(torch._C, "_accelerator_setAllocatorSettings", None)
    if ask is not None:
        with suppress(RuntimeError, ValueError):  # an older torch knows no such option
            ask("pinned_max_cached_size_mb:1")


def need_of(module: nn.Module, *, blocks: Sequence[str], activations: int = 0) -> Need:
    """The bytes of a network as it stands and as each plan would have it, also of one on the meta device."""
    stacks = [(name, number, block) for name in blocks for number, block in enumerate(_stack(module, name))]
    sizes = [_bytes(block) for *_, block in stacks]
    names = [name for name, _ in module.named_parameters()]
    packed: dict[str, tuple[int, int]] = {}
    if any(policy.fits(names) for policy in POLICIES.values()):
        for storage in ("int8", "fp8", "nf4"):
            choice = Choice(detect(names, name=type(module).__name__), storage)
            smaller = [_packed_bytes(block, choice, f"{name}.{number}") for name, number, block in stacks]
            packed[storage] = (sum(smaller), max(smaller, default=0))
    inside = sum(sizes)
    return Need(_bytes(module) - inside, inside, max(sizes, default=0), activations, packed)


def _bytes(module: nn.Module) -> int:
    return sum(tensor.nbytes for _, tensor in _tensors(module))


def _packed_bytes(block: nn.Module, choice: Choice, prefix: str) -> int:
    """Bytes of a block as `pack_layers` would leave it."""
    total = _bytes(block)
    for path, weight in packable(block):
        layout = _storage(choice, prefix, path, weight).layout(tuple(weight.shape))
        if set(layout) != {""}:
            total += n_bytes(layout) - weight.nbytes
    return total


def _stack(module: nn.Module, name: str) -> nn.ModuleList:
    stack = getattr(module, name, None)
    if not isinstance(stack, nn.ModuleList):
        raise ValueError(f"`{type(module).__name__}.{name}` is no list of modules")
    return stack


def _tensors(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _pack_blocks(module: nn.Module, plan: Plan, device: torch.device, blocks: Sequence[str]) -> None:
    """Packs block by block on the device itself, so that neither side holds more than one of them twice."""
    target = plan.storage or ""
    choice = Choice(
        detect([name for name, _ in module.named_parameters()], name=type(module).__name__), target
    )
    for name in blocks:
        for number, block in enumerate(_stack(module, name)):
            block.to(device)
            pack_layers(block, partial(_storage, choice, f"{name}.{number}"))
            if plan.is_streamed:
                block.to(_CPU)


def _storage(choice: Choice, prefix: str, name: str, weight: Tensor) -> Storage:
    return choice.storage(f"{prefix}.{name}", tuple(weight.shape), weight.dtype)
