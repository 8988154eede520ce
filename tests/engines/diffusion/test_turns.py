"""Networks that take turns: read once, away from the device at home, the same when they come back."""

import pytest
import torch
from torch import Tensor, nn

from toonctl.engines.diffusion.placing import place
from toonctl.engines.diffusion.plans import Plan
from toonctl.engines.diffusion.turns import Guest, Rota, Welcome

CARD = torch.device("cuda", 0)
"""Named alone; what lies elsewhere than in `Homes` stands for what lies on it."""


class Homes:
    """The places in memory that count as the host's."""

    def __init__(self) -> None:
        self.places: set[int] = set()

    def toy(self) -> nn.Module:
        torch.manual_seed(1)
        network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval().requires_grad_(False)
        self.places |= {tensor.data_ptr() for tensor in (*network.parameters(), *network.buffers())}
        return network

    def is_on_host(self, tensor: Tensor) -> bool:
        return tensor.data_ptr() in self.places

    def are_left(self, network: nn.Module) -> bool:
        return not any(map(self.is_on_host, network.parameters()))


@pytest.fixture
def homes(monkeypatch: pytest.MonkeyPatch) -> Homes:
    found = Homes()
    monkeypatch.setattr("toonctl.engines.diffusion.turns._is_on_host", found.is_on_host)
    return found


def moved(network: nn.Module) -> None:
    """Takes a network to the card."""
    for parameter in network.parameters():
        parameter.data = parameter.data.clone()


def test_a_guest_goes_home_without_a_copy(homes: Homes) -> None:
    network = homes.toy()
    before = {name: (tensor.clone(), tensor.data_ptr()) for name, tensor in network.state_dict().items()}
    guest = Guest(network)
    assert guest.on_card == 0
    moved(network)
    assert guest.on_card == sum(parameter.nbytes for parameter in network.parameters())
    guest.leave()
    assert guest.on_card == 0
    with guest.turn():
        assert homes.are_left(network)
    for name, tensor in network.state_dict().items():
        value, place = before[name]
        assert tensor.data_ptr() == place
        assert torch.equal(tensor, value)


def test_what_has_no_home_is_copied_there_once(homes: Homes) -> None:
    network = homes.toy()
    guest = Guest(network, has_home=False)
    moved(network)
    made = network[0].weight
    guest.leave()
    home = made.data_ptr()
    homes.places.add(home)
    guest.come()
    assert made.data_ptr() != home
    guest.leave()
    assert made.data_ptr() == home


@torch.no_grad()
@pytest.mark.parametrize("plan", [Plan.RESIDENT, Plan.STREAMED])
def test_a_network_says_the_same_after_its_turn(plan: Plan) -> None:
    network = nn.Module()
    network.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
    network.forward = lambda x: network.blocks[1](network.blocks[0](x))  # type: ignore[method-assign]
    x = torch.ones(2, 4)
    truth = network(x)
    guest = Guest(network)
    place(network, plan, torch.device("cpu"), blocks=("blocks",))
    for _ in range(2):
        with guest.turn():
            assert torch.equal(network(x), truth)


class Loads:
    """Counts what is read."""

    def __init__(self, homes: Homes) -> None:
        self.names: list[str] = []
        self.homes = homes

    def of(self, name: str, rota: Rota) -> nn.Module:
        def load(welcome: Welcome) -> nn.Module:
            self.names.append(name)
            network = welcome(self.homes.toy())
            moved(network)
            return network

        return rota.turn(name, load)


def test_one_after_another_each_is_read_once(homes: Homes) -> None:
    loads, rota = Loads(homes), Rota(CARD, keeps_all=False, staying=("coder",))
    for _ in range(3):
        found = {name: loads.of(name, rota) for name in ("coder", "denoiser", "reader")}
        assert {name for name, network in found.items() if homes.are_left(network)} == {"coder", "reader"}
    assert loads.names == ["coder", "denoiser", "reader"]
    rota.forget("den")
    loads.of("denoiser", rota)
    loads.of("coder", rota)
    assert loads.names[3:] == ["denoiser"]


def test_with_room_for_all_none_leaves_until_it_must(homes: Homes) -> None:
    loads, rota = Loads(homes), Rota(CARD, keeps_all=True)
    one, two = loads.of("one", rota), loads.of("two", rota)
    assert homes.are_left(one)
    assert homes.are_left(two)
    rota.send_home()
    assert not homes.are_left(one)
    assert not homes.are_left(two)
    assert homes.are_left(loads.of("one", rota))
    assert homes.are_left(loads.of("two", rota))
    assert not homes.are_left(one)
    assert loads.names == ["one", "two"]


def test_a_host_without_room_reads_again(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toonctl.engines.diffusion.turns.free_on_host", lambda: 8)
    loads, rota = Loads(homes), Rota(CARD, keeps_all=False)
    for name in ("one", "two", "one"):
        loads.of(name, rota)
    assert loads.names == ["one", "two", "one"]
    assert rota.find("two") is None


def test_on_a_cpu_nobody_makes_way(homes: Homes) -> None:
    rota = Rota(torch.device("cpu"), keeps_all=False)
    one = rota.turn("one", lambda welcome: welcome(homes.toy()))
    rota.turn("two", lambda welcome: welcome(homes.toy()))
    assert rota.turn("one", lambda welcome: welcome(homes.toy())) is one
