"""ToonComposer's transformer: what sketches and adapters do, and what they must leave alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from peft import LoraConfig
from torch import Tensor

from models.tooncomposer_toys import TOY, inputs, sketches, transformer
from toonctl.models.tooncomposer.adapters import LowRankAttention
from toonctl.models.tooncomposer.rope import rotate, spatial_rotary, temporal_rotary, with_sketches
from toonctl.models.tooncomposer.transformer import (
    Sketches,
    ToonComposerTransformer,
    is_adapter,
    keeps_float32,
)

CPU = torch.device("cpu")


@torch.no_grad()
def test_without_sketches_and_adapter_it_is_wan() -> None:
    """The stock class with the same weights gives the same velocity."""
    ours = transformer(rank=None)
    stock = WanTransformer3DModel(**{**ours.config, "added_kv_proj_dim": TOY.dim}).eval()
    names = stock.state_dict().keys()
    stock.load_state_dict({name: t for name, t in ours.state_dict().items() if name in names})
    expected = stock(*inputs(), return_dict=False)[0]
    torch.testing.assert_close(ours(*inputs()), expected, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_an_untrained_adapter_adds_nothing() -> None:
    torch.manual_seed(3)
    model = ToonComposerTransformer(TOY).eval()
    plain = transformer(rank=None)
    plain.load_state_dict({k: t for k, t in model.state_dict().items() if ".adapter." not in k})
    at = sketches(1)
    assert model(*inputs(), at).equal(plain(*inputs(), at))
    assert model(*inputs(), at).equal(model(*inputs(), replace(at, alpha=0.0)))


@torch.no_grad()
@pytest.mark.parametrize("change", ["alpha", "place", "drawing"])
def test_what_a_sketch_says_matters(change: str) -> None:
    model, at = transformer(), sketches(1)
    other = {
        "alpha": replace(at, alpha=0.5),
        "place": replace(at, indices=(2,)),
        "drawing": replace(at, latents=-at.latents),
    }[change]
    difference = (model(*inputs(), at) - model(*inputs(), other)).abs().max()
    assert difference > 1e-3


@torch.no_grad()
def test_each_sketch_may_have_a_strength_of_its_own() -> None:
    model, both = transformer(), sketches(0, 2)
    same = model(*inputs(), replace(both, alpha=(0.5, 0.5)))
    torch.testing.assert_close(same, model(*inputs(), replace(both, alpha=0.5)))
    apart = model(*inputs(), replace(both, alpha=(0.5, 1.0)))
    assert not torch.allclose(apart, same, atol=1e-3)
    assert not torch.allclose(apart, model(*inputs(), replace(both, alpha=1.0)), atol=1e-3)


@torch.no_grad()
def test_what_stands_around_the_blocks_sees_all_they_do() -> None:
    model, at = transformer(), sketches(1)
    plain = model(*inputs(), at)
    seen: list[Tensor] = []

    def through(tokens: Tensor, stack: Callable[[Tensor], Tensor]) -> Tensor:
        seen.append(stack(tokens.clone()) - tokens)
        return tokens + seen[0]

    torch.testing.assert_close(model(*inputs(), at, through), plain, atol=1e-5, rtol=1e-4)
    assert seen[0].abs().max() > 1e-2


@torch.no_grad()
def test_the_residual_reaches_its_own_frame_alone() -> None:
    """One block without attention between frames would show it; here the tokens between two blocks do."""
    model, at = transformer(n_layers=2), sketches(1)
    seen: list[Tensor] = []
    model.blocks[0].register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
    model.blocks[1].register_forward_pre_hook(lambda _m, args: seen.append(args[0].clone()))
    model(*inputs(), at)
    before, after = (tokens.unflatten(1, (4, 6)) for tokens in seen)  # three frames, then the sketch
    moved = (after - before).abs().amax((0, 2, 3)) > 0
    assert moved.tolist() == [False, True, False, False]
    torch.testing.assert_close(after[:, 1] - before[:, 1], model.sketch_residual(before[:, 3]))


@torch.no_grad()
def test_any_number_of_sketches_and_none() -> None:
    model = transformer()
    none = Sketches(torch.zeros(1, 24, 0, 4, 6), ())
    torch.testing.assert_close(model(*inputs(), none), model(*inputs(), None))
    shapes = {tuple(model(*inputs(), sketches(*at)).shape) for at in [(0,), (0, 2), (0, 1, 2)]}
    assert shapes == {(1, 16, 3, 4, 6)}


@torch.no_grad()
def test_batches_are_independent() -> None:
    model, at = transformer(), sketches(0, 2)
    first, second = inputs(seed=1), inputs(seed=2)
    both = model(
        *(torch.cat(pair) for pair in zip(first, second, strict=True)),
        replace(at, latents=at.latents.expand(2, -1, -1, -1, -1)),
    )
    torch.testing.assert_close(both[:1], model(*first, at), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(both[1:], model(*second, at), atol=1e-5, rtol=1e-4)


def test_inputs_that_cannot_be_are_refused() -> None:
    model = transformer()
    video, *rest = inputs()
    with pytest.raises(ValueError, match="5 x 6 are not a multiple of 2"):
        model(torch.zeros(1, 36, 3, 5, 6), *rest)
    with pytest.raises(ValueError, match=r"latent frames \[3\] of a video of 3"):
        model(video, *rest, sketches(1, 3))


@torch.no_grad()
def test_bfloat16_stays_close_to_float32() -> None:
    """Relative error of the whole tensor; 3 % is what the golden set's README allows."""
    model, at = transformer(), sketches(0, 2)
    exact = model(*inputs(), at)
    for name, parameter in model.named_parameters():
        if not keeps_float32(name):
            parameter.data = parameter.data.bfloat16()
    rounded = model(*inputs(), at)
    assert rounded.dtype == torch.float32
    error = float((rounded - exact).norm() / exact.norm())
    assert 0 < error < 0.03


@pytest.mark.parametrize("kind", ["spatial", "temporal", "lora"])
def test_checkpointing_changes_no_gradient(kind: str) -> None:
    found: list[list[Tensor]] = []
    for is_checkpointed in (False, True):
        model = transformer(adapter=kind)
        if is_checkpointed:
            model.enable_gradient_checkpointing()
        model(*inputs(), sketches(1)).square().mean().backward()
        trained = [p for name, p in model.named_parameters() if is_adapter(name)]
        found.append([p.grad.clone() for p in trained if p.grad is not None])
        assert len(found[-1]) == len(trained)
    for plain, checkpointed in zip(*found, strict=True):
        torch.testing.assert_close(plain, checkpointed)


@torch.no_grad()
@pytest.mark.parametrize(
    "changes",
    [
        {"adapter": "temporal"},
        {"adapter": "lora"},
        {"position": "appended"},
        {"has_residual": False},
        {"injection": "channels"},
        {"sketch_channels": 20},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_the_papers_comparisons_run(changes: dict[str, object]) -> None:
    at = sketches(1, channels=20 if "sketch_channels" in changes else 24)
    model = transformer(**changes)
    velocity = model(*inputs(), at)
    assert velocity.shape == (1, 16, 3, 4, 6)
    assert (velocity - model(*inputs(), replace(at, latents=-at.latents))).abs().max() > 1e-4
    has_tokens = changes.get("injection") != "channels"
    assert ("sketch_identifier" in model.state_dict()) == has_tokens


@torch.no_grad()
@pytest.mark.parametrize(("kind", "touched"), [("spatial", "frame"), ("temporal", "place")])
def test_adapter_attention_stays_in_its_group(kind: str, touched: str) -> None:
    torch.manual_seed(4)
    adapter = LowRankAttention(16, 24, kind=kind)  # pyright: ignore[reportArgumentType]
    torch.nn.init.normal_(adapter.up.weight)
    rotary = spatial_rotary(2, 3, 6, CPU) if kind == "spatial" else temporal_rotary(range(4), 6, CPU)
    x = torch.randn(1, 24, 16)
    changed = x.clone()
    changed[:, 7] += 1  # frame 1, place 1 of 6
    moved = (adapter(changed, rotary) - adapter(x, rotary)).abs().amax(-1)[0].unflatten(0, (4, 6)) > 1e-6
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[(1, slice(None)) if touched == "frame" else (slice(None), 1)] = True
    assert moved.equal(expected)


def test_ranks_without_three_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="rank 32 is not a multiple of 24"):
        LowRankAttention(16, 32)
    with pytest.raises(ValueError, match="8 channels"):
        spatial_rotary(2, 2, 8, CPU)


def test_rotation_keeps_lengths_and_depends_on_distance() -> None:
    torch.manual_seed(5)
    q, k = torch.randn(6), torch.randn(6)
    cos, sin = spatial_rotary(5, 5, 6, CPU)
    at = [rotate(v.expand(25, 6), (cos, sin)).unflatten(0, (5, 5)) for v in (q, k)]
    torch.testing.assert_close(at[0].norm(dim=-1), q.norm().expand(5, 5))
    score = float(at[0][1, 1] @ at[1][2, 3])
    assert score == pytest.approx(float(at[0][2, 2] @ at[1][3, 4]), abs=1e-5)
    assert score != pytest.approx(float(at[0][1, 1] @ at[1][3, 2]), abs=1e-3)


def test_a_sketch_has_its_frames_positions() -> None:
    table = torch.arange(6.0)[None, :, None, None].expand(1, 6, 1, 2)
    cos, _ = with_sketches((table, table), 3, [2, 0])
    assert cos[0, :, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 5, 0, 1]


@torch.no_grad()
def test_blocks_can_be_fetched_one_by_one() -> None:
    """diffusers' block-level offloading, from memory to memory: the same velocity, bit for bit."""
    model, at = transformer(), sketches(0, 2)
    expected = model(*inputs(), at)
    model.enable_group_offload(
        onload_device=CPU, offload_device=CPU, offload_type="block_level", num_blocks_per_group=1
    )
    assert model(*inputs(), at).equal(expected)


@torch.no_grad()
def test_the_attention_back_end_reaches_the_stock_processor() -> None:
    model, at = transformer(), sketches(1)
    expected = model(*inputs(), at)
    try:
        model.set_attention_backend("_native_math")
        backends = {block.attn1.processor._attention_backend for block in model.blocks}
        torch.testing.assert_close(model(*inputs(), at), expected, atol=1e-5, rtol=1e-4)
    finally:
        model.set_attention_backend("native")  # the choice is kept for the whole process
    assert len(backends) == 1
    assert backends != {None}
    assert {block.attn1.processor.stock._attention_backend for block in model.blocks} == backends


@torch.no_grad()
def test_a_style_adapter_stands_beside_the_own_one() -> None:
    """peft on the base's query and key: untrained it changes nothing, and it leaves the SLRA alone."""
    model, at = transformer(), sketches(1)
    expected = model(*inputs(), at)
    model.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k"]))
    torch.testing.assert_close(model(*inputs(), at), expected, atol=1e-5, rtol=1e-4)
    added = [name for name, _ in model.named_parameters() if "lora_A" in name]
    assert len(added) == 4 * TOY.n_layers
    assert not any(".adapter." in name for name in added)
