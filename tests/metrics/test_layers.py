"""Layers: stacking by hand, and shared edges that come apart."""

import numpy as np
import pytest

from toonctl.metrics.layers import SharedEdges, composite_error, over_ground, stacked

RED, BLUE = (200, 40, 40), (40, 40, 200)


def block(color: tuple[int, int, int], left: int, right: int, *, alpha: int = 255) -> np.ndarray:
    """60 x 100, a block of color from row 10 to 50."""
    layer = np.zeros((60, 100, 4), np.uint8)
    layer[10:50, left:right] = (*color, alpha)
    return layer


def test_stacking_by_hand() -> None:
    result = stacked([block((100, 100, 100), 0, 50), block((200, 200, 200), 0, 100, alpha=51)])
    assert result[20, 20].tolist() == [120, 120, 120, 255]  # a fifth of 200, four fifths of 100
    assert result[20, 80].tolist() == [200, 200, 200, 51]
    assert result[0, 0].tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="layer"):
        stacked([])


def test_over_a_ground_by_hand() -> None:
    half = block((100, 0, 0), 0, 100, alpha=102)
    assert over_ground(half, 255)[20, 0].tolist() == [193, 153, 153]
    assert over_ground(half, 255)[0, 0].tolist() == [255, 255, 255]


def test_composite_error_counts_pixels() -> None:
    layers = [block(RED, 0, 50), block(BLUE, 50, 100)]
    flat = stacked(layers)
    assert composite_error(layers, flat) == 0
    flat[10:20, 0] = 0  # ten pixels missing
    flat[20, 0, :3] = (202, 40, 40)  # close enough
    flat[0, 0] = (255, 255, 255, 255)  # white is seen over black
    assert composite_error(layers, flat) == pytest.approx(11 / 6000)


def test_layers_that_stay_together_are_whole() -> None:
    first = {"A": block(RED, 10, 40), "B": block(BLUE, 40, 70)}
    last = {"A": block(RED, 30, 60), "B": block(BLUE, 60, 90)}
    edges = SharedEdges(first, last)
    assert edges.pairs == (("A", "B"),)
    contact = next(edges.take({"A": block(RED, 20, 50), "B": block(BLUE, 50, 80)}))
    assert contact.kept == 1
    assert contact.gap_px == 0


def test_a_layer_out_of_step_loses_the_edge_and_opens_a_gap() -> None:
    first = {"A": block(RED, 10, 40), "B": block(BLUE, 40, 70)}
    edges = SharedEdges(first, first)
    apart = next(edges.take({"A": block(RED, 10, 40), "B": block(BLUE, 42, 72)}))
    assert apart.gap_px == pytest.approx(2 * 40, abs=8)  # rounded at both ends
    far = next(edges.take({"A": block(RED, 10, 40), "B": block(BLUE, 46, 76)}))
    assert far.kept == 0
    gone = next(edges.take({"A": block(RED, 10, 40)}))
    assert (gone.kept, gone.gap_px) == (0, 0)


def test_layers_that_never_met_are_not_watched() -> None:
    apart = {"A": block(RED, 0, 30), "B": block(BLUE, 60, 90)}
    together = {"A": block(RED, 0, 60), "B": block(BLUE, 60, 90)}
    assert SharedEdges(apart, together).pairs == ()
    assert SharedEdges(together, {"A": together["A"]}).pairs == ()
