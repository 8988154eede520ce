"""Wan 2.1 first-last-frame 14B, and models built on it: whole pictures between two keys; needs CUDA.

Both keys are the ends of the clip, and the frames between stand for the times between. Weights of the same
form may be given in place of the published ones: `weights = { base = "..." }`. Those without places for two
pictures are told the first alone, those without image tokens none; all get both in their conditioning.

Noise comes from `seed`, drawn on the CPU.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import Tensor
from transformers import CLIPVisionModel

from toonctl.core.types import Pixels, Size
from toonctl.engines.base import EngineFacts, InbetweenRequest, StateStore
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.weights import weights_facts
from toonctl.engines.inbetween._clips import fitting_steps, places, shared
from toonctl.engines.inbetween._options import VideoOptions, is_near_trained
from toonctl.engines.inbetween._pictures import Fit, draw_pictures, size_of
from toonctl.engines.inbetween._stages import (
    Host,
    as_picture,
    as_tensor,
    decoded,
    kept,
    name_of,
    tuned,
    with_encoder,
    with_network,
)
from toonctl.models.checkpoint import open_tokenizer, open_weights
from toonctl.models.registry import locate
from toonctl.models.tooncomposer.encoders import encode_image, encode_prompt
from toonctl.models.tooncomposer.published import load_text_encoder, load_vae, load_vision_encoder
from toonctl.models.tooncomposer.vae import Tiling, decode
from toonctl.models.wan_flf2v.published import load_transformer, n_pictures
from toonctl.models.wan_flf2v.sampling import Prompt, RunSettings, Solver, condition, sample
from toonctl.regions.packing.plan import Canvas

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
_TIME_STRIDE, _STRIDE = 4, 16
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
        """The size a picture is drawn at: as asked, else its own if trained, else one of its shape."""
        trained = TRAINED_PX[self.resolution]
        if self.drawn_size is not None:
            return self.drawn_size
        if is_near_trained(picture, trained):
            return picture
        aspect = picture[0] / picture[1]
        width, height = (
            max(2, int(math.sqrt(trained * shape)) // _STRIDE) * _STRIDE for shape in (aspect, 1 / aspect)
        )
        return width, height

    def steps_between(self, times: Sequence[float]) -> int:
        """Ways from frame to frame of a clip for these times."""
        if self.clip_frames != "auto":
            return self.clip_frames - 1
        choices = range(_LEAST_FRAMES - 1, _MOST_FRAMES, _TIME_STRIDE)
        return fitting_steps(times, choices, uneven=_UNEVEN)


class Engine:
    """Draws what lies between keys, each layer for itself."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format, weights and device. Raises: EngineError without the device, CheckpointError."""
        asked = WanOptions.of(options)
        device = pick_device(asked.device)
        weights = weights_facts(NAME, ROLES, asked.weights)
        return EngineFacts(str(asked.network_dtype).removeprefix("torch."), weights, str(device))

    def canvas(self, options: Mapping[str, object]) -> Canvas:
        """The size asked for, or the usual shapes at the trained number of pixels."""
        asked = WanOptions.of(options)
        return Canvas(tuple(dict.fromkeys(asked.size_for(shape) for shape in _SHAPES)), GRID["width"])

    def draw(self, request: InbetweenRequest) -> Iterator[object]:
        """What `deliver` returned for every wanted drawing, span by span.

        Raises: EngineError, CheckpointError, OutOfMemory after the automatic fall-backs.
        """
        return draw_pictures(
            request, lambda options: self.pictures(options, request.state, tell=request.tell)
        )

    def pictures(
        self,
        options: Mapping[str, object],
        state: StateStore,
        *,
        tell: Callable[[str], object] = lambda _text: None,
    ) -> "WanPictures":
        """What draws whole pictures between two. Raises: CheckpointError when its weights are unusable."""
        asked = WanOptions.of(options)
        folders = {role: locate(NAME, role, given=asked.weights) for role in ROLES}
        return WanPictures(asked, folders, Host(pick_device(asked.device), asked.memory, tell), state)


@dataclass(frozen=True, slots=True)
class WanPictures:
    """Whole pictures between two; text, image features and the clip's latents are kept in `state`."""

    options: WanOptions
    folders: Mapping[str, Path]
    host: Host
    state: StateStore

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        """The pictures RGB `[H, W, 3]` at `times`, as `PictureInbetweener` has it. Raises: OutOfMemory."""
        options = self.options
        steps = options.steps_between(times)
        run = RunSettings(options.steps, options.guidance, options.shift, options.solver, seed)
        found = places(times, steps)
        if held := shared(found):
            self.host.tell(held)
        fit = Fit(size_of(first), options.size_for(size_of(first)))
        keys = fit.into(first), fit.into(last)
        name = name_of("clip", *keys, prompt, options.negative_prompt, steps, asdict(run))
        latents = kept(self.state, name, lambda: {"latents": self._latents(keys, prompt, steps + 1, run)})
        film = self._decoded(latents["latents"])
        return [fit.back(as_picture(film, place)) for place in found]

    def _latents(self, keys: tuple[Pixels, Pixels], prompt: str, n_frames: int, run: RunSettings) -> Tensor:
        first, last = map(as_tensor, keys)
        positive, negative = self._texts(prompt)
        image = kept(self.state, name_of("vision", *keys), partial(self._encode_images, keys))
        conditioning = with_encoder(
            self._load_vae,
            lambda vae: condition(vae, first, last, n_frames),
            self.host,
            what="the picture coder",
        )

        def draw(transformer: WanTransformer3DModel) -> Tensor:
            network = tuned(transformer, attention=self.options.attention, is_compiled=self.options.compile)
            told = Prompt(positive, negative, _seen(image, n_pictures(network)))
            *_, latents = sample(network, conditioning, told, run, device=self.host.device)
            return latents.cpu()

        tokens = conditioning[0, 0].numel() // 4
        return with_network(
            self._load_transformer, draw, self.host, blocks=("blocks",), activations=tokens * _TOKEN_BYTES
        )

    def _texts(self, prompt: str) -> tuple[Tensor, Tensor]:
        """Features of what is wanted and of what is not, which counts only under guidance."""
        texts = [
            kept(self.state, name_of("text", text), partial(self._encode_text, text))["features"]
            for text in dict.fromkeys((prompt, self.options.negative_prompt))
        ]
        return texts[0], texts[-1]

    def _encode_text(self, text: str) -> Mapping[str, Tensor]:
        tokenizer = open_tokenizer(self.folders["tokenizer"])
        features = with_encoder(
            lambda: load_text_encoder(open_weights(self.folders["text"]), dtype=self._encoder_dtype),
            lambda encoder: encode_prompt(encoder, tokenizer, text),
            self.host,
            what="the text encoder",
        )
        return {"features": features}

    def _encode_images(self, keys: tuple[Pixels, Pixels]) -> Mapping[str, Tensor]:
        def look(encoder: CLIPVisionModel) -> list[Tensor]:
            with torch.no_grad():
                return [encode_image(encoder, as_tensor(key)).cpu() for key in keys]

        first, last = with_encoder(
            lambda: load_vision_encoder(open_weights(self.folders["vision"]), dtype=self._encoder_dtype),
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
        return load_transformer(open_weights(self.folders["base"]), dtype=self.options.network_dtype)

    def _load_vae(self) -> AutoencoderKLWan:
        return load_vae(open_weights(self.folders["vae"]))

    @property
    def _encoder_dtype(self) -> torch.dtype:
        return torch.float32 if self.options.dtype == "fp32" else torch.bfloat16


def _seen(image: Mapping[str, Tensor], n_pictures: int) -> Tensor | None:
    """The image features `[P, 257, E]` of the P keys that the network has places for, from the first on."""
    features = [image["first"], image["last"]][:n_pictures]
    return torch.cat(features) if features else None
