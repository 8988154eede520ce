"""What the shot file may name and what the other rooms know are the same things."""

from dataclasses import fields
from typing import get_args

from toonctl.core.types import Role
from toonctl.engines import names
from toonctl.engines.cel.options import InbetweenOptions, PlannedOptions
from toonctl.formats.mov import PROFILES
from toonctl.spec.colorize_long import ColorizeLayer
from toonctl.spec.commands import COMMANDS, TASKS
from toonctl.spec.engine_tables import CelColorize, CelInbetween
from toonctl.spec.keys import KeyedLayer
from toonctl.spec.shot import MovieProfile, RoleName


def test_roles_are_those_of_the_records() -> None:
    assert set(get_args(RoleName)) == {str(role) for role in Role}


def test_movie_profiles_are_those_that_can_be_written() -> None:
    assert set(get_args(MovieProfile)) == set(PROFILES)


def test_engine_options_are_those_the_engine_reads() -> None:
    read = {field.name for field in fields(PlannedOptions)}
    assert read == set(CelColorize.model_fields) - {"name", "preset", "device", "seed"}


def test_a_layer_overrides_options_of_the_engine() -> None:
    assert set(ColorizeLayer.model_fields) - {"name", "color"} <= set(CelColorize.model_fields)


def test_inbetween_options_are_those_the_engine_reads() -> None:
    read = {field.name for field in fields(InbetweenOptions)}
    assert read == set(CelInbetween.model_fields) - {"name", "preset", "device", "seed"}


def test_a_keyed_layer_overrides_options_of_the_engine() -> None:
    own = {"name", "inbetween", "ease", "charts"}
    assert set(KeyedLayer.model_fields) - own <= set(CelInbetween.model_fields)


def test_every_command_has_its_engines() -> None:
    assert set(TASKS) == set(COMMANDS)
    assert all("cel" in names(task) for task in TASKS.values())
