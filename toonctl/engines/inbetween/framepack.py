"""FramePack on HunyuanVideo 13B: whole pictures between two keys, drawn by a video model; needs CUDA.

Sampling is inverted anti-drifting with a last picture, as in diffusers' pipeline: the film is drawn from its
end to its start and ends one frame before the last key, which is the artist's own. Only the weights
`FramePackI2V_HY` can do that; F1's, whose keys are the same, have no end.

`compat = "upstream"` repeats what that pipeline does otherwise than it was meant: it averages the image
features of both keys and then passes on those of the first alone. Here both count.

Chance comes from `seed`, drawn on the CPU: the keys' latents first, then every section in order of drawing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from toonctl.core.types import Pixels, Size
from toonctl.engines.base import StateStore
from toonctl.engines.diffusion.attention import Attention, computing
from toonctl.engines.inbetween._clips import fitting_steps
from toonctl.engines.inbetween._options import VideoOptions, is_near_trained
from toonctl.engines.inbetween._pictures import size_of
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
from toonctl.models.checkpoint import open_tokenizer, read_config
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
from toonctl.models.quantization.unpacking import open_unpacked

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
        if self.drawn_size is not None:
            return self.drawn_size
        if is_near_trained(picture, _TRAINED_PX):
            return picture
        return min(BUCKETS, key=lambda size: abs(size[0] * picture[1] / (size[1] * picture[0]) - 1))

    def canvas_sizes(self) -> tuple[Size, ...]:
        return BUCKETS if self.drawn_size is None else (self.drawn_size,)

    def steps_between(self, times: Sequence[float]) -> int:
        counts = range(1, _MOST_SECTIONS + 1) if self.sections == "auto" else (self.sections,)
        return fitting_steps(times, (frame_count(count, self.window) for count in counts))


class Films:
    """Draws clips section by section; text, image features and sections are kept in `state`."""

    def __init__(self, options: FramepackOptions, folders: Mapping[str, Path], host: Host) -> None:
        self.options, self.folders, self.host = options, folders, host

    def film(self, clip: Clip, state: StateStore) -> Tensor:
        """The film, as `Filmer` has it. Raises: OutOfMemory."""
        options, window = self.options, self.options.window
        n_sections = (clip.steps - 1) // (4 * window)
        run = RunSettings(options.steps, options.guidance, window, n_sections=n_sections)
        return self._decoded(self._sections(clip, run, state), window)

    def _sections(self, clip: Clip, run: RunSettings, state: StateStore) -> list[Tensor]:
        """The latents of all sections, those that an earlier run has drawn taken from its memory."""
        width, height = size_of(clip.keys[0])
        noises = Noises.of(clip.seed, run, (height // 8, width // 8))
        decides = (*clip.keys, clip.prompt, clip.seed, asdict(run), self.options.compat)
        names = [name_of(f"section-{number}", *decides) for number in range(run.n_sections)]
        drawn: list[Tensor] = []
        while len(drawn) < len(names) and state.get(names[len(drawn)]) is not None:
            drawn.append(kept(state, names[len(drawn)], dict)["latents"])
        if len(drawn) == len(names):
            return drawn
        inputs = self._inputs(clip, noises, state)
        tokens = run.window * width * height // 256 + _OTHER_TOKENS
        kernel = kernel_of(self.options.attention, partial(self._attention, tokens), self.host)

        def draw(network: FramepackTransformer) -> list[Tensor]:
            # Sections drawn under a plan that ran out of memory later on stay drawn.
            going = sample_sections(
                network, inputs, run, noises=noises.sections, drawn=tuple(drawn), device=self.host.device
            )
            with computing(kernel):
                for name, latents in zip(names[len(drawn) :], going, strict=True):
                    drawn.append(kept(state, name, lambda latents=latents: {"latents": latents})["latents"])
            return drawn

        work = Work("the transformer", _BLOCKS, tokens * _TOKEN_BYTES)
        return with_network(self._load_transformer, draw, self.host, work)

    def _inputs(self, clip: Clip, noises: Noises, state: StateStore) -> Inputs:
        keys = clip.keys
        text = kept(state, name_of("text", clip.prompt), partial(self._encode_text, clip.prompt))
        image = kept(state, name_of("vision", *keys), partial(self._encode_images, keys))
        first, last = image["first"], image["last"]
        pair = with_encoder(
            self._load_vae,
            lambda vae: [
                encode_key(vae, as_tensor(key), noise)
                for key, noise in zip(keys, (noises.first, noises.last), strict=True)
            ],
            self.host,
            what=CODER,
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
            # There is one prompt to a run: it is let go, which makes room for the transformer.
            replace(self.host, memory="auto", stays={}),
            Work("the text encoder", ("layers",)),
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
            (vae.enable_tiling if is_tiled else vae.disable_tiling)()
            return decode_film(vae, sections, window=window)

        return decoded(self._load_vae, decode, self.host, how=self.options.decode)

    def _load_transformer(self) -> FramepackTransformer:
        network = _loaded(published.load_transformer, self.folders["transformer"], self.options.network_dtype)
        if self.options.compile:
            network.compile_repeated_blocks(fullgraph=True)
        return network

    def _attention(self, tokens: int) -> Attention:
        config = read_config(self.folders["transformer"])
        n_heads, head_dim = config["num_attention_heads"], config["attention_head_dim"]
        return Attention(1, n_heads, tokens, head_dim, self.options.network_dtype)

    def _load_vae(self) -> published.AutoencoderKLHunyuanVideo:
        return _loaded(published.load_vae, self.folders["vae"], self._half)

    @property
    def _half(self) -> torch.dtype:
        """What encoders and VAE compute in: float16, as published, where the card can."""
        is_half = self.host.device.type == "cuda" and self.options.dtype != "fp32"
        return torch.float16 if is_half else torch.float32


NETWORK = VideoNetwork(NAME, ROLES, FramepackOptions, Films)


class Engine(VideoEngine):
    """Draws what lies between keys, each layer for itself."""

    def __init__(self) -> None:
        super().__init__(NETWORK)


def _loaded(load: Callable[..., published.M], folder: Path, dtype: torch.dtype) -> published.M:
    return load(open_unpacked(folder, dtype), read_config(folder), dtype=dtype)
