"""The published networks of a film, each read once, and on the card when its stage comes.

Where the card holds them all they stay there. Else they take turns: one waits at home in host memory while
another works, and is read again only where the host has no room to keep it.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.schedulers.scheduling_dpm_cogvideox import CogVideoXDPMScheduler
from tokenizers import Tokenizer
from torch import nn

from toonctl.core.errors import CheckpointError
from toonctl.engines.diffusion.attention import Attention, choose
from toonctl.engines.diffusion.placing import place
from toonctl.engines.diffusion.plans import Need, Plan
from toonctl.engines.diffusion.turns import Rota, Welcome
from toonctl.engines.longanimation.options import ENGINE, FilmOptions
from toonctl.engines.longanimation.streaming import stream_layers
from toonctl.models.checkpoint import WeightFiles, open_tokenizer
from toonctl.models.longanimation import published, words
from toonctl.models.longanimation.coder import LatentCoder
from toonctl.models.longanimation.denoiser import OFS, Denoiser
from toonctl.models.longanimation.line_extractor import LineExtractor
from toonctl.models.longanimation.memory import FilmReader
from toonctl.models.longanimation.sampling import Schedule
from toonctl.models.longanimation.vision import FrameReader
from toonctl.models.quantization.unpacking import open_unpacked
from toonctl.models.registry import locate
from toonctl.models.sentencepiece import unigram_tokenizer

_TOWER = "model.vision_tower."
_BLOCKS = ("transformer_blocks",)
_DENOISER = "denoiser "
_ROOM = 1.3
"""Free memory of a card, in bytes of all weights, from which nothing is put away between stages."""

_WIDTHS_A_TOKEN = 28
"""Tensors of a block's width alive at its widest: attention's q, k, v with their rotation in float32, then
the feed-forward layer's inner ones; counted in the block, not measured on a card."""


class Networks:
    """What a film needs, by stage: words, coder, denoiser, then eyes and reader for the memory.

    Raises: CheckpointError when weights are absent or foreign, EngineError without the device asked for.
    """

    def __init__(self, options: FilmOptions, device: torch.device) -> None:
        self.options = options
        self.device = device
        self.dtype = options.number_format(device)
        self._opened: dict[str, WeightFiles] = {}
        self._tiles = options.tiled or options.is_upstream
        keeps_all = options.memory in ("auto", "resident") and self._has_room()
        self._rota = Rota(device, keeps_all=keeps_all, staying=("coder",))

    def roles(self) -> tuple[str, ...]:
        """The roles of the registry whose weights are used."""
        always = ("base", "sketch", "dglm", "lvu", "vae", "text", "tokenizer", "scheduler")
        for role in always:
            self._path(role)  # the first that is missing is told, in this order
        tower = () if self._has_tower() else ("vision",)
        return (*always, *tower, *(("lines",) if self.options.is_upstream else ()))

    def schedule(self) -> Schedule:
        """How every segment is sampled, by the published scheduler settings and the options."""
        path = self._path("scheduler")
        stored = read_json(path / "scheduler_config.json" if path.is_dir() else path)
        known = inspect.signature(CogVideoXDPMScheduler.__init__).parameters
        return Schedule(
            {key: value for key, value in stored.items() if key in known},
            self.options.steps,
            self.options.guidance,
            self.options.dynamic_guidance,
            guides_together=self.options.halves == "together",
        )

    def need(self, n_tokens: int, n_halves: int) -> Need:
        """Bytes of the denoising networks, a forward pass over `n_tokens` of each half with them."""
        parts = [self._weights("base"), self._weights("sketch")]
        inside = [_bytes(part, lambda key: key.startswith(_BLOCKS), self.dtype) for part in parts]
        whole = sum(_bytes(self._weights(role), _any, self.dtype) for role in ("base", "sketch", "dglm"))
        largest = _bytes(parts[0], lambda key: key.startswith(f"{_BLOCKS[0]}.0."), self.dtype)
        width = parts[0].shapes["patch_embed.proj.weight"][0]
        activations = _WIDTHS_A_TOKEN * n_tokens * width * self.dtype.itemsize * n_halves
        return Need(whole - sum(inside), sum(inside), largest, activations)

    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the film's text."""
        path = self._path("tokenizer")
        file = path / "spiece.model" if path.is_dir() else path
        try:
            return unigram_tokenizer(file.read_bytes(), name=file.name)
        except OSError as error:
            what = f"the tokenizer `{file.name}` cannot be read: {error.strerror or error}"
            raise CheckpointError(what, str(file), "fetch the whole folder") from error

    def text_encoder(self) -> Any:
        """T5, for as long as words are read."""

        def load(welcome: Welcome) -> nn.Module:
            settings = read_json(self._path("text") / "config.json")
            model = published.load_text_encoder(self._weights("text"), settings, dtype=self.dtype)
            return self._placed(welcome(model), cast("Any", model).encoder.block, "text")

        return self._rota.turn("text", load)

    def coder(self) -> LatentCoder:
        """Pictures to latents and back; small, and kept once it is there."""

        def load(welcome: Welcome) -> LatentCoder:
            weights = self._weights("vae")
            coder = published.load_coder(
                weights, read_json(self._path("vae") / "config.json"), dtype=self.dtype
            )
            _moved(welcome(coder.vae), self.device)
            if self._tiles:
                coder.vae.enable_tiling()
            return coder

        return self._rota.turn("coder", load)

    def extractor(self) -> LineExtractor:
        """The published line extractor; only the published run asks for it."""

        def load(welcome: Welcome) -> LineExtractor:
            model = published.load_line_extractor(self._weights("lines"), dtype=self.dtype)
            return welcome(model).to(self.device)

        return self._rota.turn("lines", load)

    def denoiser(self, plan: Plan) -> Denoiser:
        """Base model, SketchDiT and DGLM, placed as `plan` says; SketchDiT is never below eight bits."""

        def load(welcome: Welcome) -> Denoiser:
            base = published.load_base(self._weights("base"), dtype=self.dtype)
            sketch = published.load_sketch_dit(self._weights("sketch"), dtype=self.dtype)
            dglm = published.load_dglm(self._weights("dglm"), dtype=self.dtype)
            for model in (base, sketch, dglm):
                welcome(model, has_home=plan is Plan.RESIDENT).requires_grad_(False)
            finer = Plan.INT8 if plan is Plan.NF4 else plan
            place(base, plan, self.device, blocks=_BLOCKS)
            place(sketch, finer, self.device, blocks=_BLOCKS)
            if self.options.compile:
                for block in (*base.transformer_blocks, *sketch.transformer_blocks):
                    block.compile()
            ofs = OFS if base.ofs_embedding is not None else None
            return Denoiser(sketch, dglm.to(self.device), base, ofs=ofs)

        return self._rota.turn(f"{_DENOISER}{plan}", load)

    def eyes(self) -> FrameReader:
        """What turns frames into the tokens that stand for them."""

        def load(welcome: Welcome) -> FrameReader:
            settings = read_json(self._path("lvu") / "config.json")
            tower = None if self._has_tower() else self._weights("vision")
            eyes = published.load_frame_reader(self._weights("lvu"), settings, tower=tower, dtype=self.dtype)
            _moved(welcome(eyes), self.device)
            return eyes

        return self._rota.turn("eyes", load)

    def reader(self) -> FilmReader:
        """The video understanding model, its prompt read by the tokenizer beside it."""

        def load(welcome: Welcome) -> FilmReader:
            folder = self._path("lvu")
            settings = read_json(folder / "config.json")
            model = published.load_language_model(self._weights("lvu"), settings, dtype=self.dtype)
            prompt = words.film_prompt(cast("words.Encodes", open_tokenizer(folder)))
            parts = [self._weights(part) for part in ("lvu", *(() if self._has_tower() else ("vision",)))]
            tokens_per_frame = published.vision_sizes(parts, settings).tokens_per_frame
            self._placed(welcome(model).requires_grad_(False), model.layers, "lvu")
            windows = max(4, self.options.budget_frames * tokens_per_frame // model.sizes.window)
            return FilmReader(model, prompt, tokens_per_frame, budget_windows=windows)

        return self._rota.turn("reader", load)

    def kernel(self, n_tokens: int, n_halves: int) -> str:
        """The attention kernel of a forward pass over `n_tokens` of each half."""

        def longest() -> Attention:
            shapes = self._weights("base").shapes
            (head_dim,) = shapes["transformer_blocks.0.attn1.norm_q.weight"]
            n_heads = shapes["patch_embed.proj.weight"][0] // head_dim
            return Attention(n_halves, n_heads, n_tokens, head_dim, self.dtype)

        return choose(self.options.attention, longest, self.device)

    def make_room(self) -> None:
        """Sends all off the card, keeps one network at a time there from now on; the coder works in tiles."""
        self._tiles = True
        if isinstance(coder := self._rota.find("coder"), LatentCoder):
            coder.vae.enable_tiling()
        self._rota.send_home()

    def drop_text_encoder(self) -> None:
        """Frees the text encoder: all words are read."""
        self._rota.forget("text")

    def drop_denoiser(self) -> None:
        """Frees the denoiser, whose weights a memory plan has changed."""
        self._rota.forget(_DENOISER)

    def _placed(self, model: nn.Module, layers: Any, role: str) -> nn.Module:
        """`model` on the device, layer by layer where it does not fit or a plan that streams is named."""
        if self.options.memory.startswith("streamed") or not self._fits(role):
            stream_layers(model, layers, self.device)
            return model
        return model.to(self.device)

    def _fits(self, role: str) -> bool:
        if self.device.type != "cuda":
            return True
        free, _ = torch.cuda.mem_get_info(self.device)
        return _ROOM * _bytes(self._weights(role), _any, self.dtype) < free

    def _has_room(self) -> bool:
        """Whether the card holds every network at once; on a CPU none makes way for another anyhow."""
        if self.device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(self.device)
        roles = ("base", "sketch", "dglm", "lvu", "vae")
        return _ROOM * sum(_bytes(self._weights(role), _any, self.dtype) for role in roles) < free

    def _has_tower(self) -> bool:
        return any(key.startswith(_TOWER) for key in self._weights("lvu").shapes)

    def _weights(self, role: str) -> WeightFiles:
        if role not in self._opened:
            self._opened[role] = open_unpacked(self._path(role), self.dtype)
        return self._opened[role]

    def _path(self, role: str) -> Path:
        return locate(ENGINE, role, given=self.options.weights)


def read_json(path: Path) -> Mapping[str, Any]:
    """The settings in a JSON file. Raises: CheckpointError when there are none to be read."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        what = f"the settings `{path.name}` of `{path.parent.name}` cannot be read: {error}"
        raise CheckpointError(what, str(path), "fetch the whole folder") from error


def _moved(model: nn.Module, device: torch.device) -> None:
    """Takes a network to where it computes; it does not learn."""
    model.to(device).requires_grad_(False)


def _any(_key: str) -> bool:
    return True


def _bytes(weights: WeightFiles, is_meant: Callable[[str], bool], dtype: torch.dtype) -> int:
    """Bytes of the tensors of a file once they are loaded."""
    counts = (torch.Size(shape).numel() for key, shape in weights.shapes.items() if is_meant(key))
    return sum(counts) * dtype.itemsize
