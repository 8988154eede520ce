"""`doctor --engine` of a published model: its plans in numbers, and what of its weights is wanting."""

from pathlib import Path

import pytest

from toonctl.core.errors import UsageError
from toonctl.pipelines import doctor


def test_plans_and_weights_of_an_engine_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOONCTL_MODELS", str(tmp_path))
    (tmp_path / "ToonCrafter").mkdir()
    (tmp_path / "ToonCrafter" / "model.ckpt").write_bytes(b"weights")
    findings = doctor.run("tooncrafter")
    told = [finding.detail for finding in findings if finding.name == "engine tooncrafter"]
    assert "memory plan resident: 7.3 GB on the card (2.9 of weights)" in told
    assert any(text.startswith("reckoned for 512x320, 16 frames") for text in told)
    [model] = [finding for finding in findings if finding.name == "weights model"]
    assert model.status == "fail"
    assert "tooncrafter-512 here" in model.detail
    assert "licences show tooncrafter" in model.remedy


def test_an_engine_with_a_hyphen_is_known() -> None:
    with pytest.raises(UsageError) as raised:
        doctor.run("wan-flf2")
    assert raised.value.problems[0].hint == "did you mean `wan-flf2v`?"
