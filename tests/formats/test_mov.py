"""Movies: every profile keeps what it promises, and no failure of ffmpeg leaves a file or a hang behind."""

import multiprocessing
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from toonctl.core.errors import DeliveryError, SpecError
from toonctl.core.types import Pixels, Size
from toonctl.formats.mov import (
    PROFILES,
    Movie,
    MovieSpec,
    MovieWriter,
    ffmpeg_version,
    find_ffmpeg,
    missing_encoders,
)

WORST_ERROR = {
    "prores4444": 3,
    "animation": 0,
    "png": 0,
    "prores422hq": 47,
    "dnxhr444": 1,
    "ffv1": 0,
    "h264": 86,
}
"""8-bit levels on opaque pixels, as measured on the sample shot (production.md 4)."""

TAGS = {
    "animation": "gbr/bt709/iec61966-2-1",
    "png": "gbr/bt709/iec61966-2-1",
    "ffv1": "gbr",
    "h264": "yuv420p(tv, bt709",
    "prores4444": "(tv, bt709",
    "prores422hq": "(tv, bt709",
    "dnxhr444": "(tv, bt709",
}
NTSC_FILM = Fraction(24000, 1001)

TO_RGB = (
    "scale=in_range=limited:out_range=full:in_color_matrix=bt709:"
    "flags=accurate_rnd+full_chroma_int+full_chroma_inp+lanczos,"
)


def size_of(profile: str) -> Size:
    # The DNxHR encoder takes no picture under 256x120.
    return (256, 120) if profile == "dnxhr444" else (64, 48)


def pictures(size: Size) -> list[Pixels]:
    """Three frames of flat paint with black lines and a half transparent stripe."""
    width, height = size
    frames: list[Pixels] = []
    for step in range(3):
        rgba = np.zeros((height, width, 4), np.uint8)
        rgba[4:-4, 4 : width // 2] = (220, 60, 40, 255)
        rgba[8:-10, width // 2 + step : -6] = (87, 165, 119, 255)
        rgba[4:6] = (20, 20, 20, 255)
        rgba[height // 2 :, 10:14, 3] //= 2
        frames.append(rgba)
    return frames


def encode(path: Path, profile: str, frames: list[Pixels]) -> Movie:
    height, width = frames[0].shape[:2]
    with MovieWriter(path, MovieSpec((width, height), NTSC_FILM, profile)) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.close()


def decode(path: Path, profile: str, size: Size) -> Pixels:
    """The frames of the movie, uint8 `[F, H, W, 4]`."""
    convert = "" if profile in ("animation", "png", "ffv1") else TO_RGB
    arguments = ["-v", "error", "-i", path, "-vf", f"{convert}format=rgba", "-f", "rawvideo", "-"]
    raw = subprocess.run([find_ffmpeg(), *arguments], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 4)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_movie_keeps_color_alpha_and_bytes(tmp_path: Path, profile: str) -> None:
    size = size_of(profile)
    frames = pictures(size)
    path = tmp_path / "new" / f"cut.{PROFILES[profile].extension}"
    movie = encode(path, profile, frames)
    assert (movie.path, movie.n_frames, movie.ffmpeg) == (path, 3, ffmpeg_version())
    assert [item.name for item in path.parent.iterdir()] == [path.name]

    once = path.read_bytes()
    encode(path, profile, frames)
    assert path.read_bytes() == once

    wanted = np.stack(frames).astype(int)
    got = decode(path, profile, size).astype(int)
    is_opaque = wanted[..., 3] == 255
    assert np.abs(got - wanted)[is_opaque][:, :3].max() <= WORST_ERROR[profile]
    if PROFILES[profile].has_alpha:
        assert np.abs(got - wanted)[..., 3].max() <= (1 if profile == "prores4444" else 0)
    else:
        assert got[..., 3].min() == 255

    told = subprocess.run([find_ffmpeg(), "-hide_banner", "-i", path], capture_output=True).stderr.decode()
    assert TAGS[profile] in told
    assert "23.98 fps" in told
    assert ("01:00:00:00" in told) == (PROFILES[profile].container == "mov")


@pytest.mark.parametrize(("profile", "size"), [("prores4444", (65, 49)), ("h264", (66, 50))])
def test_odd_sizes(tmp_path: Path, profile: str, size: Size) -> None:
    frames = pictures((65, 49))
    path = tmp_path / "cut.mov"
    encode(path, profile, frames)
    got = decode(path, profile, size)[:, :49, :65].astype(int)
    wanted = np.stack(frames).astype(int)
    is_opaque = wanted[..., 3] == 255
    assert np.abs(got - wanted)[is_opaque][:, :3].max() <= WORST_ERROR[profile]


def test_the_arguments_name_no_folder_of_this_host(tmp_path: Path) -> None:
    movie = encode(tmp_path / "cut.mov", "prores4444", pictures((64, 48)))
    filters = (
        "scale=in_range=full:out_range=limited:out_color_matrix=bt709:"
        "flags=accurate_rnd+full_chroma_int+lanczos,format=yuva444p10le,"
        "setparams=range=limited:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    )
    assert movie.args == (
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba"),
        *("-s", "64x48", "-framerate", "24000/1001", "-i", "pipe:0", "-an", "-vf", filters),
        *("-c:v", "prores_ks", "-profile:v", "4444", "-alpha_bits", "16", "-vendor", "apl0"),
        *("-metadata", "timecode=01:00:00:00", "-movflags", "+write_colr+faststart", "-bitexact"),
        *("-f", "mov", "cut.mov"),
    )


def test_several_movies_at_once(tmp_path: Path) -> None:
    frames = pictures((64, 48))
    names = ("prores4444", "png", "h264")
    writers = [MovieWriter(tmp_path / name, MovieSpec((64, 48), NTSC_FILM, name)) for name in names]
    for frame in frames:
        for writer in writers:
            writer.write(frame[:, ::-1])
    assert [writer.close().n_frames for writer in writers] == [3, 3, 3]
    assert np.array_equal(decode(tmp_path / "png", "png", (64, 48)), np.stack(frames)[:, :, ::-1])


def test_an_exception_leaves_the_old_movie_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "cut.mov"
    path.write_bytes(b"yesterday's")

    def interrupted() -> None:
        with MovieWriter(path, MovieSpec((64, 48), NTSC_FILM, "png")) as writer:
            writer.write(pictures((64, 48))[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [item.name for item in tmp_path.iterdir()] == ["cut.mov"]
    assert path.read_bytes() == b"yesterday's"


def test_a_frame_of_another_shape_is_refused(tmp_path: Path) -> None:
    frame = pictures((64, 48))[0]
    writer = MovieWriter(tmp_path / "cut.mov", MovieSpec((64, 48), NTSC_FILM, "png"))
    for wrong in (frame[:-1], frame[..., :3], frame.astype(np.float32)):
        with pytest.raises(ValueError, match="a frame is uint8"):
            writer.write(wrong)
    writer.abort()


def test_no_frame_is_no_movie(tmp_path: Path) -> None:
    writer = MovieWriter(tmp_path / "cut.mov", MovieSpec((64, 48), NTSC_FILM, "png"))
    with pytest.raises(DeliveryError, match="no frame"):
        writer.close()
    assert not list(tmp_path.iterdir())


def test_an_unknown_profile(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="prores4445"):
        MovieWriter(tmp_path / "cut.mov", MovieSpec((64, 48), NTSC_FILM, "prores4445"))


def test_what_ffmpeg_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="must be at least 256x120"):
        encode(tmp_path / "cut.mov", "dnxhr444", pictures((64, 48)))
    assert not list(tmp_path.iterdir())


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Puts a shell script in ffmpeg's place; `$OUT` is where it shall write."""
    script = tmp_path / "bin" / "ffmpeg"
    script.parent.mkdir()
    head = '#!/bin/sh\n[ "$1" = -version ] && { echo ffmpeg version 0 test; exit; }\nfor OUT; do :; done\n'
    script.write_text(f"{head}OUT=${{OUT#file:}}\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setenv("TOONCTL_FFMPEG", str(script))


def test_the_last_words_of_an_ffmpeg_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "for n in $(seq 1 30); do echo word $n >&2; done; exit 3")
    big = np.zeros((480, 640, 4), np.uint8)
    with pytest.raises(DeliveryError, match="ended with 3") as caught:
        encode(tmp_path / "out" / "cut.mov", "png", [big, big])
    assert [line for line in str(caught.value).splitlines() if line.startswith("word")] == [
        f"word {number}" for number in range(11, 31)
    ]
    assert not list((tmp_path / "out").iterdir())


def test_an_ffmpeg_that_talks_much_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "head -c 1000000 /dev/zero | tr '\\0' '\\n' >&2; cat >\"$OUT\"")
    big = np.full((480, 640, 4), 7, np.uint8)
    movie = encode(tmp_path / "cut.mov", "png", [big, big])
    assert movie.ffmpeg == "0"
    assert movie.path.read_bytes() == big.tobytes() * 2


def test_a_signal_to_our_group_does_not_reach_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = f"'{sys.executable}' -c 'import os; print(os.getpgid(0))'"
    stand_in(tmp_path, monkeypatch, f'{{ echo $$; {ask}; }} >"$OUT"; cat >/dev/null')
    movie = encode(tmp_path / "cut.mov", "png", pictures((64, 48)))
    process, group = movie.path.read_text().split()
    assert process == group


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_does_not_keep_ffmpeg_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, 'cat >"$OUT"')
    frame = pictures((64, 48))[0]
    writer = MovieWriter(tmp_path / "cut.mov", MovieSpec((64, 48), NTSC_FILM, "png"))
    fork = multiprocessing.get_context("fork")
    may_end = fork.Event()
    worker = fork.Process(target=may_end.wait, args=(20,))
    worker.start()
    writer.write(frame)
    writer.close()
    assert worker.is_alive()
    may_end.set()
    worker.join()


@pytest.mark.parametrize("variable", ["TOONCTL_FFMPEG", "IMAGEIO_FFMPEG_EXE"])
def test_the_ffmpeg_of_a_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    bundled = find_ffmpeg()
    assert missing_encoders() == ()
    monkeypatch.setenv(variable, str(tmp_path / "none"))
    with pytest.raises(DeliveryError, match=variable):
        find_ffmpeg()
    monkeypatch.setenv(variable, bundled.name)
    monkeypatch.setenv("PATH", f"{bundled.parent}{os.pathsep}{os.environ['PATH']}")
    assert find_ffmpeg() == bundled


def test_encoders_an_ffmpeg_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "echo ' V....D ffv1  FFmpeg'; echo ' V....D png  PNG'")
    assert missing_encoders() == ("prores4444", "animation", "prores422hq", "dnxhr444", "h264")
    stand_in_broken = tmp_path / "bin" / "broken"
    stand_in_broken.write_text("#!/bin/sh\nexit 1\n")
    stand_in_broken.chmod(0o755)
    monkeypatch.setenv("TOONCTL_FFMPEG", str(stand_in_broken))
    with pytest.raises(DeliveryError, match="does not run"):
        missing_encoders()
