"""Draws `strip.png` of an example of keys or sketches from its finished run: what went in over what came out.

toonctl inbetween examples/jump/shot.toml && python examples/draw_keys_strip.py jump
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
WIDTH = 1200


@dataclass(frozen=True)
class Strip:
    """What a strip shows: the pictures that went in, bottom to top for each key, and the frames to show.

    `apart` are layers by themselves, each at one frame; they stand beside the keys.
    """

    given: Sequence[Sequence[str]]
    frames: Sequence[int]
    apart: Sequence[tuple[str, int]] = ()


STRIPS = {
    "jump": Strip([[f"keys/jump.{n:04d}.png"] for n in (1, 5, 9, 13, 17)], range(1, 18, 2)),
    "cup": Strip(
        [["BG.png", f"A.{n:04d}.png", f"B.{n:04d}.png"] for n in (1, 24)],
        (1, 5, 9, 13, 17, 24),
        (("A", 13), ("B", 13)),
    ),
    "dive": Strip(
        [["dive.0001.png"], *([f"sketch.{n:04d}.png"] for n in (7, 13, 19, 25))], (1, 5, 9, 13, 17, 21, 25)
    ),
}


def stacked(paths: Sequence[Path]) -> Image.Image:
    """The pictures over each other, on paper."""
    with Image.open(paths[0]) as first:
        page = Image.new("RGBA", first.size, "white")
    for path in paths:
        with Image.open(path) as picture:
            page.alpha_composite(picture.convert("RGBA"))
    return page.convert("RGB")


def row(pictures: Sequence[Image.Image]) -> Image.Image:
    """The pictures side by side, `WIDTH` wide in all."""
    width = WIDTH // max(4, len(pictures))
    height = round(width * pictures[0].height / pictures[0].width)
    line = Image.new("RGB", (WIDTH, height), "white")
    for at, picture in enumerate(pictures):
        line.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (at * width, 0))
    return line


def strip(shot: str, result: Path) -> Image.Image:
    """What went in over what came out."""
    what = STRIPS[shot]
    given = [stacked([HERE / shot / name for name in names]) for names in what.given]
    shown = [*what.apart, *(("comp", frame) for frame in what.frames)]
    found = [stacked([result / f"frames/{layer}/{shot}.{layer}.{frame:04d}.png"]) for layer, frame in shown]
    given += found[: len(what.apart)]
    drawn = found[len(what.apart) :]
    rows = [row(given), row(drawn)]
    picture = Image.new("RGB", (WIDTH, sum(each.height for each in rows)), "white")
    picture.paste(rows[0], (0, 0))
    picture.paste(rows[1], (0, rows[0].height))
    return picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shot", choices=STRIPS)
    parser.add_argument(
        "--result", type=Path, help="the finished shot; `out` in the example's folder if absent"
    )
    options = parser.parse_args()
    result = options.result or HERE / options.shot / "out" / options.shot
    strip(options.shot, result).save(HERE / options.shot / "strip.png", optimize=True)


if __name__ == "__main__":
    main()
