"""Networks only: tensors in, tensors out; strict loading of checkpoints, and where published ones lie.

May import: core, torch, einops, diffusers, peft, safetensors, platformdirs. Never comes in: spec, formats,
stages, engines.
"""
