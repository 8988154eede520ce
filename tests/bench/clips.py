"""The cartoon-dev clips as shots: short ones of 28-44 frames, and three of 300.

The folder is made by `make_cartoon_dev.py` beside it; see its ATTRIBUTION.md for where the drawings come
from. List what is there: `python -m tests.bench.clips [--data DIR]`, from the repository root.
"""

import argparse
import json
import sys
from pathlib import Path

from .stored import Kind, MissingArt, StoredShot

DATA = Path("../shared/data/cartoon-dev")
"""Where the clips lie, seen from the repository root."""

_ROOT = Path(__file__).parents[2]
_ONE_FIGURE = frozenset({"long_squirrel"})


def load_clips(folder: Path) -> tuple[StoredShot, ...]:
    """Every clip of `folder`, short ones first, then by name.

    A relative folder counts from the repository root. Raises: MissingArt when there is none.
    """
    folder = folder if folder.is_absolute() else (_ROOT / folder).resolve()
    found = sorted(folder.glob("*/clip.json"))
    if not found:
        raise MissingArt(f"no clips in {folder}: give the cartoon-dev folder with `--data DIR`")
    clips = [_clip(path) for path in found]
    return tuple(sorted(clips, key=lambda clip: (clip.kind != "short", clip.name)))


def _clip(path: Path) -> StoredShot:
    about = json.loads(path.read_text(encoding="utf-8"))
    name = str(about["clip"])
    kind: Kind = "short" if not about["long"] else "single" if name in _ONE_FIGURE else "hard"
    width, height = about["size"]
    return StoredShot(
        name=name,
        folder=path.parent,
        size=(int(width), int(height)),
        fps=int(about["fps"]),
        n_frames=int(about["frames"]),
        kind=kind,
        lines_drawn=True,
    )


def main() -> int:
    """The clips on stdout, a line each; 2 when there are none."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="the cartoon-dev folder")
    try:
        clips = load_clips(parser.parse_args().data)
    except MissingArt as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for clip in clips:
        width, height = clip.size
        sys.stdout.write(
            f"{clip.name:18} {clip.kind:7} {clip.n_frames:4} x {width}x{height} {clip.fps} fps\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
