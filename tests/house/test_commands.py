"""Every command has its two files, help and a place in the README, which names nothing that is not there."""

import ast
import re
import shlex
from functools import cache

import pytest
import typer
from typer.testing import CliRunner

from house.source import PACKAGE, ROOT, tree
from toonctl.cli import build_app, command_names
from toonctl.spec.commands import COMMANDS
from toonctl.spec.load import preset_problems
from toonctl.spec.preset import Preset, list_presets, shipped_folder

README = (ROOT / "README.md").read_text("utf-8")


@cache
def help_of(*command: str) -> str:
    result = CliRunner().invoke(build_app(), [*command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def called() -> list[list[str]]:
    """Every `toonctl` command line of the README, as words."""
    blocks = "\n".join(re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
    lines = re.findall(r"(?:^|&&|;|\()\s*(?:\$ )?(?:\S*/)?toonctl ([^\n&;|)#]+)", blocks, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("name", command_names())
def test_a_command_has_its_pipeline_help_and_a_place_in_the_readme(name: str) -> None:
    stem = name.replace("-", "_")
    assert (PACKAGE / "pipelines" / f"{stem}.py").is_file()
    text = ast.get_docstring(tree(PACKAGE / "cli" / f"{stem}.py")) or ""
    first = text.splitlines()[0]
    assert first.endswith(".")
    assert first.rstrip(".") in " ".join(help_of(name).split())
    assert re.search(rf"`toonctl {name}\b|`{name}\b", README), f"the README does not tell about `{name}`"


@pytest.mark.parametrize("name", command_names())
def test_every_option_of_a_command_has_help(name: str) -> None:
    def commands(app: typer.main.TyperGroup | typer.main.TyperCommand) -> list[typer.main.TyperCommand]:
        inner = getattr(app, "commands", None)
        return [app] if inner is None else [one for each in inner.values() for one in commands(each)]

    mute = [
        f"{command.name} {parameter.name}"
        for command in commands(typer.main.get_command(build_app(name)))
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]
    assert mute == []


def test_the_readme_calls_commands_and_options_that_exist() -> None:
    lines = called()
    assert lines, "the README shows no command"
    for words in lines:
        if words[0].startswith("-"):
            continue
        assert words[0] in command_names(), words
        depth = 2 if len(words) > 1 and words[0] in ("presets", "farm", "models") else 1
        text = help_of(*words[:depth])
        for option in (word.split("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), (words, option)


PRESETS = list_presets()


def test_there_are_presets_and_all_are_seen() -> None:
    assert {preset.path for preset in PRESETS} == set(shipped_folder().rglob("*.toml"))


@pytest.mark.parametrize("preset", PRESETS, ids=[f"{preset.command}/{preset.name}" for preset in PRESETS])
def test_a_preset_is_valid_and_opens_with_its_command(preset: Preset) -> None:
    first = preset.path.read_text("utf-8").splitlines()[0]
    assert first.startswith(f"# toonctl {preset.command} ")
    assert preset.summary()
    if preset.command in COMMANDS:
        assert preset_problems(preset) == []
    else:
        assert preset.command == "train"
        from toonctl.spec.recipe import load_recipe

        assert load_recipe(preset.path)
