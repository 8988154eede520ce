"""The published folders of both video engines at toy size, once a session."""

from pathlib import Path

import pytest

from engines.framepack import toypack
from engines.framepack.videos import Video
from engines.wan_flf2v import toywan
from pipelines.conftest import toonctl
from toonctl.spec.engine_framepack import Framepack
from toonctl.spec.engine_wan_flf2v import WanFlf2v

__all__ = ["toonctl"]


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Video]:
    """Both engines by name, with the weights of every role."""
    roots: dict[str, Path] = {name: tmp_path_factory.mktemp(name) for name in ("framepack", "wan-flf2v")}
    framepack = toypack.weights(toypack.write_models(roots["framepack"]))
    wan = toywan.weights(toywan.write_models(roots["wan-flf2v"]))
    small = {"device": "cpu", "dtype": "fp32", "steps": 1, "width": 64, "height": 48}
    return {
        "framepack": Video("framepack", Framepack(), {**small, "weights": framepack, "window": 2}),
        "wan-flf2v": Video("wan-flf2v", WanFlf2v(), {**small, "weights": wan, "clip_frames": 9}),
    }
