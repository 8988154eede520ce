"""The command in this process, and the delivered shot, as the pipelines' tests have them."""

from pipelines.conftest import toonctl, whole

__all__ = ["toonctl", "whole"]
