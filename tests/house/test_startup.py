"""What a command must not load: farms start toonctl thousands of times."""

import subprocess
import sys
from pathlib import Path

import pytest

from house.source import ROOT
from spec.shots import FLAT

HEAVY = {"torch", "diffusers", "transformers", "peft", "bitsandbytes", "accelerate", "scipy", "rich"}
PICTURES = {"numpy", "cv2", "PIL", "psd_tools", "attrs"}

SCRIPT = """
import sys
from toonctl.cli import main
sys.argv = ["toonctl", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print("\\n".join(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """The packages in memory after a command."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stderr.splitlines())


def test_help_loads_neither_numbers_nor_models() -> None:
    for arguments in (["--help"], ["--version"]):
        assert loaded(*arguments) & (HEAVY | PICTURES | {"pydantic"}) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--help"],
        ["presets", "list"],
        ["schema"],
        ["doctor"],
        ["check", str(ROOT / "examples/walk/shot.toml")],
        ["check", str(ROOT / "examples/cut/shot.toml")],
        ["check", str(ROOT / "examples/dive/shot.toml")],
        ["colorize-long", str(ROOT / "examples/walk/shot.toml"), "--dry-run"],
        ["inbetween", str(ROOT / "examples/jump/shot.toml"), "--dry-run"],
        ["layerpack", str(ROOT / "examples/cup/shot.toml"), "--dry-run"],
        ["postkey", str(ROOT / "examples/dive/shot.toml"), "--dry-run"],
    ],
)
def test_no_command_that_draws_nothing_loads_torch(arguments: list[str]) -> None:
    assert loaded(*arguments) & HEAVY == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", str(ROOT / "examples/walk/shot.toml")],
        ["check", str(ROOT / "examples/dive/shot.toml")],
        ["colorize-long", str(ROOT / "examples/walk/shot.toml"), "--dry-run"],
        ["postkey", str(ROOT / "examples/dive/shot.toml"), "--dry-run"],
        ["farm", "slurm", str(ROOT / "examples/walk/shot.toml")],
    ],
)
def test_what_looks_at_no_pixel_loads_no_numbers(arguments: list[str]) -> None:
    assert loaded(*arguments) & (HEAVY | PICTURES) == set()


@pytest.mark.parametrize("command", [["check"], ["colorize-long", "--dry-run"]])
def test_a_psd_that_was_looked_at_before_loads_no_numbers(command: list[str]) -> None:
    cut = str(ROOT / "examples/cut/shot.toml")
    loaded("check", cut)
    assert loaded(*command, cut) & (HEAVY | PICTURES) == set()


def test_a_faulty_shot_file_is_refused_before_art_is_touched(tmp_path: Path) -> None:
    shot = tmp_path / "shot.toml"
    shot.write_text(FLAT.replace("frame", "fram"))
    assert loaded("check", str(shot)) & (HEAVY | PICTURES) == set()
