"""Real-ESRGAN's network for animation films: cases by hand, and the layout of ncnn's files."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.anime_video_toys import blank, packed
from toonctl.core.errors import CheckpointError
from toonctl.models.anime_video import TIMES, AnimeVideo, parse_ncnn


def drawn(model: AnimeVideo, picture: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(picture)


def test_what_the_network_adds_goes_to_its_place_in_every_pixel() -> None:
    model = blank(width=2, n_inner=1)
    last = model.body[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    added = torch.arange(3 * TIMES**2) / 100
    last.bias.data.copy_(added)
    picture = torch.tensor([[[[0.1, 0.2]], [[0.3, 0.4]], [[0.5, 0.9]]]])  # one row of two pixels
    found = drawn(model, picture)
    assert found.shape == (1, 3, 4, 8)
    for channel in range(3):
        for row in range(4):
            for column in range(8):
                place = 16 * channel + 4 * row + column % 4
                expected = min(1.0, float(picture[0, channel, 0, column // 4] + added[place]))
                assert float(found[0, channel, row, column]) == pytest.approx(expected, abs=1e-6)


def test_edges_go_on_outside_the_picture() -> None:
    model = blank(width=1, n_inner=0)
    first, bent, last = model.body
    assert isinstance(first, nn.Conv2d)
    assert isinstance(bent, nn.PReLU)
    assert isinstance(last, nn.Conv2d)
    nn.init.constant_(first.weight, 1 / 27)  # the mean of a pixel and its neighbors
    nn.init.ones_(bent.weight)
    last.weight.data[:, 0, 1, 1] = 0.5
    found = drawn(model, torch.full((1, 3, 5, 6), 0.4))
    assert torch.allclose(found, torch.full((1, 3, 20, 24), 0.6), atol=1e-6)


@pytest.mark.parametrize("kind", ["<f2", "<f4"])
def test_files_of_ncnn_are_read_in_both_precisions(kind: str) -> None:
    torch.manual_seed(3)
    model = AnimeVideo(width=3, n_inner=2)  # 81 halves of a weight do not end at a multiple of four bytes
    found = parse_ncnn(packed(model, kind), model, name="x.bin")
    assert found.keys() == model.state_dict().keys()
    for key, value in model.state_dict().items():
        assert np.allclose(found[key], value, atol=5e-4 if kind == "<f2" else 0)
        assert found[key].dtype == torch.float32


def test_a_file_of_another_length_is_refused() -> None:
    model = AnimeVideo(width=3, n_inner=2)
    data = packed(model)
    for wrong in (data[:-4], data + bytes(4), b""):
        with pytest.raises(CheckpointError, match=r"`x\.bin` does not hold"):
            parse_ncnn(wrong, model, name="x.bin")
