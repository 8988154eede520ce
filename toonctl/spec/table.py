"""The base of every table of a shot file: strict, frozen, unknown keys refused, faults with a remedy."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Annotated, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from toonctl.core.errors import ToonctlError
from toonctl.core.names import name_fault
from toonctl.core.timesheet import parse_exposure, parse_frames, parse_rate, rate_text


@dataclass(frozen=True, slots=True)
class Fault:
    """Something a table says that cannot be, at `key` within it (empty = the table), and the remedy."""

    key: tuple[str | int, ...]
    what: str
    hint: str | None = None


class Table(BaseModel):
    """A table of the shot file. Sub-classes say in `rules` and `faults` what no single key can know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    @classmethod
    def rules(cls, keys: Collection[str]) -> Iterator[Fault]:
        """What the mere presence of `keys` gets wrong; reported together with faults of single keys."""
        yield from ()

    def faults(self) -> Iterator[Fault]:
        """What values contradict each other; asked when every single key is right."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _with_rules(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        keys = cast("dict[str, object]", data).keys() if isinstance(data, dict) else ()
        # A misspelt key would make its absence look like a second fault.
        is_spelled = all(key in cls.model_fields for key in keys)
        broken = tuple(cls.rules(keys)) if is_spelled and isinstance(data, dict) else ()
        try:
            table = handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                cls.__name__, [*(_again(details) for details in error.errors()), *_as_errors(broken)]
            ) from error
        broken = broken or tuple(table.faults())
        if broken:
            raise ValidationError.from_exception_data(cls.__name__, _as_errors(broken))
        return table


def _as_errors(faults: tuple[Fault, ...]) -> list[InitErrorDetails]:
    return [{"type": refusal(fault.what, fault.hint), "loc": fault.key, "input": None} for fault in faults]


def _again(details: ErrorDetails) -> InitErrorDetails:
    context = details.get("ctx", {})
    kind = refusal(context["text"], context["hint"]) if details["type"] == "fault" else details["type"]
    return {"type": kind, "loc": details["loc"], "input": details["input"], "ctx": context}


T = TypeVar("T")


def refusal(what: str, hint: str | None = None) -> PydanticCustomError:
    """What a validator raises to refuse a value, with the remedy."""
    return PydanticCustomError("fault", "{text}", {"text": what, "hint": hint})


def _spelled(parse: Callable[[str], T]) -> Callable[[object], object]:
    """A validator that keeps the text but refuses what `parse` cannot read."""

    def validate(value: object) -> object:
        if isinstance(value, str):
            try:
                parse(value)
            except ToonctlError as error:
                raise refusal(error.problems[0].what, error.problems[0].hint) from error
        return value

    return validate


def _read_rate(value: object) -> object:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refusal("a frame rate is text or a whole number", 'write it as "24", "23.976" or "24000/1001"')
    try:
        return parse_rate(value)
    except ToonctlError as error:
        raise refusal(error.problems[0].what, error.problems[0].hint) from error


def _check_name(value: object) -> object:
    fault = name_fault(value) if isinstance(value, str) else None
    if fault:
        raise refusal(
            f"the name `{value}` {fault}",
            "folders and files are named by it: letters, digits, `_` and `-` are safe everywhere",
        )
    return value


def _check_layer(value: object) -> object:
    if isinstance(value, str) and value.casefold() == "comp":
        raise refusal("a layer cannot be called `comp`", "`frames/comp` holds the layers over the background")
    return _check_name(value)


def _check_path(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            raise refusal("the path is empty", "name a file, relative to the shot file")
        if "\0" in value:
            raise refusal("the path contains the control character U+0000")
    return value


def _check_pattern(value: object) -> object:
    if isinstance(value, str):
        n_numbers = len(re.findall("#+", PurePath(value).name))
        if n_numbers != 1:
            raise refusal(
                f"`{value}` names {'more than one' if n_numbers else 'no'} frame number",
                "write the number once, as `####`, in the file's name: `line/walk.####.png`",
            )
    return _check_path(value)


Rate = Annotated[
    Fraction,
    BeforeValidator(_read_rate),
    PlainSerializer(rate_text, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["24", "23.976", "24000/1001"]}),
]
"""Frames per second, exact."""

Name = Annotated[str, BeforeValidator(_check_name)]
"""One path component."""

LayerName = Annotated[str, BeforeValidator(_check_layer)]
"""One path component that is not taken by the output tree."""

ArtPath = Annotated[str, BeforeValidator(_check_path)]
"""A path as written, relative to the shot file."""

ArtPattern = Annotated[str, BeforeValidator(_check_pattern)]
"""A path whose file name holds the frame or drawing number once, as `####`."""

FrameRange = Annotated[str, BeforeValidator(_spelled(parse_frames))]
"""Frames as people write them: `1-48`, `1-100x2`, `1,3,5-9`."""

Exposure = Annotated[str, BeforeValidator(_spelled(parse_exposure))]
"""Drawings and how long each is held: `1x6 2x6 3x12`."""
