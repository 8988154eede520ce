"""Layers as cells of one picture and back (LayerPack): the grid, packing, mattes, growing to full size.

May import: core, regions, numpy, cv2. Never comes in: torch, spec, formats, stages, engines.
"""
