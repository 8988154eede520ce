"""Names of the output tree: as promised, and never outside the shot's folder."""

from pathlib import Path

import pytest

from toonctl.core.errors import SpecError
from toonctl.stages.tree import OutputTree, check_names, token

TREE = OutputTree.of(Path("shots"), None, "cut012")


def test_paths_are_those_of_the_production_guide() -> None:
    root = Path("shots/out/cut012")
    assert TREE.frame("A", 1) == root / "frames/A/cut012.A.0001.png"
    assert TREE.frame("comp", 10001) == root / "frames/comp/cut012.comp.10001.png"
    assert TREE.cel("A", "1") == root / "cels/A/A0001.png"
    assert TREE.cel("A", "12a", "line") == root / "cels/A/A_line0012a.png"
    assert TREE.movie("comp", "prores4444") == root / "movies/cut012.comp.prores4444.mov"
    assert TREE.movie("comp", "h264").suffix == ".mp4"
    assert TREE.movie("comp", "ffv1").suffix == ".mkv"
    assert TREE.psd == root / "psd/cut012.layered.psd"
    assert TREE.sheet("xdts") == root / "sheet/cut012.xdts"
    assert TREE.relative(TREE.contact) == "preview/contact.png"


def test_out_folder_gets_one_folder_per_shot() -> None:
    assert OutputTree.of(Path("shots"), Path("render"), "cut012").root == Path("render/cut012")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\\b", "a\nb", "x" * 121, "/etc"])
def test_a_name_that_is_no_path_component_is_refused(name: str) -> None:
    with pytest.raises(SpecError):
        OutputTree.of(Path("shots"), None, name)
    with pytest.raises(SpecError):
        TREE.frame(name, 1)
    with pytest.raises(SpecError):
        TREE.cel("A", name)


@pytest.mark.parametrize(
    ("drawing", "expected"), [("1", "0001"), ("012b", "0012b"), ("12345", "12345"), ("key", "-key")]
)
def test_drawings_are_numbered_with_padding(drawing: str, expected: str) -> None:
    assert token(drawing) == expected


@pytest.mark.parametrize(
    "drawings",
    [{"A": ["1", "01"]}, {"A": ["2a", "2A"]}, {"comp": ["1"]}, {"Comp": []}, {"a": ["1"], "A": ["1"]}],
)
def test_drawings_that_would_share_a_file_are_refused(drawings: dict[str, list[str]]) -> None:
    with pytest.raises(SpecError, match="share"):
        check_names(drawings)


def test_ordinary_names_pass() -> None:
    check_names({"A": ["1", "2", "2a"], "B": ["1", "key"], "髪": ["1"]})
