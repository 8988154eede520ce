"""The built-in engine's inbetweens: keys read as planar maps, motion by region, redrawing, fall-backs.

May import: core, regions, models, torch, cv2. Never comes in: spec, formats, stages, pipelines.
"""
