"""The precision each parameter is wanted in when the networks compute in half."""

import re
from collections.abc import Callable

import torch

_EXACT = re.compile(
    r"^unet\.((time_embed|fps_embedding|out\.0)\.|(.+\.)?(norm\d?|(in_layers|out_layers|conv\d)\.0)\.(weight|bias)$)"
)


def precision(half: torch.dtype) -> Callable[[str], torch.dtype]:
    """The precision of a parameter by its name: `half`, but float32 for the coder, norms and embedders.

    float16 picture coders are known to draw black frames, and the coder is small. The CLIP towers are `half`
    throughout: they run once, and their norms want one precision.
    """

    def of(name: str) -> torch.dtype:
        return torch.float32 if name.startswith("vae.") or _EXACT.search(name) else half

    return of
