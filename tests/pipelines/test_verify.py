"""`quantize --verify` with every engine that draws with weights, at toy size."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from engines.framepack import toypack
from engines.longanimation.weights import toy_weights
from engines.tooncomposer import toyweights
from engines.wan_flf2v import toywan
from toonctl.cli import build_app
from toonctl.core.errors import CheckpointError, ToonctlError, UsageError
from toonctl.core.reporter import SilentReporter
from toonctl.core.stop import StopFlag
from toonctl.pipelines.quantize import QuantizeOptions, QuantizeResult, run


@dataclass(frozen=True, slots=True)
class Case:
    """The folder that is made smaller, everything else the engine takes, and the size it draws at."""

    source: Path
    weights: Mapping[str, str]
    size: tuple[int, int]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """Every engine by name."""
    roots = {name: tmp_path_factory.mktemp(name) for name in ("composer", "wan", "long", "pack")}
    composer = toyweights.write_models(roots["composer"]) / "Wan-AI--Wan2.1-I2V-14B-480P"
    wan = toywan.weights(toywan.write_models(roots["wan"]))
    long = toy_weights(roots["long"])
    pack = toypack.weights(toypack.write_models(roots["pack"]))
    return {
        "tooncomposer": Case(
            composer,
            {
                "adapter-480p": str(roots["composer"] / "TencentARC--ToonComposer/480p"),
                "text": str(composer / "models_t5_umt5-xxl-enc-bf16.pth"),
                "tokenizer": str(composer / "google/umt5-xxl"),
                "vision": str(composer / "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"),
                "vae": str(composer / "Wan2.1_VAE.pth"),
            },
            (64, 32),
        ),
        "wan-flf2v": Case(Path(wan["base"]), wan, (64, 48)),
        "longanimation": Case(Path(long["base"]), long, (48, 32)),
        "framepack": Case(Path(pack["transformer"]), pack, (64, 48)),
    }


def clips(folder: Path, n: int = 3) -> Path:
    """A disk that crosses a colored ground."""
    folder.mkdir(parents=True)
    for i in range(n):
        picture = Image.new("RGB", (96, 64), (90, 140, 200))
        pen = ImageDraw.Draw(picture)
        pen.ellipse((10 + 20 * i, 20, 40 + 20 * i, 50), fill=(230, 60, 40), outline=0, width=2)
        picture.save(folder / f"{i:04}.png")
    return folder


def verify(case: Case, target: Path, frames: Path, to: str = "bf16", **changes: Any) -> QuantizeResult:
    values: dict[str, Any] = {"weights": case.weights, "size": case.size, "n_steps": 2} | changes
    options = QuantizeOptions(to, frames=frames, **values)
    return run(case.source, target, options, SilentReporter(), StopFlag())


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("tooncomposer", "int8"),
        ("wan-flf2v", "int8"),
        ("longanimation", "int8"),
        ("longanimation", "bf16"),
        ("framepack", "int8"),
    ],
)
def test_both_weights_are_drawn_with_by_their_engine(
    name: str, to: str, cases: Mapping[str, Case], tmp_path: Path
) -> None:
    compared = verify(cases[name], tmp_path / "small", clips(tmp_path / "frames"), to).comparison
    assert compared is not None
    assert compared.n_frames == (1 if name in ("wan-flf2v", "framepack") else 2)
    assert compared.smaller.name == to
    assert compared.smaller.disk_bytes < compared.original.disk_bytes
    assert compared.original.psnr_db is not None
    assert compared.loss_db is not None
    assert abs(compared.loss_db) < 1
    # Alike, and not the same weights twice.
    assert 20 < compared.apart_db < 100
    assert min(compared.original.ms_per_frame, compared.smaller.ms_per_frame) > 0


def test_a_whole_folder_is_drawn_with_by_the_command(cases: Mapping[str, Case], tmp_path: Path) -> None:
    """Every network of the folder takes its seat, and tokenizers come from the folder itself."""
    folder = cases["wan-flf2v"].source.parent
    words = ["quantize", str(folder), str(tmp_path / "small"), "--to", "fp16", "--steps", "2", "--json"]
    words += ["--size", "64x48", "--verify", str(clips(tmp_path / "frames")), "--progress", "none"]
    result = CliRunner().invoke(build_app("quantize"), words)
    assert result.exit_code == 0, (result.output, result.exception)
    document = json.loads(result.stdout)
    assert len(document["parts"]) == 4
    original, smaller = document["comparison"]["rows"]
    assert smaller["disk_bytes"] < original["disk_bytes"]
    assert document["comparison"]["protocol"] == "quantize-2"


def test_an_encoder_alone_is_drawn_with_by_the_engine_that_is_named(
    cases: Mapping[str, Case], tmp_path: Path
) -> None:
    case = cases["longanimation"]
    alone = Case(Path(case.weights["text"]), case.weights, case.size)
    frames = clips(tmp_path / "frames")
    with pytest.raises(UsageError, match="no engine is known by `text_encoder`"):
        verify(alone, tmp_path / "small", frames)
    assert not (tmp_path / "small").exists()
    result = verify(alone, tmp_path / "small", frames, engine="longanimation")
    assert result.comparison is not None
    assert result.comparison.apart_db > 30


def fault(case: Case, tmp_path: Path, **changes: Any) -> ToonctlError:
    """What a comparison that cannot be says, before anything is written."""
    with pytest.raises(ToonctlError) as told:
        verify(case, tmp_path / "small", clips(tmp_path / "frames"), **changes)
    assert not (tmp_path / "small").exists()
    return told.value


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"size": (72, 48)}, UsageError, "cannot draw so: width 72"),
        ({"engine": "longanimation"}, UsageError, "has no use for a hunyuan network"),
        ({"engine": "nobody"}, UsageError, "`nobody` does not draw"),
        ({"weights": {"vae": "/nowhere"}}, CheckpointError, "not where they are said to be"),
        ({"weights": {}}, CheckpointError, "the weights `vae` of `framepack` are not on this host"),
    ],
)
def test_what_cannot_be_compared_is_told_before_a_tensor_is_converted(
    changes: dict[str, Any],
    kind: type[ToonctlError],
    words: str,
    cases: Mapping[str, Case],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOONCTL_MODELS", str(tmp_path / "nowhere"))
    found = fault(cases["framepack"], tmp_path, **changes)
    assert isinstance(found, kind)
    assert words in str(found)
    assert found.problems[0].hint
