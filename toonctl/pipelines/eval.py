"""The story of `eval`: results and truths are opened, measured frame by frame, summed up, written down."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from toonctl.core.errors import ArtError, DeliveryError, EngineError, UsageError
from toonctl.core.reporter import Reporter
from toonctl.core.types import Pixels
from toonctl.metrics.prepare import prepared
from toonctl.pipelines._eval_cells import crossed_shares
from toonctl.pipelines._eval_files import FILES, HEAD, eval_document, table_rows, write_eval
from toonctl.pipelines._eval_frames import FrameSource, layer_names, matched, open_frames, unmatched
from toonctl.pipelines._eval_meter import FrameMeter, LayerMeter, Measured, pooled, summed_up
from toonctl.pipelines._eval_networks import LoadedNetworks, SetJudge, load_networks, why_unable
from toonctl.pipelines._eval_page import WorstFrames
from toonctl.pipelines._eval_protocol import LAYERED, METRICS, Protocol, protocol_named
from toonctl.pipelines._eval_result import EvalResult, PairResult, manifest_of
from toonctl.spec.pairs import Pair, load_pairs
from toonctl.spec.problems import nearest

__all__ = ["HEAD", "EvalOrder", "parse_bounds", "run", "table_rows"]

_COMP = "comp"
_LEFT_OUT, _FEW = "W201", "W202"
_OF_SET = "a set has it as a whole"


@dataclass(frozen=True, slots=True)
class EvalOrder:
    """What is to be measured. `truth` is None when `result` is a file of pairs.

    `least` gives, by measure, the value that is good enough.
    """

    result: Path
    truth: Path | None
    protocol: str
    metrics: tuple[str, ...] = ()
    layer: str | None = None
    least: Mapping[str, float] = field(default_factory=dict[str, float])
    out: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class _Opened:
    """A pair ready to be read: `places` are the 0-based frames of both sides that are to be compared.

    `left_out` is a sentence on frames that only one side has, None when there are none.
    """

    pair: Pair
    folder: Path
    result: FrameSource
    truth: FrameSource
    places: tuple[tuple[int, int], ...]
    left_out: str | None

    @property
    def frames(self) -> tuple[int, ...]:
        """The numbers that people know the frames by."""
        source = self.result if self.result.is_numbered else self.truth
        side = 0 if self.result.is_numbered else 1
        return tuple(source.numbers[place[side]] for place in self.places)


def run(order: EvalOrder, report: Reporter) -> EvalResult:
    """Every measure of the protocol, of each pair and of all; with `out` also the files that tell of it.

    Raises: UsageError for options that do not fit; SpecError for the file of pairs; ArtError for frames that
    are missing or unreadable; EngineError when a bound is set on what cannot be measured; CheckpointError
    when a network's file is not the published one; DeliveryError when the results cannot be written.
    """
    protocol = _protocol_of(order)
    _check_out(order)
    pairs, folder = _pairs_of(order)
    opened = [_open(pair, folder, order.layer, protocol) for pair in pairs]
    for each in opened:
        if each.left_out:
            report.warn(_LEFT_OUT, f"{each.pair.name}: {each.left_out}")
    report.start(sum(len(each.places) for each in opened), f"eval {order.result.name}")
    worst = WorstFrames(protocol.metrics)
    started = time.perf_counter()
    networks = load_networks(protocol.metrics)
    results, done = list[PairResult](), 0
    for each in opened:
        results.append(_measured(each, protocol, networks, worst, _Telling(report, done)))
        done += len(each.places)
    measures = pooled(protocol.metrics, [result.measures for result in results])
    measures = tuple(
        _of_set(each.metric, networks.sets[each.metric], report) if each.metric in networks.sets else each
        for each in measures
    )
    result = EvalResult(
        protocol,
        measures,
        tuple(results),
        missed=_missed(measures, order.least),
        seconds=time.perf_counter() - started,
        networks=networks.digests,
    )
    files = write_eval(order.out, result, worst.pictures()) if order.out is not None else ()
    return result.with_files(files, eval_document(result))


def parse_bounds(texts: Sequence[str]) -> dict[str, float]:
    """The bounds of `--fail-under psnr=30`. Raises: UsageError when one is no measure and number."""
    bounds: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in METRICS:
            raise UsageError(
                f"`--fail-under {text}`: there is no measure `{name}`", hint=nearest(name, METRICS)
            )
        try:
            bounds[name] = float(number)
        except ValueError as error:
            hint = "write a measure and a number: `--fail-under psnr=30`"
            raise UsageError(f"`--fail-under {text}`: `{number}` is no number", hint=hint) from error
    return bounds


def _protocol_of(order: EvalOrder) -> Protocol:
    protocol = protocol_named(order.protocol)
    if order.metrics:
        protocol = protocol.with_metrics(order.metrics)
    for name in order.least:
        if name not in protocol.metrics:
            hint = f"add `--metrics {name}`, or choose a protocol that has it"
            raise UsageError(f"`--fail-under {name}`: the protocol does not measure it", hint=hint)
        if METRICS[name].needs_network and (needs := why_unable(name)):
            raise EngineError(f"`{name}` cannot be measured: it needs {needs}", hint="leave its bound out")
    return protocol


def _check_out(order: EvalOrder) -> None:
    if order.out is None or order.overwrite:
        return
    there = [name for name in FILES if (order.out / name).exists()]
    if there:
        hint = "name another folder, or give `--overwrite`"
        raise DeliveryError(f"`{there[0]}` is already there", str(order.out), hint)


def _pairs_of(order: EvalOrder) -> tuple[tuple[Pair, ...], Path]:
    """The pairs, and the folder that their paths start from."""
    if order.truth is not None:
        name = order.result.resolve().name
        return (Pair(name=name, result=str(order.result), truth=str(order.truth)),), Path()
    if order.result.suffix.lower() == ".toml":
        return load_pairs(order.result), order.result.parent
    raise UsageError(
        f"`{order.result}` has nothing to be compared with",
        hint="give `--truth`, or a TOML file with `[[pair]]` tables",
    )


def _open(pair: Pair, folder: Path, layer: str | None, protocol: Protocol) -> _Opened:
    result = open_frames(folder / pair.result, layer)
    has_layers = bool(layer_names(folder / pair.truth))
    truth = open_frames(folder / pair.truth, layer if has_layers else None)
    places = matched(result, truth)
    picked = tuple(places[index] for index in protocol.pick(len(places)))
    return _Opened(pair, folder, result, truth, picked, unmatched(result, truth, places))


def _of_set(name: str, judge: SetJudge, report: Reporter) -> Measured:
    """A measure of all shots together."""
    from toonctl.metrics.distributions import LEAST_SAMPLES  # torch is here by now

    distance = judge.distance()
    if distance.value is None:
        reason = f"not measured: {distance.n} {judge.unit} are too few, {LEAST_SAMPLES} are needed"
        return Measured(name, None, distance.n, reason=reason)
    if distance.n < judge.enough:
        report.warn(_FEW, f"{name}: {distance.n} {judge.unit}; with fewer than {judge.enough} it is unsure")
    return Measured(name, distance.value, distance.n, distance.spread)


def _lacking(protocol: Protocol, networks: LoadedNetworks) -> dict[str, str]:
    """Why measures have no value for any pair."""
    wanted = [name for name in protocol.metrics if METRICS[name].needs_network]
    unable = {name: f"needs {why_unable(name)}" for name in wanted if name not in networks.starts}
    return unable | dict.fromkeys(networks.sets, _OF_SET)


@dataclass(frozen=True, slots=True)
class _Telling:
    """Tells of frames of one pair, `done` frames of other pairs being finished."""

    report: Reporter
    done: int

    def step(self, index: int, frame: int, pair: str) -> None:
        self.report.step(done=self.done + index + 1, frame=frame, layer=pair, note="")


def _measured(
    opened: _Opened, protocol: Protocol, networks: LoadedNetworks, worst: WorstFrames, telling: _Telling
) -> PairResult:
    """One pair, read side by side."""
    name = opened.pair.name
    meter = FrameMeter(protocol.metrics, {metric: start() for metric, start in networks.starts.items()})
    digest = blake2b(digest_size=16)
    results = opened.result.frames([place[0] for place in opened.places])
    truths = opened.truth.frames([place[1] for place in opened.places])
    for index, (picture, truth) in enumerate(zip(results, truths, strict=True)):
        frame = opened.frames[index]
        if protocol.size is None and picture.shape != truth.shape:
            sizes = " and ".join(f"{p.shape[1]}x{p.shape[0]}" for p in (picture, truth))
            hint = "give frames of one size, or a protocol that brings them to one"
            raise ArtError(f"frame {frame}: result and truth are {sizes}", str(opened.result.path), hint)
        ours, theirs = prepared(picture, protocol.size), prepared(truth, protocol.size)
        digest.update(theirs.data)
        worst.take(name, frame, meter.take(ours, theirs), (ours, theirs))
        for judge in networks.sets.values():
            judge.take(ours, theirs)
        telling.step(index, frame, name)
    for judge in networks.sets.values():
        judge.end_shot()
    series = meter.series | _layer_series(opened, protocol)
    return PairResult(
        name=name,
        result=opened.pair.result,
        truth=opened.pair.truth,
        frames=opened.frames,
        series=series,
        measures=summed_up(protocol.metrics, series, opened.frames, _lacking(protocol, networks)),
        truth_digest=digest.hexdigest(),
        tree=opened.folder / opened.pair.result,
    )


def _layer_series(opened: _Opened, protocol: Protocol) -> dict[str, list[float | None]]:
    """The measures of layers, when the protocol has any and the result has layers."""
    wanted = [name for name in protocol.metrics if name in LAYERED]
    tree = opened.folder / opened.pair.result
    names = [name for name in _stacked_order(tree) if name != _COMP]
    if not wanted or len(names) < 2:
        return {}
    sources = {name: open_frames(tree, name) for name in names}
    indices = [place[0] for place in opened.places]

    def at(index: int) -> dict[str, Pixels]:
        return {name: next(source.frames([index])) for name, source in sources.items()}

    meter = LayerMeter([m for m in wanted if m != "cell_crossing"], at(indices[0]), at(indices[-1]))
    # A composite over stills, which are no frames, is not what the layers alone give.
    is_alone = _COMP in layer_names(tree) and not (tree / "state" / "stills").is_dir()
    composite = open_frames(tree, _COMP) if is_alone else None
    for index in indices:
        meter.take(at(index), next(composite.frames([index])) if composite else None)
    return meter.series | {"cell_crossing": crossed_shares(tree, names, opened.frames)}


def _stacked_order(tree: Path) -> tuple[str, ...]:
    """The layers of an output folder, bottom to top: as the manifest lists them, else by name."""
    names = layer_names(tree)
    listed = [str(layer["name"]) for layer in manifest_of(tree).get("layers", ())]
    return tuple(name for name in listed if name in names) or names


def _missed(measures: Sequence[Measured], least: Mapping[str, float]) -> tuple[str, ...]:
    """A sentence for every bound that is not kept."""
    missed: list[str] = []
    for measured in measures:
        bound = least.get(measured.metric)
        if bound is None:
            continue
        metric = METRICS[measured.metric]
        value = measured.value
        if value is None:
            missed.append(f"`{metric.name}` has no value ({measured.reason}), {bound:g} was asked for")
        elif value < bound if metric.is_higher_better else value > bound:
            side = "under" if metric.is_higher_better else "over"
            missed.append(f"`{metric.name}` is {value:.{metric.decimals}f}, {side} {bound:g}")
    return tuple(missed)
