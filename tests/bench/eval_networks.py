"""Networks of measures with random weights, and the reference implementations that are installed.

Speed does not depend on the weights, and where both sides get the same ones their values can be held against
each other. References are the packages `lpips`, `DISTS-pytorch`, `pytorch-fid`, `cd-fvd` (each with
`torchvision`) and `transformers`; one that is not installed leaves its column empty.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from toonctl.core.types import Pixels
from toonctl.models.amt import AmtS
from toonctl.models.dino import Dino, DinoParams
from toonctl.models.dists import Dists
from toonctl.models.i3d import I3d
from toonctl.models.inception import Inception2015
from toonctl.models.lpips import Lpips

Reference = Callable[[Pixels, Pixels], float | None]

_CLIPS = {
    "clip-b32": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 32},
    "clip-l14": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14},
}
_WIDTHS = {"clip-b32": 512, "clip-l14": 768}


def weights_of(role: str, folder: Path) -> Path:
    """The file or folder of a role of the registry, in the published layout, made when it is not there."""
    path = folder / role
    if path.exists():
        return path
    torch.manual_seed(0)
    if role in _CLIPS:
        vision = {**_CLIPS[role], "intermediate_size": 4 * _CLIPS[role]["hidden_size"]}
        text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        width = _WIDTHS[role]
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=width)).save_pretrained(
            path
        )
    else:
        torch.save(_tensors(role), path)
    return path


def _tensors(role: str) -> dict[str, Tensor]:
    if role in ("alexnet", "vgg16"):
        network = Lpips("alex" if role == "alexnet" else "vgg")
        return {key: value for key, value in network.state_dict().items() if key.startswith("features.")}
    if role in ("lpips-alex", "lpips-vgg"):
        heads = Lpips("alex" if role == "lpips-alex" else "vgg").heads.state_dict()
        return {f"lin{key[0]}.model.1.weight": weight.abs() for key, weight in heads.items()}
    if role == "dists":
        return {key: value for key, value in Dists().state_dict().items() if key in ("alpha", "beta")}
    if role == "aesthetic":
        return nn.Linear(_WIDTHS["clip-l14"], 1).state_dict()
    made: Mapping[str, Callable[[], nn.Module]] = {
        "inception": Inception2015,
        "i3d": I3d,
        "dino": lambda: Dino(DinoParams()),
        "amt-s": AmtS,
    }
    return made[role]().state_dict()


def reference(measure: str, folder: Path) -> tuple[str, Reference] | None:
    """The reference's name and its measure of a frame, with the weights in `folder`; None without one."""
    package, make = _REFERENCES.get(measure, ("", None))
    if (
        make is None
        or find_spec(package) is None
        or (package in _VISION and find_spec("torchvision") is None)
    ):
        return None
    return package, make(folder)


def _lpips(folder: Path, net: str, backbone: str) -> Reference:
    published: Any = _package("lpips").LPIPS(pretrained=False, pnet_rand=True, net=net, verbose=False).eval()
    places = {key.split(".", 1)[1]: key for key in published.net.state_dict()}
    features = torch.load(folder / backbone, weights_only=True)
    state = {f"net.{places[key.removeprefix('features.')]}": value for key, value in features.items()}
    state |= torch.load(folder / f"lpips-{net}", weights_only=True)
    published.load_state_dict(state, strict=False)
    return lambda picture, truth: float(published(_plane(picture) * 2 - 1, _plane(truth) * 2 - 1))


def _dists(folder: Path) -> Reference:
    theirs = _package("DISTS_pytorch.DISTS_pt")
    backbone: Any = _package("torchvision.models").vgg16(weights=None)
    backbone.load_state_dict(torch.load(folder / "vgg16", weights_only=True), strict=False)
    theirs.models.vgg16 = lambda **_: backbone  # it would fetch one
    published: Any = theirs.DISTS(load_weights=False).eval()
    own = torch.load(folder / "dists", weights_only=True)
    published.alpha.data.copy_(own["alpha"])
    published.beta.data.copy_(own["beta"])
    return lambda picture, truth: float(published(_plane(picture), _plane(truth)))


def _fid(folder: Path) -> Reference:
    fid = _package("pytorch_fid.inception")
    network: Any = _package("torchvision.models").inception_v3(
        num_classes=1008, aux_logits=False, init_weights=False, weights=None
    )
    for name, n_in, width in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        setattr(network, f"Mixed_{name}", fid.FIDInceptionA(n_in, pool_features=width))
    for name, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        setattr(network, f"Mixed_{name}", fid.FIDInceptionC(768, channels_7x7=width))
    network.Mixed_7b, network.Mixed_7c = fid.FIDInceptionE_1(1280), fid.FIDInceptionE_2(2048)
    fid.fid_inception_v3 = lambda: network
    published = fid.InceptionV3([3]).eval()

    def measure(picture: Pixels, truth: Pixels) -> None:
        published(torch.cat([_plane(picture), _plane(truth)]))

    return measure


def _fvd(folder: Path) -> Reference:
    published: Any = _package("cdfvd.third_party.i3d.pytorch_i3d").InceptionI3d(400).eval()
    clip: list[Tensor] = []

    def measure(picture: Pixels, truth: Pixels) -> None:
        both = torch.cat([_plane(picture), _plane(truth)])
        clip.append(nn.functional.interpolate(both, (224, 224), mode="bilinear") * 2 - 1)
        if len(clip) == 16:
            published(torch.stack(clip, 2))
            clip.clear()

    return measure


def _clip(folder: Path) -> Reference:
    model: Any = CLIPModel.from_pretrained(folder / "clip-b32").eval()

    def measure(picture: Pixels, truth: Pixels) -> None:
        both = torch.cat([_plane(picture), _plane(truth)])
        model.vision_model(nn.functional.interpolate(both, (224, 224), mode="bicubic"))

    return measure


def _package(name: str) -> Any:
    """A package that need not be installed."""
    return import_module(name)


_VISION = frozenset({"lpips", "DISTS_pytorch", "pytorch_fid"})
_REFERENCES: Mapping[str, tuple[str, Callable[[Path], Reference]]] = {
    "lpips": ("lpips", lambda folder: _lpips(folder, "alex", "alexnet")),
    "lpips_vgg": ("lpips", lambda folder: _lpips(folder, "vgg", "vgg16")),
    "dists": ("DISTS_pytorch", _dists),
    "fid": ("pytorch_fid", _fid),
    "fvd": ("cdfvd", _fvd),
    "clip_similarity": ("transformers", _clip),
}


def _plane(picture: Pixels) -> Tensor:
    """`[1, 3, H, W]` in [0, 1]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
