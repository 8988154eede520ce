"""OTIO timelines are an extra: without its package, one is told how to get it."""

import sys
from fractions import Fraction

import pytest

from formats.sheetkit import EXPOSURE
from toonctl.core.errors import EngineError
from toonctl.core.timesheet import Timesheet
from toonctl.formats.otio import otio_text


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(EngineError, match="opentimelineio") as caught:
        otio_text(Timesheet("cut012", 48, EXPOSURE), rate=Fraction(24), first_frame=1, pictures={})
    assert caught.value.problems[0].hint == "pip install 'toonctl[otio]'"
