"""The story of `quantize`: weights found, every tensor's form chosen, converted singly, compared if asked."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonctl import __version__
from toonctl.core.errors import CheckpointError, DeliveryError, Stopped, UsageError
from toonctl.core.files import whole_file
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines._weight_parts import WeightPart, copy_rest, find_parts, write_config, write_index

if TYPE_CHECKING:
    from toonctl.models.checkpoint import WeightFiles
    from toonctl.models.quantization.policy import Choice
    from toonctl.models.quantization.shards import Planned
    from toonctl.pipelines._verify_weights import Comparison

_JOB = "toonctl.job"


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """What is wanted: the form, whose policy (None: found by the keys), patterns kept besides, shard size.

    `frames` are the pictures to compare original and result on, None compares nothing. `n_steps` and `size`
    (width, height) are how a diffusion model draws them, `engine` who draws (None: found by the keys) and
    `weights` the engine's other files by role, where they are not the registered ones.
    """

    target: str
    policy: str | None = None
    keep: tuple[str, ...] = ()
    shard_bytes: int = 2 * 10**9
    overwrite: bool = False
    dry_run: bool = False
    frames: Path | None = None
    n_steps: int = 8
    size: tuple[int, int] = (512, 320)
    device: str = "cpu"
    engine: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class PartReport:
    """What became of one network: bytes before and after, tensors by form, and the worst of those rounded.

    `worst_db` are names with their signal-to-noise ratio in dB, worst first.
    """

    name: str
    policy: str
    target: str
    bytes_before: int
    bytes_after: int
    forms: dict[str, int]
    worst_db: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class QuantizeResult:
    """The files written, a report per network, and the comparison if one was asked for."""

    outputs: tuple[Path, ...]
    parts: tuple[PartReport, ...]
    comparison: "Comparison | None" = None


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `512x320`. Raises: UsageError when it is no size or no multiple of 8."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"`{text}` is no size", "--size", "as in `--size 512x320`")
    if int(width) % 8 or int(height) % 8:
        raise UsageError(f"the sides of `{text}` are no multiples of 8", "--size", "as in `--size 512x320`")
    return int(width), int(height)


def parse_weights(texts: Sequence[str]) -> dict[str, str]:
    """Files or folders by role of `["vae=/models/vae"]`. Raises: UsageError when one is no such pair."""
    pairs = [text.partition("=") for text in texts]
    for text, (role, _, path) in zip(texts, pairs, strict=True):
        if not (role and path):
            raise UsageError(f"`{text}` names no weights", "--weights", "as in `--weights vae=models/vae`")
    return {role: path for role, _, path in pairs}


def run(
    source: Path, target: Path, options: QuantizeOptions, report: Reporter, stop: StopFlag
) -> QuantizeResult:
    """The weights of `source` in a smaller form at `target`; interrupted, it goes on with the next shard.

    Raises: CheckpointError for weights that are absent, foreign, or packed already; UsageError for options
    that do not fit; DeliveryError when the target is there already or cannot be written; Stopped by a signal.
    """
    parts = find_parts(source, target)
    choices = [_choice(part, options) for part in parts]
    for part, choice in zip(parts, choices, strict=True):
        if choice.given != choice.target:
            text = f"{choice.target} ruins a {choice.policy.name} network; {choice.given} is used instead"
            report.warn("W701", f"{part.source.name}: {text}")
    plans = [_plan(part, choice) for part, choice in zip(parts, choices, strict=True)]
    if options.dry_run:
        reports = [_report(*each, worst=()) for each in zip(parts, choices, plans, strict=True)]
        return QuantizeResult((), tuple(reports))
    at = None
    if options.frames is not None:
        from toonctl.pipelines._verify_weights import bench

        at = bench(parts, choices, options)
    report.start(sum(len(plan) for plan in plans), f"quantize {source.name}")
    if source.is_dir():
        copy_rest(source, target)
    outputs: list[Path] = []
    reports: list[PartReport] = []
    done = 0
    for part, choice, plan in zip(parts, choices, plans, strict=True):
        conversion = _Conversion(part, choice, plan, options)
        for name in conversion.run(stop):
            done += 1
            report.step(done=done, frame=done, layer=part.source.name, note=name)
        outputs += conversion.outputs
        worst = sorted(conversion.quality.items(), key=lambda item: item[1])[:5]
        reports.append(_report(part, choice, plan, worst=tuple(worst)))
    if at is None:
        return QuantizeResult(tuple(outputs), tuple(reports))
    from toonctl.pipelines._verify_weights import compare

    comparison = compare(parts, outputs, at)
    return QuantizeResult(tuple(outputs), tuple(reports), comparison)


def _choice(part: WeightPart, options: QuantizeOptions) -> "Choice":
    from toonctl.models.checkpoint import open_weights
    from toonctl.models.quantization.policy import POLICIES, TARGETS, Choice, detect

    if options.target not in TARGETS:
        raise UsageError(f"`{options.target}` is no form of weights", hint=f"forms: {', '.join(TARGETS)}")
    if options.policy is not None and options.policy not in POLICIES:
        raise UsageError(f"`{options.policy}` is no policy", hint=f"policies: {', '.join(POLICIES)}")
    weights = open_weights(part.source)
    known = POLICIES[options.policy] if options.policy else detect(weights.shapes, name=part.source.name)
    return Choice(known, options.target, options.keep)


def _plan(part: WeightPart, choice: "Choice") -> "tuple[Planned, ...]":
    from toonctl.models.checkpoint import open_weights
    from toonctl.models.quantization.shards import Planned

    weights = open_weights(part.source)
    _refuse_packed(weights, part)
    return tuple(
        Planned(name, shape, choice.storage(name, shape, weights.read(name).dtype))
        for name, shape in weights.shapes.items()
    )


def _refuse_packed(weights: "WeightFiles", part: WeightPart) -> None:
    from toonctl.models.quantization.unpacking import unpacked_weights

    if len(unpacked_weights(weights).shapes) != len(weights.shapes):
        what = f"`{part.source.name}` is packed already; packing it again would round it twice"
        raise CheckpointError(what, str(part.source), "begin with the original weights")


def _report(
    part: WeightPart, choice: "Choice", plan: "Sequence[Planned]", *, worst: tuple[tuple[str, float], ...]
) -> PartReport:
    forms: dict[str, int] = {}
    for tensor in plan:
        forms[tensor.storage.name] = forms.get(tensor.storage.name, 0) + 1
    return PartReport(
        name=part.source.name,
        policy=choice.policy.name,
        target=choice.given,
        bytes_before=sum(file.stat().st_size for file in part.files),
        bytes_after=sum(tensor.n_bytes for tensor in plan),
        forms=forms,
        worst_db=worst,
    )


class _Conversion:
    """Converts one part, tensor by tensor; at no time is there more than one of them in memory."""

    def __init__(
        self, part: WeightPart, choice: "Choice", plan: "Sequence[Planned]", options: QuantizeOptions
    ) -> None:
        self.part, self.choice, self.plan, self.options = part, choice, plan, options
        self.outputs: list[Path] = []
        self.quality: dict[str, float] = {}

    def run(self, stop: StopFlag) -> Iterator[str]:
        """The name of every tensor once it is done. Raises: DeliveryError."""
        from toonctl.models.checkpoint import open_weights
        from toonctl.models.quantization.shards import split

        weights = open_weights(self.part.source)
        is_folder = self.part.source.is_dir()
        shards = list(split(self.plan, self.options.shard_bytes)) if is_folder else [tuple(self.plan)]
        metadata = self._metadata()
        places: dict[str, str] = {}
        for number, shard in enumerate(shards, 1):
            count = f"-{number:05}-of-{len(shards):05}" if len(shards) > 1 else ""
            path = self.part.folder / f"{self.part.stem}{count}.safetensors"
            self.outputs.append(path)
            for tensor in shard:
                parts = tensor.storage.layout(tensor.shape)
                places |= dict.fromkeys((tensor.name + end for end in parts), path.name)
            if self._is_done(path, metadata[_JOB]):
                yield from (tensor.name for tensor in shard)
                continue
            yield from self._write(path, shard, weights, metadata, stop)
        if len(shards) > 1:
            write_index(self.part, places, sum(tensor.n_bytes for tensor in self.plan))
        write_config(self.part, self._config_entry())

    def _write(
        self,
        path: Path,
        shard: "Sequence[Planned]",
        weights: "WeightFiles",
        metadata: dict[str, str],
        stop: StopFlag,
    ) -> Iterator[str]:
        from toonctl.models.quantization.shards import ShardWriter

        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            writer = ShardWriter(file, shard, metadata)
            for tensor in shard:
                if stop.is_set():
                    hint = "the same command goes on with the file it was in"
                    raise Stopped(f"stopped by {stop.asked_by} in `{path.name}`", hint=hint)
                original = weights.read(tensor.name)
                stored = tensor.storage.encode(original)
                writer.write(tensor.name, stored)
                self._judge(tensor, original, stored)
                yield tensor.name

    def _judge(self, tensor: "Planned", original: Any, stored: Any) -> None:
        import torch

        if not original.is_floating_point():
            return
        back = tensor.storage.decode(stored, tensor.shape, torch.float32)
        signal = float(torch.linalg.vector_norm(original, dtype=torch.float32))
        noise = float(torch.linalg.vector_norm(back - original))
        if noise > 0 and signal > 0:
            self.quality[tensor.name] = 20 * math.log10(signal / noise)

    def _is_done(self, path: Path, job: str) -> bool:
        if not path.exists():
            return False
        finished = WeightPart(path, path.parent, path.stem).metadata().get(_JOB)
        if finished != job and not self.options.overwrite:
            what = f"`{path.name}` is there already, and of another job"
            raise DeliveryError(what, str(path), "name another place, or give `--overwrite`")
        return finished == job

    def _metadata(self) -> dict[str, str]:
        facts = {
            "toonctl.version": __version__,
            "toonctl.source": self.part.digest(),
            "toonctl.policy": self.choice.policy.name,
            "toonctl.target": self.choice.given,
            "toonctl.keep": json.dumps(self.choice.keep),
            "toonctl.shard_bytes": str(self.options.shard_bytes),
        }
        job = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        return {**self.part.metadata(), "format": "pt", **facts, _JOB: job}

    def _config_entry(self) -> dict[str, object] | None:
        from toonctl.models.quantization.nf4 import NF4

        packed = [tensor for tensor in self.plan if set(tensor.storage.layout(tensor.shape)) != {""}]
        if not packed:
            return None
        if all(tensor.storage == NF4 for tensor in packed):
            kept = {t.name.removesuffix(".weight") for t in self.plan} - {
                t.name.removesuffix(".weight") for t in packed
            }
            return {
                "quant_method": "bitsandbytes",
                "load_in_4bit": True,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_compute_dtype": "bfloat16",
                "bnb_4bit_use_double_quant": False,
                "llm_int8_skip_modules": sorted(kept),
            }
        # A method of our own name: others then refuse the files instead of reading codes as weights.
        return {"quant_method": "toonctl", "format": self.choice.given, "policy": self.choice.policy.name}
