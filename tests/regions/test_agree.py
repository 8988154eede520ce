"""Motions agreed on by regions that are joined."""

import numpy as np

from toonctl.regions.agree import agreed, beside_each, cheapest, min_sum, stacked
from toonctl.regions.motion import Beside, shifts, still

CENTER = np.array([0j, 40 + 0j, 80 + 0j])
CHAIN = Beside(
    who=np.array([[1, 0], [0, 2], [1, 2]]),
    share=np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]]),
    at=np.array([[[20, 20], [0, 0]], [[20, 20], [60, 60]], [[60, 60], [80, 80]]], np.complex128),
)
STAY, AWAY = still(CENTER), shifts(CENTER, CENTER + 100j)


def chosen(price: np.ndarray, weight: float) -> list[float]:
    found = agreed(stacked([STAY, AWAY]), price, CHAIN, weight=np.full(3, weight), soft_px=10.0)
    return np.abs(found.shift).tolist()


def test_alone_everyone_takes_its_cheapest() -> None:
    assert chosen(np.array([[1.0, 0], [0, 0.2], [1, 0]]), 0.0) == [100, 0, 100]


def test_a_part_goes_with_those_it_is_joined_to() -> None:
    assert chosen(np.array([[1.0, 0], [0, 0.2], [1, 0]]), 1.0) == [100, 100, 100]


def test_what_is_certain_of_itself_comes_apart() -> None:
    assert chosen(np.array([[1.0, 0], [0, 5], [1, 0]]), 1.0)[1] == 0


def test_on_a_chain_the_beliefs_are_the_least_sums() -> None:
    random = np.random.default_rng(7)
    price, torn = random.random((3, 2)), random.random((2, 2, 2))
    one, other = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
    both = np.stack([torn[0] / 2, torn[0].T / 2, torn[1] / 2, torn[1].T / 2])
    belief = min_sum(price, one, other, both)
    total = price[0][:, None, None] + price[1][None, :, None] + price[2]
    total = total + torn[0][:, :, None] + torn[1][None]
    best = np.unravel_index(int(total.argmin()), total.shape)
    assert belief.argmin(1).tolist() == [int(i) for i in best]


def test_the_cheapest_come_first_and_sets_are_joined() -> None:
    both = stacked([STAY, AWAY])
    few, price = cheapest(both, np.array([[3.0, 1], [1, 2], [2, 2]]), 1)
    assert price[:, 0].tolist() == [1, 1, 2]
    assert np.abs(few.shift[:, 0]).tolist() == [100, 0, 0]
    assert beside_each(both, few).shift.shape == (3, 3)


def test_without_joints_everything_costs_what_it_costs_alone() -> None:
    price, none = np.array([[1.0, 2.0], [0.5, 0.0]]), np.zeros(0, np.int64)
    assert (min_sum(price, none, none, np.zeros((0, 2, 2))) == price).all()


def test_only_those_are_heeded_who_are_joined_the_other_way_too() -> None:
    price, torn = np.array([[0.0, 1.0], [0.2, 0.0]]), np.array([[[0.0, 2.0], [2.0, 0.0]]])
    belief = min_sum(price, np.array([0]), np.array([1]), torn)
    assert belief[1].tolist() == price[1].tolist()
    assert belief[0, 1] < belief[0, 0] + 1
    both = min_sum(price, np.array([0, 1]), np.array([1, 0]), np.concatenate([torn / 2, torn / 2]))
    assert (both[1] != price[1]).any()
