"""Movies read back: the lossless profiles give every frame as it went in, the others are refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from toonctl.core.errors import ArtError
from toonctl.core.types import Pixels
from toonctl.formats.mov import MovieSpec, MovieWriter
from toonctl.formats.movie_frames import MovieFacts, movie_frames, probe_movie

SIZE = (64, 48)


def drawn(n: int) -> list[Pixels]:
    """Frames of a block that moves, half transparent at its end."""
    frames: list[Pixels] = []
    for place in range(n):
        frame = np.zeros((48, 64, 4), np.uint8)
        frame[10:30, 4 * place : 4 * place + 20] = (200, 40 + place, 90, 255)
        frame[30:34, 4 * place : 4 * place + 20] = (10, 20, 30, 128)
        frames.append(frame)
    return frames


def movie(path: Path, profile: str, frames: list[Pixels]) -> Path:
    with MovieWriter(path, MovieSpec(SIZE, Fraction(24), profile)) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.mark.parametrize("profile", ["animation", "png", "ffv1"])
def test_a_lossless_movie_comes_back_as_it_was(tmp_path: Path, profile: str) -> None:
    frames = drawn(5)
    path = movie(tmp_path / f"walk.{'mkv' if profile == 'ffv1' else 'mov'}", profile, frames)
    facts = probe_movie(path)
    assert (facts.size, facts.n_frames, facts.is_lossless) == (SIZE, 5, True)
    again = list(movie_frames(path, facts))
    assert len(again) == 5
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(again, frames, strict=True))


def test_a_movie_that_lost_something_is_refused(tmp_path: Path) -> None:
    path = movie(tmp_path / "walk.mp4", "h264", drawn(3))
    facts = probe_movie(path)
    assert (facts.codec, facts.is_lossless) == ("h264", False)
    with pytest.raises(ArtError, match="h264"):
        next(movie_frames(path, facts))


def test_what_is_no_movie_or_breaks_off(tmp_path: Path) -> None:
    with pytest.raises(ArtError, match="there is no movie"):
        probe_movie(tmp_path / "none.mov")
    text = tmp_path / "text.mov"
    text.write_text("not a movie")
    with pytest.raises(ArtError, match="not a movie"):
        probe_movie(text)
    path = movie(tmp_path / "short.mov", "animation", drawn(2))
    with pytest.raises(ArtError, match="breaks off"):
        list(movie_frames(path, MovieFacts(SIZE, 3, "qtrle")))
