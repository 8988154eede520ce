"""OpenEXR out, for compositing: one part, half floats, linear, premultiplied."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonctl.core.files import whole_file
from toonctl.core.lazy import need
from toonctl.core.types import Pixels

_CHANNELS = "RGBA"


def write_exr(path: Path, picture: Pixels, layers: Mapping[str, Pixels]) -> None:
    """The picture RGBA `[H, W, 4]` as the channels `R G B A`, every layer as `A_line.R` and so on; ZIP.

    Pictures are sRGB with straight alpha. Raises: EngineError when OpenEXR is not installed, DeliveryError
    when the disk refuses.
    """
    exr: Any = need("OpenEXR", for_="`[output] exr`")
    channels = _split(picture, "")
    for name, pixels in layers.items():
        channels |= _split(pixels, f"{name}.")
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    with whole_file(path) as part, exr.File(header, channels) as file:
        file.write(str(part))


def scene_linear(picture: Pixels) -> NDArray[np.float16]:
    """Linear light, premultiplied, `[H, W, 4]` 0..1, of sRGB with straight alpha (IEC 61966-2-1)."""
    code = np.arange(256) / 255
    table = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    alpha = picture[..., 3:].astype(np.float32) / 255
    return np.concatenate([table[picture[..., :3]] * alpha, alpha], -1).astype(np.float16)


def _split(picture: Pixels, prefix: str) -> dict[str, NDArray[np.float16]]:
    linear = scene_linear(picture)
    return {f"{prefix}{name}": np.ascontiguousarray(linear[..., i]) for i, name in enumerate(_CHANNELS)}
