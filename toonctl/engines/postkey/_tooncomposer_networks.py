"""ToonComposer's five networks from their files: each loaded, placed and freed as the card allows.

Each is read once a shot. The text encoder goes when all words are read; the image encoder is on the card for
its turns only; the VAE stays; the transformer stays until something else needs its room, and comes back.
"""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from transformers import CLIPVisionModel

from toonctl.core.errors import CheckpointError, OutOfMemory
from toonctl.core.types import Pixels
from toonctl.engines.diffusion.attention import NATIVE, Attention, choose, computing
from toonctl.engines.diffusion.device import pick_device
from toonctl.engines.diffusion.peaks import Peaks
from toonctl.engines.diffusion.placing import need_of, place
from toonctl.engines.diffusion.plans import Need, Plan, is_out_of_memory, plans_for, run_down
from toonctl.engines.diffusion.turns import Guest
from toonctl.engines.postkey._tooncomposer_options import ToonComposerOptions
from toonctl.engines.postkey._tooncomposer_pictures import as_pixels
from toonctl.models.checkpoint import WeightFiles, open_tokenizer
from toonctl.models.keymaps.tooncomposer import TRANSFORMER
from toonctl.models.quantization.unpacking import open_unpacked
from toonctl.models.registry import locate
from toonctl.models.tooncomposer.conditioning import Conditioning, SparseFrames, condition
from toonctl.models.tooncomposer.cost import VideoSize, block_activation_bytes
from toonctl.models.tooncomposer.encoders import encode_image, encode_prompt
from toonctl.models.tooncomposer.published import (
    check_config,
    load_text_encoder,
    load_transformer,
    load_vae,
    load_vision_encoder,
    our_shapes,
    transformer_params,
)
from toonctl.models.tooncomposer.system import Inputs, StepThrough, denoise
from toonctl.models.tooncomposer.transformer import ToonComposerTransformer
from toonctl.models.tooncomposer.vae import Tiling, decode

ENGINE = "tooncomposer"
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}

T = TypeVar("T")


def roles(options: ToonComposerOptions) -> tuple[str, ...]:
    """The roles of the weights, as the registry calls them."""
    return (f"adapter-{options.resolution}", "base", "text", "tokenizer", "vision", "vae")


def pick_dtype(options: ToonComposerOptions, device: torch.device) -> torch.dtype:
    """What the networks compute in; on a CPU float32 unless another is named."""
    if options.dtype != "auto":
        return _DTYPES[options.dtype]
    return torch.float32 if device.type == "cpu" else torch.bfloat16


class Networks:
    """The networks under given options. Raises: EngineError without the device, CheckpointError."""

    def __init__(self, options: ToonComposerOptions, tell: Callable[[str], object]) -> None:
        self.device = pick_device(options.device)
        self._options = options
        self._tell = tell
        self._dtype = pick_dtype(options, self.device)
        self._paths = {role: locate(ENGINE, role, given=options.weights) for role in roles(options)}
        vae = load_vae(self._open("vae"), dtype=self._dtype)
        self._vae = place(vae, Plan.RESIDENT, self.device, blocks=())
        self._vision: Guest[CLIPVisionModel] | None = None
        self._kernel = NATIVE
        self._transformer = _PlacedTransformer(self._load_transformer, self.device, options.memory, tell)

    @torch.no_grad()
    def text(self, *prompts: str) -> list[Tensor]:
        """Features `[1, 512, D]` of each text, float32 on the CPU. Raises: CheckpointError, OutOfMemory."""
        tokenizer = open_tokenizer(self._paths["tokenizer"])

        def attempt(plan: Plan) -> list[Tensor]:
            encoder = load_text_encoder(self._open("text"), dtype=self._dtype)
            place(encoder.encoder, plan, self.device, blocks=("block",))
            return [encode_prompt(encoder, tokenizer, prompt).cpu() for prompt in prompts]

        plans = (Plan.RESIDENT,) if self.device.type == "cpu" else (Plan.RESIDENT, Plan.STREAMED)
        features = run_down(plans, attempt, lambda text: self._tell(f"text encoder: {text}"))
        release()
        return features

    @torch.no_grad()
    def conditioning(
        self, frames: SparseFrames, alpha: float | tuple[float, ...]
    ) -> tuple[Conditioning, Tensor]:
        """The conditioning of a segment and its image features `[1, 257, E]`, on the CPU."""

        def work() -> tuple[Conditioning, Tensor]:
            found = condition(self._vae, frames, alpha=alpha)
            with self._seeing().turn() as encoder:
                return found, encode_image(encoder, found.first_color).cpu()

        return self._with_room("reading the pictures", [("alone on the card", work)])

    def denoise(self, inputs: Inputs, through: StepThrough) -> Iterator[Tensor]:
        """The latents after each step, on the CPU; the next plan does a step that runs out of memory."""
        size = _video_size(inputs)
        self._kernel = self._chosen_kernel(size)
        latents = inputs.noise()
        for index in range(inputs.run.num_inference_steps):
            step = partial(self._step, latents, inputs, index, through)
            latents = self._transformer.run(step, size)
            yield latents

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Pixels:
        """The frames RGB `[F, H, W, 3]` of sampled latents, whole or in tiles as the options say."""
        whole = ("alone on the card", partial(self._decode, latents, None))
        tiles = ("in blended tiles", partial(self._decode, latents, Tiling()))
        ways = {"auto": [whole, tiles], "whole": [whole], "tiles": [tiles]}
        return self._with_room("decoding", ways[self._options.decode])

    def close(self) -> None:
        """Frees the networks that stay."""
        self._transformer.drop()
        self._vision = None

    def _decode(self, latents: Tensor, tiling: Tiling | None) -> Pixels:
        return as_pixels(decode(self._vae, latents.to(self.device), tiling=tiling))

    def _step(
        self,
        latents: Tensor,
        inputs: Inputs,
        index: int,
        through: StepThrough,
        transformer: ToonComposerTransformer,
    ) -> Tensor:
        with computing(self._kernel):
            return denoise(transformer, latents.to(self.device), inputs, index, through=through).cpu()

    def _seeing(self) -> Guest[CLIPVisionModel]:
        """The image encoder, on the card while it is used."""
        if self._vision is None:
            encoder = load_vision_encoder(self._open("vision"), dtype=self._dtype)
            self._vision = Guest(encoder)
            place(encoder, Plan.RESIDENT, self.device, blocks=())
        return self._vision

    def _chosen_kernel(self, size: VideoSize) -> str:
        """The attention kernel for videos of `size`, told when it is not torch's own choice."""

        def longest() -> Attention:
            params = transformer_params(our_shapes(self._open("base"), TRANSFORMER))
            return Attention(1, params.n_heads, size.tokens, params.head_dim, self._dtype)

        kernel = choose(self._options.attention, longest, self.device)
        if self._options.attention == "auto" and kernel not in (NATIVE, self._kernel):
            self._tell(f"attention is computed by the kernel `{kernel}`")
        return kernel

    def _open(self, role: str) -> WeightFiles:
        return open_unpacked(self._paths[role], self._dtype)

    def _load_transformer(self) -> ToonComposerTransformer:
        adapter = self._paths[f"adapter-{self._options.resolution}"]
        _check_settings(adapter if adapter.is_dir() else adapter.parent)
        model = load_transformer(self._open("base"), open_unpacked(adapter, self._dtype), dtype=self._dtype)
        if self._options.compile:
            model.compile_repeated_blocks()
        return model

    def _with_room(self, what: str, ways: Sequence[tuple[str, Callable[[], T]]]) -> T:
        """The first of `ways` that has room, tried beside the transformer and then without it."""
        tries = list(ways)
        if self._transformer.is_here:
            tries.insert(0, ("beside the transformer", ways[0][1]))
        for number, (name, way) in enumerate(tries):
            try:
                return way()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            self._transformer.leave()
            if number + 1 < len(tries):
                self._tell(f"{what} {name} ran out of memory; going on {tries[number + 1][0]}")
        hint = "use a card with more memory, a smaller size, or fewer frames at a time"
        raise OutOfMemory(f"out of memory while {what}", "engine.segment_frames", hint)


class _PlacedTransformer:
    """The transformer under the first memory plan that works; only for a smaller plan it is read again."""

    def __init__(
        self,
        load: Callable[[], ToonComposerTransformer],
        device: torch.device,
        memory: str,
        tell: Callable[[str], object],
    ) -> None:
        self._load, self._device, self._memory, self._tell = load, device, memory, tell
        self._plans: tuple[Plan, ...] = ()
        self._need: Need | None = None
        self._read: ToonComposerTransformer | None = None
        self._placed: tuple[Plan, Guest[ToonComposerTransformer]] | None = None
        self.is_here = False

    def run(self, work: Callable[[ToonComposerTransformer], T], size: VideoSize) -> T:
        """What `work` gives with the placed transformer, for a video of `size`. Raises: OutOfMemory."""
        peaks = Peaks(ENGINE, self._needed(size), self._device)
        if not self._plans:
            self._plans = plans_for(self._memory, self._device, peaks.need, peaks)

        def attempt(plan: Plan) -> T:
            network = self._under(plan)
            self._plans = self._plans[self._plans.index(plan) :]
            return work(network)

        return run_down(self._plans, attempt, self._tell, peaks)

    def leave(self) -> None:
        """Makes room on the card."""
        if self._placed is not None:
            self._placed[1].leave()
        self.is_here = False
        release()

    def drop(self) -> None:
        """Frees it for good."""
        self._read = self._placed = None
        self.is_here = False
        release()

    def _needed(self, size: VideoSize) -> Need:
        """The bytes of the transformer as it was read, and of a forward pass over a video of `size`."""
        network = self._read or (self._placed[1].network if self._placed else None)
        if network is None:
            network = self._read = self._load()
        if self._need is None:
            self._need = need_of(network, blocks=("blocks",))
        return replace(self._need, activations=block_activation_bytes(network.params, size))

    def _under(self, plan: Plan) -> ToonComposerTransformer:
        """The transformer on the card, placed as `plan` says, which cannot be undone."""
        if self._placed is None or self._placed[0] is not plan:
            self._placed = None
            network, self._read = self._read or self._load(), None
            self.is_here = True
            guest = Guest(network, has_home=plan is Plan.RESIDENT)
            place(network, plan, self._device, blocks=("blocks",))
            self._placed = (plan, guest)
        self.is_here = True
        return self._placed[1].come()


def release() -> None:
    """Gives memory that nothing holds any more back to the card."""
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.empty_cache()


def _video_size(inputs: Inputs) -> VideoSize:
    _, _, n_latents, h, w = inputs.conditioning.video.shape
    return VideoSize(4 * (n_latents - 1) + 1, 8 * h, 8 * w, len(inputs.conditioning.sketches.indices))


def _check_settings(folder: Path) -> None:
    """Refuses an adapter whose `config.json` describes another kind of network. Raises: CheckpointError."""
    path = folder / "config.json"
    try:
        settings = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the settings of the adapter cannot be read: {error}", str(path)) from error
    check_config(settings, name=str(path))
