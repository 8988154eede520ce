"""The story of `colorize-long`: art is read, every cel layer colored, frames written, the shot delivered."""

from collections.abc import Sequence

from toonctl import __version__
from toonctl.core.errors import Stopped
from toonctl.core.files import sweep_stale
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.core.timesheet import format_frames
from toonctl.core.types import Role
from toonctl.pipelines._shot import Shot
from toonctl.spec.load import LoadedShot, resolved
from toonctl.spec.run_options import RunOptions, RunResult
from toonctl.spec.shot import ColorizeLongSpec


def run(
    loaded: LoadedShot[ColorizeLongSpec], options: RunOptions, report: Reporter, stop: StopFlag
) -> RunResult:
    """The colored shot on disk; with `options.frames` those frames only, for `deliver` to gather.

    Raises: SpecError, ArtError, DeliveryError, EngineError, OutOfMemory; Stopped after a signal.
    """
    shot = Shot.read(loaded, options)
    frames = shot.chosen_frames(options.frames)
    if options.dry_run:
        return RunResult(notes=shot.plan(frames))
    for warned in shot.art.warnings:
        report.warn(warned.code, warned.text)
    _draw(shot, frames, options=options, report=report, stop=stop)
    if stop.is_set():
        raise Stopped(f"stopped by {stop.asked_by}; what is finished is kept", hint="`--resume` goes on")
    if options.frames is not None:
        note = f"frames {format_frames(frames)} are done; `toonctl deliver` finishes the shot"
        return RunResult(outputs=(shot.tree.root / "frames",), notes=(note,))
    from toonctl.pipelines import deliver

    return deliver.run(loaded, options, report, stop)


def _draw(
    shot: Shot, frames: Sequence[int], *, options: RunOptions, report: Reporter, stop: StopFlag
) -> None:
    """All of `frames` on disk, layer by layer and then the composite, and the record of this run."""
    # The heavy rooms come in only now: a dry run or a faulty shot file has ended before.
    from toonctl.engines import load
    from toonctl.pipelines._coloring import Coloring
    from toonctl.stages.chunks import ChunkRecord, EngineRecord, RunClock, WeightsFile, write_chunk
    from toonctl.stages.job import Guard, job_key
    from toonctl.stages.lock import frame_lock
    from toonctl.stages.manifest import retract_manifest
    from toonctl.stages.pool import worker_pool

    clock = RunClock()
    table = shot.spec.engine
    engine = load("colorize_long", table.name).Engine()
    facts = engine.facts(table.model_dump())
    values = resolved(shot.spec)
    key = job_key(
        values,
        shot.art.inputs,
        engine=table.name,
        weights={weights.file: weights.sha256 for weights in facts.weights},
        seed=table.seed,
        version=__version__,
    )
    with frame_lock(shot.tree, frames, break_lock=options.break_lock, report=report):
        guard = Guard(shot.tree, key, shot.timeline)
        standing = guard.standing(frames, resume=options.resume, overwrite=options.overwrite)
        sweep_stale(shot.tree.root)
        retract_manifest(shot.tree)
        with worker_pool(options.threads) as pool:
            coloring = Coloring(shot, standing, key, pool, report, stop)
            coloring.start(frames)
            for layer in shot.art.layers:
                if layer.role is Role.CEL:
                    coloring.draw_layer(layer, engine)
                else:
                    coloring.write_still(layer)
            coloring.compose()
        weights = tuple(WeightsFile(w.file, w.sha256, w.licence) for w in facts.weights)
        record = ChunkRecord(
            job_key=key,
            command="colorize-long",
            frames=tuple(frames),
            engine=EngineRecord(table.name, "cpu", facts.dtype, table.seed, weights),
            resolved=values,
            run=clock.facts(),
            drawings=coloring.drawn,
            wrote=coloring.n_written,
            skipped=standing.n_done,
            is_finished=not stop.is_set(),
            warnings=shot.art.warnings,
        )
        write_chunk(shot.tree, record)
