"""Networks one at a time: where they run when the card is full, and what is kept of them."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engines.toys import Memory
from toonctl.core.errors import EngineError
from toonctl.engines.diffusion.attention import NATIVE, Attention
from toonctl.engines.inbetween._stages import (
    Host,
    Work,
    as_picture,
    as_tensor,
    decoded,
    kept,
    kernel_of,
    name_of,
    with_encoder,
    with_network,
)

CARD = torch.device("cpu", 0)
"""Stands for a card: torch takes it for another device than the CPU, and memory is the host's."""


def full(_network: nn.Module) -> Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory")


class Shelf:
    """Loads small networks and counts them; uses fail as often as `n_failures` says."""

    def __init__(self, n_failures: int = 0) -> None:
        self.n_loaded, self.n_failures, self.seen = 0, n_failures, list[nn.Module]()

    def encoder(self) -> nn.Linear:
        self.n_loaded += 1
        return nn.Linear(2, 2)

    def blocks(self) -> nn.Module:
        self.n_loaded += 1
        network = nn.Module()
        network.transformer_blocks = nn.ModuleList([nn.Linear(64, 64)])
        network.single_transformer_blocks = nn.ModuleList([nn.Linear(64, 64)])
        network.x_embedder = nn.Linear(4, 64)
        return network

    def use(self, network: nn.Module) -> int:
        self.seen.append(network)
        if len(self.seen) <= self.n_failures:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return len(self.seen)


def test_an_encoder_goes_to_the_cpu_when_the_card_is_full() -> None:
    told: list[str] = []
    shelf = Shelf(n_failures=1)
    host = Host(CARD, "auto", told.append)
    assert with_encoder(shelf.encoder, shelf.use, host, what="the text encoder") == 2
    assert told == ["the text encoder does not fit the card; it runs on the CPU"]
    assert with_encoder(shelf.encoder, shelf.use, host, what="the text encoder") == 3
    assert len(told) == shelf.n_loaded == 1  # read once
    with pytest.raises(torch.OutOfMemoryError):
        with_encoder(shelf.encoder, full, Host(torch.device("cpu"), "auto", told.append), what="it")


def test_other_failures_are_not_swallowed() -> None:
    told: list[str] = []

    def use(_network: nn.Module) -> None:
        raise RuntimeError("shapes do not match")

    for device in (torch.device("cpu"), CARD):
        with pytest.raises(RuntimeError, match="shapes"):
            with_encoder(Shelf().encoder, use, Host(device, "auto", told.append), what="it")
    assert told == []


def test_each_plan_gets_the_network_anew_and_the_one_that_worked_keeps_it() -> None:
    told: list[str] = []
    shelf = Shelf(n_failures=1)
    host = Host(torch.device("cpu"), "auto", told.append)
    work = Work("the transformer", ("transformer_blocks", "single_transformer_blocks"))
    assert with_network(shelf.blocks, shelf.use, host, work) == 2
    assert (shelf.n_loaded, len(told)) == (2, 1)
    # The next one begins with what worked, and the network that is there: nothing more to tell or to read.
    assert with_network(shelf.blocks, shelf.use, host, work) == 3
    assert (shelf.n_loaded, len(told)) == (2, 1)
    assert shelf.seen[0] is not shelf.seen[1]
    assert shelf.seen[1] is shelf.seen[2]


def test_a_film_is_decoded_in_tiles_when_the_whole_is_too_much() -> None:
    told: list[str] = []
    shelf, ways = Shelf(n_failures=1), list[bool]()

    def use(network: nn.Module, is_tiled: bool) -> int:
        ways.append(is_tiled)
        return shelf.use(network)

    host = Host(torch.device("cpu"), "auto", told.append)
    assert decoded(shelf.encoder, use, host, how="auto") == 2
    assert decoded(shelf.encoder, use, host, how="tiles") == 3
    assert ways == [False, True, True]
    assert (shelf.n_loaded, len(told)) == (1, 1)


def test_kernels_that_are_not_there_are_refused() -> None:
    host = Host(torch.device("cpu"), "auto", lambda _text: None)

    def shape() -> Attention:
        raise AssertionError("nothing is timed on a CPU")

    assert kernel_of("auto", shape, host) == NATIVE
    assert kernel_of("flash", shape, host) == "flash"
    with pytest.raises(EngineError, match="abacus"):
        kernel_of("abacus", shape, host)


def test_what_is_kept_comes_back_alike() -> None:
    state, made = Memory(), []

    def make() -> dict[str, Tensor]:
        made.append(1)
        return {"a": torch.arange(6.0).reshape(2, 3).T, "mask": torch.ones(1, 4, dtype=torch.long)}

    first, second = (kept(state, "text-1", make) for _ in range(2))
    assert made == [1]
    assert all(torch.equal(first[key], second[key]) for key in ("a", "mask"))
    assert first["mask"].dtype == torch.long


def test_names_follow_from_all_parts() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    other = picture.copy()
    other[0, 0, 0] = 1
    names = {
        name_of("clip", picture, "a", 1),
        name_of("clip", other, "a", 1),
        name_of("clip", picture, "b", 1),
        name_of("clip", picture, "a", 2),
        name_of("clip", picture, "a1"),
        name_of("text", picture, "a", 1),
    }
    assert len(names) == 6
    assert name_of("clip", picture, {"b": 1, "a": 2}) == name_of("clip", picture, {"a": 2, "b": 1})


def test_pictures_go_in_and_come_out() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (4, 6, 3), np.uint8)
    film = torch.stack([as_tensor(picture), as_tensor(255 - picture)], 2)
    assert (as_picture(film, 0) == picture).all()
    assert (as_picture(film, 1) == 255 - picture).all()
    assert as_picture(2 * film.sign(), 0).max() == 255
