"""Measured peaks: kept by card and network, preferred to what is reckoned, never needed."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from toonctl.engines.diffusion.peaks import Peaks
from toonctl.engines.diffusion.plans import Need, Plan, plans_for, run_down
from toonctl.models.cache import Notebook

GB = 10**9
NEED = Need(485_000_000, 32_300_000_000, 808_000_000, 4_000_000_000)


class Card:
    """What a card of 80 GB would tell; nothing is computed on it."""

    free, reserved, peak = 80 * GB, 0, 0
    device = torch.device("cuda", 0)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Card:
    """A card, an empty cache folder, and a host without end."""
    card = Card()
    monkeypatch.setenv("TOONCTL_CACHE", str(tmp_path))
    monkeypatch.setattr("toonctl.engines.diffusion.plans.free_on_host", lambda: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (card.free, 80 * GB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _device: card.reserved)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _device: card.peak)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Toy 80")
    return card


def drawn(card: Card, peaks: Peaks, plan: Plan, gb: float) -> None:
    def attempt(_plan: Plan) -> None:
        card.peak = int(gb * GB)

    run_down((plan,), attempt, lambda _text: None, peaks)


def test_what_was_measured_counts_for_more_than_what_is_reckoned(card: Card) -> None:
    peaks = Peaks("wan", NEED, card.device)
    card.free = 48 * GB
    assert plans_for("auto", card.device, NEED, peaks)[0] is Plan.RESIDENT
    drawn(card, peaks, Plan.RESIDENT, 46.5)
    assert peaks.known() == {Plan.RESIDENT: 46_500_000_000}
    assert plans_for("auto", card.device, NEED, peaks)[0] is Plan.STREAMED
    drawn(card, peaks, Plan.STREAMED, 5.5)
    card.free = 5 * GB
    assert plans_for("auto", card.device, NEED, peaks)[0] is Plan.STREAMED_INT8
    card.reserved = GB  # what this process holds is part of what it took
    assert plans_for("auto", card.device, NEED, peaks)[0] is Plan.STREAMED


def test_a_plan_that_ran_out_is_not_begun_with_again(card: Card) -> None:
    peaks = Peaks("wan", NEED, card.device)
    card.free = 40 * GB

    def attempt(plan: Plan) -> Plan:
        card.peak = (39 if plan is Plan.RESIDENT else 5) * GB
        if plan is Plan.RESIDENT:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plan

    plans = plans_for("auto", card.device, NEED, peaks)
    assert plans[0] is Plan.RESIDENT
    assert run_down(plans, attempt, lambda _text: None, peaks) is Plan.STREAMED
    assert plans_for("auto", card.device, NEED, peaks)[0] is Plan.STREAMED


def test_a_card_that_others_filled_makes_no_plan_look_small(card: Card) -> None:
    peaks = Peaks("wan", NEED, card.device)
    card.peak = 3 * GB
    with suppress(torch.OutOfMemoryError), peaks.watched(Plan.RESIDENT):
        raise torch.OutOfMemoryError("CUDA out of memory")
    assert peaks.known() == {Plan.RESIDENT: NEED.on_card(Plan.RESIDENT)}


def test_the_highest_stays_and_other_errors_tell_nothing(card: Card) -> None:
    peaks = Peaks("wan", NEED, card.device)
    for gb in (20, 30, 10):
        drawn(card, peaks, Plan.INT8, gb)
    with suppress(ValueError), peaks.watched(Plan.INT8):
        card.peak = 90 * GB
        raise ValueError("not memory")
    assert peaks.known() == {Plan.INT8: 30 * GB}


def test_another_network_size_or_card_knows_nothing(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(card, Peaks("wan", NEED, card.device), Plan.INT8, 20)
    assert not Peaks("framepack", NEED, card.device).known()
    assert not Peaks("wan", replace(NEED, activations=1), card.device).known()
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Toy 24")
    assert not Peaks("wan", NEED, card.device).known()


def test_a_cpu_measures_nothing(card: Card, tmp_path: Path) -> None:
    drawn(card, Peaks("wan", NEED, torch.device("cpu")), Plan.INT8, 20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["cut off", "of another version", "of another kind", "a folder"])
def test_notes_that_cannot_be_read_are_begun_anew(card: Card, tmp_path: Path, harm: str) -> None:
    notes = Notebook("memory_peaks", version=1)
    text = {
        "cut off": '{"version": 1, "ent',
        "of another version": json.dumps({"version": 0, "entries": {"a": {"b": 1}}}),
        "of another kind": "[]",
    }
    if harm == "a folder":
        notes.path.mkdir()
    else:
        notes.path.write_text(text[harm])
    peaks = Peaks("wan", NEED, card.device)
    assert not peaks.known()
    drawn(card, peaks, Plan.INT8, 20)
    assert peaks.known() == ({} if harm == "a folder" else {Plan.INT8: 20 * GB})


def test_notes_are_whole_or_absent(card: Card, tmp_path: Path) -> None:
    notes = Notebook("memory_peaks", version=1)
    notes.put("a", {"x": 1})
    notes.put("b", {"y": 2})
    assert (notes.get("a"), notes.get("b"), notes.get("c")) == ({"x": 1}, {"y": 2}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["memory_peaks.json"]
    assert json.loads(notes.path.read_text())["version"] == 1
