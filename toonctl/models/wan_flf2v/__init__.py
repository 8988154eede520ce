"""Wan 2.1 with a first and a last picture, on diffusers' class: conditioning, sampling, loading.

Encoders and VAE are those of `models.tooncomposer`, which is built on the same family.
May import: core, torch, diffusers, `models.keymaps`, `models.sampling`, `models.checkpoint`,
`models.tooncomposer`. Never comes in: files, spec, formats, stages, engines.
"""
