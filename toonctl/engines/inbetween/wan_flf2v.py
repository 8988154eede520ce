"""Wan 2.1 first-last-frame 14B, and models built on it: whole pictures between two keys; needs CUDA.

Both keys are the ends of the clip, and the frames between stand for the times between. Weights of the same
form may be given in place of the published ones: `weights = { base = "..." }`. Those without places for two
pictures are told the first alone, those without image tokens none; all get both in their conditioning.

Noise comes from `seed`, drawn on the CPU.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor
from transformers import CLIPVisionModel

from toonctl.core.types import Pixels, Size
from toonctl.engines.base import StateStore
from toonctl.engines.diffusion.attention import Attention, computing
from toonctl.engines.inbetween._clips import fitting_steps
from toonctl.engines.inbetween._options import STRIDE, VideoOptions, is_near_trained
from toonctl.engines.inbetween._stages import (
    CODER,
    Host,
    Work,
    as_tensor,
    decoded,
    kept,
    kernel_of,
    name_of,
    with_encoder,
    with_network,
)
from toonctl.engines.inbetween._video import Clip, VideoEngine, VideoNetwork
from toonctl.models.checkpoint import WeightFiles, open_tokenizer
from toonctl.models.keymaps.wan_flf2v import TRANSFORMER
from toonctl.models.quantization.unpacking import open_unpacked
from toonctl.models.tooncomposer.encoders import encode_image, encode_prompt
from toonctl.models.tooncomposer.published import (
    load_text_encoder,
    load_vae,
    load_vision_encoder,
    our_shapes,
)
from toonctl.models.tooncomposer.vae import Tiling, decode
from toonctl.models.wan_flf2v.published import build_transformer, load_transformer, n_pictures
from toonctl.models.wan_flf2v.sampling import Prompt, RunSettings, Solver, condition, sample

NAME = "wan-flf2v"
ROLES = ("base", "text", "tokenizer", "vision", "vae")
NEEDS = {"cuda": True, "packages": (), "weights": ROLES}
GRID = {"width": 16, "height": 16, "frames": 4}

TRAINED_PX = {"480p": 832 * 480, "720p": 1280 * 720}
"""Pixels of a picture the network was trained on."""

_SHAPES: tuple[Size, ...] = ((16, 9), (3, 2), (4, 3), (1, 1), (3, 4), (2, 3), (9, 16))
_LEAST_FRAMES, _MOST_FRAMES = 33, 81
"""Of a clip: 81 as trained; shorter ones than 33 hold still."""
_UNEVEN = 1 / 6
"""Of the way between two drawings: a longer clip is taken where one would miss its time by more."""
_TIME_STRIDE = 4
_TOKEN_BYTES = 120_000
"""Of activations that a token takes at a block's fullest: stream, queries, keys, values, hidden layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WanOptions(VideoOptions):
    """Options of Wan: how it samples, how long a clip is, and how many pixels it has."""

    shift: float
    solver: Solver
    negative_prompt: str
    clip_frames: int | Literal["auto"]
    resolution: Literal["480p", "720p"]

    def size_for(self, picture: Size) -> Size:
        trained = TRAINED_PX[self.resolution]
        if self.drawn_size is not None:
            return self.drawn_size
        if is_near_trained(picture, trained):
            return picture
        aspect = picture[0] / picture[1]
        width, height = (
            max(2, int(math.sqrt(trained * shape)) // STRIDE) * STRIDE for shape in (aspect, 1 / aspect)
        )
        return width, height

    def canvas_sizes(self) -> tuple[Size, ...]:
        return tuple(dict.fromkeys(self.size_for(shape) for shape in _SHAPES))

    def steps_between(self, times: Sequence[float]) -> int:
        if self.clip_frames != "auto":
            return self.clip_frames - 1
        choices = range(_LEAST_FRAMES - 1, _MOST_FRAMES, _TIME_STRIDE)
        return fitting_steps(times, choices, uneven=_UNEVEN)


class Films:
    """Draws clips; text, image features and the clip's latents are kept in `state`."""

    def __init__(self, options: WanOptions, folders: Mapping[str, Path], host: Host) -> None:
        self.options, self.folders, self.host = options, folders, host

    def film(self, clip: Clip, state: StateStore) -> Tensor:
        """The film, as `Filmer` has it. Raises: OutOfMemory."""
        options = self.options
        run = RunSettings(options.steps, options.guidance, options.shift, options.solver, clip.seed)
        decides = (*clip.keys, clip.prompt, options.negative_prompt, clip.steps, asdict(run))
        latents = kept(state, name_of("clip", *decides), lambda: {"latents": self._latents(clip, run, state)})
        return self._decoded(latents["latents"])

    def _latents(self, clip: Clip, run: RunSettings, state: StateStore) -> Tensor:
        first, last = map(as_tensor, clip.keys)
        positive, negative = self._texts(clip.prompt, state)
        image = kept(state, name_of("vision", *clip.keys), partial(self._encode_images, clip.keys))
        conditioning = with_encoder(
            self._load_vae,
            lambda vae: condition(vae, first, last, clip.steps + 1),
            self.host,
            what=CODER,
        )
        tokens = conditioning[0, 0].numel() // 4
        kernel = kernel_of(self.options.attention, partial(self._attention, tokens), self.host)

        def draw(network: WanTransformer3DModel) -> Tensor:
            told = Prompt(positive, negative, _seen(image, n_pictures(network)))
            with computing(kernel):
                *_, latents = sample(network, conditioning, told, run, device=self.host.device)
            return latents.cpu()

        work = Work("the transformer", ("blocks",), tokens * _TOKEN_BYTES)
        return with_network(self._load_transformer, draw, self.host, work)

    def _texts(self, prompt: str, state: StateStore) -> tuple[Tensor, Tensor]:
        """Features of what is wanted and of what is not, which counts only under guidance."""
        texts = tuple(dict.fromkeys((prompt, self.options.negative_prompt)))
        found = kept(state, name_of("texts", *texts), partial(self._encode_texts, texts))
        return found["0"], found[str(len(texts) - 1)]

    def _encode_texts(self, texts: Sequence[str]) -> Mapping[str, Tensor]:
        tokenizer = open_tokenizer(self.folders["tokenizer"])
        features = with_encoder(
            lambda: load_text_encoder(self._open("text", self._encoder_dtype), dtype=self._encoder_dtype),
            lambda encoder: [encode_prompt(encoder, tokenizer, text) for text in texts],
            # A run has these texts alone: it is let go, which makes room for the transformer.
            replace(self.host, stays={}),
            what="the text encoder",
        )
        return {str(number): each for number, each in enumerate(features)}

    def _encode_images(self, keys: tuple[Pixels, Pixels]) -> Mapping[str, Tensor]:
        def look(encoder: CLIPVisionModel) -> list[Tensor]:
            with torch.no_grad():
                return [encode_image(encoder, as_tensor(key)).cpu() for key in keys]

        first, last = with_encoder(
            lambda: load_vision_encoder(self._open("vision", self._encoder_dtype), dtype=self._encoder_dtype),
            look,
            self.host,
            what="the image encoder",
        )
        return {"first": first, "last": last}

    def _decoded(self, latents: Tensor) -> Tensor:
        def in_one(vae: AutoencoderKLWan, is_tiled: bool) -> Tensor:
            with torch.no_grad():
                return decode(vae, latents.to(self.host.device), tiling=Tiling() if is_tiled else None).cpu()

        return decoded(self._load_vae, in_one, self.host, how=self.options.decode)

    def _load_transformer(self) -> WanTransformer3DModel:
        dtype = self.options.network_dtype
        network = load_transformer(self._open("base", dtype), dtype=dtype)
        if self.options.compile:
            network.compile_repeated_blocks(fullgraph=True)
        return network

    def _attention(self, tokens: int) -> Attention:
        weights = self._open("base", self.options.network_dtype)
        config = build_transformer(our_shapes(weights, TRANSFORMER)).config
        n_heads, head_dim = config["num_attention_heads"], config["attention_head_dim"]
        return Attention(1, n_heads, tokens, head_dim, self.options.network_dtype)

    def _load_vae(self) -> AutoencoderKLWan:
        return load_vae(self._open("vae", torch.float32))

    def _open(self, role: str, dtype: torch.dtype) -> WeightFiles:
        return open_unpacked(self.folders[role], dtype)

    @property
    def _encoder_dtype(self) -> torch.dtype:
        return torch.float32 if self.options.dtype == "fp32" else torch.bfloat16


NETWORK = VideoNetwork(NAME, ROLES, WanOptions, Films)


class Engine(VideoEngine):
    """Draws what lies between keys, each layer for itself."""

    def __init__(self) -> None:
        super().__init__(NETWORK)


def _seen(image: Mapping[str, Tensor], n_pictures: int) -> Tensor | None:
    """The image features `[P, 257, E]` of the P keys that the network has places for, from the first on."""
    features = [image["first"], image["last"]][:n_pictures]
    return torch.cat(features) if features else None
