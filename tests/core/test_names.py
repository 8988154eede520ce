"""Names that may become folders and files."""

import pytest

from toonctl.core.names import name_fault


@pytest.mark.parametrize("name", ["walk", "cut 012", "線画", "A", ".hidden", "a" * 120, "..."])
def test_one_path_component_is_fine(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        ".",
        "..",
        "a/b",
        "a\\b",
        "/",
        "a\nb",
        "a\0b",
        "a\x7f",
        "a\x85",
        "a" * 121,
        "線" * 41,
        "\ud800",
    ],
)
def test_anything_else_is_not(name: str) -> None:
    assert name_fault(name)
