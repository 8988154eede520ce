"""Read everything a shot names, draw nothing.

Shows how every layer was understood, which drawings and frames there are, and every problem at once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from toonctl.cli._options import ShotOptions, takes

if TYPE_CHECKING:
    from toonctl.pipelines.check import CheckedShot
    from toonctl.spec.load import LoadedShot


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ShotOptions):
    command: Annotated[
        str | None,
        typer.Option(
            "--command", metavar="NAME", help="The command the shot file is for; guessed if absent."
        ),
    ] = None
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Show every value in force and where it came from.")
    ] = False
    write_plan: Annotated[
        bool, typer.Option("--write-plan", help="Write `state/plan.json`: chunks for a farm.")
    ] = False


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import load, session
    from toonctl.spec.guess import guess_command

    with session("check", options) as at:
        command = options.command or guess_command(options.shot)
        loaded = load(command, options)
        if options.resolved and not options.write_plan:
            at.result(_resolved_lines(loaded), _resolved_document(loaded))
            return
        from toonctl.pipelines import check

        checked = check.run(
            loaded, at.reporter, command=command, out=options.out, write_plan=options.write_plan
        )
        lines = _lines(loaded, checked)
        document = _document(loaded, checked)
        if options.resolved:
            lines += _resolved_lines(loaded)
            document |= _resolved_document(loaded)
        at.result(lines, document)


def _resolved_lines(loaded: "LoadedShot") -> list[str]:
    import json

    from toonctl.spec.load import values_by_key

    rows = [
        (k, json.dumps(v, ensure_ascii=False), loaded.origins[k])
        for k, v in values_by_key(loaded.spec).items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"{key:{widths[0]}}  {value:{widths[1]}}  {origin}" for key, value, origin in rows]


def _resolved_document(loaded: "LoadedShot") -> dict[str, object]:
    from toonctl.spec.load import resolved

    return {"resolved": resolved(loaded.spec), "origins": dict(loaded.origins)}


def _lines(loaded: "LoadedShot", checked: "CheckedShot") -> list[str]:
    art = checked.art
    first, last = art.first_frame, art.first_frame + art.n_frames - 1
    width, height = art.size
    lines = [f"{loaded.spec.shot.name}: frames {first}-{last}, {width}x{height}"]
    for layer in reversed(art.layers):  # as a layer window shows them, the top one first
        shown = {name for name in art.exposures.get(layer.name, ()) if name is not None}
        drawings = f", {len(shown)} drawings shown" if shown else ""
        lines.append(f"layer {layer.name}: {layer.role}{drawings}")
    for reference in art.references:
        shows = f"drawing {reference.drawing}" if reference.drawing else "a color design"
        lines.append(f"reference {reference.layer}: {shows}, {reference.cel.path.name}")
    for file in art.inputs:
        lines += [f"{file.path}: {layer.name}: {layer.role}" for layer in file.layers]
    if checked.plan_file is not None:
        lines.append(str(checked.plan_file))
    return lines


def _document(loaded: "LoadedShot", checked: "CheckedShot") -> dict[str, object]:
    art = checked.art
    return {
        "command": "check",
        "status": "done",
        "exit_code": 0,
        "shot": loaded.spec.shot.name,
        "size": list(art.size),
        "first_frame": art.first_frame,
        "n_frames": art.n_frames,
        "layers": [
            {"name": layer.name, "role": str(layer.role), "exposure": list(art.exposures.get(layer.name, ()))}
            for layer in art.layers
        ],
        "references": [
            {"layer": reference.layer, "drawing": reference.drawing, "path": reference.cel.path.name}
            for reference in art.references
        ],
        "inputs": [
            {
                "path": file.path,
                "sha256": file.sha256,
                "layers": {each.name: str(each.role) for each in file.layers},
            }
            for file in art.inputs
        ],
        "warnings": [{"code": warned.code, "text": warned.text} for warned in art.warnings],
        "chunks": [f"{chunk[0]}-{chunk[-1]}" for chunk in checked.plan.chunks],
        "plan": str(checked.plan_file) if checked.plan_file is not None else None,
    }
