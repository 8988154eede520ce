"""Networks one at a time: where they run when the card is full, and what is kept of them."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engines.toys import Memory
from toonctl.engines.inbetween._stages import Host, as_picture, as_tensor, kept, name_of, with_encoder
from toonctl.engines.inbetween._stages import with_network as with_network_on


def full(_network: nn.Module) -> Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_an_encoder_goes_to_the_cpu_when_the_card_is_full() -> None:
    told: list[str] = []
    seen: list[str] = []

    def use(network: nn.Linear) -> str:
        seen.append(network.weight.device.type)
        if network.weight.is_meta:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "read"

    # The meta device stands for a card on which nothing fits.
    host = Host(torch.device("meta"), "auto", told.append)
    assert with_encoder(lambda: nn.Linear(2, 2), use, host, what="the text encoder") == "read"
    assert seen == ["meta", "cpu"]
    assert told == ["the text encoder does not fit the card; it runs on the CPU"]
    with pytest.raises(torch.OutOfMemoryError):
        with_encoder(lambda: nn.Linear(2, 2), full, Host(torch.device("cpu"), "auto", told.append), what="it")


def test_other_failures_are_not_swallowed() -> None:
    told: list[str] = []

    def use(_network: nn.Module) -> None:
        raise RuntimeError("shapes do not match")

    for device in ("cpu", "meta"):
        with pytest.raises(RuntimeError, match="shapes"):
            with_encoder(
                lambda: nn.Linear(2, 2), use, Host(torch.device(device), "auto", told.append), what="it"
            )
    assert told == []


def test_each_plan_gets_the_network_anew() -> None:
    loaded: list[nn.Module] = []
    told: list[str] = []

    def load() -> nn.Module:
        network = nn.Module()
        network.transformer_blocks = nn.ModuleList([nn.Linear(64, 64)])
        network.single_transformer_blocks = nn.ModuleList([nn.Linear(64, 64)])
        network.x_embedder = nn.Linear(4, 64)
        loaded.append(network)
        return network

    def use(network: nn.Module) -> int:
        if len(loaded) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loaded.index(network)

    host = Host(torch.device("cpu"), "auto", told.append)
    blocks = ("transformer_blocks", "single_transformer_blocks")
    assert with_network_on(load, use, host, blocks=blocks) == 1
    assert len(loaded) == 2
    assert len(told) == 1
    # The next one begins with what worked: nothing more to tell.
    assert with_network_on(load, use, host, blocks=blocks) == 2
    assert len(told) == 1


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
