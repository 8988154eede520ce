"""What shot files say about the time of keys: which frames make up the shot, and the pace from key to key."""

from collections.abc import Sequence

from toonctl.core.timesheet import MAX_FRAMES, format_frames
from toonctl.spec.keys import TimingTable, WayTable
from toonctl.stages.exposures import frame_range
from toonctl.stages.findings import Code, Findings
from toonctl.stages.pacing import Pace


def key_frames(numbers: Sequence[int], asked: str | None, findings: Findings) -> range | None:
    """The frames of a shot: from the first of the key frames `numbers` to the last, or as `asked`.

    None when keys lie outside or too far apart, which goes to `findings`, as do frames before the first key.
    """
    if numbers[-1] - numbers[0] >= MAX_FRAMES:
        what = f"the keys lie at frames {numbers[0]} to {numbers[-1]}, {MAX_FRAMES:,} frames are allowed"
        findings.spec_problem(what, "shot", "give every key the frame of the shot it stands at")
        return None
    frames = range(numbers[0], numbers[-1] + 1)
    if asked is not None:
        with findings.gather():
            frames = frame_range(asked, findings)
    outside = [number for number in numbers if number not in frames]
    if outside:
        what = f"keys at frames {format_frames(outside)} lie outside the shot"
        findings.spec_problem(what, "shot.frames", f"`[shot] frames` is {format_frames(frames)}")
        return None
    if numbers[0] > frames.start:
        before = format_frames(range(frames.start, numbers[0]))
        findings.warn(Code.BEFORE_FIRST_KEY, f"frames {before} lie before the first key, which is held there")
    return frames


def pace_of(timing: TimingTable, way: WayTable | None = None) -> Pace:
    """The pace of the way to a key: its own, and what `[timing]` says where it says nothing."""
    if way is None:
        return Pace(timing.ease, timing.exposure)
    return Pace(way.ease or timing.ease, way.exposure or timing.exposure, way.chart)
