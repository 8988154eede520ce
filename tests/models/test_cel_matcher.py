"""The matcher's network: shapes, padding that changes nothing, symmetry, strict loading."""

import pytest
import torch
from torch import Tensor

from toonctl.core.errors import CheckpointError
from toonctl.models.cel_matcher import CelMatcher, CelMatcherParams, Votes
from toonctl.models.checkpoint import load_strict

TOY = CelMatcherParams(widths=(8, 8, 16, 16), dim=16, n_heads=2, n_self_blocks=1, n_cross_blocks=1)


@pytest.fixture
def model() -> CelMatcher:
    torch.manual_seed(0)
    return CelMatcher(TOY).eval()


def drawing(n: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "planes": torch.rand(1, 3, 32, 48, generator=generator),
        "points": torch.rand(1, n, 32, 2, generator=generator) * 2 - 1,
        "geometry": torch.randn(1, n, 19, generator=generator),
        "adjacency": torch.rand(1, n, n, generator=generator) / n,
        "mask": torch.ones(1, n, dtype=torch.bool),
    }


def padded(values: dict[str, Tensor], extra: int) -> dict[str, Tensor]:
    grow = torch.nn.functional.pad
    return {
        "planes": values["planes"],
        "points": grow(values["points"], (0, 0, 0, 0, 0, extra)),
        "geometry": grow(values["geometry"], (0, 0, 0, extra), value=7.0),
        "adjacency": grow(values["adjacency"], (0, extra, 0, extra)),
        "mask": grow(values["mask"], (0, extra)),
    }


@torch.no_grad()
def test_padding_changes_nothing(model: CelMatcher) -> None:
    a, b = drawing(5, 1), drawing(7, 2)
    votes = torch.rand(1, 5, 7, 2)
    x, y = model.tokens(**a), model.tokens(**b)
    there, back = model.match(x, y, votes, a["mask"], b["mask"])
    assert there.shape == (1, 5, 8)
    assert back.shape == (1, 7, 6)
    more = padded(b, 4)
    y_more = model.tokens(**more)
    torch.testing.assert_close(y_more[:, :7], y, atol=1e-5, rtol=1e-4)
    wide = torch.nn.functional.pad(votes, (0, 0, 0, 4))
    there_more, _ = model.match(x, y_more, wide, a["mask"], more["mask"])
    torch.testing.assert_close(there_more[..., :7], there[..., :7], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(there_more[..., -1], there[..., -1], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_rows_are_log_probabilities(model: CelMatcher) -> None:
    a, b = drawing(4, 3), drawing(6, 4)
    there, back = model.match(
        model.tokens(**a), model.tokens(**b), torch.zeros(1, 4, 6, 2), a["mask"], b["mask"]
    )
    torch.testing.assert_close(there.exp().sum(-1), torch.ones(1, 4))
    torch.testing.assert_close(back.exp().sum(-1), torch.ones(1, 6))


@torch.no_grad()
def test_both_directions_share_one_rule(model: CelMatcher) -> None:
    a, b = drawing(4, 5), drawing(6, 6)
    x, y = model.tokens(**a), model.tokens(**b)
    votes = torch.rand(1, 4, 6, 2)
    there, back = model.match(x, y, votes, a["mask"], b["mask"])
    swapped_back, swapped_there = model.match(y, x, votes.transpose(1, 2).flip(-1), b["mask"], a["mask"])
    torch.testing.assert_close(there, swapped_there, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(back, swapped_back, atol=1e-5, rtol=1e-4)


def test_sizes_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="dim 30 is not a multiple of n_heads 4"):
        CelMatcherParams(dim=30)


def test_loading_names_every_key_that_does_not_fit(model: CelMatcher) -> None:
    tensors = dict(model.state_dict())
    tensors["none_score.weight"] = torch.zeros(1, 3)
    del tensors["none_score.bias"]
    tensors["stray"] = torch.zeros(1)
    with pytest.raises(CheckpointError) as caught:
        load_strict(model, tensors, name="toy")
    for part in ("missing none_score.bias", "unexpected stray", "none_score.weight is (1, 3), not (1, 16)"):
        assert part in str(caught.value)


@torch.no_grad()
@pytest.mark.parametrize("is_back", [False, True])
def test_votes_go_through_a_layer_as_if_all_pairs_did(*, is_back: bool) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(2, 3)
    votes = torch.rand(2, 5, 7, 2) * (torch.rand(2, 5, 7, 1) < 0.3)
    mask = torch.rand(2, 5 if is_back else 7) < 0.8
    hide = torch.zeros(mask.shape).masked_fill(~mask, -1e4)[:, None, None]
    evidence = torch.log(votes + 0.02)
    dense = layer(evidence.flip(-1) if is_back else evidence)
    wanted = dense.permute(0, 3, 2, 1) if is_back else dense.permute(0, 3, 1, 2)
    torch.testing.assert_close(Votes(votes).through(layer, hide, is_back=is_back), wanted + hide)
