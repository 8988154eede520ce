"""The whole of ToonCrafter: its five networks, built without memory and filled from published weights."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, WeightFiles, empty_model, load_files, read_note
from toonctl.models.keymaps.tooncrafter import plain_name, tooncrafter_map
from toonctl.models.tooncrafter.clip import TextEncoder, VisionEncoder
from toonctl.models.tooncrafter.params import SIZES, ToonCrafterParams
from toonctl.models.tooncrafter.resampler import Resampler
from toonctl.models.tooncrafter.schedule import published_tables
from toonctl.models.tooncrafter.unet import UNet
from toonctl.models.tooncrafter.vae import Vae

_CLIP = ("embedder.", "cond_stage_model.")


class ToonCrafter(nn.Module):
    """The networks together, as the published file holds them. A pruned file has no CLIP towers."""

    def __init__(self, params: ToonCrafterParams, *, has_clip: bool = True) -> None:
        super().__init__()
        self.params = params
        self.unet = UNet(params.unet)
        self.vae = Vae(params.vae)
        self.resampler = Resampler(params.resampler)
        self.vision = VisionEncoder(params.vision) if has_clip else None
        self.text = TextEncoder(params.text) if has_clip else None

    @property
    def clip(self) -> tuple[VisionEncoder, TextEncoder]:
        """Both CLIP towers. Raises: CheckpointError when the weights came without them."""
        if self.vision is None or self.text is None:
            hint = "name a file that has its CLIP towers, such as the published `model.ckpt`"
            raise CheckpointError("these ToonCrafter weights have no CLIP towers", hint=hint)
        return self.vision, self.text


def load_tooncrafter(
    weights: WeightFiles,
    params: ToonCrafterParams | None = None,
    *,
    dtype_of: Callable[[str], torch.dtype | None] = lambda _name: None,
) -> ToonCrafter:
    """The networks filled with `weights`, in evaluation mode, parameters still mapped from the file.

    Reads the published file, DeepSpeed's form of it, and pruned ones without CLIP. `dtype_of` gives the
    precision wanted for a name such as `unet.out.0.weight`, None for the file's own.

    Raises: CheckpointError listing keys that are missing, unexpected or of another shape, or when the file's
    noise schedule is not ToonCrafter's.
    """
    params = params or ToonCrafterParams()
    weights = _plainly_named(weights)
    _refuse_other_schedules(weights)
    has_clip = any(key.startswith(_CLIP) for key in weights.shapes)
    model = empty_model(lambda: ToonCrafter(params, has_clip=has_clip))
    load_files(model, [Source(weights, tooncrafter_map(params.text.n_layers))], dtype_of=dtype_of)
    return model.eval().requires_grad_(False)


def sizes_of(path: Path) -> ToonCrafterParams:
    """The sizes that the file of the weights states; else the published ones.

    Raises: CheckpointError when what is stated are no sizes.
    """
    try:
        text = read_note(path, SIZES)
        return ToonCrafterParams.from_json(text) if text else ToonCrafterParams()
    except ValueError as error:
        what = f"the sizes of `{path.name}` cannot be read: {error}"
        raise CheckpointError(what, str(path), "use the published weights") from error


def _plainly_named(weights: WeightFiles) -> WeightFiles:
    stored = {plain_name(key): key for key in weights.shapes}
    shapes = {name: weights.shapes[key] for name, key in stored.items()}
    return WeightFiles(weights.name, shapes, lambda name: weights.read(stored[name]))


def _refuse_other_schedules(weights: WeightFiles) -> None:
    """Compares the stored tables; files in half precision round them, hence the tolerance."""
    for name, table in published_tables().items():
        if name not in weights.shapes:
            continue
        if weights.shapes[name] != tuple(table.shape) or not torch.allclose(
            weights.read(name).float(), table, atol=2e-3, rtol=2e-3
        ):
            what = f"`{weights.name}` was trained with another noise schedule: its `{name}` differs"
            raise CheckpointError(what, weights.name, "use the published 512 x 320 weights")
