"""Motion smoothness: the published network's frames, VBench's score, and both by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.networks_golden import amt_weights, moving
from toonctl.core.errors import CheckpointError
from toonctl.metrics.motion import MOTION_LEAST_PX, MotionSmoothness, open_interpolator
from toonctl.models.amt import AmtS

PUBLISHED_PIXELS = [0.45729947090148926, 0.8200867176055908, 0.27913081645965576, 0.40997955203056335]
PUBLISHED_MEANS = [0.25738251209259033, 0.8288667798042297, 0.8957488536834717]
"""Of the frame that `networks/AMT-S.py` of MCG-NKU/AMT, commit 70f988f, draws with these weights."""

PUBLISHED_SCORE = 0.6303967823026647
"""Of `MotionSmoothness.motion_score` of Vchitect/VBench, commit 45e79ec, for eight frames of `moving`."""


@pytest.fixture(scope="module")
def network() -> AmtS:
    network = AmtS().eval()
    network.load_state_dict(amt_weights(network))
    return network


@pytest.fixture(scope="module")
def still_network() -> AmtS:
    """With all weights 0 nothing flows, both frames count by half and nothing is added: their mean."""
    network = AmtS().eval()
    network.load_state_dict({key: torch.zeros_like(tensor) for key, tensor in network.state_dict().items()})
    return network


def gray(level: int, side: int = MOTION_LEAST_PX) -> np.ndarray:
    return np.full((side, side + 4, 3), level, np.uint8)


def test_the_middle_frame_is_the_published_codes(network: AmtS) -> None:
    before, after = (
        torch.from_numpy(frame[:128, :144].copy()).permute(2, 0, 1)[None].float() / 255 for frame in moving(2)
    )
    with torch.inference_mode():
        drawn = network(before, after)[0]
    pixels = [float(drawn[0, y, x]) for y, x in ((10, 19), (10, 73), (19, 19), (19, 28))]
    assert pixels == pytest.approx(PUBLISHED_PIXELS, abs=2e-5)
    assert drawn.mean((1, 2)).tolist() == pytest.approx(PUBLISHED_MEANS, abs=1e-5)


def test_the_score_is_vbenchs(network: AmtS) -> None:
    shot = MotionSmoothness(network)
    values = [shot.take(frame, frame) for frame in moving(8)]
    assert [value is None for value in values] == [True, True, False, True, False, True, False, True]
    assert np.mean([value for value in values if value is not None]) == pytest.approx(
        PUBLISHED_SCORE, abs=1e-6
    )


def test_the_score_by_hand(still_network: AmtS) -> None:
    shot = MotionSmoothness(still_network)
    frames = [gray(level) for level in (100, 90, 121, 110, 100)]
    # Halfway from 100 to 121 lies 110.5, cut off to 110: 20 levels from 90. From 121 to 100 the same: 0.
    found = [shot.take(frame, frame) for frame in frames]
    assert found[:2] == [None, None]
    assert found[2] == pytest.approx((255 - 20) / 255)
    assert found[3] is None
    assert found[4] == pytest.approx(1)


def test_what_is_too_small_has_no_score(still_network: AmtS) -> None:
    shot = MotionSmoothness(still_network)
    small = gray(100, MOTION_LEAST_PX - 1)
    assert [shot.take(small, small) for _ in range(3)] == [None, None, None]


def test_the_published_layout_is_read_and_no_other(tmp_path: Path, network: AmtS) -> None:
    path = tmp_path / "amt-s.pth"
    tensors = amt_weights(network)
    training = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 2e-4}]}
    torch.save({"epoch": 300, "state_dict": tensors, "optim": training}, path)
    assert sum(tensor.numel() for tensor in tensors.values()) == 2_990_543
    assert all(
        torch.equal(tensors[key], value) for key, value in open_interpolator(path).state_dict().items()
    )
    torch.save({"state_dict": {**tensors, "comb_block.2.bias": torch.zeros(4)}}, path)
    with pytest.raises(CheckpointError, match=r"comb_block\.2\.bias is \(4,\), not \(3,\)"):
        open_interpolator(path)
