"""How a shot is to be shared by the machines of a farm: what its engine allows, and where its anchors are."""

from toonctl.core.art import Art, Role
from toonctl.spec.load import LoadedShot
from toonctl.stages.plan import (
    FRAMES_PER_CHUNK,
    FarmPlan,
    PlanKind,
    cut_chunks,
    distinct_drawings,
    suggest_chunks,
)
from toonctl.stages.timeline import Timeline


def plan_shot(loaded: LoadedShot, art: Art, *, command: str, per_chunk: int | None = None) -> FarmPlan:
    """The plan of a shot; chunks of about `per_chunk` frames, of a good length when None."""
    timeline = Timeline.of(art)
    kind, name = _kind(loaded, command), loaded.spec.shot.name
    if kind == "anchors":
        anchors, cuts = _anchors_and_cuts(loaded, art, timeline)
        if per_chunk is None:
            return FarmPlan(name, kind, anchors, cut_chunks(timeline.frames, cuts))
    else:
        anchors = ()
    chunks = suggest_chunks(timeline.frames, per_chunk=per_chunk or FRAMES_PER_CHUNK)
    return FarmPlan(name, kind, anchors, chunks)


def _kind(loaded: LoadedShot, command: str) -> PlanKind:
    engine = loaded.spec.engine_table
    if command in ("inbetween", "layerpack"):
        return "apart"
    if engine.name == "cel":
        return "apart" if command == "postkey" else getattr(engine, "plan", "chain")
    return "chain"


def _anchors_and_cuts(
    loaded: LoadedShot, art: Art, timeline: Timeline
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The frames that show an anchor or a reference first, of all layers; and where chunks may be cut.

    Cuts follow the layer with the most drawings.
    """
    from toonctl.engines.cel.spans import anchor_places, half_starts

    left_alone = {table.name for table in loaded.spec.layers if not table.color}
    anchors: set[int] = set()
    cuts: dict[int, tuple[int, ...]] = {0: ()}
    for layer in art.layers:
        if layer.role is not Role.CEL or layer.name in left_alone:
            continue
        twin = distinct_drawings(layer, timeline)
        drawings = list(dict.fromkeys(twin.values()))
        first = [timeline.frames_of(layer.name, name)[0] for name in drawings]
        painted = {twin.get(r.drawing or "") for r in art.references if r.layer == layer.name}
        places = [place for place, name in enumerate(drawings) if name in painted]
        anchors |= {first[place] for place in anchor_places(len(drawings), places)}
        cuts[len(drawings)] = tuple(first[place] for place in half_starts(len(drawings), places))
    return tuple(sorted(anchors)), cuts[max(cuts)]
