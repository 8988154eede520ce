"""The device a published model computes on."""

import torch

from toonctl.core.errors import EngineError


def pick_device(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:1` means; `auto` is the first CUDA device.

    Raises: EngineError when there is no such CUDA device. The CPU is taken only where it is named: at real
    size these networks would draw for days on it.
    """
    if name == "cpu":
        return torch.device("cpu")
    n_cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device = torch.device("cuda" if name == "auto" else name)
    if (device.index or 0) < n_cards:
        return torch.device("cuda", device.index or 0)
    what = f"this host has {n_cards} CUDA devices" if n_cards else "this host has no CUDA device"
    hint = "run on a host with an NVIDIA GPU, or use `--engine cel`"
    raise EngineError(f"{what}; the engine needs `{device}`", "engine.device", hint)
