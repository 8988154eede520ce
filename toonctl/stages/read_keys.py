"""The art of `inbetween` and `layerpack`: keys at frames, or drawings whose sheet marks the inbetweens."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from toonctl import __version__
from toonctl.core.art import Art, Cel, InbetweenPlan, Layer, Role
from toonctl.core.cache import Shelf
from toonctl.core.names import composed
from toonctl.core.timesheet import Timesheet, format_frames
from toonctl.spec.inbetween import InbetweenSpec, KeyedArt
from toonctl.spec.keys import KeyedLayer, KeyTable
from toonctl.spec.layerpack import MOST_LAYERS, LayerpackSpec
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.drawn import DrawnShot, ShotFrames, check_layer_names, named, psd_cel
from toonctl.stages.exposures import cut_exposures, marked_timesheet, read_timesheet
from toonctl.stages.findings import Code, Findings
from toonctl.stages.key_frames import key_frames, pace_of
from toonctl.stages.key_plan import LayerPace, PlacedKey, plan_keys, plan_sheet
from toonctl.stages.psd_layers import read_layers
from toonctl.stages.read_psd_art import read_psd_art, still_layer
from toonctl.stages.read_sequence import read_sequence
from toonctl.stages.references import background_layer

KeyedSpec = InbetweenSpec | LayerpackSpec

_shelf = Shelf("shown", 2**20)
"""What pictures show, by their files: who asks again about the same keys need not decode them."""


@dataclass(frozen=True, slots=True)
class _FoundKey:
    """The layers of one `[[key]]`, bottom to top, each with its one drawing; `key` is where it stands."""

    key: str
    table: KeyTable
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """How a drawing shows: the digest of its pixels, and whether it covers all that lies below it."""

    digest: str
    is_opaque: bool


def read_keyed_art(spec: KeyedSpec, *, options: ReadOptions, findings: Findings) -> Art:
    """The art of a shot to be inbetweened, with plans for what lies between its keys.

    Raises: SpecError or ArtError listing all problems of the shot.
    """
    art = spec.art if isinstance(spec, InbetweenSpec) else KeyedArt()
    background: list[Layer] = []
    if art.background is not None:
        with findings.gather():
            background = [background_layer(art.background, findings)]
    has_sheet = art.sheet is not None or art.exposure is not None
    if has_sheet and isinstance(spec, InbetweenSpec):
        found = _from_sheet(spec, options, findings)
    else:
        found = _from_keys(spec, art.layer, options, findings)
    findings.check()
    if found is None or findings.size is None:
        raise ValueError("no problem was noted, yet there is no art")
    return replace(
        found,
        size=findings.size,
        layers=(*background, *(layer for layer in found.layers if not (background and layer.name == "BG"))),
        inputs=findings.inputs,
        warnings=findings.warnings,
    )


def _from_sheet(spec: InbetweenSpec, options: ReadOptions, findings: Findings) -> Art | None:
    """The drawings of `[art]` as their sheet shows them, its marks filled."""
    shot: DrawnShot | None = None
    with findings.gather():
        sheet = _sheet(spec.art, findings)
        # Marks are filled before the shot's frames are cut out: what stands before the cut counts too.
        shot = _drawn(spec.art, ShotFrames(spec.shot.first_frame, None, sheet), options, findings)
    if shot is None:
        return None
    check_layer_names(shot.layers, findings)
    paces = _paces(spec.layers, {layer.name: layer.cels for layer in shot.layers}, findings)
    exposures, plans = plan_sheet(
        shot.exposures, shot.layers, pace=pace_of(spec.timing), paces=paces, findings=findings
    )
    if spec.shot.frames is not None:
        with findings.gather():
            exposures = cut_exposures(exposures, spec.shot.frames, findings)
        plans = _shifted(plans, shot.exposures.first_frame - exposures.first_frame)
    return Art(
        size=(0, 0),
        n_frames=exposures.n_frames,
        first_frame=exposures.first_frame,
        layers=shot.layers,
        exposures=exposures.tracks,
        marks=exposures.marks,
        references=(),
        inputs=(),
        plans=plans,
    )


def _shifted(plans: Sequence[InbetweenPlan], by: int) -> tuple[InbetweenPlan, ...]:
    return tuple(
        replace(plan, keys=tuple(replace(key, index=key.index + by) for key in plan.keys)) for plan in plans
    )


def _sheet(art: KeyedArt, findings: Findings) -> Timesheet | None:
    if art.sheet is not None:
        return read_timesheet(findings.folder / art.sheet, findings)
    return marked_timesheet(art.exposure) if art.exposure is not None else None


def _drawn(art: KeyedArt, frames: ShotFrames, options: ReadOptions, findings: Findings) -> DrawnShot | None:
    if art.psd is not None:
        return read_psd_art(art.psd, frames=frames, options=options, findings=findings, is_line_art=False)
    pattern = art.image or art.line
    if pattern is None:
        return None
    shot = read_sequence(pattern, art.layer, frames=frames, findings=findings)
    [layer] = shot.layers
    has_lines_only = art.line is not None
    cels = {
        name: replace(cel, is_line_art=False, line=cel.path if has_lines_only else None)
        for name, cel in layer.cels.items()
    }
    return replace(shot, layers=(replace(layer, cels=cels),))


def _from_keys(spec: KeyedSpec, layer: str, options: ReadOptions, findings: Findings) -> Art | None:
    """The keys of the `[[key]]` tables and what lies between them."""
    found: list[_FoundKey] = []
    for number, table in enumerate(spec.keys, 1):
        with findings.gather():
            layers = [
                replace(la, name=composed(la.name)) for la in _key_layers(table, layer, options, findings)
            ]
            found.append(_FoundKey(f"key[{number}]", table, tuple(layers)))
    frames = key_frames([table.frame for table in spec.keys], spec.shot.frames, findings)
    if len(found) < len(spec.keys) or frames is None or findings.has_problems:
        return None  # what the plan would complain about follows from what is noted already
    if isinstance(spec, LayerpackSpec):
        found = [replace(key, layers=tuple(replace(la, role=Role.CEL) for la in key.layers)) for key in found]
    stack = _stack(found)
    _report_lacking(found, stack, findings)
    _report_order(found, stack, findings)
    _report_first(found[0], findings)
    check_layer_names([replace(layer, cels={}) for layer in stack], findings)
    cels = [layer.name for layer in stack if layer.role is Role.CEL]
    _report_stills(found, stack, options, findings)
    has_ground = isinstance(spec, InbetweenSpec) and spec.art.background is not None
    keys = _named_keys(found, cels, options, findings, ground=None if has_ground else stack[0].name)
    drawn = {name: {cel.name: cel for key in keys if (cel := key.get(name))} for name in cels}
    paces = _paces(spec.layers, {la.name: drawn.get(la.name, {}) for la in stack}, findings)
    placed = [
        PlacedKey(key.key, key.table.frame - frames.start, pace_of(spec.timing, key.table), drawings)
        for key, drawings in zip(found, keys, strict=True)
    ]
    planned = plan_keys(placed, cels, n_frames=len(frames), paces=paces, findings=findings)
    return Art(
        size=(0, 0),
        n_frames=len(frames),
        first_frame=frames.start,
        layers=tuple(replace(la, cels=drawn[la.name]) if la.name in drawn else la for la in stack),
        exposures=planned.exposures,
        marks={},
        references=(),
        inputs=(),
        plans=planned.plans,
    )


def _key_layers(table: KeyTable, layer: str, options: ReadOptions, findings: Findings) -> Iterator[Layer]:
    """The layers of one key, bottom to top, each cel with one nameless drawing."""
    if table.psd is not None:
        yield from _psd_layers(table.psd, options, findings)
    elif table.layers is not None:
        for name, path in table.layers.items():
            yield Layer(name, Role.CEL, {"": _picture_cel(name, path, None, findings)})
    else:
        name = table.layer or layer
        path = table.image or table.line or ""
        yield Layer(name, Role.CEL, {"": _picture_cel(name, path, table.line, findings)})


def _picture_cel(layer: str, path: str, line: str | None, findings: Findings) -> Cel:
    files = [findings.folder / each for each in dict.fromkeys(filter(None, (path, line)))]
    for file in files:
        findings.expect_size(file, findings.picture(file).size)
    digest = ":".join(findings.digest(file) for file in files)
    return Cel(layer, "", files[0], digest, is_line_art=False, line=files[-1] if line is not None else None)


def _psd_layers(path: str, options: ReadOptions, findings: Findings) -> Iterator[Layer]:
    document = findings.psd(findings.folder / path)
    findings.expect_size(document.path, document.size)
    planes = read_layers(document, options=options, sheet={}, is_line_art=False, findings=findings)
    for plane in planes:
        if plane.role is not Role.CEL:
            yield still_layer(document, plane, findings)
            continue
        if len(plane.drawings) > 1:
            findings.art_problem(
                f"`{document.path.name}`: cel `{plane.name}` has {len(plane.drawings)} drawings",
                document.path,
                "a key shows one drawing of each cel; several go into `[art] psd` with a sheet",
            )
            continue
        node = next(iter(plane.drawings.values()), plane.node)
        cel = psd_cel(plane.name, "", node, document=document, findings=findings)
        yield Layer(plane.name, Role.CEL, {"": replace(cel, is_line_art=False)})
    if not any(plane.role is Role.CEL for plane in planes):
        has = named(node.name for node in document.nodes)
        what = f"`{document.path.name}` has no cel layer"
        findings.art_problem(
            what, document.path, f"name cels `A`, `B` ..., or use `[psd.roles]`; it has {has}"
        )


def _stack(keys: Sequence[_FoundKey]) -> tuple[Layer, ...]:
    """All layers of the keys bottom to top, a later key's new ones right above what they lie on there."""
    stack: list[Layer] = []
    for key in keys:
        place = 0
        for layer in key.layers:
            names = [known.name for known in stack]
            if layer.name in names:
                place = names.index(layer.name) + 1
            else:
                stack.insert(place, layer)
                place += 1
    return tuple(stack)


def _report_lacking(keys: Sequence[_FoundKey], stack: Sequence[Layer], findings: Findings) -> None:
    """Warnings for layers that not every key has, and a problem when there are too many of them."""
    cels = [layer for layer in stack if layer.role is Role.CEL]
    if len(cels) > MOST_LAYERS:
        what = f"the keys have {len(cels)} layers, {MOST_LAYERS} are allowed"
        findings.spec_problem(what, "key", "merge layers that move as one")
    for layer in cels:
        there = [key.table.frame for key in keys if any(each.name == layer.name for each in key.layers)]
        if len(there) < len(keys):
            what = f"layer `{layer.name}` is in the keys of frames {format_frames(there)} only"
            how = "it is held up to the next key without it, and appears with the next key that has it"
            findings.warn(Code.NOT_IN_EVERY_KEY, f"{what}: {how}")


def _report_order(keys: Sequence[_FoundKey], stack: Sequence[Layer], findings: Findings) -> None:
    """Problems for layers that a key has twice, and warnings for keys that stack them in another order."""
    order = [layer.name for layer in stack]
    for key in keys:
        names = [layer.name for layer in key.layers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            what = f"the key has several layers {named(twice)}"
            findings.spec_problem(
                what, key.key, "letters with accents count as equal however they are stored"
            )
        elif names != [name for name in order if name in names]:
            kept = named(name for name in order if name in names)
            what = f"the key of frame {key.table.frame} has its layers in the order {named(names)}"
            findings.warn(Code.OTHER_ORDER, f"{what}, bottom to top: they lie as {kept} at every frame")


def _report_first(key: _FoundKey, findings: Findings) -> None:
    """A warning for a pace that the first key has, to which no way leads."""
    given = [name for name in ("ease", "chart", "exposure") if getattr(key.table, name) is not None]
    if given:
        what = f"{named(given)} of the first key count for nothing"
        findings.warn(Code.NO_WAY, f"{what}: a key says how the way to it goes, and none leads there")


def _named_keys(
    keys: Sequence[_FoundKey],
    cels: Sequence[str],
    options: ReadOptions,
    findings: Findings,
    *,
    ground: str | None,
) -> list[dict[str, Cel]]:
    """The drawings of every key by layer, named by the first frame that shows them.

    Layers but the `ground` that hide all below them are warned about, and those that do so at times.
    """
    named_cels: list[dict[str, Cel]] = [{} for _ in keys]
    for name in cels:
        found = [_cel_of(key, name) for key in keys]
        looks = _looks([cel for cel in found if cel is not None], options, findings)
        first: dict[str, Cel] = {}
        frames: dict[bool, list[int]] = {True: [], False: []}
        for key, cel, drawings in zip(keys, found, named_cels, strict=True):
            if cel is not None:
                look = looks[cel.digest]
                frames[look.is_opaque].append(key.table.frame)
                known = replace(cel, name=str(key.table.frame), digest=look.digest)
                drawings[name] = first.setdefault(known.digest, known)
        if frames[True] and (frames[False] or name != ground):
            what = f"layer `{name}` is opaque all over at frames {format_frames(frames[True])}"
            others = f" and not at {format_frames(frames[False])}" if frames[False] else ""
            findings.warn(Code.HIDES_ALL, f"{what}{others}: it hides what lies below it")
    return named_cels


def _cel_of(key: _FoundKey, layer: str) -> Cel | None:
    return next((cel for la in key.layers if la.name == layer for cel in la.cels.values()), None)


def _report_stills(
    keys: Sequence[_FoundKey], stack: Sequence[Layer], options: ReadOptions, findings: Findings
) -> None:
    """Warnings for backgrounds and books that are not the same in every key: only the first is used."""
    for layer in stack:
        cels = [cel for key in keys if (cel := _cel_of(key, layer.name)) is not None]
        if layer.role is not Role.CEL and len(set(_looks(cels, options, findings).values())) > 1:
            what = f"`{layer.name}` differs from key to key, the first one is used"
            findings.warn(Code.STILL_DIFFERS, f"{what}; `toonctl layerpack` moves it like any layer")


def _looks(cels: Sequence[Cel], options: ReadOptions, findings: Findings) -> Mapping[str, _Look]:
    """For each digest of files how they show: a layer saved twice is held, not redrawn."""
    distinct = {cel.digest: cel for cel in cels}
    if len(distinct) < 2 or findings.size is None:
        return {digest: _Look(digest, is_opaque=False) for digest in distinct}
    seen = sorted((digest, cel.is_line_art) for digest, cel in distinct.items())
    name = hashlib.sha256(repr((__version__, "look", seen, options, findings.size)).encode()).hexdigest()
    if (known := _shelf.get(name)) is not None:
        return {digest: _Look(*look) for digest, look in json.loads(known).items()}
    from toonctl.stages.cel_pixels import load_cel
    from toonctl.stages.key_pixels import key_pixels, pixel_digest

    looks: dict[str, _Look] = {}
    for digest, cel in distinct.items():
        with findings.gather():
            shown = key_pixels(load_cel(cel, size=findings.size, options=options), findings.size)
            looks[digest] = _Look(pixel_digest(shown), bool((shown.picture[..., 3] == 255).all()))
    if len(looks) == len(distinct):
        _shelf.put(
            name, json.dumps({digest: (k.digest, k.is_opaque) for digest, k in looks.items()}).encode()
        )
    return {digest: looks.get(digest, _Look(digest, is_opaque=False)) for digest in distinct}


def _paces(
    tables: Sequence[KeyedLayer], drawings: Mapping[str, Collection[str]], findings: Findings
) -> Mapping[str, LayerPace]:
    """What `[[layer]]` says by layer; layers and drawings that are not there go to `findings`.

    `drawings` are those there are, by layer.
    """
    paces: dict[str, LayerPace] = {}
    for number, table in enumerate(tables, 1):
        name, key = composed(table.name), f"layer[{number}]"
        if name not in drawings:
            what = f"the shot has no layer `{name}`"
            findings.spec_problem(what, f"{key}.name", f"it has {named(drawings)}")
            continue
        for drawing in (each for each in table.charts if each not in drawings[name]):
            what = f"layer `{name}` has no drawing `{drawing}`"
            findings.spec_problem(what, f"{key}.charts", f"it has {named(drawings[name])}")
        paces[name] = LayerPace(key, table.inbetween, table.ease, table.charts)
    return paces
