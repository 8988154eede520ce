"""Every published transformer toonctl builds on, at toy size: known by its keys, packed, and still itself."""

import pytest
import torch

from models.stock_toys import cogvideox, framepack, wan
from toonctl.models.quantization.layers import pack_layers
from toonctl.models.quantization.policy import Choice, detect

KNOWN = {"wan": wan, "cogvideox": cogvideox, "hunyuan": framepack}


@torch.no_grad()
@pytest.mark.parametrize(("target", "least_db"), [("int8", 35), ("fp8", 25), ("nf4", 12)])
@pytest.mark.parametrize("name", KNOWN)
def test_a_packed_transformer_says_nearly_the_same(name: str, target: str, least_db: float) -> None:
    torch.manual_seed(0)
    model, call = KNOWN[name]()
    model.eval().requires_grad_(False)
    policy = detect(model.state_dict(), name=name)
    assert policy.name == name
    truth, choice = call(model), Choice(policy, target)
    n_packed = pack_layers(model, lambda key, weight: choice.storage(key, tuple(weight.shape), weight.dtype))
    seen = call(model)
    assert n_packed >= 8
    assert float(10 * torch.log10(truth.pow(2).mean() / (seen - truth).pow(2).mean())) > least_db
