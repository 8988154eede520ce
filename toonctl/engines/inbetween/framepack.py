"""FramePack on HunyuanVideo 13B: whole pictures between two keys, drawn by a video model; needs CUDA.

Sampling is inverted anti-drifting with a last picture, as in diffusers' pipeline: the film is drawn from its
end to its start and ends one frame before the last key, which is the artist's own. Only the weights
`FramePackI2V_HY` can do that; F1's, whose keys are the same, have no end.

`compat = "upstream"` repeats what that pipeline does otherwise than it was meant: it averages the image
features of both keys and then passes on those of the first alone. Here both count.

Chance comes from `seed`, drawn on the CPU: the keys' latents first, then every section in order of drawing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

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
from toonctl.models.checkpoint import open_tokenizer, open_weights, read_config
from toonctl.models.framepack import published
from toonctl.models.framepack.coding import decode_film, encode_key
from toonctl.models.framepack.encoders import encode_image, encode_pooled, encode_text
from toonctl.models.framepack.sampling import (
    FramepackTransformer,
    Inputs,
    Noises,
    Prompt,
    RunSettings,
    sample_sections,
)
from toonctl.models.framepack.sections import frame_count
from toonctl.models.registry import locate
from toonctl.regions.packing.plan import Canvas

NAME = "framepack"
ROLES = ("transformer", "vae", "text", "tokenizer", "text-2", "tokenizer-2", "vision")
NEEDS = {"cuda": True, "packages": (), "weights": ROLES}
GRID = {"width": 16, "height": 16, "frames": 4}

BUCKETS: tuple[Size, ...] = (
    (416, 960), (448, 864), (480, 832), (512, 768), (544, 704), (576, 672), (608, 640),
    (640, 608), (672, 576), (704, 544), (768, 512), (832, 480), (864, 448), (960, 416),
)  # fmt: skip
"""Width and height of the pictures that the network was trained on."""

_TRAINED_PX = 640 * 640
_BLOCKS = ("transformer_blocks", "single_transformer_blocks")
_MOST_SECTIONS = 8
_TOKEN_BYTES = 150_000
"""Of activations that a token takes at a block's fullest: stream, queries, keys, values, hidden layer."""
_OTHER_TOKENS = 5_000
"""Of history, text and image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramepackOptions(VideoOptions):
    """Options of FramePack: the length of a section in latent frames, and how many there are."""

    window: int
    sections: int | Literal["auto"]

    def size_for(self, picture: Size) -> Size:
        """The size a picture is drawn at: as asked, else its own if trained, else the nearest."""
        if self.drawn_size is not None:
            return self.drawn_size
        if is_near_trained(picture, _TRAINED_PX):
            return picture
        return min(BUCKETS, key=lambda size: abs(size[0] * picture[1] / (size[1] * picture[0]) - 1))


class Engine:
    """Draws what lies between keys, each layer for itself."""

    def facts(self, options: Mapping[str, object]) -> EngineFacts:
        """Number format, weights and device. Raises: EngineError without the device, CheckpointError."""
        asked = FramepackOptions.of(options)
        device = pick_device(asked.device)
        weights = weights_facts(NAME, ROLES, asked.weights)
        return EngineFacts(str(asked.network_dtype).removeprefix("torch."), weights, str(device))

    def canvas(self, options: Mapping[str, object]) -> Canvas:
        """The size asked for, or all that the network was trained on."""
        asked = FramepackOptions.of(options).drawn_size
        return Canvas(BUCKETS if asked is None else (asked,), GRID["width"])

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
    ) -> "FramepackPictures":
        """What draws whole pictures between two. Raises: CheckpointError when its weights are unusable."""
        asked = FramepackOptions.of(options)
        folders = {role: locate(NAME, role, given=asked.weights) for role in ROLES}
        host = Host(pick_device(asked.device), asked.memory, tell)
        return FramepackPictures(asked, folders, host, state)


@dataclass(frozen=True, slots=True)
class FramepackPictures:
    """Whole pictures between two; text, image features and sections are kept in `state`."""

    options: FramepackOptions
    folders: Mapping[str, Path]
    host: Host
    state: StateStore

    def between(
        self, first: Pixels, last: Pixels, times: Sequence[float], *, prompt: str, seed: int
    ) -> list[Pixels]:
        """The pictures RGB `[H, W, 3]` at `times`, as `PictureInbetweener` has it. Raises: OutOfMemory."""
        options, window = self.options, self.options.window
        counts = range(1, _MOST_SECTIONS + 1) if options.sections == "auto" else (options.sections,)
        steps = fitting_steps(times, (frame_count(count, window) for count in counts))
        run = RunSettings(options.steps, options.guidance, window, n_sections=(steps - 1) // (4 * window))
        found = places(times, steps)
        if held := shared(found):
            self.host.tell(held)
        fit = Fit(size_of(first), options.size_for(size_of(first)))
        keys = fit.into(first), fit.into(last)
        sections = self._sections(keys, prompt, seed, run)
        film = self._decoded(sections, window)
        return [fit.back(as_picture(film, place)) for place in found]

    def _sections(
        self, keys: tuple[Pixels, Pixels], prompt: str, seed: int, run: RunSettings
    ) -> list[Tensor]:
        """The latents of all sections, those that an earlier run has drawn taken from its memory."""
        width, height = size_of(keys[0])
        noises = Noises.of(seed, run, (height // 8, width // 8))
        decides = (*keys, prompt, seed, asdict(run), self.options.compat)
        names = [name_of(f"section-{number}", *decides) for number in range(run.n_sections)]
        drawn: list[Tensor] = []
        while len(drawn) < len(names) and self.state.get(names[len(drawn)]) is not None:
            drawn.append(kept(self.state, names[len(drawn)], dict)["latents"])
        if len(drawn) == len(names):
            return drawn
        inputs = self._inputs(keys, prompt, noises)

        def draw(transformer: FramepackTransformer) -> list[Tensor]:
            network = tuned(transformer, attention=self.options.attention, is_compiled=self.options.compile)
            # Sections drawn under a plan that ran out of memory later on stay drawn.
            going = sample_sections(
                network, inputs, run, noises=noises.sections, drawn=tuple(drawn), device=self.host.device
            )
            for name, latents in zip(names[len(drawn) :], going, strict=True):
                drawn.append(kept(self.state, name, lambda latents=latents: {"latents": latents})["latents"])
            return drawn

        tokens = run.window * width * height // 256 + _OTHER_TOKENS
        return with_network(
            self._load_transformer, draw, self.host, blocks=_BLOCKS, activations=tokens * _TOKEN_BYTES
        )

    def _inputs(self, keys: tuple[Pixels, Pixels], prompt: str, noises: Noises) -> Inputs:
        text = kept(self.state, name_of("text", prompt), partial(self._encode_text, prompt))
        image = kept(self.state, name_of("vision", *keys), partial(self._encode_images, keys))
        first, last = image["first"], image["last"]
        pair = with_encoder(
            self._load_vae,
            lambda vae: [
                encode_key(vae, as_tensor(key), noise)
                for key, noise in zip(keys, (noises.first, noises.last), strict=True)
            ],
            self.host,
            what="the picture coder",
        )
        return Inputs(
            Prompt(text["states"], text["mask"], text["pooled"]),
            first if self.options.compat == "upstream" else (first + last) / 2,
            first=pair[0],
            last=pair[1],
        )

    def _encode_text(self, prompt: str) -> Mapping[str, Tensor]:
        folder, tokenizers = (
            self.folders,
            {role: open_tokenizer(self.folders[role]) for role in ("tokenizer", "tokenizer-2")},
        )
        states, mask = with_network(
            partial(_loaded, published.load_llama, folder["text"], self._half),
            lambda llama: encode_text(llama, tokenizers["tokenizer"], prompt),
            # The plan asked for is the transformer's; a prompt read with less precision would gain nothing.
            replace(self.host, memory="auto"),
            blocks=("layers",),
        )
        pooled = with_encoder(
            partial(_loaded, published.load_clip, folder["text-2"], self._half),
            lambda clip: encode_pooled(clip, tokenizers["tokenizer-2"], prompt),
            self.host,
            what="the second text encoder",
        )
        return {"states": states, "mask": mask, "pooled": pooled}

    def _encode_images(self, keys: tuple[Pixels, Pixels]) -> Mapping[str, Tensor]:
        first, last = with_encoder(
            partial(_loaded, published.load_siglip, self.folders["vision"], self._half),
            lambda siglip: [encode_image(siglip, as_tensor(key)) for key in keys],
            self.host,
            what="the image encoder",
        )
        return {"first": first, "last": last}

    def _decoded(self, sections: Sequence[Tensor], window: int) -> Tensor:
        def decode(vae: published.AutoencoderKLHunyuanVideo, is_tiled: bool) -> Tensor:
            if is_tiled:
                vae.enable_tiling()
            return decode_film(vae, sections, window=window)

        return decoded(self._load_vae, decode, self.host, how=self.options.decode)

    def _load_transformer(self) -> FramepackTransformer:
        return _loaded(published.load_transformer, self.folders["transformer"], self.options.network_dtype)

    def _load_vae(self) -> published.AutoencoderKLHunyuanVideo:
        return _loaded(published.load_vae, self.folders["vae"], self._half)

    @property
    def _half(self) -> torch.dtype:
        """What encoders and VAE compute in: float16, as published, where the card can."""
        is_half = self.host.device.type == "cuda" and self.options.dtype != "fp32"
        return torch.float16 if is_half else torch.float32


def _loaded(load: Callable[..., published.M], folder: Path, dtype: torch.dtype) -> published.M:
    return load(open_weights(folder), read_config(folder), dtype=dtype)
