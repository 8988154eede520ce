"""Weights made by a formula, to hold our networks of measures against the published code.

The stored values of `test_networks.py` come from this file, run where the packages `DISTS-pytorch` 0.1,
`pytorch-fid` 0.3.0, `cd-fvd` 0.1.1 and `torchvision` are installed, and the sources of Vchitect/VBench,
commit 45e79ec, and of openai/CLIP, commit d05afc4: `python -m tests.metrics.networks_golden` from the
repository, with `tests` on the path. No package carries the backbones, so both sides get the same random
ones.
"""

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, CLIPVisionModelWithProjection

from metrics.lpips_golden import backbone_weights, pictures
from toonctl.core.types import Pixels


def random_weights(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """The network's names, random values that keep the signal's size."""
    random = np.random.default_rng(seed)
    found: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        shape = tuple(tensor.shape)
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith("running_var"):
            values = random.random(shape, np.float32) + np.float32(0.5)
        elif len(shape) > 1:
            spread = np.float32((2 / np.prod(shape[1:])) ** 0.5)
            values = random.standard_normal(shape, np.float32) * spread
        elif name.endswith("weight"):
            values = random.random(shape, np.float32) + np.float32(0.5)
        else:
            values = random.standard_normal(shape, np.float32) * np.float32(0.1)
        found[name] = torch.from_numpy(values)
    return found


def dists_weights() -> dict[str, Tensor]:
    """`alpha` and `beta` under the published names."""
    random = np.random.default_rng(7)
    return {key: torch.from_numpy(random.random((1, 1475, 1, 1), np.float32)) for key in ("alpha", "beta")}


def planes() -> tuple[Tensor, Tensor]:
    """The two pictures, `[1, 3, 72, 96]` in [0, 1]."""
    first, second = (torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float() / 255 for p in pictures())
    return first, second


def clip() -> Tensor:
    """A clip of 16 frames that moves, `[1, 3, 16, 56, 56]` in [-1, 1]."""
    plane = planes()[1][0, :, :56, :56]
    return torch.stack([plane.roll(2 * i, -1) for i in range(16)], 1)[None] * 2 - 1


def amt_weights(network: nn.Module) -> dict[str, Tensor]:
    """Weaker ones: eleven stages in a row would drive every pixel of the frame to black or white."""
    return {n: t * 0.6 if t.ndim > 1 else t for n, t in random_weights(network, 5).items()}


def moving(n_frames: int) -> list[Pixels]:
    """Frames of 130 x 150 that move, RGB `[H, W, 3]`."""
    large = np.kron(pictures()[1], np.ones((2, 2, 1), np.uint8))[:130, :150]
    return [np.roll(large, (2 * i * i, -5 * i), (0, 1)) for i in range(n_frames)]


def noise() -> Pixels:
    """A picture RGB that overshoots when it is enlarged in cubic curves, `[100, 179, 3]`."""
    return np.random.default_rng(0).integers(0, 256, (100, 179, 3), np.uint8)


def tower() -> CLIPVisionModelWithProjection:
    """CLIP's picture tower: one head of 64, as the published code counts them, two layers."""
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 1, "patch_size": 56}
    model = CLIPVisionModelWithProjection(_clip_config(sizes).vision_config).eval()
    model.load_state_dict(random_weights(model, 8), strict=False)
    return model


def save_tower(folder: Path) -> Path:
    """A transformers folder of CLIP with that tower and another for words."""
    model = CLIPModel(_clip_config(tower().config.to_dict()))
    model.load_state_dict(tower().state_dict(), strict=False)
    model.save_pretrained(folder)
    return folder


def aesthetic_head() -> dict[str, Tensor]:
    """A linear head under the published names."""
    return random_weights(nn.Linear(16, 1), 9)


def _clip_config(vision: dict[str, Any]) -> CLIPConfig:
    text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50}
    keys = ("hidden_size", "num_hidden_layers", "num_attention_heads", "patch_size")
    sizes = {**{key: vision[key] for key in keys}, "intermediate_size": 4 * vision["hidden_size"]}
    return CLIPConfig(
        text_config=text, vision_config={**sizes, "projection_dim": 16, "image_size": 224}, projection_dim=16
    )


def main() -> None:
    """The values of the published code."""
    import sys

    import pytorch_fid.inception as fid
    from cdfvd.third_party.i3d.pytorch_i3d import InceptionI3d
    from DISTS_pytorch import DISTS_pt

    from toonctl.models.i3d import I3d
    from toonctl.models.inception import Inception2015

    backbone = _vgg(backbone_weights("vgg"))
    DISTS_pt.models.vgg16 = lambda **_: backbone
    dists: Any = DISTS_pt.DISTS(load_weights=False).eval()
    with torch.inference_mode():
        dists.alpha.copy_(dists_weights()["alpha"])
        dists.beta.copy_(dists_weights()["beta"])
        sys.stdout.write(f"dists {float(dists(*planes())):.9g}\n")
        ours = Inception2015()
        published = _published_inception(fid)
        published.load_state_dict(random_weights(ours, 1), strict=False)
        fid.fid_inception_v3 = lambda: published
        vector = fid.InceptionV3([3]).eval()(planes()[0])[0][0, :, 0, 0]
        sys.stdout.write(f"inception {vector[:4].tolist()} mean {float(vector.mean()):.9g}\n")
        moving: Any = InceptionI3d(400).eval()
        moving.load_state_dict(random_weights(I3d(), 2), strict=False)
        frames = torch.nn.functional.interpolate(clip()[0].transpose(0, 1), (224, 224), mode="bilinear")
        logits = moving(frames.transpose(0, 1)[None])[0]
        sys.stdout.write(f"i3d {logits[:4].tolist()} mean {float(logits.mean()):.9g}\n")
        sys.stdout.write(f"aesthetic {_published_aesthetic()}\n")
        from vbench.utils import dino_transform

        plane = dino_transform(224)(torch.Tensor(noise()[None]).permute(0, 3, 1, 2))[0]
        sys.stdout.write(f"plane {plane[:, 100, 100].tolist()} means {plane.mean((1, 2)).tolist()}\n")


def _published_aesthetic() -> list[float]:
    """The scores of the noise and of a smooth picture."""
    from clip.model import CLIP
    from vbench.aesthetic_quality import laion_aesthetic

    eye: Any = CLIP(16, 224, 2, 64, 56, 8, 50, 64, 1, 1).eval()
    eye.visual.load_state_dict(_openai_names(tower().state_dict()))
    head = nn.Linear(16, 1)
    head.load_state_dict(aesthetic_head())
    with tempfile.TemporaryDirectory() as name:
        paths = [str(Path(name) / f"{index}.png") for index in range(2)]
        for path, picture in zip(paths, (noise(), pictures()[0]), strict=True):
            cv2.imwrite(path, np.ascontiguousarray(picture[..., ::-1]))
        _, scores = laion_aesthetic(head, eye, paths, "cpu")
    return [score["video_results"] for score in scores]


def _openai_names(ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tower's weights under the names of openai/CLIP."""
    places = {
        "class_embedding": "embeddings.class_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
        "conv1.weight": "embeddings.patch_embedding.weight",
        **{f"ln_pre.{end}": f"pre_layrnorm.{end}" for end in ("weight", "bias")},
        **{f"ln_post.{end}": f"post_layernorm.{end}" for end in ("weight", "bias")},
    }
    parts = {"attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    parts |= {"ln_1": "layer_norm1", "ln_2": "layer_norm2"}
    for layer in range(2):
        for theirs, own in parts.items():
            for end in ("weight", "bias"):
                places[f"transformer.resblocks.{layer}.{theirs}.{end}"] = (
                    f"encoder.layers.{layer}.{own}.{end}"
                )
    found = {theirs: ours[f"vision_model.{own}"] for theirs, own in places.items()}
    for layer in range(2):
        for end in ("weight", "bias"):
            three = [ours[f"vision_model.encoder.layers.{layer}.self_attn.{n}_proj.{end}"] for n in "qkv"]
            found[f"transformer.resblocks.{layer}.attn.in_proj_{end}"] = torch.cat(three)
    return {**found, "proj": ours["visual_projection.weight"].T}


def _vgg(features: dict[str, Tensor]) -> Any:
    import torchvision

    network = torchvision.models.vgg16(weights=None)
    network.load_state_dict(features, strict=False)
    return network


def _published_inception(fid: Any) -> Any:
    """What `fid_inception_v3` builds before it fetches its weights."""
    import torchvision

    network = torchvision.models.inception_v3(
        num_classes=1008, aux_logits=False, init_weights=False, weights=None
    )
    for name, width in (("5b", 32), ("5c", 64), ("5d", 64)):
        n_in = {"5b": 192, "5c": 256, "5d": 288}[name]
        setattr(network, f"Mixed_{name}", fid.FIDInceptionA(n_in, pool_features=width))
    for name, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        setattr(network, f"Mixed_{name}", fid.FIDInceptionC(768, channels_7x7=width))
    network.Mixed_7b, network.Mixed_7c = fid.FIDInceptionE_1(1280), fid.FIDInceptionE_2(2048)
    return network


if __name__ == "__main__":
    main()
