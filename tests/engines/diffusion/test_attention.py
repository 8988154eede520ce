"""The choice of an attention kernel: its rule, its memory, and that kernels say the same."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by

from toonctl.engines.diffusion import attention as module
from toonctl.engines.diffusion.attention import NATIVE, Attention, choose, computing, fastest, timed

CPU = torch.device("cpu")
TOY = Attention(1, 2, 96, 16, torch.float32)


def test_the_rule() -> None:
    assert fastest({NATIVE: 1.0, "flash": 0.96, "cudnn": 1.4}) == NATIVE
    assert fastest({NATIVE: 1.0, "flash": 0.94, "cudnn": 0.9}) == "cudnn"
    assert fastest({NATIVE: 1.0}) == NATIVE


def test_a_cpu_looks_at_no_clock() -> None:
    def unasked() -> Attention:
        raise AssertionError("no shape is needed")

    assert choose("auto", unasked, CPU) == NATIVE
    assert choose("math", unasked, CPU) == "math"


def test_what_can_be_computed_here_is_timed() -> None:
    found = timed(TOY, CPU)
    assert next(iter(found)) == NATIVE
    assert "math" not in found
    assert "cudnn" not in found
    assert all(seconds > 0 for seconds in found.values())


@pytest.mark.parametrize("kernel", [NATIVE, "math", "flash", "efficient", "cudnn"])
def test_every_kernel_says_the_same_and_what_it_cannot_falls_to_another(kernel: str) -> None:
    q, k, v = TOY.drawn(CPU)
    mask = torch.ones(96, 96).tril().bool()
    for given in (None, mask):
        truth = F.scaled_dot_product_attention(q, k, v, attn_mask=given)
        with computing(kernel):
            torch.testing.assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=given), truth)


def test_a_card_is_timed_once_a_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOONCTL_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Toy 80")
    asked: list[Attention] = []

    def seconds(attention: Attention, _device: torch.device) -> dict[str, float]:
        asked.append(attention)
        return {NATIVE: 1.0, "cudnn": 0.5 if attention == TOY else 2.0}

    monkeypatch.setattr(module, "timed", seconds)
    card, other = torch.device("cuda", 0), Attention(2, 2, 96, 16, torch.float32)
    assert [choose("auto", lambda: TOY, card) for _ in range(3)] == ["cudnn"] * 3
    assert [choose("auto", lambda: other, card) for _ in range(2)] == [NATIVE] * 2
    assert asked == [TOY, other]
