"""Networks that take turns on a card: read once, and between their turns at home in host memory."""

import gc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from toonctl.engines.diffusion.plans import free_on_host

M = TypeVar("M", bound=nn.Module)
N = TypeVar("N")


class Welcome(Protocol):
    """Takes note of a network as it was loaded, before it is placed; gives it back. `has_home` as `Guest`."""

    def __call__(self, network: M, *, has_home: bool = True) -> M: ...


class Guest(Generic[M]):
    """A network on a device for as long as it works; away from it, its weights are where they came from.

    What was loaded from a mapped file goes back to being that file: nothing is copied. What has no home there
    (packed weights, which the device made) is copied to the host when it leaves first.
    """

    def __init__(self, network: M, *, has_home: bool = True) -> None:
        """Takes a network as it was loaded, before it is placed.

        `has_home` is false when placing it packs its weights or puts them elsewhere on the host: what it was
        loaded as is then given up.
        """
        self.network = network
        # With each tensor itself: by its id alone another that came later could be taken for it.
        self._homes = {id(tensor): (tensor, tensor.data) for tensor in _tensors(network) if has_home}
        self._away: list[tuple[Tensor, torch.device]] = []

    def leave(self) -> None:
        """Gives the device's memory back; of a streamed network only what does not wait on the host."""
        for tensor in self._on_card():
            if id(tensor) not in self._homes:
                self._homes[id(tensor)] = (tensor, tensor.data.cpu())
            self._away.append((tensor, tensor.device))
            tensor.data = self._homes[id(tensor)][1]

    def come(self) -> M:
        """The network, back where it was when it left."""
        while self._away:
            tensor, device = self._away[-1]
            tensor.data = tensor.data.to(device, copy=True)
            # Only now: when the card is full half-way, the rest is still known to be away.
            self._away.pop()
        return self.network

    @property
    def on_card(self) -> int:
        """Bytes of it that are not in host memory."""
        return sum(tensor.nbytes for tensor in self._on_card())

    @contextmanager
    def turn(self) -> Iterator[M]:
        """The network for as long as the block runs; then it leaves."""
        try:
            yield self.come()
        finally:
            self.leave()

    def _on_card(self) -> list[Tensor]:
        return [tensor for tensor in _tensors(self.network) if not _is_on_host(tensor)]


class Rota:
    """Networks by name: all of them on the card, or one after another, each read once.

    `staying` are names that never make way for another. On a CPU none does.
    """

    def __init__(self, device: torch.device, *, keeps_all: bool, staying: Collection[str] = ()) -> None:
        self.keeps_all = keeps_all
        self._device, self._staying = device, staying
        self._kept: dict[str, tuple[object, list[Guest[Any]]]] = {}

    def turn(self, name: str, load: Callable[[Welcome], N]) -> N:
        """What `load` gave the first time it was asked for `name`; its networks are on the card.

        `load` shows every network it reads to the function it is given.
        """
        if not self.keeps_all:
            self._send_home([other for other in self._kept if other != name and other not in self._staying])
        if name not in self._kept:
            guests: list[Guest[Any]] = []

            def welcome(network: M, *, has_home: bool = True) -> M:
                guests.append(Guest(network, has_home=has_home))
                return network

            self._kept[name] = (load(welcome), guests)
        found, guests = self._kept[name]
        for guest in guests:
            guest.come()
        return cast("N", found)

    def find(self, name: str) -> object | None:
        """What is kept under `name`, wherever its networks are."""
        return self._kept[name][0] if name in self._kept else None

    def send_home(self) -> None:
        """Takes everything off the card, and from now on keeps one network there at a time."""
        self.keeps_all = False
        self._send_home([*self._kept])

    def forget(self, beginning: str = "") -> None:
        """Frees what names that begin so stand for; it would be read again."""
        for name in [name for name in self._kept if name.startswith(beginning)]:
            del self._kept[name]
        self._emptied()

    def _send_home(self, names: Collection[str]) -> None:
        if self._device.type == "cpu":
            return
        for name in names:
            guests = self._kept[name][1]
            free = free_on_host()
            if free is not None and sum(guest.on_card for guest in guests) > free:
                del self._kept[name]  # no room to wait in: it is read again
                continue
            for guest in guests:
                guest.leave()
        self._emptied()

    def _emptied(self) -> None:
        if self._device.type == "cuda":
            gc.collect()  # a streamed network's hooks hold each other
            torch.cuda.empty_cache()


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _is_on_host(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu"
