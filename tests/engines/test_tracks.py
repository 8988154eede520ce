"""Tracks: one color for a region as long as it is followed."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toonctl.engines.cel.cast import Identity
from toonctl.engines.cel.evidence import Evidence, fuse
from toonctl.engines.cel.memory import MemoryItem
from toonctl.engines.cel.tracks import Heard, agree

N_COLORS = 3
NOBODY = np.zeros((0, N_COLORS, N_COLORS), np.float32)
ONE_REGION = Identity(np.zeros((1, 0), np.float32), np.ones((1, N_COLORS), np.float32), NOBODY)


def evidence(colors: list[list[float]], nearest: list[int], *, share: float = 0.95) -> Evidence:
    probability = np.array(colors, np.float32)
    n = len(colors)
    return Evidence(
        probability=probability,
        certainty=np.full(n, 0.9, np.float32),
        unseen=np.zeros(n, np.float32),
        nearest=np.array(nearest),
        nearest_share=np.full(n, share, np.float32),
        weight=3.0,
    )


def reference(colors: list[list[float]]) -> Evidence:
    return replace(evidence(colors, [0] * len(colors)), weight=1.0)


def view(n: int) -> Any:
    return SimpleNamespace(n=n, name="x")


def segment(rows: list[list[float]], *, share: float = 0.95) -> tuple[list[MemoryItem], list[Heard]]:
    """A region in each of several drawings, and what speaks for its colors there."""
    heard = [
        Heard(
            references=(reference([row]),),
            bank=(),
            before=evidence([row], [0], share=share) if i else None,
            after=evidence([row], [0], share=share) if i < len(rows) - 1 else None,
        )
        for i, row in enumerate(rows)
    ]
    return [fuse(view(1), known.all, ONE_REGION) for known in heard], heard


ONE, OTHER, NEAR_TIE = [0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.45, 0.55, 0.0]


def colors(items: list[MemoryItem]) -> list[int]:
    return [int(item.colors[0]) for item in items]


def test_a_region_keeps_its_color_through_a_near_tie() -> None:
    items, heard = segment([ONE, NEAR_TIE, ONE, ONE])
    assert colors(items) == [0, 1, 0, 0]
    assert colors(agree(items, heard, None)) == [0, 0, 0, 0]


def test_regions_that_no_sure_link_joins_are_left_alone() -> None:
    items, heard = segment([ONE, NEAR_TIE, ONE, ONE], share=0.7)
    agreed = agree(items, heard, None)
    assert colors(agreed) == [0, 1, 0, 0]


def test_a_link_must_be_mutual() -> None:
    items, heard = segment([ONE, NEAR_TIE])
    astray = replace(heard[0], after=evidence([ONE], [-1]))
    assert colors(agree(items, [astray, heard[1]], None)) == [0, 1]


@pytest.mark.parametrize(("said", "expected"), [([1.0, 0.0, 0.0], 0), ([0.0, 0.0, 1.0], 2)])
def test_what_the_segment_before_decided_counts(said: list[float], expected: int) -> None:
    items, heard = segment([NEAR_TIE, NEAR_TIE])
    heard[0] = replace(heard[0], before=evidence([NEAR_TIE], [0]))
    belief: NDArray[np.float32] = np.array([said], np.float32)
    before = MemoryItem(view(1), belief, np.ones(1, np.float32), np.zeros(1, np.float32), ONE_REGION.figures)
    agreed = agree(items, heard, (before, evidence([said], [0])))
    assert colors(agreed) == [expected, expected]


def test_what_references_do_not_confirm_is_trusted_less() -> None:
    items, heard = segment([ONE, ONE, ONE])
    doubted = [replace(known, references=(reference([OTHER]),)) for known in heard]
    sure = agree(items, heard, None)
    unsure = agree([fuse(view(1), known.all, ONE_REGION) for known in doubted], doubted, None)
    assert colors(unsure) == colors(sure) == [0, 0, 0]
    assert unsure[0].confidence[0] < sure[0].confidence[0] / 2


def test_empty_drawings_end_tracks() -> None:
    items, heard = segment([ONE, ONE, ONE])
    nothing = np.zeros((0, N_COLORS), np.float32)
    items[1] = MemoryItem(view(0), nothing, np.zeros(0, np.float32), np.zeros(0, np.float32), nothing[:, :0])
    empty = replace(evidence([ONE], [0]), probability=nothing, nearest=np.zeros(0, np.int64))
    empty = replace(empty, certainty=np.zeros(0, np.float32), nearest_share=np.zeros(0, np.float32))
    heard[1] = Heard(references=(), bank=(), before=empty, after=empty)
    heard[0] = replace(heard[0], after=evidence([ONE], [-1]))
    heard[2] = replace(heard[2], before=evidence([ONE], [-1]))
    agreed = agree(items, heard, None)
    assert [len(item.belief) for item in agreed] == [1, 0, 1]
    assert agreed[2].colors[0] == 0
