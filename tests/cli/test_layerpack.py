"""`layerpack --no-pack`: engines that pack take it, others say that they have no such key."""

from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from regions.packkit import RED, SIZE, disc
from toonctl.cli import build_app


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    lines = ["[shot]", 'name = "roll"', 'rate = "24"']
    for frame, x in ((1, 50), (5, 90)):
        cv2.imwrite(str(tmp_path / f"A{frame}.png"), disc((x, SIZE[1] / 2), 20, RED)[..., [2, 1, 0, 3]])
        lines += ["[[key]]", f"frame = {frame}", f'layers = {{ A = "A{frame}.png" }}']
    path = tmp_path / "shot.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("engine", "code"), [("framepack", 0), ("wan-flf2v", 0), ("tooncrafter", 0), ("cel", 3)]
)
def test_no_pack(shot: Path, engine: str, code: int) -> None:
    arguments = ["layerpack", str(shot), "--dry-run", "--no-pack", "--engine", engine]
    result = CliRunner().invoke(build_app("layerpack"), arguments)
    assert result.exit_code == code, result.output
    if code:
        assert "pack" in result.output
