"""Weights in page-locked host memory without loss of room: one buffer a block, locked where it lies.

torch's own allocator of locked memory rounds every tensor up to a power of two: 1.5 times the bytes of Wan's
blocks. A buffer of our own is locked in place, and its tensors are views of it.
"""

import mmap
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_ALIGNED = 256
"""Bytes: a tensor in a buffer begins where one of its own would."""

Lock = Callable[[int, int], bool]
"""Address and bytes of memory -> whether it is locked now."""


class _Pages(mmap.mmap):
    """Memory that is unlocked before it is given back; torch holds it as long as a tensor lies in it."""

    unlock: Callable[[int], object] | None = None
    address = 0

    def __del__(self) -> None:
        if self.unlock is not None:
            self.unlock(self.address)


def lock_weights(
    groups: Sequence[Sequence[nn.Module]], *, lock: Lock, unlock: Callable[[int], object]
) -> bool:
    """Whether the weights of every group of modules lie in one locked buffer for each of them now.

    Moved group by group, so that no more than one of them is there twice; values do not change. A refusal
    ends it, and what is not locked by then works as before.
    """
    seen: set[int] = set()
    for modules in groups:
        tensors = [t for m in modules for t in (*m.parameters(), *m.buffers()) if id(t) not in seen]
        seen.update(map(id, tensors))
        if tensors and not _moved(tensors, lock, unlock):
            return False
    return True


def lock_on_card(address: int, n_bytes: int) -> bool:
    """Locks host memory for CUDA; False when the system refuses."""
    cuda: Any = torch.cuda.cudart()
    return int(cuda.cudaHostRegister(address, n_bytes, 0)) == 0


def unlock_on_card(address: int) -> None:
    """Takes back what `lock_on_card` did."""
    cuda: Any = torch.cuda.cudart()
    cuda.cudaHostUnregister(address)


def _moved(tensors: Sequence[Tensor], lock: Lock, unlock: Callable[[int], object]) -> bool:
    places = [0]
    for tensor in tensors:
        places.append(places[-1] + -(-tensor.nbytes // _ALIGNED) * _ALIGNED)
    if not places[-1]:
        return True
    pages = _Pages(-1, places[-1])
    buffer = torch.frombuffer(pages, dtype=torch.uint8)
    if not lock(buffer.data_ptr(), places[-1]):
        return False
    pages.address, pages.unlock = buffer.data_ptr(), unlock
    for tensor, start in zip(tensors, places, strict=False):
        part = buffer[start : start + tensor.nbytes].view(tensor.dtype).view(tensor.shape)
        tensor.data = part.copy_(tensor.data)
    return True
