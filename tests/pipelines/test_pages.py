"""The pages of `eval` and `report` in a real browser: nothing cut off, figures that tell their values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artkit import save_png
from browserkit import probe
from toonctl.core.reporter import SilentReporter
from toonctl.pipelines import report
from toonctl.pipelines.eval import EvalOrder, run

PROBE = Path(__file__).with_name("pages.js")
METRICS = ("psnr", "region_color", "flicker", "lpips")
N = 12


def frame(place: int, levels_off: int = 0) -> np.ndarray:
    picture = np.full((60, 90, 4), 255, np.uint8)
    picture[20:40, 10 + place : 40 + place, :3] = (240, 200, 170)
    picture[25:30, 15 + place : 30 + place, 0] -= levels_off
    return picture


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two results of one shot; the second gets worse frame by frame, its ninth is the worst."""
    root = tmp_path_factory.mktemp("measured")
    for index in range(N):
        off = 90 if index == 8 else 5 * index
        for name, picture in (("truth", frame(index)), ("good", frame(index, 1)), ("bad", frame(index, off))):
            save_png(root / name / f"{index + 1:04d}.png", picture)
    for name in ("good", "bad"):
        order = EvalOrder(
            root / name, root / "truth", "cel", METRICS, least={"psnr": 60}, out=root / f"of {name}"
        )
        run(order, SilentReporter())
    return root


@pytest.fixture(scope="module")
def page(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The page of the second result, as a reader sees it."""
    seen = probe(measured / "of bad/index.html", PROBE, tmp_path_factory.mktemp("eval"))
    assert seen["errors"] == []
    return seen


@pytest.fixture(scope="module")
def reported(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The page of both, on a narrow window of a machine that is set to dark."""
    sources = [f"{name}={measured / f'of {name}' / 'eval.json'}" for name in ("good", "bad")]
    out = report.run(sources, measured / "report", overwrite=False).files[-1]
    flags = ("--window-size=520,900", "--blink-settings=preferredColorScheme=0")
    seen = probe(out, PROBE, tmp_path_factory.mktemp("report"), *flags)
    assert seen["errors"] == []
    return seen


def lightness(color: str) -> float:
    """Mean level of `rgb(1, 2, 3)`."""
    return float(np.mean([int(part) for part in color[4:-1].split(",")]))


def test_the_page_says_how_and_what_was_measured(page: Mapping[str, Any]) -> None:
    assert page["heading"] == "eval: bad, 12 frames"
    assert page["sections"] == ["Worst frames: PSNR", "bad: 12 frames"]
    assert "Protocol cel/1." in page["text"]
    assert "a shot is the mean over its frames" in page["text"]
    assert "Bound not kept: `psnr` is" in page["text"]
    [table] = page["tables"]
    assert table[0] == ["measure", "value", "spread", "worst frame"]
    rows = {row[0]: row[1:] for row in table[1:]}
    assert rows["PSNR\u00a0↑"][2] == "9"
    assert rows["LPIPS 0.1, AlexNet\u00a0↓"][0].startswith("not measured: needs `alexnet-owt-7be5be79.pth`")


def test_the_worst_frames_stand_beside_their_truth(page: Mapping[str, Any]) -> None:
    names = [name for _, _, name in page["pictures"]]
    assert names[:4] == ["result of frame 9", "truth of frame 9", "result of frame 12", "truth of frame 12"]
    assert len(names) == 12
    assert {(width, height) for width, height, _ in page["pictures"]} == {(90, 60)}


def test_figures_tell_their_values(page: Mapping[str, Any]) -> None:
    by_name = {plot["label"].partition(",")[0]: plot for plot in page["plots"]}
    psnr = by_name["PSNR"]
    assert psnr["first"] == "frame 1: 100.00"
    assert psnr["second"].startswith("frame 2: ")
    assert psnr["last"].startswith("frame 12: ")
    assert psnr["left"] == psnr["still"]
    assert psnr["still"].endswith(" to 100.00")
    assert (psnr["lines"], psnr["marks"]) == (1, 1)
    flicker = by_name["pixels that change while the truth stands\u00a0↓"]
    assert flicker["first"] == "frame 1: none"


def test_nothing_is_cut_off_and_all_can_be_read(page: Mapping[str, Any], reported: Mapping[str, Any]) -> None:
    for seen in (page, reported):
        assert seen["overflow"] <= 0
        assert all(plot["outside"] == 0 for plot in seen["plots"])
        assert all(plot["letters"] >= 10 for plot in seen["plots"])
    assert lightness(page["colors"][0]) < 60 < 200 < lightness(page["colors"][1])
    assert lightness(reported["colors"][1]) < 60 < 200 < lightness(reported["colors"][0])


def test_the_report_marks_the_best_and_draws_both(reported: Mapping[str, Any]) -> None:
    assert reported["sections"] == ["Protocol cel/1", "Over time", "good, bad"]
    assert "do not compare" not in reported["text"]
    [table] = reported["tables"]
    assert table[0][:2] == ["result", "PSNR, dB\u00a0↑"]
    assert [row[0] for row in table[1:]] == ["good", "bad"]
    assert reported["best"][0] == table[1][1]
    psnr = reported["plots"][0]
    assert psnr["lines"] == 2
    assert psnr["first"].startswith("frame 1: good ")
    assert ", bad 100.00" in psnr["first"]
    assert reported["bars"][0] > reported["bars"][1] > 0
