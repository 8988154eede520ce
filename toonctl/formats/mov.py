"""Movies: raw RGBA frames piped to the ffmpeg program, with flags that keep color and alpha and repeat bytes.

Every profile was measured: the colors it keeps, its tags, and that it gives the same bytes twice.
"""

import os
import re
import shutil
import subprocess
import weakref
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import IO, Self, cast

import imageio_ffmpeg  # pyright: ignore[reportMissingTypeStubs]  # ships no stubs; one typed call is used
import numpy as np

from toonctl.core.errors import DeliveryError, SpecError
from toonctl.core.files import whole_file
from toonctl.core.timesheet import rate_text
from toonctl.core.types import Pixels, Size

_VARIABLES = ("TOONCTL_FFMPEG", "IMAGEIO_FFMPEG_EXE")
_LAST_LINES = 20

_TO_BT709 = (
    "scale=in_range=full:out_range=limited:out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int+lanczos"
)
_TAG_BT709 = "setparams=range=limited:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_TAG_SRGB = "setparams=range=full:color_primaries=bt709:color_trc=iec61966-2-1"
_OVER_BLACK = "premultiply=inplace=1,format=rgb24"
_MOV = ("-metadata", "timecode=01:00:00:00", "-movflags", "+write_colr+faststart", "-bitexact")


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of movie is made: ffmpeg's video filters, codec flags and container.

    `extension` has no dot, `encoder` is what ffmpeg must have; without alpha, pictures are laid over black.
    """

    extension: str
    container: str
    filters: str
    encoder: str
    flags: tuple[str, ...]
    has_alpha: bool


def _quicktime(filters: str, encoder: str, *flags: str, has_alpha: bool) -> Profile:
    return Profile("mov", "mov", filters, encoder, (*flags, *_MOV), has_alpha)


PROFILES: Mapping[str, Profile] = {
    "prores4444": _quicktime(
        f"{_TO_BT709},format=yuva444p10le,{_TAG_BT709}",
        "prores_ks",
        *("-profile:v", "4444", "-alpha_bits", "16", "-vendor", "apl0"),
        has_alpha=True,
    ),
    "animation": _quicktime(f"format=argb,{_TAG_SRGB}", "qtrle", has_alpha=True),
    "png": _quicktime(f"format=rgba,{_TAG_SRGB}", "png", "-pred", "mixed", has_alpha=True),
    "prores422hq": _quicktime(
        f"{_OVER_BLACK},{_TO_BT709},format=yuv422p10le,{_TAG_BT709}",
        "prores_ks",
        *("-profile:v", "hq", "-vendor", "apl0"),
        has_alpha=False,
    ),
    "dnxhr444": _quicktime(
        f"{_OVER_BLACK},{_TO_BT709},format=yuv444p10le,{_TAG_BT709}",
        "dnxhd",
        *("-profile:v", "dnxhr_444"),
        has_alpha=False,
    ),
    "ffv1": Profile(
        "mkv",
        "matroska",
        "format=gbrap",
        "ffv1",
        ("-level", "3", "-g", "1", "-slices", "16", "-slicecrc", "1", "-bitexact"),
        has_alpha=True,
    ),
    "h264": Profile(
        "mp4",
        "mp4",
        f"{_OVER_BLACK},pad=ceil(iw/2)*2:ceil(ih/2)*2,{_TO_BT709},format=yuv420p,{_TAG_BT709}",
        "libx264",
        (
            *("-preset", "medium", "-tune", "animation", "-crf", "16", "-g", "24"),
            *("-movflags", "+faststart+write_colr", "-bitexact"),
        ),
        has_alpha=False,
    ),
}
"""Every kind of movie by name; the first is the default."""


@dataclass(frozen=True, slots=True)
class MovieSpec:
    """What a movie is to be: its size in pixels, frames per second, and a name of `PROFILES`."""

    size: Size
    rate: Fraction
    profile: str


@dataclass(frozen=True, slots=True)
class Movie:
    """A finished movie. `args` are ffmpeg's, the output without its folder; `ffmpeg` is its version."""

    path: Path
    n_frames: int
    args: tuple[str, ...]
    ffmpeg: str


def find_ffmpeg() -> Path:
    """The program that `TOONCTL_FFMPEG` or `IMAGEIO_FFMPEG_EXE` names, else the bundled one.

    Raises: DeliveryError when the named one is no program, or none is bundled for this platform.
    """
    for variable in _VARIABLES:
        named = os.environ.get(variable)
        if not named:
            continue
        found = shutil.which(named)
        if found is None:
            raise DeliveryError(
                f"`{variable}` names no program: `{named}`", hint=f"correct or unset `{variable}`"
            )
        return Path(found)
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        hint = f"install ffmpeg and set `{_VARIABLES[0]}` to it"
        raise DeliveryError("there is no bundled ffmpeg for this platform", hint=hint) from error


def missing_encoders() -> tuple[str, ...]:
    """The names of `PROFILES` that this ffmpeg cannot encode. Raises: DeliveryError as `find_ffmpeg`."""
    rows = _ask(find_ffmpeg(), "-encoders")
    encoders = set(re.findall(r"^ [VAS]\S{5} (\S+)", rows, re.MULTILINE))
    return tuple(name for name, profile in PROFILES.items() if profile.encoder not in encoders)


def ffmpeg_version() -> str:
    """What the ffmpeg in use calls itself (`n9.0.2`). Raises: DeliveryError as `find_ffmpeg`."""
    found = re.match(r"ffmpeg version (\S+)", _ask(find_ffmpeg(), "-version"))
    return found[1] if found else "unknown"


@cache
def _ask(program: Path, question: str) -> str:
    """What ffmpeg prints; it cannot change while we run."""
    try:
        answer = subprocess.run(
            [program, question], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        hint = f"set `{_VARIABLES[0]}` to a working ffmpeg, or unset it"
        raise DeliveryError(f"`{program}` does not run: {error}", hint=hint) from error
    return answer.stdout.decode(errors="replace")


class MovieWriter:
    """Encodes frames to `path` as they are written; a context manager, several may be open at once.

    The file appears under its name when the `with` block, or `close`, has ended well; an exception in the
    block, or `abort`, leaves nothing behind. Memory is one frame.
    """

    def __init__(self, path: Path, spec: MovieSpec) -> None:
        """Starts ffmpeg. Raises: SpecError on an unknown profile; DeliveryError when it cannot start."""
        if spec.profile not in PROFILES:
            hint = f"choose among {', '.join(PROFILES)}"
            raise SpecError(f"there is no movie profile `{spec.profile}`", hint=hint)
        self._path = path
        self._spec = spec
        self._n_frames = 0
        self._movie: Movie | None = None
        self._version = ffmpeg_version()
        with ExitStack() as files:
            part = files.enter_context(whole_file(path))
            self._process = subprocess.Popen(
                [find_ffmpeg(), *_arguments(spec, f"file:{part}")],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Ctrl-C reaches every process of a terminal's group; how a movie ends is decided here.
                start_new_session=True,
            )
            self._files = files.pop_all()
        self._pipe = cast("IO[bytes]", self._process.stdin)
        _open_pipes.add(self._pipe)
        self._last_lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        # Someone must read what ffmpeg says, or it waits for room to say more while we wait for it.
        self._listener = Thread(target=self._last_lines.extend, args=(self._process.stderr,), daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def write(self, rgba: Pixels) -> None:
        """Adds a frame, uint8 `[H, W, 4]`, straight alpha.

        Raises: ValueError on a picture of another shape or type; DeliveryError with ffmpeg's last words when
        it has failed.
        """
        width, height = self._spec.size
        if rgba.shape != (height, width, 4) or rgba.dtype != np.uint8:
            raise ValueError(f"a frame is uint8 {(height, width, 4)}, this is {rgba.dtype} {rgba.shape}")
        rest = np.ascontiguousarray(rgba).data.cast("B")
        try:
            while rest:
                rest = rest[self._pipe.write(rest) :]
        except OSError as error:
            raise self._failure() from error
        self._n_frames += 1

    def close(self) -> Movie:
        """The finished movie, in its place. Raises: DeliveryError as `write`, or when there was no frame."""
        if self._movie is None:
            try:
                self._pipe.close()
                if self._process.wait() != 0 or self._n_frames == 0:
                    raise self._failure()
                self._join()
                self._files.close()
            except BaseException:
                self.abort()
                raise
            args = _arguments(self._spec, self._path.name)
            self._movie = Movie(self._path, self._n_frames, args, self._version)
        return self._movie

    def abort(self) -> None:
        """Ends ffmpeg and removes what it has written; does nothing after `close`."""
        self._pipe.close()
        self._process.kill()
        self._process.wait()
        self._join()
        self._files.__exit__(_AbandonedError, _AbandonedError(), None)

    def _join(self) -> None:
        self._listener.join()
        cast("IO[bytes]", self._process.stderr).close()

    def _failure(self) -> DeliveryError:
        """Cleans up after ffmpeg has failed; the error tells its last words."""
        self._pipe.close()
        code = self._process.wait()
        self.abort()
        if code == 0:
            return DeliveryError(f"no frame was given for `{self._path.name}`", str(self._path))
        ended = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
        words = b"".join(self._last_lines).decode(errors="replace").strip()
        return DeliveryError(
            f"ffmpeg {ended} before `{self._path.name}` was whole" + (f":\n{words}" if words else ""),
            str(self._path),
            "mend what ffmpeg names and run again with `--resume`; `toonctl doctor` lists missing encoders",
        )


class _AbandonedError(Exception):
    """Tells `whole_file` that the file is not wanted."""


def _arguments(spec: MovieSpec, output: str) -> tuple[str, ...]:
    profile = PROFILES[spec.profile]
    width, height = spec.size
    return (
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *(
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgba",
            "-s",
            f"{width}x{height}",
            "-framerate",
            rate_text(spec.rate),
        ),
        *("-i", "pipe:0", "-an", "-vf", profile.filters, "-c:v", profile.encoder, *profile.flags),
        *("-f", profile.container, output),
    )


_open_pipes: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()


def _close_pipes() -> None:
    for pipe in list(_open_pipes):
        pipe.close()


# A forked worker would hold our pipes open, and ffmpeg would wait for frames for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_pipes)
