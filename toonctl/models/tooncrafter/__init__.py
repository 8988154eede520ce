"""ToonCrafter's networks: denoiser, dual-reference decoder, image projection, encoders, schedule and sampler.

May import: core, torch, einops, transformers, peft. Never comes in: files, spec, formats, stages, engines.
"""
