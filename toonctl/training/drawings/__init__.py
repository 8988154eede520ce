"""Cartoon drawings made by chance, with which the region matcher is trained."""

from toonctl.training.drawings.shot import DrawnFrame, DrawnShot, draw_shot

__all__ = ["DrawnFrame", "DrawnShot", "draw_shot"]
