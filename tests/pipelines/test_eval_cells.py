"""The share of layers that left their packed cells, from what a manifest says."""

import json
from pathlib import Path

import pytest

from toonctl.pipelines._eval_cells import crossed_shares
from toonctl.regions.packing.sheet import CROSSED


def tree(folder: Path, *, is_packed: bool) -> Path:
    places = [
        {
            "layer": "A",
            "drawing": "1-2",
            "frames": "2-3",
            "what": "region",
            "how": CROSSED,
            "box": [0, 0, 4, 4],
        },
        {
            "layer": "B",
            "drawing": "1-2",
            "frames": "3",
            "what": "region",
            "how": CROSSED,
            "box": [0, 0, 4, 4],
        },
        {"layer": "B", "drawing": "1-3", "frames": "4", "what": "frame", "how": "held", "box": [0, 0, 9, 9]},
    ]
    engine = {"name": "framepack", "pack": True} if is_packed else {"name": "cel"}
    content = {"shot": {"resolved": {"engine": engine}}, "fell_back": places}
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


def test_shares_by_hand(tmp_path: Path) -> None:
    found = crossed_shares(tree(tmp_path, is_packed=True), ["A", "B", "C", "D"], [1, 2, 3, 4])
    assert found == pytest.approx([0, 1 / 4, 2 / 4, 0])
    assert crossed_shares(tmp_path, ["C"], [2]) == [0]


def test_what_was_not_packed_has_no_value(tmp_path: Path) -> None:
    assert crossed_shares(tmp_path, ["A"], [1]) == [None]
    assert crossed_shares(tree(tmp_path, is_packed=False), ["A"], [1, 2]) == [None, None]
