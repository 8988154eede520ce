"""The story of `colorize-long`: art is read, every cel layer colored, frames written, the shot delivered."""

from toonctl.core.errors import Problem, SpecError
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines._shot import Shot
from toonctl.spec.colorize_long import ColorizeLongSpec
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions, RunResult


def run(
    loaded: LoadedShot[ColorizeLongSpec], options: RunOptions, report: Reporter, stop: StopFlag
) -> RunResult:
    """The colored shot on disk; with `options.frames` those frames only, for `deliver` to gather.

    Raises: SpecError, ArtError, DeliveryError, EngineError, OutOfMemory; Stopped after a signal.
    """
    shot = Shot.read(loaded, options)
    left_alone = {table.name for table in loaded.spec.layers if not table.color}
    _check_references(shot, left_alone)
    _check_layers(shot, left_alone)
    frames = shot.chosen_frames(options.frames)
    if options.dry_run:

        def work(layer: str, drawings: set[str]) -> str:
            how = "as they are" if layer in left_alone else "to color"
            return f"{len(drawings)} drawings {how}"

        return RunResult(notes=shot.plan(frames, work))
    # The heavy rooms come in only now: a dry run or a faulty shot file has ended before.
    from toonctl.pipelines._coloring import Coloring
    from toonctl.pipelines._drawing import draw_shot

    return draw_shot(shot, Coloring(shot), "colorize-long", options=options, report=report, stop=stop)


def _check_references(shot: Shot[ColorizeLongSpec], left_alone: set[str]) -> None:
    """Passes when every layer to be colored has a reference. Raises: SpecError."""
    painted = {reference.layer for reference in shot.art.references}
    lacking = [name for name in shot.timeline.layers if name not in painted | left_alone]
    if lacking:
        where = f"{shot.loaded.path.name}: reference"
        remedy = "add it to a `[[reference]]`, or give it a `[[layer]]` with `color = false`"
        raise SpecError.listing([Problem(f"layer `{n}` has no reference", where, remedy) for n in lacking])


def _check_layers(shot: Shot[ColorizeLongSpec], left_alone: set[str]) -> None:
    """Passes unless whole pictures of several layers would hide each other. Raises: SpecError."""
    colored = [name for name in shot.timeline.layers if name not in left_alone]
    if shot.spec.engine_table.paints_whole and not shot.spec.output.cels and len(colored) > 1:
        what = f"the engine's pictures of the layers {', '.join(colored)} would hide each other"
        remedy = "`cels = true` makes cels of them; or `color = false` for all layers but one"
        raise SpecError(what, f"{shot.loaded.path.name}: output.cels", remedy)
