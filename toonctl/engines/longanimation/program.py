"""What a film is made of and in which order: its frames, its segments, what each of them delivers.

All frames are 0-based. Two programs: ours, which loses no frame, and the published one with its geometry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from toonctl.core.errors import EngineError
from toonctl.engines.base import FilmRequest
from toonctl.engines.longanimation.options import FilmOptions
from toonctl.models.longanimation.segments import Segment, plan_segments, plan_upstream
from toonctl.models.longanimation.words import film_text


@dataclass(frozen=True, slots=True)
class Program:
    """`film[i]` is the drawing that frame i shows, None an empty one.

    `given[k]` are the frames whose pictures segment k gives, `prompts[k]` is its text.
    """

    film: tuple[str | None, ...]
    segments: tuple[Segment, ...]
    given: tuple[range, ...]
    prompts: tuple[str, ...]

    def segment_of(self, frame: int) -> int:
        """The segment that gives a frame."""
        return next(number for number, frames in enumerate(self.given) if frame in frames)

    def wanted(self, drawings: frozenset[str]) -> dict[int, dict[int, str]]:
        """By segment the frames to be given, each with its drawing: where a drawing is shown first."""
        found: dict[int, dict[int, str]] = {}
        for frame, name in enumerate(self.film):
            if name in drawings and name not in self.film[:frame]:
                found.setdefault(self.segment_of(frame), {})[frame] = name
        return found


def program_of(request: FilmRequest, options: FilmOptions) -> Program:
    """How the film is painted.

    Ours paints every drawing once, in order of first appearance, however long it is held. The published one
    paints frame by frame. Raises: EngineError for a length of which the published program loses frames.
    """
    shown = options.segment_frames
    if options.is_upstream:
        segments = plan_upstream(len(request.exposure), shown)
        _check_length(len(request.exposure), segments)
        texts = [film_text(request.prompt, times=segment.number + 1) for segment in segments]
        return Program(request.exposure, segments, _with_ends(segments), tuple(texts))
    segments = plan_segments(len(request.drawings), shown)
    text = film_text(request.prompt, times=1 if options.quality_words else 0)
    given = tuple(segment.delivered for segment in segments)
    return Program(tuple(request.drawings), segments, given, (text,) * len(segments))


def _check_length(n_frames: int, segments: Sequence[Segment]) -> None:
    end = segments[-1].start + segments[-1].n_shown if segments else 0
    if end == n_frames:
        return
    what = f'`compat = "upstream"` would lose frames {end + 1} to {n_frames}, as the published program does'
    keep = f"give the shot {end} frames, or" if segments else "the shot is shorter than one segment:"
    raise EngineError(what, "engine.compat", f'{keep} use `compat = "fixed"`, which loses none')


def _with_ends(segments: Sequence[Segment]) -> tuple[range, ...]:
    """What the published segments deliver, and the two ends that they paint but throw away."""
    given = [segment.delivered for segment in segments]
    given[0] = range(0, given[0].stop)
    given[-1] = range(given[-1].start, segments[-1].start + segments[-1].n_shown)
    return tuple(given)
