"""`--dry-run` with a published engine: its memory plans in numbers, without torch or weights."""

import subprocess
import sys
from pathlib import Path

from pipelines.toykeys import jumping

SCRIPT = """
import sys
from toonctl.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print("torch" in sys.modules, "cv2" in sys.modules, file=sys.stderr)
"""


def planned(shot: Path, *arguments: str) -> tuple[list[str], str]:
    command = [sys.executable, "-c", SCRIPT, "inbetween", str(shot), "--dry-run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.splitlines(), done.stderr.splitlines()[-1]


def test_the_plans_are_printed_without_torch(tmp_path: Path) -> None:
    lines, loaded = planned(jumping(tmp_path), "--engine", "wan-flf2v")
    plans = [line for line in lines if line.startswith("memory plan")]
    assert len(plans) == 6
    assert [plan.split(":")[0] for plan in plans if plan.endswith(", by name only")] == ["memory plan fp8"]
    assert "memory plan streamed: 6.0 GB on the card (2.1 of weights), 32.3 GB locked in host memory" in plans
    assert "reckoned for 832x480, 81 frames, not measured; the first that fits the card is taken" in lines
    assert loaded.startswith("False")
    lines, _ = planned(jumping(tmp_path), "--engine", "wan-flf2v", "--set", "engine.memory=nf4")
    assert [line.split(":")[0] for line in lines if line.startswith("memory plan")] == ["memory plan nf4"]
    lines, _ = planned(jumping(tmp_path))
    assert not [line for line in lines if line.startswith("memory plan")]


def test_weights_of_an_unknown_role_are_refused(tmp_path: Path) -> None:
    arguments = ("--engine", "wan-flf2v", "--set", 'engine.weights={ vea = "x" }')
    command = [sys.executable, "-m", "toonctl", "inbetween", str(jumping(tmp_path)), "--dry-run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3
    assert "this engine has no weights `vea`" in done.stderr
    assert "did you mean `vae`?" in done.stderr
