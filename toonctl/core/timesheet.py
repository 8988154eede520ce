"""Frame rates, frame ranges, exposures, and the timesheet they make up.

Frames in ranges are the numbers people write; everything inside a `Timesheet` is a 0-based index.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from toonctl.core.errors import Problem, SpecError
from toonctl.core.names import name_fault

MAX_FRAMES = 100_000

_NTSC_BASES = (24, 30, 48, 60, 120)
_RATE_HINT = 'write it as "24", "23.976" or "24000/1001"'
_RANGE_HINT = "write frames as `1-10`, `1-100x2` or `1,3,5-9`"
_EXPOSURE_HINT = "write drawings and frames as `1x6 2x6`, `-x8` for eight empty frames"

_RANGE = re.compile(r"(-?[0-9]{1,9})(?:-(-?[0-9]{1,9})(?:[x:]([0-9]{1,9}))?)?")
_HELD = re.compile(r"(.+)x([0-9]+)")


@dataclass(frozen=True, slots=True)
class SheetNote:
    """A line of dialogue or a camera move on `track`, shown for `n_frames` from 0-based `index`.

    `values` are the speaker and the line, or the name of the move (`PAN`).
    """

    track: str
    index: int
    n_frames: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timesheet:
    """Which drawing each layer shows at each frame.

    `exposures[layer]`, bottom to top, has `n_frames` drawing names, None where nothing is shown.
    `marks[layer][index]` is `tick_1` (an inbetween is wanted here) or `tick_2` (reverse-sheet mark), on
    frames that hold the drawing of the frame before; layers without marks are absent.
    """

    name: str
    n_frames: int
    exposures: Mapping[str, tuple[str | None, ...]]
    marks: Mapping[str, Mapping[int, str]] = field(default_factory=dict[str, Mapping[int, str]])
    cut: str = ""
    scene: str = ""
    dialogue: tuple[SheetNote, ...] = ()
    camera: tuple[SheetNote, ...] = ()


def parse_rate(text: str | int) -> Fraction:
    """Frames per second, exact: `24`, `"23.976"` (24000/1001), `"29.97"`, `"24000/1001"`.

    Raises: SpecError on anything else, below 1 or above 240, or finer than 1/1001.
    """
    spelled = str(text).strip()
    if re.fullmatch(r"[0-9]{1,7}(/[0-9]{1,5})?|[0-9]{1,3}\.0+", spelled) and "/0" not in spelled:
        rate = Fraction(spelled)
    else:
        known = {name: base for base in _NTSC_BASES for name in _ntsc_spellings(base)}
        if spelled not in known:
            raise SpecError(f"`{spelled}` is not a frame rate", hint=_RATE_HINT)
        rate = Fraction(known[spelled] * 1000, 1001)
    if not 1 <= rate <= 240 or rate.denominator > 1001:
        raise SpecError(f"no shot runs at `{spelled}` frames per second", hint=_RATE_HINT)
    return rate


def _ntsc_spellings(base: int) -> set[str]:
    """The decimals people write for `base` * 1000/1001: `23.976`, `23.98`."""
    rate = base * 1000 / 1001
    return {f"{rate:.2f}", f"{rate:.3f}", f"{rate:.3f}".rstrip("0")}


def rate_text(rate: Fraction) -> str:
    """The rate as a fraction, as ffmpeg and the manifest take it: `24/1`, `24000/1001`."""
    return f"{rate.numerator}/{rate.denominator}"


def parse_frames(text: str) -> tuple[int, ...]:
    """The frame numbers of `1-10`, `1-100x2`, `1-100:2`, `-3-3`, joined by commas; ascending, each once.

    Raises: SpecError listing every part that cannot be read; on more than 100,000 frames.
    """
    frames: set[int] = set()
    problems: list[Problem] = []
    n_listed = 0
    for part in text.split(","):
        numbers = _part_frames(part.strip())
        if isinstance(numbers, Problem):
            problems.append(numbers)
            continue
        n_listed += len(numbers)
        if n_listed <= MAX_FRAMES:
            frames.update(numbers)
    if n_listed > MAX_FRAMES:
        what = f"`{_short(text)}` names {n_listed:,} frames, a shot has at most {MAX_FRAMES:,}"
        problems.append(Problem(what, hint=_RANGE_HINT))
    if problems:
        raise SpecError.listing(problems)
    return tuple(sorted(frames))


def _part_frames(part: str) -> range | Problem:
    """What one part between commas names, or what is wrong with it."""
    found = _RANGE.fullmatch(part)
    if found is None:
        if re.fullmatch(r"-?[0-9]+--?[0-9]+y[0-9]+", part):
            return Problem(f"`{_short(part)}`: `y` (every frame but) is not supported", hint=_RANGE_HINT)
        return Problem(f"`{_short(part)}` is not a frame range", hint=_RANGE_HINT)
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    step = int(found[3]) if found[3] else 1
    if step == 0:
        return Problem(f"`{part}` has a step of 0", hint=_RANGE_HINT)
    return range(first, last + 1, step) if first <= last else range(first, last - 1, -step)


def format_frames(frames: Iterable[int]) -> str:
    """The shortest plain spelling: `1-10`, `1-9x2`, `1,3,5-9`; `parse_frames` gives the same frames back."""
    return ",".join(_spell_runs(sorted(set(frames))))


def _spell_runs(frames: list[int]) -> Iterator[str]:
    start = 0
    while start < len(frames):
        end = start + 1
        step = frames[end] - frames[start] if end < len(frames) else 1
        while end < len(frames) and frames[end] - frames[end - 1] == step:
            end += 1
        # People read `1,3,5-9` and not `1-5x2,6-9`: unbroken runs go first.
        if step > 1 and end < len(frames) and frames[end] == frames[end - 1] + 1:
            end -= 1
        if end - start == 1 or (end - start == 2 and step > 1):
            yield str(frames[start])
            start += 1
            continue
        yield f"{frames[start]}-{frames[end - 1]}" + (f"x{step}" if step > 1 else "")
        start = end


def parse_exposure(text: str) -> tuple[str | None, ...]:
    """What a layer shows at each frame: `"1x6 2x6 2a 3x12"` holds drawing 1 for six frames, and so on.

    A drawing is a number, a number with a letter (`2a`) or any name without spaces; without `x` and a number
    it is held for one frame. `-x8` is eight frames with nothing shown, None in the result. The last `x`
    counts: `xxx2` is drawing `xx` for two frames. Names are text, so `01` is not `1`.
    Raises: SpecError listing every part that cannot be read; on more than 100,000 frames.
    """
    shown: list[str | None] = []
    problems: list[Problem] = []
    n_frames = 0
    for part in text.split():
        held = _HELD.fullmatch(part)
        # A text of digits beyond any shot is cut before it becomes a number.
        name, hold_frames = (held[1], int(held[2][:10])) if held else (part, 1)
        fault = _exposed_fault(part, name, hold_frames)
        if fault:
            problems.append(Problem(f"`{_short(part)}` {fault}", hint=_EXPOSURE_HINT))
            continue
        n_frames += hold_frames
        if n_frames <= MAX_FRAMES:
            shown.extend([None if name == "-" else name] * hold_frames)
    if n_frames > MAX_FRAMES:
        problems.append(Problem(f"{n_frames:,} frames are exposed, a shot has at most {MAX_FRAMES:,}"))
    if not shown and not problems:
        problems.append(Problem("no drawing is exposed", hint=_EXPOSURE_HINT))
    if problems:
        raise SpecError.listing(problems)
    return tuple(shown)


def _exposed_fault(part: str, name: str, hold_frames: int) -> str | None:
    if hold_frames == 0:
        return "is held for no frame"
    if re.fullmatch(r"x[0-9]*|.*x", part):
        return "lacks the drawing or the number of frames"
    return name_fault(name)


def _short(text: str) -> str:
    """At most 60 characters of what the user wrote, for a message."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def hold_changes(changes: Sequence[tuple[int, str | None]], n_frames: int) -> tuple[str | None, ...]:
    """What is shown at each of `n_frames` when every change holds until the next.

    Changes are (0-based index, drawing), ascending; one before index 0 sets what the shot starts with.
    """
    shown: list[str | None] = [None] * n_frames
    for (index, drawing), (end, _) in pairwise([*changes, (n_frames, None)]):
        start, stop = max(index, 0), min(end, n_frames)
        if start < stop:
            shown[start:stop] = [drawing] * (stop - start)
    return tuple(shown)
