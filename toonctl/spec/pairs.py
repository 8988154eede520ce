"""A list of pairs to measure: results and truths side by side, in TOML."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from toonctl.core.errors import SpecError
from toonctl.spec.problems import problems_of
from toonctl.spec.table import Fault, Table
from toonctl.spec.tomlfile import read_toml


class Pair(Table):
    """One result with its truth: folders of pictures, output folders or lossless movies."""

    name: str = Field(min_length=1, description="What the pair is called in tables.")
    result: str = Field(min_length=1, description="What was made; a path, relative to this file.")
    truth: str = Field(min_length=1, description="What it should be; a path, relative to this file.")


class PairsFile(Table):
    """The `[[pair]]` tables of a pairs file."""

    pairs: Annotated[tuple[Pair, ...], Field(strict=False, min_length=1)] = Field(alias="pair")

    def faults(self) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, pair in enumerate(self.pairs):
            if pair.name in seen:
                what = f"two pairs are called `{pair.name}`"
                yield Fault(("pair", index, "name"), what, "give each its own name: tables tell them apart")
            seen.add(pair.name)


def load_pairs(path: Path) -> tuple[Pair, ...]:
    """The checked pairs. Raises: UsageError when there is no such file, SpecError with every problem."""
    file = read_toml(path)
    try:
        return PairsFile.model_validate(file.values).pairs
    except ValidationError as error:
        raise SpecError.listing(problems_of(error, PairsFile, where=file.where, lines=file.lines)) from error
