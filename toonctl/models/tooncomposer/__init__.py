"""ToonComposer (arXiv 2508.10881) on diffusers' Wan 2.1: networks, conditioning, sampling, decoding.

May import: core, torch, einops, diffusers, transformers, `models.keymaps`, `models.sampling`. Never comes in:
files, spec, formats, stages, engines.
"""
