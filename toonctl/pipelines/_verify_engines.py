"""Which engine draws with weights that `quantize` makes smaller, and in which role it takes them.

An engine is known by the network that draws; others, such as text encoders, several engines share. What an
engine needs besides is taken from the same folder, from what the user names, or from the registry.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toonctl.core.errors import CheckpointError, UsageError
from toonctl.pipelines._weight_parts import WeightPart

if TYPE_CHECKING:
    from toonctl.models.quantization.policy import Choice

_DENOISERS = ("base", "transformer", "model")
_BETWEEN_KEYS = r"img_emb\.emb_pos$|image_embedder\.pos_embed$"


@dataclass(frozen=True, slots=True)
class Seat:
    """A role of an engine, by the policy of its network and a pattern that one of the keys fits.

    `draws` marks the networks that no two engines share.
    """

    role: str
    policy: str
    mark: str = ""
    draws: bool = False


@dataclass(frozen=True, slots=True)
class DrawingEngine:
    """An engine, the task it draws for, the seats of its networks, and the roles it cannot do without."""

    name: str
    task: str
    seats: tuple[Seat, ...]
    needs: tuple[str, ...]

    def seat(self, policy: str, keys: Sequence[str]) -> Seat | None:
        """The first seat for a network of this policy and these keys."""
        fitting = (
            seat
            for seat in self.seats
            if seat.policy == policy and any(re.search(seat.mark, key) for key in keys)
        )
        return next(fitting, None)


ENGINES: Mapping[str, DrawingEngine] = {
    engine.name: engine
    for engine in (
        DrawingEngine("tooncrafter", "inbetween", (Seat("model", "tooncrafter", draws=True),), ("model",)),
        DrawingEngine(
            "wan-flf2v",
            "inbetween",
            (
                Seat("base", "wan", _BETWEEN_KEYS, draws=True),
                Seat("text", "text-encoder"),
                Seat("vision", "vision-encoder"),
                Seat("vae", "picture-coder"),
            ),
            ("base", "text", "tokenizer", "vision", "vae"),
        ),
        DrawingEngine(
            "tooncomposer",
            "postkey",
            (
                Seat("base", "wan", draws=True),
                Seat("adapter-480p", "tooncomposer-adapter", draws=True),
                Seat("text", "text-encoder"),
                Seat("vision", "vision-encoder"),
                Seat("vae", "picture-coder"),
            ),
            ("adapter-480p", "base", "text", "tokenizer", "vision", "vae"),
        ),
        DrawingEngine(
            "longanimation",
            "colorize_long",
            (
                Seat("sketch", "cogvideox", r"zero_conv", draws=True),
                Seat("base", "cogvideox", draws=True),
                Seat("dglm", "film-memory", draws=True),
                Seat("lvu", "text-encoder", r"beacon", draws=True),
                Seat("vision", "text-encoder", r"vision_model\."),
                Seat("text", "text-encoder"),
                Seat("vae", "picture-coder"),
            ),
            ("base", "sketch", "dglm", "lvu", "vae", "text", "tokenizer", "scheduler"),
        ),
        DrawingEngine(
            "framepack",
            "inbetween",
            (
                Seat("transformer", "hunyuan", draws=True),
                Seat("vision", "vision-encoder"),
                Seat("text-2", "text-encoder", r"text_model\."),
                Seat("text", "text-encoder"),
                Seat("vae", "picture-coder"),
            ),
            ("transformer", "vae", "text", "tokenizer", "text-2", "tokenizer-2", "vision"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays which role: the engine, and its weights by role before and after.

    `form` is what became of the denoiser, which memory plan and number format are about; None where it stays
    as it was.
    """

    engine: DrawingEngine
    original: Mapping[str, str]
    smaller: Mapping[str, str]
    form: str | None


def cast(
    parts: Sequence[WeightPart],
    choices: "Sequence[Choice]",
    *,
    engine: str | None,
    given: Mapping[str, str],
) -> Cast:
    """The engine `engine`, or the one that draws with one of `parts`, and what it is given.

    Raises: UsageError when no engine draws with them; CheckpointError when other weights are absent.
    """
    keys = [_keys(part) for part in parts]
    drawing = _engine(engine, parts, choices, keys)
    original, smaller = dict(given), dict(given)
    for part in parts:
        beside = dict(_beside(part.source, drawing)) if part.source.is_dir() else {}
        original, smaller = beside | original, beside | smaller
    forms: dict[str, str] = {}
    for part, choice, names in zip(parts, choices, keys, strict=True):
        seat = drawing.seat(choice.policy.name, names)
        if seat is None or seat.role in forms:
            continue
        forms[seat.role] = choice.given
        original[seat.role] = str(part.source)
        after = part.folder if part.source.is_dir() else part.folder / f"{part.stem}.safetensors"
        smaller[seat.role] = str(after)
    if not forms:
        what = f"`{drawing.name}` has no use for a {choices[0].policy.name} network"
        raise UsageError(what, "--engine", f"engines: {', '.join(ENGINES)}")
    for role in drawing.needs:
        _require(drawing, role, original)
    form = next((form for role, form in forms.items() if role in _DENOISERS), None)
    return Cast(drawing, original, smaller, form)


def _engine(
    name: str | None,
    parts: Sequence[WeightPart],
    choices: "Sequence[Choice]",
    keys: Sequence[Sequence[str]],
) -> DrawingEngine:
    if name is not None:
        if name not in ENGINES:
            raise UsageError(f"`{name}` does not draw with these weights", "--engine", _known())
        return ENGINES[name]
    for drawing in ENGINES.values():
        for choice, names in zip(choices, keys, strict=True):
            seat = drawing.seat(choice.policy.name, names)
            if seat is not None and seat.draws:
                return drawing
    kinds = ", ".join(f"`{p.source.name}` ({c.policy.name})" for p, c in zip(parts, choices, strict=True))
    what = f"no engine is known by {kinds}, so there is nothing to draw with"
    raise UsageError(what, "--verify", f"name who draws with `--engine`; {_known()}")


def _require(engine: DrawingEngine, role: str, given: Mapping[str, str]) -> None:
    from toonctl.models.registry import locate

    try:
        locate(engine.name, role, given=given)
    except CheckpointError as error:
        [problem, *_] = error.problems
        hint = f"name it with `--weights {role}=PATH`; {problem.hint}"
        raise CheckpointError(problem.what, problem.where, hint) from error


def _known() -> str:
    return f"engines: {', '.join(ENGINES)}, and `cel` for the matcher's file alone"


def _keys(part: WeightPart) -> tuple[str, ...]:
    from toonctl.models.checkpoint import open_weights

    return tuple(open_weights(part.source).shapes)


def _beside(source: Path, engine: DrawingEngine) -> Iterator[tuple[str, str]]:
    """What has no weights and lies in a model's folder: tokenizers, settings of the noise levels."""
    for role in engine.needs:
        for folder in (source, source.parent):
            place = folder / role.replace("-", "_")
            if role.startswith(("tokenizer", "scheduler")) and place.is_dir():
                yield role, str(place)
                break
