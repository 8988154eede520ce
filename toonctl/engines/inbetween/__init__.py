"""Engines that draw what lies between keys, one file each.

May import: core, regions, models, torch, diffusers. Never comes in: spec, formats, stages, pipelines.
"""
