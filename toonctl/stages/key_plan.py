"""What lies between keys: which drawing every layer shows at every frame, and which are still to be made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from toonctl.core.art import Between, Cel, InbetweenPlan, KeyCels, Layer, Role
from toonctl.stages.exposures import Exposures
from toonctl.stages.findings import Findings
from toonctl.stages.pacing import Moment, Names, Pace, marked_moments, moments

TICK = "tick_1"
"""The mark of a sheet that asks for an inbetween."""


@dataclass(frozen=True, slots=True)
class LayerPace:
    """What `[[layer]]` says of the drawings between: none at all, an ease, charts by the drawing before.

    `key` is where it stands (`layer[2]`).
    """

    key: str = ""
    is_drawn: bool = True
    ease: str | None = None
    charts: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])

    def over(self, pace: Pace, before: str) -> Pace:
        """The pace of this layer on the way from drawing `before`."""
        chart = self.charts.get(before)
        if chart is not None:
            return replace(pace, chart=chart)
        return pace if self.ease is None else replace(pace, ease=self.ease, chart=None)


LayerPaces = Mapping[str, LayerPace]


@dataclass(frozen=True, slots=True)
class PlacedKey:
    """A key at 0-based frame `index`; `key` is where it stands (`key[2]`), `pace` that of the way to it."""

    key: str
    index: int
    pace: Pace
    cels: Mapping[str, Cel]


@dataclass(frozen=True, slots=True)
class PlannedShot:
    """Exposures with the drawings to be made in them, and the plans to make them by."""

    exposures: Mapping[str, tuple[str | None, ...]]
    plans: tuple[InbetweenPlan, ...]


def plan_keys(
    keys: Sequence[PlacedKey], layers: Sequence[str], *, n_frames: int, paces: LayerPaces, findings: Findings
) -> PlannedShot:
    """What `layers` show through `n_frames`: each key, then what leads to the next one.

    Between equal drawings nothing is made: the first is held. A layer that one of two keys lacks is held up
    to the next key, or empty. Charts that do not fit go to `findings`.
    """
    tracks: dict[str, list[str | None]] = {layer: [None] * n_frames for layer in layers}
    names = {layer: Names([key.cels[layer].name for key in keys if layer in key.cels]) for layer in layers}
    betweens: list[Between] = []
    ends = [*(key.index for key in keys[1:]), n_frames]
    for first, (key, end) in enumerate(zip(keys, ends, strict=True)):
        start = 0 if first == 0 else key.index
        after = keys[first + 1] if first + 1 < len(keys) else None
        for layer, cel in key.cels.items():
            tracks[layer][start:end] = [cel.name] * (end - start)
            target = after.cels.get(layer) if after else None
            if after is None or target is None:
                continue
            for moment in _on_the_way(key, after, layer, paces, findings):
                name, is_new = names[layer].name(cel.name, target.name, moment.time)
                tracks[layer][moment.index : end] = [name] * (end - moment.index)
                if is_new:
                    betweens.append(Between(layer, name, first, moment.time))
    plan = InbetweenPlan(
        tuple(layers),
        tuple(KeyCels(key.index, {layer: cel.name for layer, cel in key.cels.items()}) for key in keys),
        tuple(betweens),
    )
    return PlannedShot({layer: tuple(shown) for layer, shown in tracks.items()}, (plan,))


def _on_the_way(
    key: PlacedKey, after: PlacedKey, layer: str, paces: LayerPaces, findings: Findings
) -> tuple[Moment, ...]:
    """The moments at which `layer` needs a drawing between two keys that both have it."""
    own = paces.get(layer, LayerPace())
    before = key.cels[layer].name
    if not own.is_drawn or before == after.cels[layer].name:
        return ()
    try:
        return moments(key.index, after.index, own.over(after.pace, before))
    except ValueError as error:
        place = f"{own.key}.charts" if before in own.charts else f"{after.key}.chart"
        findings.spec_problem(f"timing chart: {error}", place, "shorten the chart, or move the keys apart")
        return ()


def plan_sheet(
    exposures: Exposures, layers: Sequence[Layer], *, pace: Pace, paces: LayerPaces, findings: Findings
) -> tuple[Exposures, tuple[InbetweenPlan, ...]]:
    """The sheet with its inbetween marks filled by new drawings, and a plan for every layer that has any.

    Marks with no drawing after them, charts that do not fit and a sheet without marks go to `findings`.
    """
    tracks = dict(exposures.tracks)
    marks = dict(exposures.marks)
    plans: list[InbetweenPlan] = []
    for layer in layers:
        own = paces.get(layer.name, LayerPace())
        ticks = [index for index, mark in sorted(marks.get(layer.name, {}).items()) if mark == TICK]
        if layer.role is not Role.CEL or not own.is_drawn or not ticks:
            continue
        filler = _Filler(layer.name, tracks[layer.name], own, findings, exposures.first_frame)
        plan = filler.fill(ticks, pace)
        tracks[layer.name] = tuple(filler.shown)
        rest = {index: mark for index, mark in marks[layer.name].items() if mark != TICK}
        marks[layer.name] = rest
        plans.append(plan)
    if not plans:
        findings.spec_problem(
            "the sheet marks no inbetween",
            "art.sheet",
            "mark them in the sheet program (XDTS TICK_1), or as `+` in `[art] exposure`",
        )
    kept = {layer: found for layer, found in marks.items() if found}
    return replace(exposures, tracks=tracks, marks=kept), tuple(plans)


class _Filler:
    """Fills the marks of one layer's track."""

    def __init__(
        self, layer: str, track: Sequence[str | None], own: LayerPace, findings: Findings, first_frame: int
    ) -> None:
        self.shown = list(track)
        self._layer = layer
        self._own = own
        self._findings = findings
        self._first_frame = first_frame
        starts = [i for i, name in enumerate(track) if i == 0 or name != track[i - 1]]
        self._runs = [(start, track[start]) for start in starts]
        self._names = Names([name for name in track if name is not None])

    def fill(self, ticks: Sequence[int], pace: Pace) -> InbetweenPlan:
        """The plan of the layer; `shown` now has the new drawings."""
        keys = [KeyCels(at, {} if name is None else {self._layer: name}) for at, name in self._runs]
        betweens: list[Between] = []
        ends: list[tuple[int, str | None]] = [*self._runs[1:], (len(self.shown), None)]
        for first, ((start, before), (end, after)) in enumerate(zip(self._runs, ends, strict=True)):
            inside = [tick for tick in ticks if start <= tick < end]
            if not inside:
                continue
            if before is None or after is None:
                frame = self._first_frame + inside[0]
                what = f"layer `{self._layer}` has no drawing {'before' if before is None else 'after'}"
                hint = "an inbetween mark stands between two drawings"
                self._findings.spec_problem(f"{what} the mark at frame {frame}", "art.sheet", hint)
                continue
            for moment, (at, stop) in zip(
                self._moments(inside, before, pace), pairwise([*inside, end]), strict=False
            ):
                name, is_new = self._names.name(before, after, moment.time)
                self.shown[at:stop] = [name] * (stop - at)
                if is_new:
                    betweens.append(Between(self._layer, name, first, moment.time))
        return InbetweenPlan((self._layer,), tuple(keys), tuple(betweens))

    def _moments(self, ticks: Sequence[int], before: str, pace: Pace) -> tuple[Moment, ...]:
        try:
            return marked_moments(ticks, self._own.over(pace, before))
        except ValueError as error:
            what = f"way from drawing `{before}`: {error}"
            hint = "a chart has one number for each mark on the way"
            self._findings.spec_problem(what, f"{self._own.key}.charts", hint)
            return ()
