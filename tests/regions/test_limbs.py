"""Limbs swing about their joints and come along; what merely lies beside goes its own straight way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toonctl.regions.limbs import Limbs
from toonctl.regions.motion import Beside, Complex, Motions

BODY, ARM, HAND, STONE = range(4)
SHOULDER, WRIST = 10 + 0j, 50 + 0j
AREA = np.array([900.0, 400.0, 100.0, 500.0])
CENTER = np.array([0 + 0j, 30 + 0j, 60 + 0j, 200 + 0j])


def beside(strength: float = 1.0) -> Beside:
    """The body holds the arm, and this the hand; the stone lies apart."""
    who = np.repeat(np.arange(4)[:, None], 5, 1)
    share, at = np.zeros(who.shape), np.zeros((4, 5, 2), np.complex128)
    for one, other, joint in ((BODY, ARM, SHOULDER), (ARM, HAND, WRIST)):
        for a, b in ((one, other), (other, one)):
            slot = int((share[a] > 0).sum())
            who[a, slot], share[a, slot], at[a, slot] = b, strength, joint
    return Beside(who, share, at)


def swung(turn: complex, along: complex = 0) -> Motions:
    """All but the stone moved `along`; arm and hand also turned by `turn` about the shoulder."""
    turns = np.array([1, turn, turn, 1], np.complex128)
    to = SHOULDER + turns * (CENTER - SHOULDER) + along
    to[BODY], to[STONE] = CENTER[BODY] + along, CENTER[STONE] + 40j
    return Motions(CENTER, to - CENTER, turns)


def limbs(motions: Motions, strength: float = 1.0) -> Limbs:
    return Limbs.of(beside(strength), motions, AREA, is_loose=np.zeros(4, bool), apart_px=5)


def place(motions: Motions, share: float, point: Complex | complex, region: int) -> complex:
    moved = limbs(motions).at(motions, share).of(np.array([region])).apply(np.array([point], np.complex128))
    return complex(moved[0])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_an_arm_stays_as_long_as_it_is(share: float) -> None:
    motions = swung(np.exp(1j * np.pi / 2), along=30 + 8j)
    hand = place(motions, share, CENTER[HAND], HAND)
    shoulder = place(motions, share, SHOULDER, BODY)
    assert abs(hand - shoulder) == pytest.approx(abs(CENTER[HAND] - SHOULDER))
    assert np.angle(hand - shoulder) == pytest.approx(share * np.pi / 2)
    assert place(motions, share, WRIST, ARM) == pytest.approx(place(motions, share, WRIST, HAND))


def test_what_hangs_on_nothing_goes_straight() -> None:
    assert place(swung(1j), 0.5, CENTER[STONE], STONE) == pytest.approx(CENTER[STONE] + 20j)


def test_half_of_a_motion_turns_half_and_scales_by_power() -> None:
    motions = swung(4 * np.exp(0.6j))
    half = limbs(motions, strength=0).at(motions, 0.5)
    assert half.turn[ARM] == pytest.approx(2 * np.exp(0.3j))
    assert half.shift[ARM] == pytest.approx(motions.shift[ARM] / 2)


def test_what_leaves_its_joint_goes_straight() -> None:
    motions = swung(1j)
    motions.shift[HAND] += 60
    found = limbs(motions)
    assert found.region.tolist() == [ARM]
    assert found.at(motions, 0.5).shift[HAND] == pytest.approx(motions.shift[HAND] / 2)


def test_no_limb_turns_right_round() -> None:
    assert limbs(swung(np.exp(2.5j))).region.tolist() == [HAND]


def test_a_mere_touch_is_no_joint() -> None:
    assert len(limbs(swung(1j), strength=0.1).region) == 0


@given(st.floats(-3, 3), st.floats(0.5, 2), st.floats(-50, 50), st.floats(-4, 4))
def test_all_arrive_where_they_should(angle: float, size: float, along: float, off: float) -> None:
    motions = swung(complex(size * np.exp(1j * angle)), along=along + 3j)
    motions.shift[HAND] += off
    for share, wanted in ((0.0, np.zeros(4)), (1.0, motions.shift)):
        found = limbs(motions).at(motions, share)
        np.testing.assert_allclose(found.shift, wanted, atol=1e-9)
        np.testing.assert_allclose(found.turn, motions.turn if share else 1, atol=1e-9)


def test_speeds_are_those_of_the_way() -> None:
    motions = swung(np.exp(0.6j), along=10)
    found = limbs(motions)
    leaves, arrives = found.speeds(motions)
    step = 1e-4
    np.testing.assert_allclose(leaves, found.at(motions, step).shift / step, rtol=0.02)
    np.testing.assert_allclose(
        arrives, (motions.shift - found.at(motions, 1 - step).shift) / step, rtol=0.02, atol=0.2
    )
