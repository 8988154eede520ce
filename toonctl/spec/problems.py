"""What pydantic found, in words an artist can act on, with the nearest valid spelling."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from toonctl.core.errors import Problem
from toonctl.spec.keylines import KeyLines, KeyPath

_WANTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "tuple_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def problems_of(
    error: ValidationError, model: type[BaseModel], *, where: Callable[[KeyPath], str], lines: KeyLines
) -> list[Problem]:
    """Every fault pydantic found in data for `model`, in the order of `lines`; `where` gives its place."""
    schema = model.model_json_schema(by_alias=True)
    faults = error.errors()
    # A list whose every item is faulty counts as empty too; that is no news.
    faults = [f for f in faults if f["type"] != "too_short" or not f["input"]]
    faults.sort(key=lambda details: lines.line_of(_path(details)))
    found: list[Problem] = []
    for details in faults:
        what, hint = _sentence(details, schema)
        problem = Problem(what, where(_path(details)), hint)
        if problem not in found:
            found.append(problem)
    return found


def nearest(word: str, known: Iterable[str], *, noun: str = "known") -> str:
    """A hint for a misspelt word: the nearest of `known`, or all of them."""
    names = list(known)
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"{noun}: " + ", ".join(f"`{name}`" for name in names)


def _path(details: ErrorDetails) -> KeyPath:
    return tuple(part for part in details["loc"] if part != "[key]")


def _sentence(details: ErrorDetails, schema: dict[str, Any]) -> tuple[str, str | None]:
    """What is wrong and what to do about it."""
    path = _path(details)
    kind, context = details["type"], details.get("ctx", {})
    given: object = details["input"]
    if kind == "fault":
        return context["text"], context["hint"]
    if kind == "extra_forbidden":
        known = _at(schema, path[:-1]).get("properties", {})
        return f"unknown key `{path[-1]}`", nearest(str(path[-1]), known, noun="known here")
    if kind == "missing":
        return f"`{path[-1]}` is missing", _missing_hint(schema, path)
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"]) or re.findall(r"\d+", context["expected"])
        return f"{_shown(given)} is not a choice here", nearest(str(given), allowed, noun="one of")
    if kind == "too_short" and isinstance(given, dict):
        return f"`{path[-1]}` is empty", _description(schema, path)
    if kind == "too_short":
        return f"at least {context['min_length']} `[[{path[-1]}]]` is needed", f"add a table `[[{path[-1]}]]`"
    if kind == "string_pattern_mismatch":
        return f"{_shown(given)} is not a choice here", _description(schema, path)
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f"must be text, not {_shown(given)}", f'put it in quotes: `"{given}"`'
    wanted = _WANTED.get(kind)
    what = f"must be {wanted}" if wanted else details["msg"].replace("Input should", "must")
    return f"{what}, not {_shown(given)}", _description(schema, path)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _missing_hint(schema: dict[str, Any], path: KeyPath) -> str:
    entry = _at(schema, path)
    if entry.get("type") == "array":
        return f"add a table `[[{path[-1]}]]`"
    if "properties" in entry:
        return f"add the table `[{path[-1]}]`"
    return f"add `{path[-1]} = ...`" + (f": {entry['description']}" if "description" in entry else "")


def _description(schema: dict[str, Any], path: KeyPath) -> str | None:
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return _at(schema, path).get("description") if path else None


def _at(schema: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """The part of a JSON Schema that describes `path`; empty where the schema does not say."""
    entry: dict[str, Any] = schema
    for part in path:
        entry = _inner(schema, entry)
        entry = entry.get("items", {}) if isinstance(part, int) else entry.get("properties", {}).get(part, {})
    return {**_inner(schema, entry), **{key: entry[key] for key in ("description",) if key in entry}}


def _inner(schema: Mapping[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """`entry` with its reference followed and the `null` of an optional key taken away."""
    if "anyOf" in entry:
        entry = next((choice for choice in entry["anyOf"] if choice.get("type") != "null"), entry)
    if "$ref" in entry:
        return schema["$defs"][entry["$ref"].rsplit("/", 1)[-1]]
    return entry
