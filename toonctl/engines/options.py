"""An engine's options as a record, read out of the mapping that the shot file's tables give.

Records have no defaults: the shot file's models hold them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from toonctl.core.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What every record of options can do; its fields are the keys it takes."""

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """The options out of a wider mapping. Raises: SpecError when one is missing."""
        missing = [f.name for f in fields(cls) if f.name not in options]
        if missing:
            who = f"the engine `{options['name']}`" if "name" in options else "the engine"
            raise SpecError(f"{who} was started without {', '.join(missing)}")
        return cls(**{f.name: options[f.name] for f in fields(cls)})
