"""Movies of the finished frames: every picture is read once and goes to all encoders at the same time."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction

from toonctl.core.errors import Stopped
from toonctl.core.files import digest_file
from toonctl.core.stop import StopFlag
from toonctl.core.types import Pixels, Size
from toonctl.formats.mov import PROFILES, MovieSpec, MovieWriter
from toonctl.formats.png import read_picture
from toonctl.stages.manifest import MovieFile
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree


@dataclass(frozen=True, slots=True)
class MovieJob:
    """The movies of one layer (or of `comp`), one for each of `profiles`."""

    layer: str
    profiles: tuple[str, ...]
    size: Size
    rate: Fraction


def plan_movies(
    timeline: Timeline,
    profiles: tuple[str, ...],
    *,
    size: Size,
    rate: Fraction,
    has_layers: bool | None = None,
) -> tuple[MovieJob, ...]:
    """The composite in every profile, and every cel layer in those with alpha.

    `has_layers` None leaves out a layer that is the only one.
    """
    jobs = [MovieJob(COMP, profiles, size, rate)] if profiles else []
    clear = tuple(profile for profile in profiles if PROFILES[profile].has_alpha)
    if clear and (len(timeline.layers) > 1 if has_layers is None else has_layers):
        jobs += [MovieJob(layer, clear, size, rate) for layer in timeline.layers]
    return tuple(jobs)


def write_movies(
    tree: OutputTree, timeline: Timeline, job: MovieJob, *, stop: StopFlag, on_frame: Callable[[int], None]
) -> tuple[MovieFile, ...]:
    """The movies of one layer on disk; `on_frame` hears of every frame that went to the encoders.

    Raises: DeliveryError when the disk or an encoder refuses, Stopped after a signal; no half movie stays.
    """
    paths = [tree.movie(job.layer, profile) for profile in job.profiles]
    with ExitStack() as open_movies:
        writers = [
            open_movies.enter_context(MovieWriter(path, MovieSpec(job.size, job.rate, profile)))
            for path, profile in zip(paths, job.profiles, strict=True)
        ]
        held: tuple[object, Pixels] | None = None
        for frame in timeline.frames:
            if stop.is_set():
                raise Stopped(
                    f"stopped by {stop.asked_by}; the frames are kept", hint="run the command again"
                )
            shown = timeline.shown(frame) if job.layer == COMP else timeline.drawing(job.layer, frame)
            if held is None or held[0] != shown:
                held = (shown, read_picture(tree.frame(job.layer, frame)))
            for writer in writers:
                writer.write(held[1])
            on_frame(frame)
        movies = [writer.close() for writer in writers]
    return tuple(
        MovieFile(tree.relative(path), profile, digest_file(path), movie.ffmpeg, movie.args)
        for path, profile, movie in zip(paths, job.profiles, movies, strict=True)
    )
