"""A shot about to be drawn: what the shot file, the art and the output folder say together."""

from collections.abc import Sequence
from dataclasses import dataclass

from toonctl.core.errors import Problem, SpecError
from toonctl.core.timesheet import format_frames
from toonctl.core.types import Art
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions
from toonctl.spec.shot import ColorizeLongSpec
from toonctl.stages.read import ReadOptions, read_art, read_options
from toonctl.stages.timeline import Timeline
from toonctl.stages.tree import COMP, OutputTree, check_names

_BASE_MB = 900
_MB_PER_MEGAPIXEL = 120
"""Measured by `tests/bench/colorize.py`, two workers, shared pages counted for each: about 1000 MB at
960x540, 1160 MB at 1920x1080."""


@dataclass(frozen=True, slots=True)
class Shot:
    """What stays the same while a shot is drawn."""

    loaded: LoadedShot[ColorizeLongSpec]
    art: Art
    timeline: Timeline
    tree: OutputTree

    @classmethod
    def read(cls, loaded: LoadedShot[ColorizeLongSpec], options: RunOptions) -> "Shot":
        """The shot, its art found and probed. Raises: ArtError; SpecError also for a lacking reference."""
        art = read_art(loaded.spec, folder=loaded.folder)
        tree = OutputTree.of(loaded.folder, options.out, loaded.spec.shot.name)
        timeline = Timeline.of(art)
        check_names({name: timeline.drawings(name) for name in timeline.layers})
        shot = cls(loaded, art, timeline, tree)
        shot._check_references()
        return shot

    @property
    def spec(self) -> ColorizeLongSpec:
        return self.loaded.spec

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

    def is_colored(self, layer: str) -> bool:
        """Whether the layer is to be colored at all."""
        return all(table.color for table in self.spec.layers if table.name == layer)

    def engine_options(self, layer: str) -> dict[str, object]:
        """The engine's options for a layer: `[engine]` with what its `[[layer]]` table changes."""
        values = self.spec.engine.model_dump()
        for table in self.spec.layers:
            if table.name == layer:
                own = table.model_dump(exclude={"name", "color"})
                values |= {key: value for key, value in own.items() if value is not None}
        return values

    def plan(self, frames: Sequence[int]) -> tuple[str, ...]:
        """What drawing `frames` would do, a line each."""
        art, engine, timeline = self.art, self.spec.engine, self.timeline
        width, height = art.size
        lines = [
            f"engine {engine.name}, matcher {engine.matcher}, on the CPU",
            f"frames {format_frames(frames)} of {format_frames(timeline.frames)}, {width}x{height}",
        ]
        for name in timeline.layers:
            shown = {timeline.drawing(name, frame) for frame in frames} - {None}
            how = "to color" if self.is_colored(name) else "as they are"
            lines.append(f"layer {name}: {len(shown)} drawings {how} -> {self.tree.frame_pattern(name)}")
        lines.append(f"composite -> {self.tree.frame_pattern(COMP)}")
        lines.append(f"memory: about {_BASE_MB + round(_MB_PER_MEGAPIXEL * width * height / 1e6)} MB")
        if len(frames) == timeline.n_frames:
            lines.append(f"movies: {', '.join(self.spec.output.movies) or 'none'}")
        lines.append(f"into {self.tree.root}")
        return tuple(lines)

    def _check_references(self) -> None:
        painted = {reference.layer for reference in self.art.references}
        lacking = [n for n in self.timeline.layers if self.is_colored(n) and n not in painted]
        if lacking:
            where = f"{self.loaded.path.name}: reference"
            remedy = "add it to a `[[reference]]`, or give it a `[[layer]]` with `color = false`"
            raise SpecError.listing(
                [Problem(f"layer `{n}` has no reference", where, remedy) for n in lacking]
            )
