"""Make weights smaller: a file, or a folder of several networks, converted one tensor at a time.

What a network cannot do without (norms, time embeddings, noise tables, the picture coder) keeps its
precision; `--dry-run` shows what would become of what. `--verify` draws the same frames with both sets of
weights, through the engine that uses them; what else that needs lies in the same folder, is named with
`--weights`, or is registered on this host (`toonctl models list`).
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toonctl.cli._options import OutputOptions, takes

if TYPE_CHECKING:
    from toonctl.pipelines._verify_weights import Comparison, Row
    from toonctl.pipelines.quantize import PartReport, QuantizeResult


class Form(StrEnum):
    """The forms of weights on offer."""

    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"
    NF4 = "nf4"
    FP8 = "fp8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Weights: a file or a folder.", show_default=False)
    ]
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="Where the smaller ones go.", show_default=False)
    ]
    to: Annotated[Form, typer.Option("--to", help="Form of the weights.", show_choices=True)] = Form.BF16
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="NAME", help="Whose weights these are; found by their names."),
    ] = None
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="REGEX", help="Keep tensors of this name as they are; repeatable."),
    ] = None
    shard_gb: Annotated[
        float, typer.Option("--shard-gb", metavar="GB", min=0.001, help="Largest file of a folder.")
    ] = 2.0
    verify: Annotated[
        Path | None,
        typer.Option("--verify", metavar="FRAMES", help="Compare both on the pictures in this folder."),
    ] = None
    steps: Annotated[int, typer.Option("--steps", metavar="N", min=1, help="Steps of `--verify`.")] = 8
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Picture size of `--verify`.")] = (
        "512x320"
    )
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="cpu or cuda, for `--verify`.")
    ] = "cpu"
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="NAME", help="Who draws for `--verify`; found by the weights."),
    ] = None
    weights: Annotated[
        list[str] | None,
        typer.Option("--weights", metavar="ROLE=PATH", help="The engine's other weights; repeatable."),
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is already written.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session

    with session("quantize", options) as at:
        from toonctl.pipelines import quantize

        wanted = quantize.QuantizeOptions(
            target=options.to,
            policy=options.policy,
            keep=tuple(options.keep or ()),
            shard_bytes=round(options.shard_gb * 10**9),
            overwrite=options.overwrite,
            dry_run=options.dry_run,
            frames=options.verify,
            n_steps=options.steps,
            size=quantize.parse_size(options.size),
            device=options.device,
            engine=options.engine,
            weights=quantize.parse_weights(options.weights or ()),
        )
        result = quantize.run(options.source, options.target, wanted, at.reporter, at.stop)
        at.reporter.close()
        at.result(_lines(result), _document(result))


def _lines(result: "QuantizeResult") -> list[str]:
    lines = [str(path) for path in result.outputs]
    for part in result.parts:
        lines.append(
            f"{part.name}: {part.policy}, {_mb(part.bytes_before)} -> {_mb(part.bytes_after)} ({part.target})"
        )
        lines += [f"  {count:5} tensors {form}" for form, count in sorted(part.forms.items())]
        lines += [f"  {db:5.1f} dB {name}" for name, db in part.worst_db]
    return lines + (_table(result.comparison) if result.comparison else [])


def _table(compared: "Comparison") -> list[str]:
    lines = [f"{'weights':10} {'disk':>10} {'memory':>10} {'ms/frame':>9} {'PSNR':>9}"]
    for row in (compared.original, compared.smaller):
        memory = "n/a" if row.peak_mb is None else f"{row.peak_mb:.0f} MB"
        likeness = "n/a" if row.psnr_db is None else f"{row.psnr_db:.2f} dB"
        lines.append(
            f"{row.name:10} {_mb(row.disk_bytes):>10} {memory:>10} {row.ms_per_frame:9.1f} {likeness:>9}"
        )
    loss = "" if compared.loss_db is None else f"; loss {compared.loss_db:.3f} dB"
    frames = f"{compared.n_frames} frames, protocol {compared.protocol}"
    return [*lines, f"{compared.apart_db:.2f} dB between the two{loss} ({frames})"]


def _document(result: "QuantizeResult") -> dict[str, object]:
    compared = result.comparison
    return {
        "command": "quantize",
        "status": "done" if result.outputs else "planned",
        "exit_code": 0,
        "outputs": [str(path) for path in result.outputs],
        "parts": [_part(part) for part in result.parts],
        "comparison": None
        if compared is None
        else {
            "protocol": compared.protocol,
            "n_frames": compared.n_frames,
            "apart_db": compared.apart_db,
            "loss_db": compared.loss_db,
            "rows": [_row(row) for row in (compared.original, compared.smaller)],
        },
    }


def _part(part: "PartReport") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(part)


def _row(row: "Row") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(row)


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 10**6:.1f} MB"
