"""Toy shots of keys and sketches for the commands that draw between them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from artkit import Drawing, ball, cup, save_keys_psd, save_png, save_still_psd, sky, walk
from engines.rough import roughened
from toonctl.core.types import Pixels

BARE = "movies = []\npreview = false\nsheets = []\n"
KEYS = {1: 1, 5: 2, 9: 4}
"""Drawings of `walk(4)` by frame."""


def jumping(folder: Path, *, output: str = BARE, more: str = "", keys: str = "") -> Path:
    """A shot of three painted keys; `more` are lines after them, `keys` lines for each."""
    drawings = walk(4)
    tables = ""
    for frame, number in KEYS.items():
        save_png(folder / f"keys/jump.{frame:04d}.png", drawings[number - 1].painted)
        tables += f'[[key]]\nframe = {frame}\nimage = "keys/jump.{frame:04d}.png"\n{keys}'
    return _shot_file(folder, "jump", f"{tables}[output]\n{output}{more}")


def packed(folder: Path, *, output: str = BARE, n_layers: int = 0) -> Path:
    """A shot of two keys with a held background, the walk, a ball in front, and `n_layers` more balls."""
    save_png(folder / "BG.png", sky())
    tables = ""
    for frame, drawing, x in ((1, walk(4)[0], 40), (6, walk(4)[3], 90)):
        planes = {"A": drawing, "B": ball(x, 30, 12)}
        planes |= {f"C{n}": ball(20 + n % 8 * 16 + x // 20, 20 + n // 8 * 12, 6) for n in range(n_layers)}
        names = ['BG = "BG.png"']
        for name, plane in planes.items():
            save_png(folder / f"{name}.{frame:04d}.png", plane.painted)
            names.append(f'{name} = "{name}.{frame:04d}.png"')
        tables += f"[[key]]\nframe = {frame}\nlayers = {{ {', '.join(names)} }}\n"
    return _shot_file(folder, "cup", f"{tables}[output]\n{output}")


def packed_psds(folder: Path, *, output: str = BARE) -> Path:
    """The same in two still PSDs with background and book."""
    for frame, drawing, x in ((1, walk(4)[0], 40), (4, walk(4)[3], 90)):
        save_still_psd(folder / f"cup.{frame:04d}.psd", {"A": drawing, "B": ball(x, 30, 12)})
    tables = "".join(f'[[key]]\nframe = {frame}\npsd = "cup.{frame:04d}.psd"\n' for frame in (1, 4))
    return _shot_file(folder, "cup", f"{tables}[output]\n{output}")


def diving(folder: Path, *, output: str = BARE, engine: str = "") -> Path:
    """A painted reference, a clean sketch with a free area, and a rough one."""
    drawings = dives()
    free = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    free[:, :FREE_PX] = 255
    save_png(folder / "dive.0001.png", drawings[0].painted)
    save_png(folder / "sketch.0004.png", scribbled(drawings[1], free))
    save_png(folder / "sketch.0007.png", 255 - roughened(drawings[2].line, strokes=2, breaks=6))
    save_png(folder / "free.0004.png", free)
    tables = '[[reference]]\nframe = 1\nimage = "dive.0001.png"\n'
    tables += '[[sketch]]\nframe = 4\nimage = "sketch.0004.png"\nregion = "free.0004.png"\n'
    tables += '[[sketch]]\nframe = 7\nimage = "sketch.0007.png"\n'
    return _shot_file(folder, "dive", f'{tables}[engine]\nname = "cel"\n{engine}[output]\n{output}')


def diving_psds(folder: Path, *, output: str = BARE, engine: str = "") -> Path:
    """The same in PSDs, nothing left free: a still with a background, animation folders of two drawings."""
    drawings = dives()
    save_still_psd(folder / "dive.0001.psd", {"A": drawings[0]}, size=SIZE)
    save_keys_psd(folder / "keys.psd", {"A": drawings[1:], "B": drawings[:1]}, size=SIZE)
    tables = '[[reference]]\nframe = 1\npsd = "dive.0001.psd"\n'
    for number, frame in ((1, 4), (2, 7)):
        tables += f'[[sketch]]\nframe = {frame}\npsd = "keys.psd"\ndrawing = "{number}"\n'
    return _shot_file(folder, "dive", f'{tables}[engine]\nname = "cel"\n{engine}[output]\n{output}')


SIZE = (320, 180)
FREE_PX = 130
"""How much of the second sketch is left to the engine, from the left: the cup lies there."""


def dives() -> Sequence[Drawing]:
    """A cup that stands on the left, and a ball that crosses to the right of it."""
    stands = cup(30, 60, 60, size=SIZE)
    return [_without_shadow(stands + ball(x, 90, 34, size=SIZE)) for x in (140, 190, 250)]


def scribbled(drawing: Drawing, free: Pixels) -> Pixels:
    """The lines on paper, with a scribble where the matte is white."""
    paper = drawing.on_white
    paper[::5][free[::5] > 0] = 0
    return paper


def _without_shadow(drawing: Drawing) -> Drawing:
    return Drawing(drawing.line, np.zeros_like(drawing.line), drawing.paint, np.zeros_like(drawing.paint))


def _shot_file(folder: Path, name: str, tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(f'[shot]\nname = "{name}"\nrate = "24"\n{tables}', "utf-8")
    return path
