"""Frames to be measured, wherever they lie: a folder of pictures, a shot's output folder, a movie, a picture.

Nothing is decoded before it is asked for, and one frame at a time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toonctl.core.errors import ArtError, UsageError
from toonctl.core.timesheet import format_frames
from toonctl.core.types import Pixels
from toonctl.spec.problems import nearest

_PICTURES = frozenset({".png", ".tif", ".tiff", ".tga", ".bmp", ".webp"})
_COMP = "comp"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Frames in order. `numbers` are those in the file names, 1.. for a movie or when names carry none.

    `files` is empty for a movie.
    """

    path: Path
    numbers: tuple[int, ...]
    files: tuple[Path, ...]
    is_numbered: bool

    def __len__(self) -> int:
        return len(self.numbers)

    def frames(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The pictures at ascending 0-based places, RGBA. Raises: ArtError when one cannot be read."""
        if self.files:
            from toonctl.formats.png import read_picture

            yield from (read_picture(self.files[index]) for index in indices)
            return
        from toonctl.formats.movie_frames import movie_frames, probe_movie

        wanted = set(indices)
        for index, frame in enumerate(movie_frames(self.path, probe_movie(self.path))):
            if index in wanted:
                yield frame
            if index >= max(wanted, default=-1):
                return


def open_frames(path: Path, layer: str | None) -> FrameSource:
    """What lies at `path`; of a shot's output folder the frames of `layer`, the composite when None.

    Raises: ArtError when there is nothing to read, UsageError when the folder has no such layer.
    """
    if path.is_dir():
        folder = path
        if layers := layer_names(path):
            folder = path / "frames" / _layer_of(path, layers, layer)
        elif layer is not None:
            raise UsageError(f"`{path}` is no shot's output folder: it has no layers", hint="leave `--layer`")
        return _folder(folder)
    if not path.exists():
        raise ArtError(f"there is no `{path}`", hint="give a folder of pictures, an output folder or a movie")
    if path.suffix.lower() in _PICTURES:
        return FrameSource(path, (1,), (path,), is_numbered=False)
    from toonctl.formats.movie_frames import probe_movie

    facts = probe_movie(path)
    return FrameSource(path, tuple(range(1, facts.n_frames + 1)), (), is_numbered=False)


def layer_names(path: Path) -> tuple[str, ...]:
    """The layers of a shot's output folder that have frames, `comp` among them; empty for other folders."""
    frames = path / "frames"
    if not frames.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in frames.iterdir() if entry.is_dir()))


def matched(result: FrameSource, truth: FrameSource) -> tuple[tuple[int, int], ...]:
    """The 0-based places of frames that belong together, in order.

    By the numbers in the file names; in order when a side has none and both are as long.
    Raises: ArtError when nothing belongs together.
    """
    if result.is_numbered and truth.is_numbered:
        place = {number: index for index, number in enumerate(truth.numbers)}
        pairs = tuple((i, place[n]) for i, n in enumerate(result.numbers) if n in place)
        if pairs:
            return pairs
    if len(result) == len(truth):
        return tuple((index, index) for index in range(len(result)))
    raise ArtError(
        f"frames {_span(result)} of the result have no counterpart in frames {_span(truth)} of the truth",
        str(result.path),
        "number both alike, or give as many of one as of the other",
    )


def unmatched(result: FrameSource, truth: FrameSource, pairs: Sequence[tuple[int, int]]) -> str | None:
    """A sentence on the frames that stay out, None when there are none."""
    sides = ((result, 0, "result"), (truth, 1, "truth"))
    parts: list[str] = []
    for source, side, name in sides:
        used = {pair[side] for pair in pairs}
        left = [number for index, number in enumerate(source.numbers) if index not in used]
        if left:
            parts.append(f"frames {format_frames(left)} of the {name}")
    return f"not measured, since the other side lacks them: {' and '.join(parts)}" if parts else None


def _layer_of(path: Path, layers: Sequence[str], layer: str | None) -> str:
    if layer is not None:
        if layer not in layers:
            raise UsageError(f"`{path}` has no layer `{layer}`", hint=nearest(layer, layers, noun="layers"))
        return layer
    if _COMP in layers:
        return _COMP
    if len(layers) > 1:
        hint = f"give `--layer` {', '.join(layers[:_SHOWN])}"
        raise UsageError(f"`{path}` has several layers and no composite", hint=hint)
    return layers[0]


def _folder(folder: Path) -> FrameSource:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not files:
        raise ArtError(f"`{folder}` holds no pictures", str(folder), "give the folder that the frames lie in")
    numbers = [_number(path) for path in files]
    known = [number for number in numbers if number is not None]
    if len(set(known)) < len(files):
        return FrameSource(folder, tuple(range(1, len(files) + 1)), tuple(files), is_numbered=False)
    order = sorted(range(len(files)), key=lambda index: known[index])
    return FrameSource(
        folder, tuple(known[i] for i in order), tuple(files[i] for i in order), is_numbered=True
    )


def _number(path: Path) -> int | None:
    found = re.findall(r"\d+", path.stem)
    return int(found[-1]) if found else None


def _span(source: FrameSource) -> str:
    return format_frames(source.numbers)
