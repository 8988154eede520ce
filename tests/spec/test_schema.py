"""The JSON Schema accepts what `load_shot` accepts."""

import tomllib
from pathlib import Path

import jsonschema
import pytest

from spec.shots import FLAT, TEXTS
from toonctl.spec.commands import COMMANDS
from toonctl.spec.load import load_shot
from toonctl.spec.schema import shot_schema

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/shot.toml"))


COMMAND_OF = {"jump": "inbetween", "cup": "layerpack", "dive": "postkey"}


def faults(text: str, command: str | None = "colorize-long") -> list[str]:
    validator = jsonschema.Draft202012Validator(shot_schema(command))
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_schema_is_a_schema(command: str | None) -> None:
    schema = shot_schema(command)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("name", TEXTS)
def test_the_design_texts_are_valid(name: str, tmp_path: Path) -> None:
    command, text = TEXTS[name]
    assert faults(text, command) == []
    assert faults(text, None) == []
    path = tmp_path / "shot.toml"
    path.write_text(text, "utf-8")
    assert load_shot(path, command=command).spec.shot.name == name


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_every_example_is_valid_both_ways(path: Path) -> None:
    command = COMMAND_OF.get(path.parent.name, "colorize-long")
    assert faults(path.read_text("utf-8"), command) == []
    assert load_shot(path, command=command).spec.shot.name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "walk"', 'nam = "walk"'),
        ("frame = 1", 'frame = "1"'),
        ('line = "line/walk.####.png"', ""),
        ("[art]", '[engine]\nmatcher = "flow"\n[art]'),
        ("[art]", "[engine]\ngap_px = -1\n[art]"),
    ],
)
def test_faulty_texts_are_not(old: str, new: str) -> None:
    assert faults(FLAT.replace(old, new)) != []
