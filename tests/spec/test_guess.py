"""A shot file tells by its tables which command it is for."""

from pathlib import Path

import pytest

from spec.shots import TEXTS
from toonctl.core.errors import UsageError
from toonctl.spec.guess import guess_command


@pytest.mark.parametrize("name", TEXTS)
def test_the_design_texts_are_told_apart(name: str, tmp_path: Path) -> None:
    command, text = TEXTS[name]
    path = tmp_path / "shot.toml"
    path.write_text(text, "utf-8")
    assert guess_command(path) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('[art]\npsd = "k.psd"\nsheet = "s.xdts"\n', "inbetween"),
        ('[art]\nline = "l.####.png"\n', "colorize-long"),
        ("[[key]]\nframe = 1\n[[key]]\nframe = 2\n", "inbetween"),
        ('[[key]]\nframe = 1\npsd = "a"\n[[key]]\nframe = 2\nimage = "b"\n', "inbetween"),
        ("key = 1\nart = 2\n", "colorize-long"),
        ("", "colorize-long"),
    ],
)
def test_files_that_say_less(tmp_path: Path, text: str, command: str) -> None:
    path = tmp_path / "shot.toml"
    path.write_text(text, "utf-8")
    assert guess_command(path) == command


def test_no_file_no_guess(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        guess_command(tmp_path / "absent.toml")
