"""Movies read back, frame by frame, when nothing was lost in them; what they are is asked of ffmpeg."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toonctl.core.errors import ArtError
from toonctl.core.types import Pixels, Size
from toonctl.formats.art_file import check_size
from toonctl.formats.mov import find_ffmpeg

LOSSLESS = frozenset({"qtrle", "png", "ffv1", "rawvideo", "utvideo", "magicyuv", "huffyuv", "ffvhuff"})
"""Codecs that give back what went in; everything else is for looking at, not for measuring."""

EXTENSIONS = frozenset({".mov", ".mkv", ".avi", ".mp4", ".webm", ".mxf"})

_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error")
_LIMIT_S = 600


@dataclass(frozen=True, slots=True)
class MovieFacts:
    """What the first video stream of a movie is."""

    size: Size
    n_frames: int
    codec: str

    @property
    def is_lossless(self) -> bool:
        return self.codec in LOSSLESS


def probe_movie(path: Path) -> MovieFacts:
    """Size, length and codec, without decoding.

    Raises: ArtError when it is missing, no movie or too big; DeliveryError when there is no ffmpeg.
    """
    if not path.is_file():
        raise ArtError(f"there is no movie `{path.name}`", str(path), "check the name")
    command = [find_ffmpeg(), *_QUIET, "-i", f"file:{path}", "-map", "0:v:0", "-c", "copy"]
    try:
        done = subprocess.run(
            [*command, "-f", "framecrc", "-"], capture_output=True, check=True, timeout=_LIMIT_S, text=True
        )
    except subprocess.SubprocessError as error:
        raise _unreadable(path) from error
    lines = done.stdout.splitlines()
    facts = dict(line[1:].split(" 0: ", 1) for line in lines if line.startswith("#") and " 0: " in line)
    try:
        width, height = (int(side) for side in facts["dimensions"].split("x"))
    except (KeyError, ValueError) as error:
        raise _unreadable(path) from error
    check_size((width, height), path)
    n_frames = sum(not line.startswith("#") for line in lines)
    return MovieFacts((width, height), n_frames, facts.get("codec_id", "unknown"))


def movie_frames(path: Path, facts: MovieFacts) -> Iterator[Pixels]:
    """Every frame in order, RGBA straight alpha `[H, W, 4]`; memory is one frame.

    Raises: ArtError when the movie breaks off or its codec loses something.
    """
    if not facts.is_lossless:
        raise ArtError(
            f"`{path.name}` is {facts.codec}, which does not keep pictures as they were",
            str(path),
            "give the PNG frames, or a movie of the profile `animation`, `png` or `ffv1`",
        )
    width, height = facts.size
    n_bytes = width * height * 4
    source = [find_ffmpeg(), *_QUIET, "-i", f"file:{path}", "-map", "0:v:0", "-fps_mode", "passthrough"]
    command = [*source, "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        if process.stdout is None:
            raise _unreadable(path)
        try:
            for _ in range(facts.n_frames):
                data = process.stdout.read(n_bytes)
                if len(data) < n_bytes:
                    raise ArtError(f"`{path.name}` breaks off", str(path), "encode or copy it again")
                yield np.frombuffer(data, np.uint8).reshape(height, width, 4)
        finally:
            process.kill()


def _unreadable(path: Path) -> ArtError:
    return ArtError(f"`{path.name}` is not a movie that can be read", str(path), "encode or copy it again")
