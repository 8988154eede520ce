"""`quantize` on every published network at toy size: known by its keys, read back, and still itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engines.wan_flf2v import toywan
from goldens.values import normal
from models import longanimation_toys as la
from models import tooncomposer_toys as tc
from models.stock_toys import framepack
from toonctl.core.reporter import SilentReporter
from toonctl.core.stop import StopFlag
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files, open_weights
from toonctl.models.framepack.published import load_transformer as load_framepack
from toonctl.models.keymaps import longanimation as names
from toonctl.models.keymaps import tooncomposer as wan_names
from toonctl.models.keymaps import wan_flf2v as flf2v_names
from toonctl.models.keymaps.rules import KeyMap
from toonctl.models.longanimation.line_extractor import LineExtractor
from toonctl.models.longanimation.lvu import LongVideoModel
from toonctl.models.longanimation.published import (
    load_base,
    load_dglm,
    load_line_extractor,
    load_sketch_dit,
)
from toonctl.models.quantization.unpacking import open_unpacked
from toonctl.models.tooncomposer import encoders
from toonctl.models.tooncomposer.published import (
    load_text_encoder,
    load_transformer,
    load_vae,
    load_vision_encoder,
)
from toonctl.models.tooncomposer.vae import build_vae, encode
from toonctl.models.wan_flf2v.published import load_transformer as load_flf2v
from toonctl.pipelines.quantize import QuantizeOptions, run

Say = Callable[[WeightFiles], Tensor]


@dataclass(frozen=True, slots=True)
class Toy:
    """A published file of a network, its policy, and what the network says when it is read from weights."""

    write: Callable[[Path], Path]
    policy: str
    say: Say


def file(
    model: nn.Module, key_map: KeyMap | None = None, only: Callable[[str], bool] | None = None
) -> Callable[[Path], Path]:
    """Writes a network, or a part of it, under its published names."""

    def write(folder: Path) -> Path:
        own = {name: p.detach().clone() for name, p in model.named_parameters()}
        tensors = key_map.to_published(own) if key_map else own
        kept = {name: t.contiguous() for name, t in tensors.items() if only is None or only(name)}
        save_file(kept, folder / "toy.safetensors")
        return folder / "toy.safetensors"

    return write


def composer() -> Mapping[str, Toy]:
    """ToonComposer's base and adapter: one is packed, the other as it is."""
    model = tc.transformer()
    whole = wan_names.TRANSFORMER.to_published({n: p.detach() for n, p in model.named_parameters()})

    def is_added(name: str) -> bool:
        return "dera" in name or name.startswith("sequence_cond")

    def part(is_meant: Callable[[str], bool]) -> WeightFiles:
        found = {name: tensor for name, tensor in whole.items() if is_meant(name)}
        return WeightFiles("other", {n: tuple(t.shape) for n, t in found.items()}, found.__getitem__)

    def say(base: WeightFiles, adapter: WeightFiles) -> Tensor:
        read = load_transformer(base, adapter, dtype=torch.float32, head_dim=tc.TOY.head_dim)
        return read(*tc.inputs(), tc.sketches(0, 2))

    base, adapter = part(lambda name: not is_added(name)), part(is_added)
    names_of = wan_names.TRANSFORMER
    return {
        "tooncomposer base": Toy(
            file(model, names_of, lambda name: not is_added(name)),
            "wan",
            lambda weights: say(weights, adapter),
        ),
        "tooncomposer adapter": Toy(
            file(model, names_of, is_added), "tooncomposer-adapter", lambda weights: say(base, weights)
        ),
    }


def wan_parts() -> Mapping[str, Toy]:
    """What the two networks on Wan share: coder, words, pictures; and the network between two keys."""
    torch.manual_seed(4)
    text = encoders.build_text_encoder(encoders.TextParams(20, 16, 16, 24, 2, 1))
    vision = encoders.build_vision_encoder(encoders.VisionParams(80, 1, 2, 80))
    ids, mask = torch.arange(1, 7)[None], torch.ones(1, 6, dtype=torch.long)

    def words(weights: WeightFiles) -> Tensor:
        return encoders.encode_text(load_text_encoder(weights, dtype=torch.float32), ids, mask)[0]

    def picture(weights: WeightFiles) -> Tensor:
        encoder = load_vision_encoder(weights, dtype=torch.float32)
        return encoders.encode_image(encoder, normal("picture", (1, 3, 32, 32)).clamp(-1, 1))

    def between(weights: WeightFiles) -> Tensor:
        network = load_flf2v(weights, dtype=torch.float32)
        features = normal("text", (1, 6, toywan.TEXT.dim)), normal("image", (2, 257, toywan.VISION.dim))
        return network(normal("video", (1, 36, 2, 4, 4)), torch.tensor([500]), *features).sample

    return {
        "wan vae": Toy(
            file(build_vae(8), wan_names.VAE),
            "picture-coder",
            lambda weights: encode(load_vae(weights), normal("film", (1, 3, 5, 16, 16)).clamp(-1, 1)),
        ),
        "wan text": Toy(file(text, wan_names.UMT5), "text-encoder", words),
        "wan vision": Toy(file(vision, wan_names.CLIP_VISION), "vision-encoder", picture),
        "wan-flf2v": Toy(file(toywan.transformer(), flf2v_names.TRANSFORMER), "wan", between),
    }


def film_parts() -> Mapping[str, Toy]:
    """LongAnimation's networks."""
    cond, (_, text), step = la.cond(has_memory=True), la.texts(), torch.tensor([500])
    model = la.reader().model
    key_map = names.lvu(len(model.layers))
    torch.manual_seed(6)
    extractor = LineExtractor()

    def denoised(which: str, weights: WeightFiles) -> Tensor:
        loads = {"base": load_base, "sketch_dit": load_sketch_dit, "dglm": partial(load_dglm, head_dim=16)}
        networks = replace(la.denoiser(), **{which: loads[which](weights, dtype=torch.float32)})
        return networks.bind(cond)(normal("noisy", cond.image.shape), step, text)

    def read(weights: WeightFiles) -> Tensor:
        read = empty_model(lambda: LongVideoModel(la.LVU_SIZES)).eval()
        load_files(read, [Source(weights, key_map)], dtype_of=lambda _name: torch.float32)
        reader = replace(la.reader(), model=read.requires_grad_(False))
        return reader.memory(reader.extend(reader.begin(), la.features(9))).whole

    def lines(weights: WeightFiles) -> Tensor:
        return load_line_extractor(weights, dtype=torch.float32)(normal("drawing", (1, 3, 16, 16)))

    return {
        "longanimation base": Toy(file(la.base(), names.BASE), "cogvideox", partial(denoised, "base")),
        "longanimation control": Toy(
            file(la.sketch_dit(), names.SKETCH_DIT), "cogvideox", partial(denoised, "sketch_dit")
        ),
        "longanimation memory": Toy(file(la.dglm(), names.DGLM), "film-memory", partial(denoised, "dglm")),
        "video-xl": Toy(file(model, key_map), "text-encoder", read),
        "line extractor": Toy(file(extractor, names.LINE_EXTRACTOR), "line-extractor", lines),
    }


def pack_parts() -> Mapping[str, Toy]:
    """FramePack's transformer."""
    model, call = framepack()

    def say(weights: WeightFiles) -> Tensor:
        return call(load_framepack(weights, dict(model.config), dtype=torch.float32))  # type: ignore[attr-defined]

    return {"framepack": Toy(file(model), "hunyuan", say)}


GROUPS = {
    composer: ("tooncomposer base", "tooncomposer adapter"),
    wan_parts: ("wan vae", "wan text", "wan vision", "wan-flf2v"),
    film_parts: (
        "longanimation base",
        "longanimation control",
        "longanimation memory",
        "video-xl",
        "line extractor",
    ),
    pack_parts: ("framepack",),
}
LEAST_DB = {"bf16": 30, "fp16": 40, "int8": 25, "fp8": 18, "nf4": 8}


@pytest.fixture(scope="module")
def toys() -> Mapping[str, Toy]:
    """Every network by name."""
    return {name: toy for group in GROUPS for name, toy in group().items()}


@torch.no_grad()
@pytest.mark.parametrize("name", [name for group in GROUPS.values() for name in group])
def test_a_quantized_network_runs_and_says_nearly_the_same(
    name: str, toys: Mapping[str, Toy], tmp_path: Path
) -> None:
    toy = toys[name]
    source = toy.write(tmp_path)
    truth = toy.say(open_weights(source))
    for target, least_db in LEAST_DB.items():
        small = tmp_path / f"{target}.safetensors"
        (part,) = run(source, small, QuantizeOptions(target), SilentReporter(), StopFlag()).parts
        assert part.policy == toy.policy
        # Of networks this small, much is what policies keep.
        assert part.bytes_after <= part.bytes_before
        apart = (toy.say(open_unpacked(small, torch.float32)) - truth).pow(2).mean()
        assert float(10 * torch.log10(truth.pow(2).mean() / apart.clamp(min=1e-20))) > least_db
