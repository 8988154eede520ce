"""FramePack (arXiv 2504.12626) on diffusers' HunyuanVideo classes: sections, encoders, sampling, decoding.

May import: core, torch, diffusers, transformers, `models.keymaps`, `models.sampling`, `models.checkpoint`.
Never comes in: files, spec, formats, stages, engines.
"""
