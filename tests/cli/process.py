"""toonctl and the small drawing command as processes, as a farm sees them."""

import os
import subprocess
import sys
from pathlib import Path

DRAWING = (sys.executable, str(Path(__file__).with_name("drawing.py")))
TOONCTL = (sys.executable, "-m", "toonctl")


def ended(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The finished process."""
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **variables},
    )


def started(*command: str | Path, **variables: str) -> subprocess.Popen[str]:
    """The small drawing command as soon as it has its first frame in hand."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )
    assert process.stderr is not None
    assert any("first frame in hand" in line for line in process.stderr)
    return process
