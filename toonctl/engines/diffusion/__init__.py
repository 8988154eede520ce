"""What the engines of published diffusion models share: device, memory plans, placing, step cache.

May import: core, models, torch, diffusers. Never comes in: spec, formats, stages, pipelines, other engines.
"""
