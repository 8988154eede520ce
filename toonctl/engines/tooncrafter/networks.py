"""ToonCrafter's networks from one file: mapped from the disk, on the card only while they work.

The CLIP towers, the image projection and the coder are lent to the card for one stage each; the denoiser is
placed as a memory plan says and stays.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from toonctl.core.errors import CheckpointError
from toonctl.core.types import Size
from toonctl.engines.diffusion.attention import Attention
from toonctl.engines.diffusion.placing import need_of, place
from toonctl.engines.diffusion.plans import Need, Plan
from toonctl.engines.tooncrafter.options import Options
from toonctl.models.checkpoint import WeightFiles, empty_model, read_weights
from toonctl.models.quantization.unpacking import open_unpacked
from toonctl.models.registry import Found, find
from toonctl.models.tooncrafter.lora import merge_lora
from toonctl.models.tooncrafter.model import ToonCrafter, load_tooncrafter, sizes_of
from toonctl.models.tooncrafter.params import ToonCrafterParams
from toonctl.models.tooncrafter.precision import precision
from toonctl.models.tooncrafter.sampler import Contexts
from toonctl.models.tooncrafter.tokenizer import PromptTokenizer
from toonctl.models.tooncrafter.unet import UNet
from toonctl.models.tooncrafter.vae import Vae
from toonctl.models.tooncrafter.window import Keys, Sampling, Window, encode_context, encode_keys

ENGINE = "tooncrafter"
_DENOISER = "model.diffusion_model."
_BLOCKS = ("input_blocks", "output_blocks")
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_ACTIVATIONS = 5.8e9 / (512 * 320 * 16)
"""Bytes a pixel of a window takes at most beside the denoiser, the coder's weights among them.

By `tests.bench.tooncrafter`: the decoder is at its fullest after its last growth.
"""

_ENCODED_AT_ONCE = 2
"""Pictures: what a window's keys take of the card is what its frames take."""

M = TypeVar("M", bound=nn.Module)


def find_weights(options: Options) -> dict[str, Found]:
    """Where the weights lie, by role. Raises: CheckpointError for the first that is missing."""
    roles = ("model", *(role for role in ("student", "lora") if role in options.weights))
    return {role: find(ENGINE, role, given=options.weights) for role in roles}


def pick_dtype(options: Options, device: torch.device) -> torch.dtype:
    """What the networks compute in: half precision as published, float32 on a CPU unless another is named."""
    if options.dtype != "auto":
        return _DTYPES[options.dtype]
    return torch.float32 if device.type == "cpu" else torch.float16


def open_model(options: Options, device: torch.device) -> ToonCrafter:
    """All networks, checked and not read yet: parameters are views of the mapped file, in its precision.

    Raises: CheckpointError when the file is not ToonCrafter's, or has no CLIP towers.
    """
    found, half = find_weights(options), pick_dtype(options, device)
    weights = open_unpacked(found["model"].path, half)
    if "student" in found:
        weights = _with_student(weights, open_unpacked(found["student"].path, half))
    model = load_tooncrafter(weights, _sizes(found))
    model.clip  # noqa: B018  # refuses a pruned file now, not after the first stage
    return model


class Networks:
    """The networks under given options and a memory plan for the denoiser.

    Raises: CheckpointError when file or adapter are not ToonCrafter's.
    """

    def __init__(self, options: Options, device: torch.device, plan: Plan) -> None:
        self.device = device
        self._half = pick_dtype(options, device)
        self._model = open_model(options, device)
        self.params: ToonCrafterParams = self._model.params
        found = find_weights(options)
        if "lora" in found:
            _merge(self._model.unet, found["lora"].path, options.lora_scale)
        self.unet = place(_in_precision(self._model.unet, self._half), plan, device, blocks=_BLOCKS)
        table = files("toonctl.weights").joinpath("clip_bpe_merges.txt.gz").read_bytes()
        self._tokenizer = PromptTokenizer(table)

    @property
    def n_frames(self) -> int:
        """Frames of a window as the network was trained."""
        return self.params.resampler.n_frames

    @property
    def stride_px(self) -> int:
        """What the sides of a picture must be multiples of."""
        return self.params.vae.downsampling * 2 ** (len(self.params.unet.channel_mult) - 1)

    @torch.no_grad()
    def contexts(self, prompt: str, first_keys: Tensor, sampling: Sampling) -> Contexts:
        """The contexts of clips that begin with `first_keys` `[B, 3, H, W]` in -1..1, on the device."""
        vision, text = self._model.clip
        with (
            lent(vision, self.device, self._half),
            lent(text, self.device, self._half),
            lent(self._model.resampler, self.device, self._half),
        ):
            return encode_context(
                text,
                (vision, self._model.resampler),
                ids=self._tokenizer([prompt]).to(self.device).expand(len(first_keys), -1),
                empty_ids=self._tokenizer([""]).to(self.device),
                first_key=first_keys.to(self.device),
                guidance=sampling.guidance,
            )

    @torch.no_grad()
    def keys(self, keys: Tensor, noise: Tensor, n_frames: int) -> Keys:
        """What denoiser and decoder see of `keys` `[B, 3, 2, H, W]` in -1..1; noise `[B, 4, 2, h, w]`."""
        with self.coder() as vae:
            return encode_keys(vae, keys.to(self.device), noise.to(self.device), n_frames=n_frames)

    @torch.no_grad()
    def latents(self, frames: Tensor) -> Tensor:
        """Clean latents `[1, 4, F, h, w]` of a clip's frames `[F, 3, H, W]` in -1..1, without noise."""
        with self.coder() as vae:
            means = [vae.encode(pair.to(self.device)).mean for pair in frames.split(_ENCODED_AT_ONCE)]
        return torch.cat(means).transpose(0, 1)[None] * vae.params.scale

    def coder(self) -> AbstractContextManager[Vae]:
        """Lends the coder to the device, in float32: in float16 it is known to draw black frames."""
        return lent(self._model.vae, self.device, torch.float32)

    def window(self, sampling: Sampling) -> Window:
        """Draws clips with these networks; the coder computes only while it is lent."""
        return Window(self.unet, self._model.vae, sampling)


@contextmanager
def lent(module: M, device: torch.device, dtype: torch.dtype) -> Generator[M]:
    """`module` on `device` and in `dtype` while the block runs; after it everything is where it was."""
    tensors = [*module.parameters(), *module.buffers()]
    kept = [tensor.data for tensor in tensors]
    try:
        for tensor in tensors:
            tensor.data = tensor.data.to(device, dtype=dtype if tensor.is_floating_point() else None)
        yield module
    finally:
        for tensor, data in zip(tensors, kept, strict=True):
            tensor.data = data


def need(options: Options, device: torch.device, size: Size) -> Need:
    """What the denoiser needs of the card when windows of pictures of `size` are drawn, never read in."""
    half = pick_dtype(options, device)
    params = _sizes(find_weights(options))
    unet = _in_precision(empty_model(lambda: UNet(params.unet)), half)
    pixels = size[0] * size[1] * params.resampler.n_frames
    return need_of(unet, blocks=_BLOCKS, activations=round(_ACTIVATIONS * pixels))


def longest_attention(options: Options, device: torch.device, size: Size) -> Attention:
    """The denoiser's attention over all pixels of a frame, for windows of pictures of `size`."""
    params = _sizes(find_weights(options))
    width, height = (side // params.vae.downsampling for side in size)
    n_heads = params.unet.model_channels // params.unet.head_dim
    n_frames, dtype = params.resampler.n_frames, pick_dtype(options, device)
    return Attention(n_frames, n_heads, width * height, params.unet.head_dim, dtype)


def trained_frames(options: Options) -> int:
    """Frames of a window as the network was trained. Raises: CheckpointError."""
    return _sizes(find_weights(options)).resampler.n_frames


def _sizes(found: Mapping[str, Found]) -> ToonCrafterParams:
    """A student's file states the sizes of the whole, its own denoiser in them."""
    return sizes_of(found["student" if "student" in found else "model"].path)


def _with_student(weights: WeightFiles, student: WeightFiles) -> WeightFiles:
    """`weights` with another denoiser."""
    others = {name: shape for name, shape in weights.shapes.items() if not name.startswith(_DENOISER)}

    def read(name: str) -> Tensor:
        return (student if name in student.shapes else weights).read(name)

    return WeightFiles(f"{weights.name} + {student.name}", {**others, **student.shapes}, read)


def _in_precision(unet: UNet, half: torch.dtype) -> UNet:
    of = precision(half)
    for name, parameter in unet.named_parameters():
        parameter.data = parameter.data.to(of(f"unet.{name}"))
    return unet


def _merge(unet: UNet, folder: Path, scale: float) -> None:
    """Takes the adapter of a peft folder into the denoiser's weights."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        what = f"`{folder.name}` holds no adapter: {error}"
        raise CheckpointError(what, str(folder), "name the folder that peft wrote") from error
    other = [kind for kind in ("use_dora", "use_rslora") if config.get(kind)]
    if other or config.get("peft_type", "LORA") != "LORA":
        what = f"`{folder.name}` is no plain low-rank adapter: {', '.join(other) or config['peft_type']}"
        raise CheckpointError(what, str(folder), "use an adapter of `toonctl train`, or a plain LoRA")
    tensors = read_weights(folder / "adapter_model.safetensors")
    merge_lora(unet, tensors, alpha=float(config["lora_alpha"]), scale=scale, name=folder.name)
