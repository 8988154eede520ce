"""The story of `layerpack`: layered keys are read, all their layers drawn in step by an inbetween engine."""

from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines._shot import Shot, drawings_between
from toonctl.spec.engine_packed import PackOptions
from toonctl.spec.layerpack import LayerpackSpec
from toonctl.spec.load import LoadedShot
from toonctl.spec.run_options import RunOptions, RunResult


def run(
    loaded: LoadedShot[LayerpackSpec], options: RunOptions, report: Reporter, stop: StopFlag
) -> RunResult:
    """The layers and their composite on disk; with `options.frames` those frames only, for `deliver`.

    The command owns no engine: one request holds all layers, so that whoever draws keeps them in step.
    Raises: SpecError, ArtError, DeliveryError, EngineError, OutOfMemory; Stopped after a signal.
    """
    shot = Shot.read(loaded, options)
    frames = shot.chosen_frames(options.frames)
    if options.dry_run:
        return RunResult(notes=shot.plan(frames, lambda layer, names: drawings_between(shot, layer, names)))
    # The heavy rooms come in only now: a dry run or a faulty shot file has ended before.
    from toonctl.pipelines._drawing import draw_shot
    from toonctl.pipelines._inbetweening import Inbetweening

    drawer = Inbetweening(shot, is_packed=isinstance(shot.spec.engine_table, PackOptions))
    return draw_shot(shot, drawer, "layerpack", options=options, report=report, stop=stop)
