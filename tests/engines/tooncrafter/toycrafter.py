"""A published ToonCrafter file at toy size on disk, a toy shot for it, and adapters."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from artkit import ball, cup, save_png, sky
from goldens.tooncrafter import filled, tiny_params
from toonctl.formats.compositing import blend_over
from toonctl.models.checkpoint import empty_model
from toonctl.models.keymaps.tooncrafter import tooncrafter_map
from toonctl.models.tooncrafter.model import ToonCrafter
from toonctl.models.tooncrafter.schedule import published_tables

SIZES = tiny_params({"nrb": 1, "t_layers": 2, "v_layers": 1, "rs_depth": 1})
"""Windows of four frames; sides in multiples of 16."""

ENGINE = 'device = "cpu"\nwidth = 48\nheight = 32\nsteps = 2\n'

BARE = "movies = []\npreview = false\nsheets = []\n"

Spoil = Callable[[dict[str, Tensor]], None]


def published(folder: Path, spoil: Spoil = lambda tensors: None) -> Path:
    """`model.ckpt` as lightning writes it, with tables and all, and its sizes beside it."""
    empty = empty_model(lambda: ToonCrafter(SIZES)).state_dict()
    shapes = tooncrafter_map(SIZES.text.n_layers).to_published(empty)
    tensors = {key: filled(key, tuple(x.shape), "fan") for key, x in shapes.items()} | published_tables()
    spoil(tensors)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": tensors, "global_step": 1, "epoch": 0}, folder / "model.ckpt")
    (folder / "model.json").write_text(SIZES.to_json(), "utf-8")
    return folder / "model.ckpt"


def rolling(
    folder: Path,
    weights: Path,
    *,
    engine: str = "",
    more: str = "",
    n_frames: int = 6,
    is_opaque: bool = True,
    snap: str = "false",
) -> Path:
    """A shot of two keys: a ball rolls past a cup, on a sky or on nothing."""
    tables = ""
    for frame, x in ((1, 40), (n_frames, 110)):
        figure = (cup(100, 50) + ball(x, 40, 22)).painted
        save_png(folder / f"roll.{frame:04d}.png", blend_over(sky(), figure) if is_opaque else figure)
        tables += f'[[key]]\nframe = {frame}\nimage = "roll.{frame:04d}.png"\n'
    text = f'[shot]\nname = "roll"\nrate = "24"\nprompt = "a ball rolls"\n{tables}{more}'
    text += f'[engine]\nname = "tooncrafter"\n{ENGINE}weights = {{ model = "{weights}" }}\n{engine}'
    path = folder / "roll.toml"
    path.write_text(f"{text}[output]\nsnap_palette = {snap}\n{BARE}", "utf-8")
    return path
