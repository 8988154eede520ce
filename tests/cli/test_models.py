"""`toonctl models` as a process, as a TD sees it."""

import json
from pathlib import Path

from cli.process import TOONCTL, ended


def test_all_weights_are_listed_with_their_state(tmp_path: Path) -> None:
    done = ended(*TOONCTL, "models", "list", "framepack", "--json", TOONCTL_MODELS=str(tmp_path))
    rows = {row["id"]: row for row in json.loads(done.stdout)["models"]}
    assert rows["hunyuan-vae"]["state"] == "absent"
    assert "GB" in rows["hunyuan-vae"]["refusal"]
    assert rows["framepack-transformer"]["commit"] == "unpinned"


def test_missing_weights_end_with_6_and_how_to_get_them(tmp_path: Path) -> None:
    done = ended(*TOONCTL, "models", "path", "tooncrafter", TOONCTL_MODELS=str(tmp_path))
    what, where, hint = done.stderr.splitlines()
    assert done.returncode == 6
    assert "`model` of `tooncrafter`" in what
    assert str(tmp_path) in where
    assert "toonctl models fetch tooncrafter" in hint


def test_a_licence_is_accepted_and_then_opens_the_weights(tmp_path: Path) -> None:
    (tmp_path / "ToonCrafter").mkdir()
    (tmp_path / "ToonCrafter" / "model.ckpt").write_bytes(b"weights")
    variables = {"TOONCTL_MODELS": str(tmp_path), "TOONCTL_SITE": str(tmp_path / "site.toml")}
    (tmp_path / "site.toml").write_text("")
    shut = ended(*TOONCTL, "models", "check", "tooncrafter", **variables)
    assert (shut.returncode, "licences accept tooncrafter" in shut.stderr) == (6, True)
    accepted = ended(*TOONCTL, "models", "licences", "accept", "tooncrafter", "--by", "TD", **variables)
    assert accepted.stdout == f"{tmp_path / 'licences.toml'}\n"
    found = ended(*TOONCTL, "models", "path", "tooncrafter", "model", **variables)
    assert (found.returncode, found.stdout) == (0, f"{tmp_path / 'ToonCrafter' / 'model.ckpt'}\n")
    shown = ended(*TOONCTL, "models", "licences", "show", "tooncrafter", **variables)
    assert "accepted by TD" in shown.stdout
