"""What the shot file may say to ToonComposer and what the engine reads are the same things."""

from dataclasses import fields

import pytest

from toonctl.engines.postkey._tooncomposer_options import ToonComposerOptions
from toonctl.spec.engine_tooncomposer import SIZES, ToonComposer
from toonctl.spec.preset import Preset, list_presets
from toonctl.spec.tomlfile import read_toml

PRESETS = [preset for preset in list_presets("postkey") if preset.name.startswith("tooncomposer")]


def test_the_engine_reads_every_option() -> None:
    # Strengths come with the sketches themselves.
    read = {field.name for field in fields(ToonComposerOptions)} | {"sketch_strength"}
    assert read == set(ToonComposer.model_fields) - {"name", "preset"}


@pytest.mark.parametrize("resolution", SIZES)
def test_each_resolution_has_its_size(resolution: str) -> None:
    table = ToonComposer.model_validate({"resolution": resolution})
    width, height = table.size
    assert ToonComposerOptions.of(table.model_dump()).size == (height, width)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_presets_bring_the_published_words(preset: Preset) -> None:
    values = read_toml(preset.path).values["engine"]
    table = ToonComposer.model_validate(values)
    assert (table.guidance, table.shift, table.steps) == (7.5, 5.0, 15)
    assert len(table.negative_prompt.split(", ")) == 28
    assert table.segment_frames == 61


def test_there_is_a_preset_for_every_need() -> None:
    assert {preset.name.removeprefix("tooncomposer-") for preset in PRESETS} == {
        "final",
        "final-608p",
        "fast",
        "low-vram",
    }
