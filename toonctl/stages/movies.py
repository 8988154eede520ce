"""Movies of the finished frames: every frame is read once and goes to all encoders at the same time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from toonctl.core.errors import Stopped
from toonctl.core.files import digest_file
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.core.types import Pixels, Size
from toonctl.formats.mov import PROFILES, MovieSpec, MovieWriter
from toonctl.formats.png import read_picture
from toonctl.stages.manifest import MovieFile
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree


@dataclass(frozen=True, slots=True)
class MovieJob:
    """Which movies to write of a shot: `layers` in `profiles`."""

    layers: tuple[str, ...]
    profiles: tuple[str, ...]
    size: Size
    rate: Fraction

    @property
    def films(self) -> tuple[tuple[str, str], ...]:
        """Layer and profile of every movie: profiles without alpha only of the composite."""
        return tuple(
            (layer, profile)
            for layer in self.layers
            for profile in self.profiles
            if layer == COMP or PROFILES[profile].has_alpha
        )


def movie_layers(timeline: Timeline) -> tuple[str, ...]:
    """What gets movies of its own: the composite and, where there are several, every cel layer."""
    return (COMP, *(timeline.layers if len(timeline.layers) > 1 else ()))
