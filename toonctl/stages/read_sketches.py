"""The art of `postkey`: painted references, sketches with their mattes, and the plan of what lies between."""

from collections.abc import Mapping
from pathlib import Path

from toonctl.core.art import Art, Cel, Layer, Reference, Role, Sketch
from toonctl.spec.keys import WayTable
from toonctl.spec.postkey import PaintedTable, PostkeySpec, SketchTable
from toonctl.stages.findings import Findings
from toonctl.stages.key_frames import key_frames, pace_of
from toonctl.stages.key_plan import PlacedKey, plan_keys
from toonctl.stages.references import background_layer


def read_sketched_art(spec: PostkeySpec, *, findings: Findings) -> Art:
    """The art of a shot of sketches. Raises: SpecError or ArtError listing all problems of the shot."""
    layer = spec.art.layer
    background: list[Layer] = []
    if spec.art.background is not None:
        with findings.gather():
            background = [background_layer(spec.art.background, findings)]
    references: list[Reference] = []
    for number, table in enumerate(spec.references, 1):
        with findings.gather():
            references.append(_reference(table, layer, number, findings))
    sketches: list[Sketch] = []
    for sketch in spec.sketches:
        with findings.gather():
            sketches.append(_sketch(sketch, layer, findings))
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
    findings.check()
    return Art(
        size=findings.size,
        n_frames=len(frames),
        first_frame=frames.start,
        layers=(*background, Layer(layer, Role.CEL, cels)),
        exposures=planned.exposures,
        marks={},
        references=tuple(references),
        inputs=findings.inputs,
        warnings=findings.warnings,
        plans=planned.plans,
        sketches=tuple(sketches),
    )


def _reference(table: PaintedTable, layer: str, number: int, findings: Findings) -> Reference:
    drawing = str(table.frame) if table.frame is not None else None
    name = drawing or f"design {number}"
    path = _picture(table.image, findings)
    line = _picture(table.line, findings) if table.line is not None else None
    digest = ":".join(findings.digest(file) for file in (path, line) if file is not None)
    return Reference(layer, drawing, Cel(layer, name, path, digest, is_line_art=False, line=line))


def _sketch(table: SketchTable, layer: str, findings: Findings) -> Sketch:
    path = _picture(table.image, findings)
    free = _picture(table.region, findings) if table.region is not None else None
    digest = ":".join(findings.digest(file) for file in (path, free) if file is not None)
    cel = Cel(layer, str(table.frame), path, f"sketch:{digest}:{table.strength}")
    return Sketch(layer, str(table.frame), cel, free, table.strength)


def _picture(path: str, findings: Findings) -> Path:
    file = findings.folder / path
    findings.expect_size(file, findings.picture(file).size)
    return file


def _place(spec: PostkeySpec, frame: int) -> str:
    """Where the key at `frame` stands in the shot file (`sketch[2]`)."""
    places: Mapping[int | None, str] = {
        **{table.frame: f"reference[{n}]" for n, table in enumerate(spec.references, 1)},
        **{table.frame: f"sketch[{n}]" for n, table in enumerate(spec.sketches, 1)},
    }
    return places[frame]
