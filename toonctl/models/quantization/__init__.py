"""Smaller forms of weights: a file per number format, which tensors keep theirs, layers that unpack them.

May import: core, torch, models. Never comes in: paths and open files, spec, formats, stages, engines.
"""
