"""The computed floor against what torch counts while the network runs, and against the reference sheet."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.tooncomposer_toys import TOY, inputs, sketches, transformer
from toonctl.models.tooncomposer.cost import VideoSize, block_activation_bytes, forward_flop
from toonctl.models.tooncomposer.transformer import TransformerParams


def test_operations_equal_those_counted() -> None:
    size = VideoSize(9, 32, 48, 2)
    # The counter knows matrix products, not every fused attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        transformer()(*inputs(), sketches(0, 2))
    assert forward_flop(TOY, size) == counter.get_total_flops()


@pytest.mark.parametrize(
    ("size", "tokens", "pflop"),
    [
        (VideoSize(61, 480, 832, 1), 26_520, 1.24),
        (VideoSize(61, 480, 832, 3), 29_640, 1.47),
        (VideoSize(81, 480, 832, 3), 37_440, 2.09),
        (VideoSize(61, 608, 1088, 1), 43_928, 2.68),
        (VideoSize(81, 608, 1088, 3), 62_016, 4.70),
    ],
)
def test_the_published_sizes(size: VideoSize, tokens: int, pflop: float) -> None:
    """Reference sheet, section 13."""
    assert size.tokens == tokens
    assert forward_flop(TransformerParams(), size) / 1e15 == pytest.approx(pflop, rel=0.02)


def test_activations_follow_the_wider_half_of_a_block() -> None:
    """480p, 61 frames, 1 sketch: 0.54 GB float32 stream, 0.73 GB hidden layer, twice (sheet, section 13)."""
    found = block_activation_bytes(TransformerParams(), VideoSize(61, 480, 832, 1))
    assert found / 1e9 == pytest.approx(0.54 + 0.27 + 2 * 0.73, abs=0.02)
