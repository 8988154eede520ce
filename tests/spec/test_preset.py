"""Where presets are found, and what a name means."""

from pathlib import Path

import pytest

import toonctl
from spec.shots import FLAT
from toonctl.core.errors import SpecError
from toonctl.spec.load import load_shot, resolved
from toonctl.spec.preset import find_preset, list_presets, shipped_folder, site_file


def test_presets_are_found_in_a_checkout_and_in_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib" / "toonctl"
    beside = tmp_path / "lib" / "presets"
    beside.mkdir(parents=True)
    monkeypatch.setattr(toonctl, "__file__", str(package / "__init__.py"))
    assert shipped_folder() == beside
    (package / "presets").mkdir(parents=True)
    assert shipped_folder() == package / "presets"


def test_the_preset_cel_is_the_defaults_written_out(tmp_path: Path) -> None:
    path = tmp_path / "shot.toml"
    path.write_text(FLAT)
    plain = resolved(load_shot(path, command="colorize-long").spec)["engine"]
    preset = load_shot(path, command="colorize-long", preset="cel")
    assert resolved(preset.spec)["engine"] == plain | {"preset": "cel"}
    written = {key for key, origin in preset.origins.items() if origin == "preset cel"}
    assert written == {f"engine.{key}" for key in plain} - {"engine.device", "engine.seed"}


def test_the_site_has_presets_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "presets" / "colorize-long"
    own.mkdir(parents=True)
    (own / "cel-preview.toml").write_text("[engine]\nmemory_items = 5\n")
    (tmp_path / "site.toml").write_text("")
    monkeypatch.setenv("TOONCTL_SITE", str(tmp_path / "site.toml"))
    preset = find_preset("preview", command="colorize-long", engine="cel", folder=tmp_path)
    assert (preset.path, preset.origin) == (own / "cel-preview.toml", "site")
    assert "cel-geometric" in {each.name for each in list_presets("colorize-long")}


def test_the_site_file_is_looked_for_in_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site_file() is None
    monkeypatch.setattr("toonctl.spec.preset._config_folders", lambda: (tmp_path / "none", tmp_path))
    (tmp_path / "site.toml").write_text("")
    assert site_file() == tmp_path / "site.toml"


def test_a_site_variable_without_a_file_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOONCTL_SITE", str(tmp_path / "none.toml"))
    with pytest.raises(SpecError, match="not a file"):
        site_file()


def test_an_unknown_preset_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        find_preset("cel-previw", command="colorize-long", engine="cel", folder=tmp_path)
    assert caught.value.problems[0].hint == "did you mean `cel-preview`?"
