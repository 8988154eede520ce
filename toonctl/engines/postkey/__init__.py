"""Engines that draw a colored shot from references and sketches, one file each.

May import: core, regions, models, torch, diffusers. Never comes in: spec, formats, stages, pipelines.
"""
