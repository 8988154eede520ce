"""The networks under every plan on a CPU: streamed draws what resident does, packed nearly so."""

import pytest
import torch
from torch import Tensor, nn

from goldens.tooncrafter import tiny_params
from models import longanimation_toys, tooncomposer_toys
from toonctl.engines.diffusion.placing import need_of, place
from toonctl.engines.diffusion.plans import Plan
from toonctl.models.quantization.layers import PackedConv2d, PackedLinear
from toonctl.models.tooncrafter.unet import UNet

CPU = torch.device("cpu")


def composer() -> nn.Module:
    return tooncomposer_toys.transformer()


def composed(model: nn.Module) -> Tensor:
    return model(*tooncomposer_toys.inputs(), tooncomposer_toys.sketches(0, 2))


@torch.no_grad()
def drawn(plan: Plan) -> Tensor:
    return composed(place(composer(), plan, CPU, blocks=("blocks",)))


def test_streamed_is_resident() -> None:
    assert torch.equal(drawn(Plan.STREAMED), drawn(Plan.RESIDENT))
    assert torch.equal(drawn(Plan.STREAMED_INT8), drawn(Plan.INT8))


def test_packed_is_near() -> None:
    exact = drawn(Plan.RESIDENT)
    packed = (Plan.INT8, Plan.FP8, Plan.NF4)
    noise = {plan: float((drawn(plan) - exact).norm() / exact.norm()) for plan in packed}
    assert 0 < noise[Plan.INT8] < 0.02
    assert noise[Plan.INT8] < noise[Plan.FP8] < 0.08
    assert noise[Plan.FP8] < noise[Plan.NF4] < 0.4


def test_fp8_keeps_a_byte_a_weight_and_a_scale_a_row() -> None:
    layer = place(composer(), Plan.FP8, CPU, blocks=("blocks",)).get_submodule("blocks.1.attn1.to_q")
    assert isinstance(layer, PackedLinear)
    kept = {name: (part.dtype, tuple(part.shape)) for name, part in layer.named_buffers()}
    rows, columns = layer.packed_shape
    assert kept == {
        "weight": (torch.float8_e4m3fn, (rows, columns)),
        "weight_scale": (torch.float32, (rows,)),
    }
    assert layer.unpacked(torch.bfloat16).dtype == torch.bfloat16


def test_only_blocks_are_packed_and_what_the_policy_keeps_is_kept() -> None:
    model = place(composer(), Plan.INT8, CPU, blocks=("blocks",))
    packed = {name for name, module in model.named_modules() if isinstance(module, PackedLinear)}
    assert "blocks.1.attn1.to_q" in packed
    assert "blocks.1.ffn.net.2" in packed
    assert not [name for name in packed if not name.startswith("blocks.") or "adapter" in name]
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_reckoned_bytes_are_those_on_the_card() -> None:
    need = need_of(composer(), blocks=("blocks",))
    for plan in (Plan.RESIDENT, Plan.INT8, Plan.FP8, Plan.NF4):
        model = place(composer(), plan, CPU, blocks=("blocks",))
        tensors = [*model.parameters(), *model.buffers()]
        assert sum(tensor.nbytes for tensor in tensors) == need.weights_on_card(plan)


def denoiser() -> UNet:
    torch.manual_seed(3)
    unet = UNet(tiny_params({}).unet).eval()
    with torch.no_grad():
        for parameter in unet.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
    return unet


@torch.no_grad()
def denoised(plan: Plan) -> tuple[UNet, Tensor]:
    unet = place(denoiser(), plan, CPU, blocks=("input_blocks", "output_blocks"))
    generator = torch.Generator().manual_seed(4)
    n_frames, width = 4, unet.params.context_dim
    x = torch.randn(1, 8, n_frames, 8, 8, generator=generator)
    context = torch.randn(1, 77 + 16 * n_frames, width, generator=generator)
    return unet, unet(x, torch.tensor([500]), context, frame_stride=torch.tensor([10]))


def test_a_network_of_convolutions_streams_and_packs() -> None:
    unet, exact = denoised(Plan.RESIDENT)
    assert torch.equal(denoised(Plan.STREAMED)[1], exact)
    packed, near = denoised(Plan.INT8)
    assert any(isinstance(module, PackedConv2d) for module in packed.input_blocks.modules())
    assert not any(isinstance(module, PackedLinear) for module in packed.time_embed.modules())
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.05
    need = need_of(unet, blocks=("input_blocks", "output_blocks"))
    assert need.packed["nf4"] == need.packed["int8"], "four bits ruin this network: it gets eight"


def test_injection_between_blocks_streams() -> None:
    def velocity(plan: Plan) -> Tensor:
        networks = longanimation_toys.denoiser()
        for model in (networks.base, networks.sketch_dit):
            place(model, plan, CPU, blocks=("transformer_blocks",))
        cond, (_, text) = longanimation_toys.cond(), longanimation_toys.texts()
        noisy = torch.randn(cond.image.shape, generator=torch.Generator().manual_seed(5))
        return networks.bind(cond)(noisy, torch.tensor([500]), text)

    with torch.no_grad():
        assert torch.equal(velocity(Plan.STREAMED), velocity(Plan.RESIDENT))


def test_weights_that_were_never_read_are_refused() -> None:
    with torch.device("meta"):
        model = nn.Module()
        model.blocks = nn.ModuleList([nn.Linear(4, 4)])
    with pytest.raises(ValueError, match=r"2 tensors have no values yet, the first is `blocks\.0\.weight`"):
        place(model, Plan.RESIDENT, CPU, blocks=("blocks",))


@pytest.mark.parametrize("blocks", [("layers",), ("patch_embedding",)])
def test_blocks_must_be_a_list_of_modules(blocks: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="is no list of modules"):
        place(composer(), Plan.STREAMED, CPU, blocks=blocks)


def test_a_network_without_blocks_cannot_stream() -> None:
    with pytest.raises(ValueError, match="without blocks"):
        place(nn.Linear(4, 4), Plan.STREAMED, CPU, blocks=())
