"""A shot about to be drawn: what the shot file, the art and the output folder say together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Self

from typing_extensions import TypeVar

from toonctl.core.art import Art, Layer, Role
from toonctl.core.errors import SpecError
from toonctl.core.names import composed
from toonctl.core.timesheet import format_frames
from toonctl.engines.diffusion.numbers import NETWORKS
from toonctl.engines.diffusion.plans import Plan
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions
from toonctl.spec.shot import ShotSpec
from toonctl.stages.read import ReadOptions, read_art, read_options
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree, check_names

_BASE_MB = 900
_MB_PER_MEGAPIXEL = 120
"""Measured by `tests/bench/colorize.py`, two workers, shared pages counted for each: about 1000 MB at
960x540, 1160 MB at 1920x1080."""

SpecT = TypeVar("SpecT", bound=ShotSpec, default=Any)


@dataclass(frozen=True, slots=True)
class Shot(Generic[SpecT]):
    """What stays the same while a shot is drawn."""

    loaded: LoadedShot[SpecT]
    art: Art
    timeline: Timeline
    tree: OutputTree

    @classmethod
    def read(cls, loaded: LoadedShot[SpecT], options: RunOptions) -> Self:
        """The shot, its art found and probed. Raises: ArtError, SpecError."""
        with loaded.naming_lines():
            art = read_art(loaded.spec, folder=loaded.folder)
            tree = OutputTree.of(loaded.folder, options.out, loaded.spec.shot.name)
            timeline = Timeline.of(art)
            check_names({name: timeline.drawings(name) for name in timeline.layers})
        return cls(loaded, art, timeline, tree)

    @property
    def spec(self) -> SpecT:
        return self.loaded.spec

    @property
    def cel_layers(self) -> tuple[Layer, ...]:
        """The layers that are drawn, bottom to top."""
        return tuple(layer for layer in self.art.layers if layer.role is Role.CEL)

    def read_options(self) -> ReadOptions:
        """How drawings are to be decoded."""
        return read_options(self.spec)

    def chosen_frames(self, asked: Sequence[int] | None) -> tuple[int, ...]:
        """The frames to draw, all when None are named. Raises: SpecError when one lies outside the shot."""
        if asked is None:
            return tuple(self.timeline.frames)
        outside = [frame for frame in asked if frame not in self.timeline.frames]
        if outside:
            raise SpecError(
                f"frames {format_frames(outside)} are not in the shot",
                "--frames",
                f"the shot has {format_frames(self.timeline.frames)}",
            )
        return tuple(asked)

    def engine_options(self, layer: str) -> dict[str, object]:
        """The engine's options for a layer: `[engine]` with what its `[[layer]]` table changes.

        Files of weights are relative to the shot file, like every path in it.
        """
        values = self.spec.engine_table.model_dump()
        if isinstance(weights := values.get("weights"), dict):
            files = {role: self.loaded.folder / Path(path).expanduser() for role, path in weights.items()}
            values["weights"] = {role: str(path) for role, path in files.items()}
        for table in self.spec.layer_tables:
            if composed(table.name) == layer:
                own = table.model_dump(include=set(values) - {"name"})
                values |= {key: value for key, value in own.items() if value is not None}
        return values

    def plan(self, frames: Sequence[int], work: Callable[[str, set[str]], str]) -> tuple[str, ...]:
        """What drawing `frames` would do, a line each; `work` tells it of a layer and its drawings."""
        art, timeline = self.art, self.timeline
        width, height = art.size
        lines = [
            self.spec.engine_table.summary(),
            f"frames {format_frames(frames)} of {format_frames(timeline.frames)}, {width}x{height}",
        ]
        for name in timeline.layers:
            shown = {drawing for frame in frames if (drawing := timeline.drawing(name, frame)) is not None}
            lines.append(f"layer {name}: {work(name, shown)} -> {self.tree.frame_pattern(name)}")
        lines.append(f"composite -> {self.tree.frame_pattern(COMP)}")
        lines.append(f"memory: about {_BASE_MB + round(_MB_PER_MEGAPIXEL * width * height / 1e6)} MB")
        lines += _memory_plans(self.spec.engine_table.model_dump())
        if len(frames) == timeline.n_frames:
            lines.append(f"movies: {', '.join(self.spec.output.movies) or 'none'}")
        lines.append(f"into {self.tree.root}")
        return tuple(lines)


def _memory_plans(options: Mapping[str, object]) -> Sequence[str]:
    """What the plans of a published network need of the card, those that may come into question."""
    network = NETWORKS.get(str(options.get("name")))
    if network is None:
        return ()
    asked = str(options.get("memory", "auto"))
    plans = [line for plan, line in zip(Plan, network.lines(), strict=True) if asked in ("auto", plan)]
    how = "the first that fits the card is taken" if asked == "auto" else "a smaller one if it does not fit"
    return (*plans, f"reckoned for {network.at}, not measured; {how}")


def drawings_between(shot: Shot, layer: str, drawings: set[str]) -> str:
    """What drawing these frames of a layer means, for people: `2 keys, 7 inbetweens`."""
    keys = next(each.cels for each in shot.cel_layers if each.name == layer)
    n_keys = sum(1 for name in drawings if name in keys)
    n_new = len(drawings) - n_keys
    return (
        f"{n_keys} {'key' if n_keys == 1 else 'keys'}, {n_new} {'inbetween' if n_new == 1 else 'inbetweens'}"
    )
