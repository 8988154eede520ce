"""All layers of a key as one picture, for the motion they share."""

from collections.abc import Sequence

import numpy as np

from toonctl.core.types import Pixels
from toonctl.engines.base import KeyPicture
from toonctl.engines.cel.inbetween.drawing import over


def flattened(keys: Sequence[KeyPicture]) -> KeyPicture:
    """The layers, bottom to top, laid over each other; lines apart when every layer has them apart."""
    picture = keys[0].picture
    for key in keys[1:]:
        picture = over(picture, key.picture)
    lines = [key.line for key in keys]
    if any(line is None for line in lines):
        return KeyPicture(picture, None)
    line = np.zeros_like(picture)
    for key in keys:
        # What a layer covers hides the lines below it.
        line[..., 3] = (line[..., 3].astype(np.uint16) * (255 - key.picture[..., 3]) // 255).astype(np.uint8)
        line = over(line, _with_alpha(key.line))
    return KeyPicture(picture, line)


def _with_alpha(line: Pixels | None) -> Pixels:
    """A line layer; ink on opaque paper becomes black with alpha by darkness."""
    if line is None:
        raise ValueError("a layer without lines has no line layer")
    if int(line[..., 3].min(initial=255)) < 255:
        return line
    alpha = 255 - line[..., :3].min(-1)
    return np.concatenate([np.zeros_like(line[..., :3]), alpha[..., None]], -1)
