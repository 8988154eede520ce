"""The JSON Schema of shot files; with `#:schema ./shot.schema.json` on line 1, editors check in place."""

from typing import Any

from pydantic.json_schema import models_json_schema

from toonctl.spec.commands import COMMANDS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def shot_schema(command: str | None = None) -> dict[str, Any]:
    """The schema of one command's shot files, or of those of all commands.

    Raises: KeyError when there is no such command.
    """
    models = COMMANDS.values() if command is None else (COMMANDS[command],)
    kinds, schema = models_json_schema([(model, "validation") for model in models], by_alias=True)
    title = f"toonctl {command}" if command else "toonctl shot file"
    return {"$schema": _DIALECT, "title": title, "anyOf": list(kinds.values()), **schema}
