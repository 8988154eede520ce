"""What the engines of published diffusion models share: devices, memory plans, turns, kernels, step cache.

May import: core, models, torch, diffusers. Never comes in: spec, formats, stages, pipelines, other engines.
"""
