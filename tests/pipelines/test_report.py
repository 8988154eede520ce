"""`report`: results of eval side by side, the best marked, different protocols kept apart."""

import csv
import json
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from toonctl.core.errors import DeliveryError, UsageError
from toonctl.pipelines.report import FILES, run


def entry(name: str, value: float | None, *, better: str = "higher", decimals: int = 2) -> dict[str, Any]:
    return {
        "name": name,
        "title": name.upper(),
        "unit": "dB" if name == "psnr" else "",
        "better": better,
        "decimals": decimals,
        "value": value,
        "reason": None if value is not None else "not measured: needs a_network",
        "n": 2,
        "spread": None if value is None else 0.5,
        "worst_frame": 2,
    }


def written(path: Path, psnr: float, chamfer: float, **changes: Any) -> Path:
    """An `eval.json` of two frames."""
    measures = [entry("psnr", psnr), entry("chamfer", chamfer, better="lower"), entry("lpips", None)]
    took = {"ms_per_frame": psnr, "peak_rss_mb": 100, "peak_vram_mb": None, "weights_mb": None}
    pair = {"name": "cut012", "measures": measures, "frames": [1, 2], "efficiency": took}
    pair["series"] = {"psnr": [psnr, psnr + 1], "chamfer": [None, chamfer]}
    document = {
        "schema": 1,
        "command": "eval",
        "protocol": {"id": "cel/1", "text": "As it is.", "measures": []},
        "measures": measures,
        "pairs": [pair],
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_the_best_of_every_column_is_marked(tmp_path: Path) -> None:
    ours = written(tmp_path / "ours/eval.json", 30.001, 1.5)
    theirs = written(tmp_path / "theirs.json", 30.004, 2.0)
    worse = written(tmp_path / "x.json", 20, 1.75)
    report = run([str(ours), str(theirs), f"floor={worse}"], None, overwrite=False)
    lines = report.text.splitlines()
    assert "| result | PSNR, dB ↑ | CHAMFER ↓ |" in lines
    assert "| ours | **30.00 ± 0.50** | **1.50 ± 0.50** |" in lines  # equal to two digits: both are best
    assert "| theirs | **30.00 ± 0.50** | 2.00 ± 0.50 |" in lines
    assert "| floor | 20.00 ± 0.50 | 1.75 ± 0.50 |" in lines
    assert "LPIPS: not measured: needs a_network." in report.text
    # Nobody took weights or memory of a card, and all took the same memory.
    assert "| result | host memory, MB ↓ | time per frame, ms ↓ |" in lines
    assert "| floor | 100 | **20.0** |" in lines
    assert report.files == ()


def test_protocols_and_other_frames_do_not_mix(tmp_path: Path) -> None:
    one = written(tmp_path / "one.json", 30, 1)
    other = written(tmp_path / "two.json", 31, 1, protocol={"id": "kdq/1", "text": "Small.", "measures": []})
    report = run([str(one), str(other)], None, overwrite=False)
    assert "## Protocol cel/1" in report.text
    assert "## Protocol kdq/1" in report.text
    assert "**31.00" not in report.text  # alone in its table, there is nothing to be best of
    document = json.loads(one.read_text())
    document["pairs"][0]["frames"] = [1, 2, 3]
    longer = tmp_path / "longer.json"
    longer.write_text(json.dumps(document))
    assert (
        "(one 2, longer 3): they do not compare." in run([str(one), str(longer)], None, overwrite=False).text
    )


def test_shots_are_told_by_their_truth_not_by_their_folder(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{name}.json", 30, 1) for name in ("one", "two", "other")]
    for path, digest in zip(paths, ("aa", "aa", "bb"), strict=True):
        document = json.loads(path.read_text())
        document["pairs"][0] |= {"name": path.stem, "truth_digest": digest}
        path.write_text(json.dumps(document))
    one, two, other = map(str, paths)
    assert "do not compare" not in run([one, two], None, overwrite=False).text
    assert "do not compare" in run([one, other], None, overwrite=False).text
    page = run([one, two, other], tmp_path / "out", overwrite=False).files[-1].read_text("utf-8")
    assert "<h3>one, two</h3>" in page
    assert "<h3>other" not in page  # nothing stands beside it


def test_the_files(tmp_path: Path) -> None:
    sources = [str(written(tmp_path / f"{name}_&.json", v, 2)) for name, v in (("a", 30), ("<b>", 20))]
    report = run(sources, tmp_path / "out", overwrite=False)
    assert [path.name for path in report.files] == list(FILES)
    tex = (tmp_path / "out/report.tex").read_text("utf-8")
    assert r"a\_\& & \textbf{30.00 $\pm$ 0.50} & 2.00 $\pm$ 0.50 \\" in tex
    assert tex.count(r"\begin{tabular}") == tex.count(r"\end{tabular}") == 2
    rows = list(csv.DictReader(StringIO((tmp_path / "out/report.csv").read_text("utf-8"))))
    assert [r["result"] for r in rows if r["measure"] == "psnr" and r["best"] == "1"] == ["a_&"]
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert "<b>" not in page
    assert "http" not in page
    assert page.count("<polyline") == page.count("<circle") == 2  # a value on its own is a dot
    HTMLParser().feed(page)
    with pytest.raises(DeliveryError, match="already there"):
        run(sources, tmp_path / "out", overwrite=False)
    assert run(sources, tmp_path / "out", overwrite=True).files


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    good = written(tmp_path / "a.json", 30, 1)
    again = written(tmp_path / "b/a.json", 30, 1)
    with pytest.raises(UsageError, match="two results are called `a`"):
        run([str(good), str(again)], None, overwrite=False)
    with pytest.raises(UsageError, match="there is no file"):
        run([str(tmp_path / "none.json")], None, overwrite=False)
    for text in ("[1]", "{}", "no json", '{"command": "eval", "schema": 1}'):
        bad = tmp_path / "bad.json"
        bad.write_text(text)
        with pytest.raises(UsageError, match="no result of `toonctl eval`"):
            run([str(bad)], None, overwrite=False)
