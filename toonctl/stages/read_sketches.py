"""The art of `postkey`: painted references, sketches with their mattes, and the plan of what lies between."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from toonctl.core.art import Art, Cel, Layer, Reference, Role, Sketch
from toonctl.core.errors import ArtError
from toonctl.formats.psd_tree import PsdNode
from toonctl.spec.keys import WayTable
from toonctl.spec.postkey import PaintedTable, PictureTable, PostkeySpec, SketchTable
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.drawn import check_layer_names, named, psd_cel
from toonctl.stages.exposures import track_key
from toonctl.stages.findings import Findings
from toonctl.stages.key_frames import key_frames, pace_of
from toonctl.stages.key_plan import PlacedKey, plan_keys
from toonctl.stages.psd_layers import PsdLayer, read_layers
from toonctl.stages.read_psd_art import still_layer
from toonctl.stages.references import add_stills, background_layer


def read_sketched_art(spec: PostkeySpec, *, options: ReadOptions, findings: Findings) -> Art:
    """The art of a shot of sketches. Raises: SpecError or ArtError listing all problems of the shot."""
    layer = spec.art.layer
    reader = _Reader(layer, options, findings)
    background: Layer | None = None
    if spec.art.background is not None:
        with findings.gather():
            background = background_layer(spec.art.background, findings)
    references: list[Reference] = []
    stacks: list[tuple[Layer, ...]] = []
    for number, table in enumerate(spec.references, 1):
        with findings.gather():
            reference, stack = reader.reference(table, number)
            references.append(reference)
            stacks.append(stack)
    sketches: list[Sketch] = []
    for sketch in spec.sketches:
        with findings.gather():
            sketches.append(reader.sketch(sketch))
    ways: dict[int, WayTable] = {table.frame: table for table in spec.references if table.frame is not None}
    ways |= {table.frame: table for table in spec.sketches}
    frames = key_frames(sorted(ways), spec.shot.frames, findings)
    findings.check()
    if frames is None or findings.size is None:
        raise ValueError("no problem was noted, yet there is no art")
    cels = {r.drawing: r.cel for r in references if r.drawing is not None}
    cels |= {sketch.drawing: sketch.cel for sketch in sketches}
    keys = [
        PlacedKey(
            _place(spec, frame), frame - frames.start, pace_of(spec.timing, way), {layer: cels[str(frame)]}
        )
        for frame, way in sorted(ways.items())
    ]
    planned = plan_keys(keys, [layer], n_frames=len(frames), paces={}, findings=findings)
    layers = add_stills([Layer(layer, Role.CEL, cels)], stacks, background)
    check_layer_names(layers, findings)
    findings.check()
    return Art(
        size=findings.size,
        n_frames=len(frames),
        first_frame=frames.start,
        layers=layers,
        exposures=planned.exposures,
        marks={},
        references=tuple(references),
        inputs=findings.inputs,
        warnings=findings.warnings,
        plans=planned.plans,
        sketches=tuple(sketches),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the drawings of one layer, from picture files or PSDs."""

    layer: str
    options: ReadOptions
    findings: Findings

    def reference(self, table: PaintedTable, number: int) -> tuple[Reference, tuple[Layer, ...]]:
        """The reference, and the stack of its PSD: stills, with the cel only to show their place."""
        drawing = str(table.frame) if table.frame is not None else None
        name = drawing or f"design {number}"
        if table.psd is not None:
            cel, stack = self._in_psd(table.psd, table, name)
            return Reference(self.layer, drawing, replace(cel, is_line_art=False)), stack
        path = self._picture(table.image or "")
        line = self._picture(table.line) if table.line is not None else None
        digest = ":".join(self.findings.digest(file) for file in (path, line) if file is not None)
        cel = Cel(self.layer, name, path, digest, is_line_art=False, line=line)
        return Reference(self.layer, drawing, cel), ()

    def sketch(self, table: SketchTable) -> Sketch:
        name = str(table.frame)
        free = self._picture(table.region) if table.region is not None else None
        if table.psd is not None:
            cel, _ = self._in_psd(table.psd, table, name)
        else:
            path = self._picture(table.image or "")
            cel = Cel(self.layer, name, path, self.findings.digest(path))
        digests = (cel.digest, *((self.findings.digest(free),) if free is not None else ()))
        cel = replace(cel, digest=f"sketch:{':'.join(digests)}:{table.strength}")
        return Sketch(self.layer, name, cel, free, table.strength)

    def _picture(self, path: str) -> Path:
        file = self.findings.folder / path
        self.findings.expect_size(file, self.findings.picture(file).size)
        return file

    def _in_psd(self, path: str, table: PictureTable, name: str) -> tuple[Cel, tuple[Layer, ...]]:
        """The drawing called `name` here, and the layers of the PSD. Raises: ArtError without it."""
        document = self.findings.psd(self.findings.folder / path)
        self.findings.expect_size(document.path, document.size)
        is_line_art = isinstance(table, SketchTable)
        planes = read_layers(
            document, options=self.options, sheet={}, is_line_art=is_line_art, findings=self.findings
        )
        plane = self._cel(planes, document.path)
        node = _drawing(plane, table.drawing, document.path)
        cel = psd_cel(self.layer, name, node, document=document, findings=self.findings)
        stack = tuple(
            Layer(self.layer, Role.CEL) if each is plane else still_layer(document, each, self.findings)
            for each in planes
            if each is plane or each.role is not Role.CEL
        )
        return cel, stack

    def _cel(self, planes: tuple[PsdLayer, ...], path: Path) -> PsdLayer:
        """The cel that the drawn layer is: the one of its name, or the only one."""
        cels = [plane for plane in planes if plane.role is Role.CEL]
        found = [plane for plane in cels if track_key(plane.name) == track_key(self.layer)]
        if len(found or cels) == 1:
            return (found or cels)[0]
        has = named(plane.name for plane in cels or planes)
        what = f"`{path.name}` has no cel layer `{self.layer}`"
        hint = f"name it `{self.layer}`, or use `[psd.roles]` or `[art] layer`; it has {has}"
        raise ArtError(what, str(path), hint)


def _drawing(plane: PsdLayer, asked: str | None, path: Path) -> PsdNode:
    """The drawing of a cel that was asked for, or its only one. Raises: ArtError without it."""
    nodes = list(plane.drawings.values()) or [plane.node]
    if asked is None and len(nodes) == 1:
        return nodes[0]
    if asked is not None and asked in plane.drawings:
        return plane.drawings[asked]
    which = f"no drawing `{asked}`" if asked is not None else f"{len(nodes)} drawings"
    hint = f'give `drawing = "..."`, one of {named(plane.drawings)}'
    raise ArtError(f"cel `{plane.name}` of `{path.name}` has {which}", str(path), hint)


def _place(spec: PostkeySpec, frame: int) -> str:
    """Where the key at `frame` stands in the shot file (`sketch[2]`)."""
    places: Mapping[int | None, str] = {
        **{table.frame: f"reference[{n}]" for n, table in enumerate(spec.references, 1)},
        **{table.frame: f"sketch[{n}]" for n, table in enumerate(spec.sketches, 1)},
    }
    return places[frame]
