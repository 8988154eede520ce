"""The blend modes that toonctl composites, and the boxes of layers."""

from enum import StrEnum

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, right and bottom exclusive"""


class Blend(StrEnum):
    """The blend modes that are composited here."""

    NORMAL = "normal"
    MULTIPLY = "multiply"
    SCREEN = "screen"
    LINEAR_DODGE = "linear_dodge"
    OVERLAY = "overlay"
    PASS_THROUGH = "pass_through"
