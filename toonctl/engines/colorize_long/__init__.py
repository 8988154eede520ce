"""Engines that color line art from references, one file each.

May import: core, regions, models, torch, diffusers. Never comes in: spec, formats, stages, pipelines.
"""
