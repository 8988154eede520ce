"""`schema`: the JSON Schema of shot files."""

from typing import Any

from toonctl.core.errors import UsageError
from toonctl.spec.commands import COMMANDS
from toonctl.spec.problems import nearest
from toonctl.spec.schema import shot_schema


def run(command: str | None) -> dict[str, Any]:
    """The schema of one command's shot files, or of all. Raises: UsageError for an unknown command."""
    if command is not None and command not in COMMANDS:
        raise UsageError(f"`{command}` takes no shot file", "--command", nearest(command, COMMANDS))
    return shot_schema(command)
